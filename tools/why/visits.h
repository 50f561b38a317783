/* Where one item was: the records of the look-up, by run, newest run first. */
#ifndef WHY_VISITS_H
#define WHY_VISITS_H

#include "common/runs.h"
#include "common/strmap.h"
#include "common/where.h"

enum { VERDICTS = XRAY_MODIFY + 1 };

/* 32 bytes each: what is beyond is left out, which is said. */
enum { VISITS_MAX = 2 << 20 };

struct visit { /* one record of the item in one step */
    int64_t raw_step; /* XRAY_MISSING: of the run itself */
    uint32_t run;
    uint32_t writer; /* number of its id */
    uint32_t step;   /* number in the trace, once resolved; 0: the run itself, or a step that is lost */
    uint32_t code;   /* number of the first reason's code, from 1; 0: none */
    int verdict;
};

struct visited { /* a run, and its items */
    int64_t start_ns;
    uint32_t at, end;
};

struct visits { /* start with all zero */
    struct visit *items; /* of one run together */
    size_t count, cap;
    struct visited *runs;
    size_t run_count;
    struct idmap writers;
    struct strmap code_map;
    struct text *codes; /* by number - 1 */
    size_t code_cap;
};

/* Looks the item up in the whole store. False if reading failed, which was said. */
bool visits_find(struct visits *v, xray_store *store, xray_str item);

/* Opens the trace of runs[i] and resolves the steps of its items, which stand in the order of the steps then. NULL: it
 * could not be opened (said), or `where` does not want it. */
xray_trace *visits_open(struct visits *v, xray_store *store, struct where *where, size_t i);

/* The step record of a visit, or NULL; the code of its first reason, which lives as long as v. */
const xray_step_record *visits_step(const struct visit *visit, const xray_trace *trace);
xray_str visits_code(const struct visits *v, const struct visit *visit);

/* Of an opened run: the last record that let it pass, and the one at which it left (no later one let it pass);
 * NULL: none. */
void visits_fate(const struct visits *v, size_t i, const struct visit **survived, const struct visit **left);

void visits_free(struct visits *v);

#endif
