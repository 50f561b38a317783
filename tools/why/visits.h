/* Where one item was: the records of the look-up, by run, newest run first. */
#ifndef WHY_VISITS_H
#define WHY_VISITS_H

#include "common/where.h"

enum { VERDICTS = XRAY_MODIFY + 1 };

struct visit { /* one record of the item in one step */
    size_t run;
    int64_t run_start_ns;
    uint8_t writer_id[16];
    int64_t raw_step;   /* XRAY_MISSING: of the run itself */
    int64_t step;       /* number in the trace, once resolved; 0: the run itself, or a step that is lost */
    int verdict;
    xray_str code;      /* of the first reason; NULL: none */
};

struct visits {
    struct visit *items;
    size_t count, cap;
};

/* Looks the item up in the whole store. False if reading failed, which was said. */
bool visits_find(struct visits *v, xray_store *store, xray_str item);

/* The records of the run of items[at]: *end is behind the last. Opens its trace and resolves the steps; the records
 * stand in the order of the steps then. NULL: it could not be opened (said), or `where` does not want it. */
xray_trace *visits_open(struct visits *v, xray_store *store, struct where *where, size_t at, size_t *end);

/* The step record of a visit, or NULL. */
const xray_step_record *visits_step(const struct visit *visit, const xray_trace *trace);

/* Among items[at..end): the last one that let it pass, and the one at which it left (no later one let it pass);
 * NULL: none. */
void visits_fate(const struct visits *v, size_t at, size_t end, const struct visit **survived, const struct visit **left);

void visits_free(struct visits *v);

#endif
