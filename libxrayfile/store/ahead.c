/* Loading blocks ahead (ahead.h). Only the owner of the store touches the file, the cache and the problems: a
 * job has the stored bytes and a copy of the header. */
#include "store/ahead.h"

#include "base/fail.h"
#include "base/mem.h"

enum {
    MOST_BY_ITSELF = 8, /* threads, where nobody says how many */
    WORTH_IT = 1 << 20, /* bytes of files from which on they are started then */
};

/* ---- threads ------------------------------------------------------------------------------ */

static unsigned choose_threads(const struct xray_store *s)
{
    const unsigned processors = xf_processors();
    uint64_t bytes = 0;

    if (s->options.threads > 0)
        return s->options.threads;
    for (uint32_t i = 0; i < s->file_count; i++)
        bytes += s->files[i].size;
    if (bytes < WORTH_IT)
        return 1;
    return processors < MOST_BY_ITSELF ? processors : MOST_BY_ITSELF;
}

static struct xf_pool *pool_of(struct xray_store *s)
{
    if (!s->pool_tried) {
        s->pool_tried = true;
        s->pool = xf_pool_new(choose_threads(s));
    }
    return s->pool;
}

unsigned xray_store_threads(xray_store *s)
{
    return pool_of(s) != NULL ? xf_pool_threads(s->pool) : 1;
}

struct xf_zframe *xf_ahead_zframe(struct xf_ahead *a, unsigned worker)
{
    struct xray_store *s = a->store;

    if (worker == 0)
        return s->z;
    if (s->worker_z[worker] == NULL)
        s->worker_z[worker] = xf_zframe_new();
    return s->worker_z[worker];
}

static void run_job(struct xf_job *job, unsigned worker)
{
    struct xf_ahead_slot *slot = (struct xf_ahead_slot *)(void *)job; /* its first member */
    struct xf_ahead *a = slot->ahead;
    struct xf_zframe *z = xf_ahead_zframe(a, worker);

    if (z == NULL)
        slot->load.status = XRAY_ENOMEM;
    else if (a->work != NULL)
        a->work(a->ctx, slot, worker);
    else if (xf_load_unpack(&slot->load, z))
        xf_load_decode(&slot->load);
}

/* ---- the ring ------------------------------------------------------------------------------- */

static struct xf_ahead_slot *slot_at(const struct xf_ahead *a, uint32_t i)
{
    return &a->slots[(a->first + i) % XF_AHEAD_SLOTS];
}

int xf_ahead_open(struct xf_ahead *a, xray_error *err)
{
    a->slots = xf_alloc_array(XF_AHEAD_SLOTS, sizeof *a->slots);
    if (a->slots == NULL)
        return xf_fail_memory(err);
    for (size_t i = 0; i < XF_AHEAD_SLOTS; i++) {
        a->slots[i].job.run = run_job;
        a->slots[i].ahead = a;
    }
    a->pool = pool_of(a->store);
    if (a->pool != NULL && a->most_threads > 0 && a->most_threads < xf_pool_threads(a->pool))
        a->pool = NULL;
    return XRAY_OK;
}

/* A block of usual size takes a megabyte, which costs as much to get from the system, page by page, as to fill: the memory of
 * those that nobody keeps is used again. */
static void put_spare(struct xf_ahead *a, struct xf_cached *e)
{
    const size_t bytes = e->body.cap + e->arena.held;

    if (bytes > XF_AHEAD_BYTES - a->spare_bytes) {
        xf_cached_free(e);
        return;
    }
    e->bytes = bytes;
    e->chain = a->spares;
    a->spares = e;
    a->spare_bytes += bytes;
}

static struct xf_cached *take_spare(struct xf_ahead *a)
{
    struct xf_cached *e = a->spares;

    if (e != NULL) {
        a->spares = e->chain;
        a->spare_bytes -= e->bytes;
    }
    return e;
}

/* The first block leaves the ring. */
static void remove_first(struct xf_ahead *a)
{
    struct xf_ahead_slot *slot = slot_at(a, 0);

    if (slot->begun)
        a->bytes -= slot->load.header.raw_len;
    if (slot->load.entry != NULL)
        put_spare(a, slot->load.entry);
    slot->load.entry = NULL;
    if (slot->result != NULL && a->free_result != NULL)
        a->free_result(slot->result);
    slot->begun = slot->handed = false;
    slot->result = NULL;
    a->first = (a->first + 1) % XF_AHEAD_SLOTS;
    a->count--;
    a->taken = false;
}

void xf_ahead_close(struct xf_ahead *a)
{
    if (a->slots == NULL)
        return;
    for (; a->count > 0; remove_first(a))
        if (slot_at(a, 0)->handed)
            xf_pool_cancel(a->pool, &slot_at(a, 0)->job);
    for (struct xf_cached *e; (e = take_spare(a)) != NULL;)
        xf_cached_free(e);
    for (size_t i = 0; i < XF_AHEAD_SLOTS; i++)
        xray_buffer_free(&a->slots[i].load.stored);
    xf_free(a->slots);
    a->slots = NULL;
}

/* Is it in the cache, or known to be bad? Then there is nothing to do ahead. */
static bool is_settled(const struct xf_ahead *a, uint32_t segment, uint32_t block)
{
    return a->store->parts[segment].seg->blocks[block].bad ||
           (a->work == NULL && xf_cache_has(&a->store->cache, segment, block));
}

/* Puts the next block in, if there is one. */
static int add_next(struct xf_ahead *a, xray_error *err)
{
    struct xf_ahead_slot *slot = slot_at(a, a->count);
    int r = XRAY_OK;

    if (!a->next(a->ctx, &slot->segment, &slot->block)) {
        a->ended = true;
        return XRAY_OK;
    }
    if (!is_settled(a, slot->segment, slot->block)) {
        xf_expect_read(&a->expect, a->store, slot->segment, slot->block);
        slot->load.spare = take_spare(a);
        r = xf_load_begin(&slot->load, a->store, slot->segment, slot->block, err);
        if (r < 0)
            return r;
        slot->load.light = a->light;
        slot->begun = true;
        a->bytes += slot->load.header.raw_len;
        /* The owner is about to wait for the first one, and does that itself: of a segment that has no other, no thread
         * is woken for it. The list of runs of 1,000 segments takes an eighth less so. */
        slot->handed = a->pool != NULL && a->count > 0;
        if (slot->handed)
            xf_pool_submit(a->pool, &slot->job);
    }
    a->count++;
    return r;
}

/* Two blocks for each thread, and two that are used, keep all busy; more would take memory that is not in any processor's cache. */
static uint32_t most_slots(const struct xf_ahead *a)
{
    const unsigned most = a->pool != NULL ? 2 * xf_pool_threads(a->pool) + 2 : 1;

    return most < XF_AHEAD_SLOTS ? most : XF_AHEAD_SLOTS;
}

static int fill(struct xf_ahead *a, xray_error *err)
{
    const uint32_t most = most_slots(a);
    int r = XRAY_OK;

    while (!a->ended && r >= 0 && (a->count == 0 || (a->count < most && a->bytes < XF_AHEAD_BYTES)))
        r = add_next(a, err);
    return r;
}

/* The next one, done. 1, 0 at the end. */
static int take(struct xf_ahead *a, struct xf_ahead_slot **out, xray_error *err)
{
    struct xf_ahead_slot *slot;
    int r;

    if (a->taken)
        remove_first(a);
    r = fill(a, err);
    if (r < 0 || a->count == 0)
        return r;
    slot = slot_at(a, 0);
    a->taken = true;
    if (slot->handed)
        xf_pool_wait(a->pool, &slot->job);
    else if (slot->begun)
        run_job(&slot->job, 0);
    *out = slot;
    return 1;
}

int xf_ahead_take(struct xf_ahead *a, struct xf_ahead_slot **out, xray_error *err)
{
    for (;;) {
        struct xf_ahead_slot *slot;
        int r = take(a, &slot, err);

        if (r <= 0)
            return r;
        if (!slot->begun || a->store->parts[slot->segment].seg->blocks[slot->block].bad)
            continue; /* told before */
        r = xf_load_finish(&slot->load, a->store, err);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        *out = slot;
        return 1;
    }
}

static int give_away(struct xf_load *l, struct xf_cached **out)
{
    *out = l->entry;
    l->entry = NULL;
    return 1;
}

/* Others may have loaded the block meanwhile, or found it to be bad, or what was in the cache may have left it. */
int xf_ahead_next(struct xf_ahead *a, struct xf_cached **out, xray_error *err)
{
    for (;;) {
        struct xf_ahead_slot *slot;
        int r = take(a, &slot, err);

        if (r <= 0)
            return r;
        if (!slot->begun || is_settled(a, slot->segment, slot->block))
            r = xf_block_load_part(a->store, slot->segment, slot->block, a->light, out, err);
        else if ((r = xf_load_finish(&slot->load, a->store, err)) > 0)
            r = a->passes ? give_away(&slot->load, out) : xf_load_keep(&slot->load, a->store, out, err);
        if (r != 0)
            return r;
    }
}

void xf_ahead_release(struct xf_ahead *a, struct xf_cached *e)
{
    if (e != NULL && !e->in_cache)
        put_spare(a, e);
    else
        xf_block_release(a->store, e);
}
