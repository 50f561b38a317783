/* All that is counted: pipelines, their steps, and a line for each step and group. */
#ifndef FUNNEL_BOARD_H
#define FUNNEL_BOARD_H

#include "common/runs.h"
#include "funnel/feed.h"
#include "funnel/tally.h"

enum { BOARD_MAX_LINES = 100000 };

enum board_order { ORDER_SEEN, ORDER_NAME, ORDER_RATE };

/* The steps of one name and type in one pipeline. */
struct board_step {
    size_t pipeline;
    struct text name, type;
    uint64_t steps;
    double number_sum; /* of their step numbers: its mean orders them */
    uint64_t emptied;  /* ended runs that ended with no candidate and had their last one before this step */
    size_t next; /* the step that was taken after this one last time: likely so again */
    size_t line; /* that was asked for last, + 1; 0: none was */
};

struct board_line {
    size_t step;
    struct group group;
    struct tally sides[2]; /* without a comparison: the first */
    struct interval_rate rates[2]; /* of a comparison, once finished */
    struct interval interval;
};

struct board_pipeline {
    struct text name;
    uint64_t runs[2]; /* of each side */
    uint64_t running, abandoned;
    uint64_t empty; /* ended runs whose last count is 0 */
    size_t *steps;  /* numbers of its steps, in the order of output once finished */
    size_t step_count, step_cap;
    size_t *lines;  /* the same for its lines; those of too few runs are gone */
    size_t line_count, line_cap;
    uint64_t hidden; /* how many those were */
};

struct board { /* start with all zero but for the settings */
    struct grouping *grouping;
    enum rate_kind rate;
    enum board_order order;
    uint64_t min_runs;
    bool compares; /* there are two sides */

    struct strmap pipeline_numbers, step_numbers, line_numbers;
    struct board_pipeline *pipelines;
    size_t pipeline_count, pipeline_cap;
    struct board_step *steps;
    size_t step_count, step_cap;
    size_t last_step; /* that was taken */
    struct board_line *lines;
    size_t line_count, line_cap;
    struct board_run *runs; /* by number */
    size_t run_cap;
    size_t run_count;
    struct idmap writers; /* of the steps */
    struct text key;
};

/* Takes what a feed gives; `ctx` is the board. */
void board_take_run(void *ctx, const struct feed_run *run);
void board_take_step(void *ctx, const struct feed_run *run, const struct group *group, const xray_step_record *step);

void board_take_sum(void *ctx, const struct feed_run *run, const struct group *group, const xray_step_sum *sum);
/* Can it take sums, or must it know what each run did? */
bool board_takes_sums(const struct board *b);

/* Orders what was collected and compares the sides. */
void board_finish(struct board *b);
void board_free(struct board *b);

#endif
