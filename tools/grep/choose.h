/* Which runs may have hits, by what is known without searching them: their records, the records of their
 * steps in one scan, expressions that the spine alone decides. */
#ifndef GREP_CHOOSE_H
#define GREP_CHOOSE_H

#include "grep/grep.h"

/* Asks the records of all runs: fills g->answers and g->chosen. */
void choose_runs(struct grep *g);

/* So few runs are left that they are better searched one by one. */
bool choose_are_few(const struct grep *g);

/* Asks the steps of the runs from `from` on in one scan, if there is something to ask them. */
void choose_by_scan(struct grep *g, size_t from);

/* Asks the expression of each of them that is still open. */
void choose_by_expression(struct grep *g, size_t from);

#endif
