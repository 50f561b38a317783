/* The log of a run or step: a chain of chunks from the writer's pool, one producer and one consumer. */
#include "writer/front.h"

#include "base/mem.h"

/* Most steps fit the first; a step of many candidates takes the writer's lock once in 32 KiB. */
static const uint32_t chunk_sizes[XF_CHUNK_SIZES] = {1u << 10, 8u << 10, 32u << 10};

static bool take_memory(xray_writer *w, size_t bytes, enum xf_class class)
{
    size_t used = atomic_load_explicit(&w->used, memory_order_relaxed);

    do
        if (bytes > w->limits[class] || used > w->limits[class] - bytes)
            return false;
    while (!atomic_compare_exchange_weak_explicit(&w->used, &used, used + bytes, memory_order_relaxed,
                                                  memory_order_relaxed));
    return true;
}

static struct xf_chunk *take_free(xray_writer *w, unsigned rank)
{
    struct xf_chunk *c;

    pthread_mutex_lock(&w->lock);
    c = w->free_chunks[rank];
    if (c != NULL) {
        w->free_chunks[rank] = atomic_load_explicit(&c->next, memory_order_relaxed);
        w->free_bytes -= sizeof *c + c->size;
    }
    pthread_mutex_unlock(&w->lock);
    return c;
}

struct xf_chunk *xf_chunk_take(xray_writer *w, size_t size, enum xf_class class)
{
    struct xf_chunk *c = NULL;
    unsigned rank = 0;

    while (rank < XF_CHUNK_SIZES && chunk_sizes[rank] < size)
        rank++;
    if (rank < XF_CHUNK_SIZES)
        size = chunk_sizes[rank];
    if (size > UINT32_MAX || !take_memory(w, sizeof *c + size, class))
        return NULL;
    if (rank < XF_CHUNK_SIZES)
        c = take_free(w, rank);
    if (c == NULL)
        c = xf_alloc(sizeof *c + size);
    if (c == NULL) {
        atomic_fetch_sub_explicit(&w->used, sizeof *c + size, memory_order_relaxed);
        return NULL;
    }
    c->size = (uint32_t)size;
    c->rank = (uint8_t)rank;
    atomic_store_explicit(&c->next, NULL, memory_order_relaxed);
    atomic_store_explicit(&c->published, 0, memory_order_relaxed);
    return c;
}

void xf_chunk_give(xray_writer *w, struct xf_chunk *c)
{
    const size_t bytes = sizeof *c + c->size;

    if (c->rank == XF_CHUNK_SIZES) {
        xf_free(c);
    } else {
        pthread_mutex_lock(&w->lock);
        atomic_store_explicit(&c->next, w->free_chunks[c->rank], memory_order_relaxed);
        w->free_chunks[c->rank] = c;
        w->free_bytes += bytes;
        pthread_mutex_unlock(&w->lock);
    }
    atomic_fetch_sub_explicit(&w->used, bytes, memory_order_relaxed);
}

void xf_chunk_trim(xray_writer *w, size_t keep)
{
    for (unsigned rank = XF_CHUNK_SIZES; rank-- > 0;)
        for (;;) {
            struct xf_chunk *c;

            pthread_mutex_lock(&w->lock);
            c = w->free_bytes > keep ? w->free_chunks[rank] : NULL;
            if (c != NULL) {
                w->free_chunks[rank] = atomic_load_explicit(&c->next, memory_order_relaxed);
                w->free_bytes -= sizeof *c + c->size;
            }
            pthread_mutex_unlock(&w->lock);
            if (c == NULL)
                break;
            xf_free(c);
        }
}

/* The chunk is full (or the operation does not fit): goes on in a larger one, and lets the thread have the old. */
uint8_t *xf_log_grow(struct xf_slot *s, size_t len, enum xf_class class)
{
    xray_writer *w = s->writer;
    struct xf_chunk *old = atomic_load_explicit(&s->tail, memory_order_relaxed);
    const unsigned rank = old->rank + 1u < XF_CHUNK_SIZES ? old->rank + 1u : XF_CHUNK_SIZES - 1;
    struct xf_chunk *c = xf_chunk_take(w, len > chunk_sizes[rank] ? len : chunk_sizes[rank], class);

    if (c == NULL && len <= chunk_sizes[0]) /* a small one may still fit */
        c = xf_chunk_take(w, chunk_sizes[0], class);
    if (c == NULL)
        return NULL;
    s->new_bytes += sizeof *c + c->size;
    s->used = 0;
    /* The mark of a reader (xf_log_mark) goes by the tail, so the chunk is in the chain before it is the tail. */
    atomic_store_explicit(&old->next, c, memory_order_release);
    atomic_store_explicit(&s->tail, c, memory_order_release);
    if (!w->sync && old->rank > 0)
        xf_slot_push(s, false);
    return c->data;
}

struct xf_log_mark xf_log_mark(struct xf_slot *s)
{
    struct xf_log_mark m = {.chunk = atomic_load_explicit(&s->tail, memory_order_acquire)};

    m.published = atomic_load_explicit(&m.chunk->published, memory_order_acquire);
    return m;
}

const uint8_t *xf_log_next(struct xf_slot *s, const struct xf_log_mark *mark)
{
    for (;;) {
        struct xf_chunk *c = s->head, *next;
        const uint8_t *op;

        if (s->read < (c == mark->chunk ? mark->published : atomic_load_explicit(&c->published, memory_order_acquire))) {
            uint32_t len;

            op = c->data + s->read;
            memcpy(&len, op, sizeof len);
            s->read += len;
            return op;
        }
        if (c == mark->chunk)
            return NULL;
        /* Behind a chunk that is not the marked one there is another, and nothing is added to it any more. */
        next = atomic_load_explicit(&c->next, memory_order_acquire);
        if (s->read < atomic_load_explicit(&c->published, memory_order_acquire))
            continue;
        s->head = next;
        s->read = 0;
        xf_chunk_give(s->writer, c);
    }
}
