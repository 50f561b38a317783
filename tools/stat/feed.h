/* What xray-stat counts: the runs, steps or candidates that are wanted. The spine alone is read where that tells. */
#ifndef STAT_FEED_H
#define STAT_FEED_H

#include "common/fields.h"
#include "common/where.h"

struct feed {
    xray_store *store;
    struct where *where;
    enum xray_unit unit; /* RUN, STEP or CAND */
    bool traces;         /* every run must be opened: for values of runs, and what only a whole run tells */
    bool running;        /* only what has no end */
    void (*take)(void *ctx, const struct record *record);
    /* Sums of steps of whole runs, out of indexes. NULL: all steps are looked at one by one. Several runs are summed up only if
     * same_group says that each of their steps would go where a step of `a` goes. */
    bool (*same_group)(void *ctx, const xray_run_record *a, const xray_run_record *b);
    void (*take_sum)(void *ctx, const xray_run_record *run, const xray_step_sum *sum);
    void *ctx;
};

/* False if reading failed, which was said. */
bool feed_read(const struct feed *feed);

#endif
