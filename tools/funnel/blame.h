/* Which runs make a condition fail. */
#ifndef FUNNEL_BLAME_H
#define FUNNEL_BLAME_H

#include "funnel/board.h"

enum assert_field {
    ASSERT_RATE,
    ASSERT_IN,
    ASSERT_OUT,
    ASSERT_RUNS,
    ASSERT_P50,
    ASSERT_P95,
    ASSERT_COST,
    ASSERT_REJECTED,
    ASSERT_FIELDS,
};

enum assert_comparison { ASSERT_LT, ASSERT_LE, ASSERT_GT, ASSERT_GE, ASSERT_EQ, ASSERT_NE };

struct assert_test {
    enum assert_field field;
    enum assert_comparison comparison;
    double value; /* rates as parts of 1, durations in ns, cost in units */
};

bool assert_holds(const struct assert_test *test, double value);
void assert_put_value(struct text *t, enum assert_field field, double value);

/* Reads the runs once more and says on stderr, the worst first, at most ten of them: for rates and percentiles
 * those that fail on their own (by their slowest such step), for sums those that weigh most. */
void blame_runs(const struct assert_test *test, struct board *board, const struct board_line *line,
                const struct feed *feed);

#endif
