/* One byte for a number, in order: the zone maps of an index (format-spec/index-file.md, 3.4). A code
 * stands for a range, and a range that is too wide does no harm. */
#ifndef XF_FORMAT_ZONE_H
#define XF_FORMAT_ZONE_H

#include <stdint.h>

#define XF_ZONE_NONE 0 /* no value */

/* Four codes to each doubling; 0 to 7 have one each. */
static inline uint8_t xf_zone_of_int(int64_t v)
{
    int top;

    if (v < 0)
        return 1;
    if (v < 4)
        return (uint8_t)(2 + v);
    top = 63 - __builtin_clzll((uint64_t)v);
    return (uint8_t)(6 + (top - 2) * 4 + (int)(v >> (top - 2) & 3));
}

/* The least and the greatest integer with this code. */
static inline void xf_zone_ints(uint8_t code, int64_t *low, int64_t *high)
{
    if (code < 2) {
        *low = INT64_MIN + 1;
        *high = -1;
    } else if (code < 6) {
        *low = *high = code - 2;
    } else if (code > 6 + 60 * 4 + 3) {
        *low = 0;
        *high = INT64_MAX;
    } else {
        const int shift = (code - 6) / 4;

        *low = (int64_t)(4 + (code - 6) % 4) << shift;
        *high = *low + (((int64_t)1 << shift) - 1);
    }
}

/* Rates: 250 steps from 0 to 1. */
static inline uint8_t xf_zone_of_rate(double rate)
{
    if (!(rate >= 0))
        return 1;
    return rate > 1 ? 253 : (uint8_t)(2 + (int)(rate * 250));
}

static inline void xf_zone_rates(uint8_t code, double *low, double *high)
{
    *low = code < 2 ? -1e300 : code == 2 ? 0 : (code - 3) / 250.0; /* the product may have been rounded up */
    *high = code >= 253 ? 1e300 : code < 2 ? 0 : (code - 1) / 250.0;
}

#endif
