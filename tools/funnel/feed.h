/* The chosen runs and steps of a store, one after the other, with the group and side of each.
 *
 * What the run's record decides is decided there, and what the records of its steps decide in one scan of the spine; the
 * steps of such runs come from another. Only runs that both leave open have their trace opened. */
#ifndef FUNNEL_FEED_H
#define FUNNEL_FEED_H

#include "common/where.h"
#include "funnel/group.h"

struct feed_run {
    size_t number; /* its place in the list of runs, from the feed's first number on */
    int side;
    const xray_run_record *record; /* borrowed for the call */
};

struct feed {
    xray_store *store;
    struct where *where;       /* bound to the store */
    struct grouping *grouping;
    xray_query *compare;       /* runs for which it holds are on side 0, the others on side 1; or NULL */
    int side;                  /* of all runs, without `compare` */
    size_t first_number;
    /* Called for a run before its first step; steps come in any order. */
    void (*take_run)(void *ctx, const struct feed_run *run);
    void (*take_step)(void *ctx, const struct feed_run *run, const struct group *group,
                      const xray_step_record *step);
    /* NULL, or takes what the steps of several runs of one group add up to; `run` is one of them. */
    void (*take_sum)(void *ctx, const struct feed_run *run, const struct group *group, const xray_step_sum *sum);
    void *ctx;
};

/* Reads once through. False after an error, which has been reported. */
bool feed_read(const struct feed *feed);

#endif
