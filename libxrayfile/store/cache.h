/* Decoded blocks, kept by bytes: what was used longest ago makes room. A block that
 * somebody holds stays. */
#ifndef XF_STORE_CACHE_H
#define XF_STORE_CACHE_H

#include "base/arena.h"
#include "format/cands_read.h"
#include "format/loss_read.h"
#include "format/payload_read.h"
#include "format/spine_read.h"

/* Rows of a spine by run: those of run r are order[start[r] .. start[r + 1]). */
struct xf_by_run {
    uint32_t *start;
    uint32_t *order;
};

struct xf_cached {
    uint32_t segment, block;
    uint32_t holders;
    int kind;
    xray_buffer body;
    struct xf_arena arena; /* what was decoded */
    union {
        struct xf_spine spine;
        struct xf_cands cands;
        struct xf_payload payload;
        struct {
            const struct xf_loss *rows;
            uint32_t count;
        } loss;
    } as;
    struct xf_by_run runs, steps, details; /* of a spine, when first asked for */
    bool by_run, rows_by_run;
    bool in_cache;
    bool bounded;                     /* of a spine: nothing refers to what is not yet there (format/references.h) */
    uint64_t part_limit, value_limit; /* what it can refer to */
    size_t bytes;
    struct xf_cached *newer, *older; /* by last use */
    struct xf_cached *chain;         /* in its bucket */
};

#define XF_CACHE_BYTES ((size_t)48 << 20)      /* where nobody says how many */
#define XF_CACHE_BYTES_LEAST ((size_t)8 << 20) /* that are left where the list of runs is large */

struct xf_cache { /* all zero but the limit = empty */
    size_t limit;
    size_t bytes;
    struct xf_cached **buckets;
    size_t bucket_count, entry_count;
    struct xf_cached *newest, *oldest;
};

/* A new entry for a body of raw_len bytes, not yet in the cache, held once. NULL: memory is out. */
struct xf_cached *xf_cached_new(uint32_t segment, uint32_t block, size_t raw_len);
void xf_cached_free(struct xf_cached *e);

/* Makes one that is not in the cache as if new, with its memory. */
void xf_cached_renew(struct xf_cached *e, uint32_t segment, uint32_t block);

/* The entry, held once more; or NULL. */
struct xf_cached *xf_cache_find(struct xf_cache *c, uint32_t segment, uint32_t block);

/* Is it there? Finds out without using it. */
bool xf_cache_has(const struct xf_cache *c, uint32_t segment, uint32_t block);

/* Puts an entry in, which belongs to the cache from then on. False: memory is out, the entry is still the
 * caller's. */
bool xf_cache_add(struct xf_cache *c, struct xf_cached *e);

/* From now on at most so many bytes, but for what is held. */
void xf_cache_set_limit(struct xf_cache *c, size_t limit);

/* Lets go of an entry (may be NULL). */
void xf_cache_release(struct xf_cache *c, struct xf_cached *e);

/* Frees everything; nothing may be held. */
void xf_cache_done(struct xf_cache *c);

#endif
