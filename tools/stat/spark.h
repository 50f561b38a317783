/* A measure over slices of time: as a line of bars, and where it changed. */
#ifndef STAT_SPARK_H
#define STAT_SPARK_H

#include "common/text.h"

/* One value for each slice; NAN: none. Appends a bar for each, from the least to the greatest value, a space for none. */
void spark_put(struct text *t, const double *values, size_t count, bool unicode);

/* The slice with which the values changed most: of all ways to cut them in two it leaves the least sum of squares about
 * the two means. False where that explains less than half of the spread, or fewer than two values lie on a side. */
struct spark_change {
    size_t at; /* the first slice behind the cut */
    double before, after;
};
bool spark_change(const double *values, size_t count, struct spark_change *out);

#endif
