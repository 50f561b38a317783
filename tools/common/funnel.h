/* How candidates fare over many runs: per pipeline and step, sums that are exact
 * whatever was sampled. Fed by one scan of the spine, in any order. */
#ifndef COMMON_FUNNEL_H
#define COMMON_FUNNEL_H

#include "common/quantile.h"
#include "common/runs.h"
#include "common/strmap.h"

/* A set of run numbers, kept as bits from its first member on. */
struct runset {
    uint64_t *words;
    size_t cap;
    size_t len;
    size_t base; /* number of the first bit of words[0] / 64 */
    uint64_t count;
};

struct funnel_reason {
    struct text code;
    uint64_t count;
};

/* The steps of one name and type in one pipeline. */
struct funnel_step {
    struct text name, type;
    uint64_t steps;
    double number_sum;     /* of their step numbers: its mean orders them */
    struct runset runs;    /* that have such a step */
    struct runset in_runs; /* of these, with a count in; out */
    struct runset out_runs;
    int64_t in, out;           /* sums; XRAY_MISSING: no step has the count */
    int64_t both_in, both_out; /* over the steps that have both counts: for the drop */
    bool both;
    struct quantiles durations;
    int64_t cost;
    struct strmap reason_numbers;
    struct funnel_reason *reasons;
    size_t reason_count, reason_cap;
    uint64_t rejected; /* sum of the reasons' counts */
    uint64_t emptied;  /* ended runs that ended with no candidate and had their last one before this step */
};

struct funnel_pipeline {
    struct text name;
    uint64_t runs, running, abandoned;
    uint64_t empty; /* ended runs whose last count is 0 */
    size_t *steps;  /* numbers of its steps, in the order of output once finished */
    size_t step_count, step_cap;
};

struct funnel {
    const char *pattern; /* of pipelines, or NULL for all */
    struct strmap pipeline_numbers;
    struct funnel_pipeline *pipelines;
    size_t pipeline_count, pipeline_cap;
    struct strmap step_numbers;
    struct funnel_step *steps;
    size_t step_count, step_cap;
    struct idmap run_numbers;
    struct funnel_run *runs;
    size_t run_count, run_cap;
    struct text key;
};

void funnel_add_run(struct funnel *f, const xray_run_record *run);
void funnel_add_step(struct funnel *f, const xray_step_record *step);

/* Orders what was collected: steps by their mean place in the run, reasons by count. */
void funnel_finish(struct funnel *f);
void funnel_free(struct funnel *f);

#endif
