/* What a search of all payload found (xray_hits), for hits.c, hits_build.c and hits_events.c. */
#ifndef XF_STORE_HITS_H
#define XF_STORE_HITS_H

#include <stdatomic.h>

#include "store/ahead.h"
#include "store/grams.h"

struct xf_block_hits { /* of a payload block; the pointers are NULL where nothing in it matches */
    uint32_t block;         /* of the segment */
    uint64_t first, first2; /* part and value its bits begin with */
    uint32_t parts, values;
    uint64_t before;      /* parts that match in the blocks before */
    uint64_t matches;     /* parts that match in this one */
    uint32_t *rank;       /* parts that match before each word */
    uint64_t *part_bits;
    uint64_t *value_bits;
};

struct xf_segment_hits {
    struct xf_block_hits *blocks; /* `first` ascends in a good segment */
    uint32_t count, cap;
    uint32_t passed; /* payload blocks, while building */
    atomic_bool any; /* something matches; while building, a hint to the threads */
    struct xf_grams grams; /* what the index says of the needles */
    struct xf_gram_hits *found; /* by number of payload block. NULL: all blocks are looked at */
};

struct xray_hits {
    xray_visitor visitor;
    struct xf_segment_hits *segments;
    uint32_t segment_count;
    uint64_t seed;      /* of the hashes */
    uint64_t *owners;   /* hashes of runs, and of their steps, with events that match; sorted in the end */
    uint32_t owner_count, owner_cap;
    struct xray_store *store; /* events are searched when they are first asked for */
    bool owners_due;
    bool knows_owners;  /* false: any could */
    atomic_bool stopped; /* while building: the visitor wants no more */
};

/* Does a value that stands in this segment match, in place or by reference? `ctx` is the visitor's of this
 * thread. */
bool xf_hits_test(const struct xray_hits *h, void *ctx, uint32_t segment, xray_str value);
/* Does anything in these values refer to a part or a skeleton that matches? */
bool xf_hits_refers(const struct xf_segment_hits *seg, xray_str value);

/* Does the index say that nothing matches in this block of events, or of runs and steps, or in what it
 * refers to? It need not be read then. After all payload was searched. */
bool xf_hits_rules_out(const struct xf_segment_hits *hits, const struct xf_segment *seg, uint32_t block);

/* Sets the bits of values that refer to parts that match, in this block and those before. False: memory is
 * out. */
bool xf_hits_add_references(struct xf_segment_hits *seg, struct xf_block_hits *b, const struct xf_payload *p);
/* Notes where something matches in the block, for those that refer to it. */
void xf_hits_note(struct xf_segment_hits *hits, const struct xf_segment *seg, const struct xf_block_hits *b);
/* Does so for the blocks that were not looked at because nothing in them matches, after all others were.
 * XRAY_ENOMEM. */
int xf_hits_follow(struct xray_hits *h, struct xray_store *s, xray_error *err);

/* Hashes of a run, and of one of its steps (XRAY_MISSING: of the run itself). */
uint64_t xf_hits_run(const struct xray_hits *h, const uint8_t run_id[16]);
uint64_t xf_hits_step(const struct xray_hits *h, const uint8_t run_id[16], int64_t step);

/* Finds the owners of events that match, after all payload was searched. XRAY_ENOMEM: any could. */
int xf_hits_find_owners(struct xray_hits *h, struct xray_store *s, xray_error *err);

/* May anything in these bytes match, as far as bytes tell? */
static inline bool xf_hits_found(const struct xray_hits *h, void *ctx, const void *data, size_t len)
{
    return h->visitor.find == NULL || h->visitor.find(ctx, (const uint8_t *)data, len) < len;
}

#endif
