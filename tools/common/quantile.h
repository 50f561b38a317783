/* Quantiles of durations and other numbers: exact up to a million values, then from buckets
 * whose width is a known part of the value. */
#ifndef COMMON_QUANTILE_H
#define COMMON_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A bucket is at most this part of its values wide; its middle is reported, so
 * the error is at most half of it: 0.4 %. */
#define QUANTILE_BUCKETS_PER_DOUBLING 128

struct quantiles { /* start with all zero */
    int64_t *values;
    size_t cap;
    size_t cut; /* no value before it is larger than one from it on */
    uint64_t count;
    uint64_t *buckets; /* instead of the values, once they are too many */
};

void quantiles_add(struct quantiles *q, int64_t value);
void quantiles_add_all(struct quantiles *q, const int64_t *values, size_t count);
/* From now on buckets, however few the values are: where memory is short. Does that save any? */
void quantiles_round(struct quantiles *q);
bool quantiles_shrinks(const struct quantiles *q);
size_t quantiles_bytes(const struct quantiles *q);
/* The value with rank ceil(part * count), 0 < part <= 1; false if there are none. Reorders the values. */
bool quantiles_get(struct quantiles *q, double part, int64_t *value);
/* Are the answers exact? */
bool quantiles_exact(const struct quantiles *q);
void quantiles_free(struct quantiles *q);

#endif
