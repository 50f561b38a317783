/* A bump allocator: many small things with one lifetime. */
#ifndef XF_BASE_ARENA_H
#define XF_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct xf_arena {
    struct xf_arena_chunk *chunks; /* newest first */
    size_t used;                   /* bytes handed out */
    size_t held;                   /* bytes it takes */
    size_t first_len;              /* of the first chunk; set it where little is expected. 0: 16 KiB */
};

/* Zeroed memory aligned for any type, or NULL. Start with an all-zero arena. */
void *xf_arena_alloc(struct xf_arena *a, size_t size);
/* The same, not zeroed: for what is filled at once. */
void *xf_arena_room(struct xf_arena *a, size_t size);
void *xf_arena_copy(struct xf_arena *a, const void *data, size_t len);

/* Frees everything but the newest chunk, which is among the largest, for reuse. */
void xf_arena_reset(struct xf_arena *a);
void xf_arena_done(struct xf_arena *a);

#endif
