/* Runs or steps that are being joined from several rows: found by what identifies
 * them, kept in the order of their first rows. */
#ifndef XF_STORE_PENDING_H
#define XF_STORE_PENDING_H

#include "store/joined.h"

struct xf_pending_key {
    uint8_t run_id[16];
    uint32_t writer; /* 0 for runs: they are joined across writers */
    int64_t step;    /* 0 for runs */
};

struct xf_pending {
    struct xf_pending_key key;
    struct xf_joined joined;
    uint32_t first_segment, last_segment;
    uint32_t index; /* for whoever owns the table */
    uint64_t hash;
    struct xf_pending *chain;         /* in its bucket */
    struct xf_pending *older, *newer; /* by first row */
};

struct xf_pending_table { /* all zero but table and seed = empty */
    enum xf_table table;
    uint64_t seed; /* random: keys come from outside */
    struct xf_pending **buckets;
    size_t bucket_count, count;
    struct xf_pending *oldest, *newest;
};

/* NULL: there is none. */
struct xf_pending *xf_pending_find(const struct xf_pending_table *t, const struct xf_pending_key *key);

/* The entry, made if there is none. NULL: memory is out. */
struct xf_pending *xf_pending_get(struct xf_pending_table *t, const struct xf_pending_key *key,
                                  uint32_t segment);

/* Takes an entry out; the caller frees it. */
void xf_pending_remove(struct xf_pending_table *t, struct xf_pending *p);
void xf_pending_free(struct xf_pending *p);

void xf_pending_done(struct xf_pending_table *t);

#endif
