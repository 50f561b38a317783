/* Conditions that the funnel must meet, for continuous integration: 'filter_price.rejection_rate < 95%'. */
#ifndef FUNNEL_ASSERT_H
#define FUNNEL_ASSERT_H

#include "funnel/board.h"

struct asserts { /* start with all zero */
    struct assert_condition *items;
    size_t count, cap;
};

/* --assert; text that is no condition ends the program with status 2. */
void asserts_add(struct asserts *a, const char *text);

/* Tests all conditions on the lines of the board, on its first side. For those that fail the runs to blame are
 * looked for with `feed`, and said on stderr. True if all hold. */
bool asserts_hold(const struct asserts *a, struct board *board, const struct feed *feed);

void asserts_free(struct asserts *a);

#endif
