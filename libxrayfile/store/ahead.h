/* Blocks loaded in an order that is known beforehand: while one is used, those that come next are read and
 * decoded by the store's other threads. What comes out, in which order, and which problems are reported
 * when, is the same with any number of threads. */
#ifndef XF_STORE_AHEAD_H
#define XF_STORE_AHEAD_H

#include "os/thread.h"
#include "store/expect.h"

/* At most so many blocks, of so many bytes decompressed, are on their way (but always one). */
#define XF_AHEAD_SLOTS 16
#define XF_AHEAD_BYTES ((size_t)8 << 20)

struct xf_ahead;

struct xf_ahead_slot {
    struct xf_job job;
    struct xf_ahead *ahead;
    struct xf_load load;
    uint32_t segment, block;
    bool begun;   /* load.entry is being made, or will be when it is taken */
    bool handed;  /* to the pool */
    void *result; /* of `work` */
};

struct xf_ahead {
    struct xray_store *store;
    /* The block that is wanted next. False at the end. */
    bool (*next)(void *ctx, uint32_t *segment, uint32_t *block);
    /* What is done with a block in whatever thread; NULL: it is unpacked and decoded. */
    void (*work)(void *ctx, struct xf_ahead_slot *slot, unsigned worker);
    void (*free_result)(void *result); /* may be NULL */
    void *ctx;
    bool light; /* spines need not have the values of steps */
    bool passes; /* blocks are not kept in the cache: nobody will come back to them */
    size_t most_threads; /* on which `work` may run; 0: any number */

    /* private */
    struct xf_pool *pool; /* NULL: the owner does it all */
    struct xf_ahead_slot *slots; /* a ring */
    uint32_t first, count;
    size_t bytes;
    struct xf_expect expect;
    struct xf_cached *spares; /* entries that went back, by `chain`; what their memory takes */
    size_t spare_bytes;
    bool ended;
    bool taken; /* the first one is the caller's */
};

/* Starts: store, next, work and ctx are set. XRAY_ENOMEM. */
int xf_ahead_open(struct xf_ahead *a, xray_error *err);
/* Waits for what is on its way. May be all zero. */
void xf_ahead_close(struct xf_ahead *a);

/* The next block that can be read, decoded and held: the caller releases it with xf_ahead_release. 1, 0 at the
 * end, XRAY_ENOMEM. For those without `work`. */
int xf_ahead_next(struct xf_ahead *a, struct xf_cached **out, xray_error *err);
void xf_ahead_release(struct xf_ahead *a, struct xf_cached *e);

/* The next block on which `work` was done, whatever came of it: it belongs to the caller until the next call.
 * 1, 0 at the end, XRAY_ENOMEM. */
int xf_ahead_take(struct xf_ahead *a, struct xf_ahead_slot **out, xray_error *err);

/* The decompressor of a thread, for `work`. NULL: memory is out. */
struct xf_zframe *xf_ahead_zframe(struct xf_ahead *a, unsigned worker);

#endif
