/* Prints what a search found in one step (or, as step 0, in a run itself). */
#ifndef COMMON_HITPRINT_H
#define COMMON_HITPRINT_H

#include "common/search.h"
#include "common/text.h"

enum hitprint_mode {
    HITPRINT_TEXT, /* RUN/STEP:name: field: ...the match and what stands around it... */
    HITPRINT_JSON, /* one object with all hits */
    HITPRINT_ONLY, /* each match on a line of its own */
};

struct hitprint {
    enum hitprint_mode mode;
    xray_store *store;
    const xray_run_record *run;
    int id_digits;
    bool *headed; /* has the run's heading been printed */

    /* private */
    int64_t step;
    xray_str name;
    bool open;        /* something was found */
    enum field field; /* of the line being made */
    uint64_t more;    /* matches in it beyond the first */
    struct text line;
};

void hitprint_begin(struct hitprint *p, int64_t step, xray_str name);
/* A hit_visit; ctx is the struct hitprint. */
bool hitprint_visit(void *ctx, const struct hit *hit);
/* Ends the step; true if there were hits. With `even_without` the step is printed though
 * it has none (-v). */
bool hitprint_end(struct hitprint *p, bool even_without);

#endif
