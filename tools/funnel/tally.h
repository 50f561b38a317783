/* The sums of one line of the funnel: exact, whatever was sampled. */
#ifndef FUNNEL_TALLY_H
#define FUNNEL_TALLY_H

#include "common/quantile.h"
#include "common/strmap.h"
#include "funnel/interval.h"

/* A set of run numbers, kept as bits from its first member on. */
struct runset {
    uint64_t *words;
    size_t cap;
    size_t len;
    size_t base; /* number of the first bit of words[0] / 64 */
    uint64_t count;
};

struct tally_reason {
    struct text code;
    uint64_t count;
};

/* How a rate over many runs is made. */
enum rate_kind {
    RATE_POOLED, /* 1 - sum of out / sum of in */
    RATE_MEAN,   /* the mean of the runs' own rates */
};

enum { TALLY_MET = 16 }; /* a power of 2 */

struct tally { /* start with TALLY_INIT */
    uint64_t steps;
    struct runset runs;     /* that have such a step */
    struct runset in_runs;  /* of these, with a count in; out */
    struct runset out_runs;
    int64_t in, out;           /* sums; XRAY_MISSING: no step has the count */
    int64_t both_in, both_out; /* over the steps that have both counts: for the drop */
    bool both;
    struct quantiles durations;
    int64_t cost;
    struct strmap reason_numbers;
    struct tally_reason *reasons; /* the most frequent first, once finished */
    size_t reason_count, reason_cap;
    size_t met[TALLY_MET]; /* reasons met of late, + 1, by where their code stood */
    uint64_t reason_sum;
    struct tally_share *shares; /* what each run did, where that is asked for */
    size_t share_count, share_cap;
};

#define TALLY_INIT ((struct tally){.in = XRAY_MISSING, .out = XRAY_MISSING, .cost = XRAY_MISSING})

/* A sum that stays at the end of the range instead of leaving it. */
void sum_add(int64_t *sum, int64_t n);

/* Adds a step of the run with this number. `per_run`: keep what each run did. */
void tally_add(struct tally *t, size_t run, const xray_step_record *step, bool per_run);
/* Adds what the steps of several runs add up to, of which no step is added otherwise. Not with per_run. */
void tally_add_sum(struct tally *t, const xray_step_sum *sum);
void tally_finish(struct tally *t);
void tally_free(struct tally *t);

/* The drop; false if no step has both counts. RATE_MEAN needs what each run did. */
bool tally_drop(const struct tally *t, enum rate_kind kind, double *drop);

/* The same for a comparison: how many runs tell it, and how sure it is. Needs what each run did. */
struct interval_rate tally_rate(const struct tally *t, enum rate_kind kind);

/* Candidates in or out per run that has the count. */
bool tally_mean(int64_t sum, const struct runset *runs, double *mean);

/* Candidates that came in and did not go out; false if no step has both counts. */
bool tally_rejected(const struct tally *t, int64_t *rejected);

#endif
