/* A bump allocator (arena.h). */
#include "base/arena.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_LEN ((size_t)16 * 1024)
#define MAX_CHUNK_LEN ((size_t)1024 * 1024)

struct xf_arena_chunk {
    struct xf_arena_chunk *next; /* older */
    size_t len;                  /* bytes in data */
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

/* Chunks double up to a bound, so that small arenas stay small and large ones need few of them. */
static struct xf_arena_chunk *add_chunk(struct xf_arena *a, size_t size)
{
    size_t len = a->chunks != NULL ? a->chunks->len * 2 : a->first_len > 0 ? a->first_len : CHUNK_LEN;

    if (len > MAX_CHUNK_LEN)
        len = MAX_CHUNK_LEN;
    if (len < size)
        len = size;
    if (len > SIZE_MAX - sizeof(struct xf_arena_chunk))
        return NULL;

    struct xf_arena_chunk *chunk = (struct xf_arena_chunk *)xf_resize_array(NULL, sizeof *chunk + len, 1);

    if (chunk == NULL)
        return NULL;
    chunk->next = a->chunks;
    chunk->len = len;
    chunk->used = 0;
    a->held += sizeof *chunk + len;
    a->chunks = chunk;
    return chunk;
}

void *xf_arena_room(struct xf_arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);

    if (size > SIZE_MAX - align)
        return NULL;

    const size_t rounded = size == 0 ? align : (size + align - 1) / align * align;
    struct xf_arena_chunk *chunk = a->chunks;

    if (chunk == NULL || rounded > chunk->len - chunk->used) {
        chunk = add_chunk(a, rounded);
        if (chunk == NULL)
            return NULL;
    }

    void *p = chunk->data + chunk->used;

    chunk->used += rounded;
    a->used += rounded;
    return p;
}

void *xf_arena_alloc(struct xf_arena *a, size_t size)
{
    void *p = xf_arena_room(a, size);

    return p == NULL ? NULL : memset(p, 0, size);
}

void *xf_arena_copy(struct xf_arena *a, const void *data, size_t len)
{
    void *p = xf_arena_room(a, len);

    if (p != NULL && len > 0)
        memcpy(p, data, len);
    return p;
}

static void free_chunks(struct xf_arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct xf_arena_chunk *older = chunk->next;

        xf_free(chunk);
        chunk = older;
    }
}

void xf_arena_reset(struct xf_arena *a)
{
    struct xf_arena_chunk *newest = a->chunks;

    if (newest != NULL) {
        free_chunks(newest->next);
        newest->next = NULL;
        newest->used = 0;
    }
    a->used = 0;
    a->held = newest != NULL ? sizeof *newest + newest->len : 0;
}

void xf_arena_done(struct xf_arena *a)
{
    free_chunks(a->chunks);
    a->chunks = NULL;
    a->used = a->held = 0;
}
