/* Counting: each record that is wanted goes into its group. */
#ifndef STAT_COUNT_H
#define STAT_COUNT_H

#include "common/where.h"
#include "stat/measure.h"

struct counting {
    struct groups groups;
    struct measured of;
    enum xray_unit unit;
    bool wants[MEASURE_COUNT]; /* the columns that are shown: what only others need is not kept */
    bool totals;               /* a group over all slices of time beside those of each */
    bool prices;
    struct price_list price_list;
    struct strmap unknown_models;
    struct text unknown_list; /* the first of them, for the message */
    uint64_t unknown_steps;
};

/* For feed_read: ctx is a struct counting. */
void count_record(void *ctx, const struct record *record);

/* May steps be taken as sums (count_sum), with the same answer: are the columns and the fields grouped by such that sums tell them? */
bool count_takes_sums(const struct counting *c);
bool count_same_group(void *ctx, const xray_run_record *a, const xray_run_record *b);
void count_sum(void *ctx, const xray_run_record *run, const xray_step_sum *sum);

/* Says on standard error what is not complete: models without a price, groups that did not fit, ... */
void count_report(const struct counting *c);

#endif
