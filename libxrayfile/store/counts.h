/* Numbers by key, bounded: how many candidates of a step were met, how many of them for which reason, which
 * runs and steps have begun. Keys are 64-bit hashes of random seed; two that collide among the 2 million
 * entries at most would make one note wrong in ten million files. */
#ifndef XF_STORE_COUNTS_H
#define XF_STORE_COUNTS_H

#include "xrayfile.h"

struct xf_counts { /* all zero but the seed = empty */
    uint64_t seed;
    struct xf_count {
        uint64_t key; /* 0: free */
        uint64_t n;
    } *slots;
    size_t slot_count, used;
    bool full; /* something was not counted */
};

/* A key. `what` tells several numbers of the same step apart. */
uint64_t xf_counts_key(const struct xf_counts *c, const uint8_t run_id[16], int64_t step, char what, xray_str text);

/* Adds n; afterwards the count may be `full`, and then says too little. False: memory is out. */
bool xf_counts_add(struct xf_counts *c, uint64_t key, uint64_t n);
uint64_t xf_counts_get(const struct xf_counts *c, uint64_t key);
void xf_counts_reset(struct xf_counts *c);
void xf_counts_done(struct xf_counts *c);

#endif
