/* random.h - the seeded random numbers of the generators: the same on every machine.
 *
 * splitmix64; libc's rand differs from system to system. Whole numbers and
 * fixed decimals come from integers, so no rounding mode can change a byte. */
#ifndef XB_RANDOM_H
#define XB_RANDOM_H

#include <stdint.h>

struct xb_random {
    uint64_t state;
};

static inline uint64_t xb_next(struct xb_random *r)
{
    uint64_t z = (r->state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A number from 0 to bound - 1; the bias is far below what a benchmark could see. */
static inline uint32_t xb_below(struct xb_random *r, uint32_t bound)
{
    return (uint32_t)(((xb_next(r) >> 32) * bound) >> 32);
}

static inline uint32_t xb_between(struct xb_random *r, uint32_t low, uint32_t high)
{
    return low + xb_below(r, high - low + 1);
}

/* True in `percent` of 100 cases. */
static inline int xb_chance(struct xb_random *r, uint32_t percent)
{
    return xb_below(r, 100) < percent;
}

/* Roughly normal around 0, from -3000 to 3000 (thousandths of about one deviation). */
static inline int32_t xb_bell(struct xb_random *r)
{
    int32_t sum = 0;

    for (int i = 0; i < 6; i++)
        sum += (int32_t)xb_below(r, 1001);
    return sum - 3000;
}

#endif
