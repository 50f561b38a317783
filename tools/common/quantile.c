/* See quantile.h. */
#include "common/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum {
    MAX_VALUES = 1000000,
    SUB = QUANTILE_BUCKETS_PER_DOUBLING,
    SUB_BITS = 7,
    BUCKETS = SUB + (63 - SUB_BITS) * SUB,
    PLACES = 2 * BUCKETS,
};

/* The buckets of HdrHistogram (Gil Tene, hdrhistogram.org): linear within a doubling, logarithmic over doublings.
 * Values below SUB have a bucket each; every doubling above has SUB of them.
 *
 * The bound. Let v >= SUB, 2^t <= v < 2^(t+1), so t >= SUB_BITS. Its bucket is the set of values that agree in
 * v >> shift with shift = t - SUB_BITS: w = 2^shift values from `low` on, with low >= 2^t. What is reported is
 * m = low + floor(w / 2), so |v - m| <= w / 2, for v - low is at most w - 1 and at least 0. Hence the error relative
 * to v is at most (w / 2) / 2^t = 2^(shift - 1 - t) = 2^-(SUB_BITS + 1) = 1/256, less than 0.4 %. Values below SUB
 * are reported as they are. Ranks are counted exactly, so the value reported for a rank lies in the same bucket as the
 * value that has it. A negative value has the bucket of its absolute value among the negative ones. */
static size_t bucket_of(uint64_t value)
{
    if (value < SUB)
        return (size_t)value;

    const int top = 63 - __builtin_clzll(value); /* >= SUB_BITS */
    const int shift = top - SUB_BITS;

    return (size_t)(SUB + (uint64_t)shift * SUB + ((value >> shift) - SUB));
}

static int64_t middle_of(size_t bucket)
{
    if (bucket < SUB)
        return (int64_t)bucket;

    const size_t shift = (bucket - SUB) / SUB;
    const uint64_t low = ((bucket - SUB) % SUB + SUB) << shift;

    return (int64_t)(low + (((uint64_t)1 << shift) >> 1));
}

/* The buckets of negative values stand before those of the others, in the order of the values. */
static size_t place_of(int64_t value)
{
    if (value >= 0)
        return BUCKETS + bucket_of((uint64_t)value);
    return BUCKETS - 1 - bucket_of(value == INT64_MIN ? INT64_MAX : (uint64_t)-value);
}

static int64_t value_of(size_t place)
{
    return place >= BUCKETS ? middle_of(place - BUCKETS) : -middle_of(BUCKETS - 1 - place);
}

void quantiles_round(struct quantiles *q)
{
    if (q->buckets != NULL)
        return;
    q->buckets = memory_new(PLACES, sizeof *q->buckets);
    for (uint64_t i = 0; i < q->count; i++)
        q->buckets[place_of(q->values[i])]++;
    free(q->values);
    q->values = NULL;
    q->cap = 0;
}

void quantiles_add(struct quantiles *q, int64_t value)
{
    if (q->buckets == NULL && q->count == MAX_VALUES)
        quantiles_round(q);
    if (q->buckets != NULL) {
        q->buckets[place_of(value)]++;
    } else {
        q->values = memory_grow(q->values, &q->cap, (size_t)q->count + 1, sizeof *q->values);
        q->values[q->count] = value;
        q->cut = 0;
    }
    q->count++;
}

void quantiles_add_all(struct quantiles *q, const int64_t *values, size_t count)
{
    if (q->buckets != NULL || count > MAX_VALUES - q->count) {
        for (size_t i = 0; i < count; i++)
            quantiles_add(q, values[i]);
    } else if (count > 0) {
        q->values = memory_grow(q->values, &q->cap, (size_t)q->count + count, sizeof *q->values);
        memcpy(q->values + q->count, values, count * sizeof *values);
        q->cut = 0;
        q->count += count;
    }
}

static void swap(int64_t *a, int64_t *b)
{
    const int64_t c = *a;

    *a = *b;
    *b = c;
}

/* Puts the k-th smallest of low..high, low <= k <= high, in its place (Hoare's selection, median of three: no bad
 * order is likely, and equal values do no harm). */
static int64_t select_value(int64_t *v, size_t low, size_t high, size_t k)
{
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (v[middle] < v[low])
            swap(&v[middle], &v[low]);
        if (v[high] < v[low])
            swap(&v[high], &v[low]);
        if (v[high] < v[middle])
            swap(&v[high], &v[middle]);

        const int64_t pivot = v[middle];
        size_t i = low;
        size_t j = high;

        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                swap(&v[i], &v[j]);
                i++;
                if (j == 0)
                    break;
                j--;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return v[k];
}

bool quantiles_get(struct quantiles *q, double part, int64_t *value)
{
    if (q->count == 0)
        return false;

    uint64_t rank = (uint64_t)ceil(part * (double)q->count);

    rank = rank < 1 ? 1 : rank > q->count ? q->count : rank;
    if (q->buckets == NULL) {
        const size_t k = (size_t)rank - 1;

        /* The last answer parted the values: the 95th percentile after the median is looked for among half of them. */
        *value = k < q->cut ? select_value(q->values, 0, q->cut - 1, k)
                            : select_value(q->values, q->cut, (size_t)q->count - 1, k);
        q->cut = k;
        return true;
    }

    size_t place = 0;

    for (uint64_t seen = q->buckets[0]; seen < rank && place + 1 < PLACES; seen += q->buckets[place])
        place++;
    *value = value_of(place);
    return true;
}

bool quantiles_exact(const struct quantiles *q)
{
    return q->buckets == NULL;
}

size_t quantiles_bytes(const struct quantiles *q)
{
    return q->cap * sizeof *q->values + (q->buckets != NULL ? PLACES * sizeof *q->buckets : 0);
}

bool quantiles_shrinks(const struct quantiles *q)
{
    return q->cap > PLACES;
}

void quantiles_free(struct quantiles *q)
{
    free(q->values);
    free(q->buckets);
    *q = (struct quantiles){0};
}
