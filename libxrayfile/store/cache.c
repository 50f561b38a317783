/* Decoded blocks (cache.h). */
#include "store/cache.h"

#include "base/buf.h"
#include "base/mem.h"

#define FIRST_LEAST ((size_t)256)       /* of an arena's first chunk */
#define FIRST_MOST ((size_t)16 * 1024)
#define ALLOCATOR_BYTES 64              /* what the allocator keeps for itself, for the entry, body, arena */

/* What is decoded of a body takes about as much as the body; a store can have a million of a few hundred bytes. */
static size_t first_chunk(size_t raw_len)
{
    return raw_len < FIRST_LEAST ? FIRST_LEAST : raw_len < FIRST_MOST ? raw_len : FIRST_MOST;
}

struct xf_cached *xf_cached_new(uint32_t segment, uint32_t block, size_t raw_len)
{
    struct xf_cached *e = xf_alloc(sizeof *e);

    if (e == NULL)
        return NULL;
    e->segment = segment;
    e->block = block;
    e->holders = 1;
    e->arena.first_len = first_chunk(raw_len);
    return e;
}

void xf_cached_free(struct xf_cached *e)
{
    if (e == NULL)
        return;
    xray_buffer_free(&e->body);
    xf_arena_done(&e->arena);
    xf_free(e);
}

void xf_cached_renew(struct xf_cached *e, uint32_t segment, uint32_t block)
{
    xf_buf_reset(&e->body);
    xf_arena_reset(&e->arena);
    *e = (struct xf_cached){.segment = segment, .block = block, .holders = 1, .body = e->body, .arena = e->arena};
}

static struct xf_cached **bucket_of(const struct xf_cache *c, uint32_t segment, uint32_t block)
{
    const uint64_t h = ((uint64_t)segment << 32 | block) * UINT64_C(0x9E3779B97F4A7C15);

    return &c->buckets[(h >> 32) & (c->bucket_count - 1)];
}

static void unlink_use(struct xf_cache *c, struct xf_cached *e)
{
    *(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void link_newest(struct xf_cache *c, struct xf_cached *e)
{
    e->older = c->newest;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static struct xf_cached *find(const struct xf_cache *c, uint32_t segment, uint32_t block)
{
    struct xf_cached *e;

    if (c->bucket_count == 0)
        return NULL;
    for (e = *bucket_of(c, segment, block); e != NULL; e = e->chain)
        if (e->segment == segment && e->block == block)
            break;
    return e;
}

bool xf_cache_has(const struct xf_cache *c, uint32_t segment, uint32_t block)
{
    return find(c, segment, block) != NULL;
}

struct xf_cached *xf_cache_find(struct xf_cache *c, uint32_t segment, uint32_t block)
{
    struct xf_cached *e = find(c, segment, block);

    if (e == NULL)
        return NULL;
    e->holders++;
    if (c->newest != e) {
        unlink_use(c, e);
        link_newest(c, e);
    }
    return e;
}

/* Doubles the buckets when there are as many entries. */
static bool make_room(struct xf_cache *c)
{
    const size_t count = c->bucket_count == 0 ? 64 : c->bucket_count * 2;
    struct xf_cached **buckets;

    if (c->entry_count < c->bucket_count)
        return true;
    buckets = xf_alloc_array(count, sizeof *buckets);
    if (buckets == NULL)
        return c->bucket_count > 0; /* longer chains will do */
    xf_free(c->buckets);
    c->buckets = buckets;
    c->bucket_count = count;
    for (struct xf_cached *e = c->newest; e != NULL; e = e->older) {
        struct xf_cached **bucket = bucket_of(c, e->segment, e->block);

        e->chain = *bucket;
        *bucket = e;
    }
    return true;
}

static void drop(struct xf_cache *c, struct xf_cached *e)
{
    struct xf_cached **at = bucket_of(c, e->segment, e->block);

    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    unlink_use(c, e);
    c->bytes -= e->bytes;
    c->entry_count--;
    xf_cached_free(e);
}

static void shrink(struct xf_cache *c)
{
    struct xf_cached *e = c->oldest;

    while (c->bytes > c->limit && e != NULL) {
        struct xf_cached *newer = e->newer;

        if (e->holders == 0)
            drop(c, e);
        e = newer;
    }
}

/* What a block costs: decoding later adds to the arena, so it is measured again when it is let go. */
static void measure(struct xf_cache *c, struct xf_cached *e)
{
    c->bytes -= e->bytes;
    e->bytes = sizeof *e + e->body.cap + e->arena.held + ALLOCATOR_BYTES;
    c->bytes += e->bytes;
}

bool xf_cache_add(struct xf_cache *c, struct xf_cached *e)
{
    struct xf_cached **bucket;

    if (!make_room(c))
        return false;
    bucket = bucket_of(c, e->segment, e->block);
    e->chain = *bucket;
    *bucket = e;
    link_newest(c, e);
    e->in_cache = true;
    c->entry_count++;
    measure(c, e);
    shrink(c);
    return true;
}

void xf_cache_set_limit(struct xf_cache *c, size_t limit)
{
    c->limit = limit;
    if (c->bytes > limit)
        shrink(c);
}

void xf_cache_release(struct xf_cache *c, struct xf_cached *e)
{
    if (e == NULL)
        return;
    e->holders--;
    measure(c, e);
    if (c->bytes > c->limit)
        shrink(c);
}

void xf_cache_done(struct xf_cache *c)
{
    while (c->newest != NULL)
        drop(c, c->newest);
    xf_free(c->buckets);
    c->buckets = NULL;
    c->bucket_count = 0;
}
