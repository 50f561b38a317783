/* Searching all payload (hits.h). Threads read blocks, look for the bytes that a match needs, and visit
 * what may match; the owner of the store puts the bits together in the order of the file, because a
 * skeleton matches as well if a part of it does that stands in any block before. */
#include "base/fail.h"
#include "base/mem.h"
#include "store/hits.h"

struct builder {
    struct xray_hits *h;
    struct xray_store *s;
    uint32_t rank, block; /* what is loaded next */
    size_t kept;          /* bytes of blocks that were given to the cache */
};

struct found { /* in one block */
    uint64_t *part_bits, *value_bits; /* NULL: nothing was visited */
};

static void free_found(void *result)
{
    struct found *f = result;

    if (f == NULL)
        return;
    xf_free(f->part_bits);
    xf_free(f->value_bits);
    xf_free(f);
}

/* ---- in any thread -------------------------------------------------------------------------- */

static void set_bit(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << i % 64;
}

/* The element to be visited next, from `i` on; `count`: none. */
static uint32_t find_element(const struct xray_hits *h, void *ctx, const uint8_t *body, const uint32_t *offsets,
                             uint32_t i, uint32_t count)
{
    size_t left, off;

    if (h->visitor.find == NULL || i == count)
        return i;
    left = offsets[count] - offsets[i];
    off = h->visitor.find(ctx, body + offsets[i], left);
    if (off >= left)
        return count;
    off += offsets[i];
    while (offsets[i + 1] <= off)
        i++;
    return i;
}

/* Visits those of the elements, `offsets[0..count]` of the body, in which something is found. */
static void visit_elements(struct xray_hits *h, void *ctx, const uint8_t *body, const uint32_t *offsets,
                           uint32_t count, uint64_t *bits)
{
    uint32_t i = 0;

    while ((i = find_element(h, ctx, body, offsets, i, count)) < count) {
        int r;

        if (atomic_load_explicit(&h->stopped, memory_order_relaxed))
            return;
        r = h->visitor.visit(ctx, body + offsets[i], offsets[i + 1] - offsets[i]);
        if (r > 0)
            set_bit(bits, i);
        if (r < 0)
            atomic_store(&h->stopped, true);
        i++;
    }
}

static struct found *new_found(const struct xf_payload *p)
{
    struct found *f = xf_alloc(sizeof *f);

    if (f == NULL)
        return NULL;
    f->part_bits = xf_alloc_array((size_t)p->part_count / 64 + 1, sizeof *f->part_bits);
    f->value_bits = xf_alloc_array((size_t)p->value_count / 64 + 1, sizeof *f->value_bits);
    if (f->part_bits == NULL || f->value_bits == NULL) {
        free_found(f);
        return NULL;
    }
    return f;
}

/* A block in which nothing is found need not be decoded, unless it may refer to what was found before. */
static void search_block(void *ctx, struct xf_ahead_slot *slot, unsigned worker)
{
    struct builder *b = ctx;
    struct xray_hits *h = b->h;
    struct xf_load *l = &slot->load;
    struct xf_zframe *z = xf_ahead_zframe(slot->ahead, worker);
    const struct xf_payload *p = &l->entry->as.payload;
    struct found *f;

    if (!xf_load_unpack(l, z))
        return;
    if (!xf_hits_found(h, h->visitor.contexts[worker], l->entry->body.data, l->entry->body.len)) {
        if (atomic_load_explicit(&h->segments[slot->segment].any, memory_order_relaxed))
            xf_load_decode(l);
        return;
    }
    if (!xf_load_decode(l))
        return;
    f = new_found(p);
    if (f == NULL) {
        l->status = XRAY_ENOMEM;
        return;
    }
    visit_elements(h, h->visitor.contexts[worker], p->body, p->parts, p->part_count, f->part_bits);
    visit_elements(h, h->visitor.contexts[worker], p->body, p->values, p->value_count, f->value_bits);
    slot->result = f;
}

/* ---- by the owner ---------------------------------------------------------------------------- */

/* Takes over the bits, and counts those of parts. */
static bool set_bits(struct xf_block_hits *b, struct found *f)
{
    const uint32_t words = (b->parts + 63) / 64;

    b->rank = xf_alloc_array((size_t)words + 1, sizeof *b->rank);
    if (b->rank == NULL)
        return false;
    for (uint32_t w = 0; w < words; w++)
        b->rank[w + 1] = b->rank[w] + (uint32_t)__builtin_popcountll(f->part_bits[w]);
    b->matches = b->rank[words];
    b->part_bits = f->part_bits;
    b->value_bits = f->value_bits;
    f->part_bits = f->value_bits = NULL;
    return true;
}

/* The block's entry. NULL: memory is out. */
static struct xf_block_hits *add_block(struct xf_segment_hits *hits, const struct xf_segment *seg, uint32_t block,
                                       struct found *f)
{
    void *blocks = hits->blocks;
    const bool room = xf_store_grow(&blocks, hits->count, &hits->cap, sizeof *hits->blocks);
    struct xf_block_hits *b;

    hits->blocks = blocks;
    if (!room)
        return NULL;
    b = &hits->blocks[hits->count];
    *b = (struct xf_block_hits){
        .block = block,
        .first = seg->blocks[block].first,
        .first2 = seg->blocks[block].first2,
        .parts = seg->blocks[block].rows,
        .values = seg->blocks[block].rows2,
        .before = hits->count > 0 ? b[-1].before + b[-1].matches : 0,
    };
    if (f != NULL && !set_bits(b, f))
        return NULL;
    hits->count++;
    return b;
}

/* Whether the index says that no text in the block matches. */
static bool is_left_out(const struct xf_segment_hits *hits, uint32_t block)
{
    return block < hits->grams.blocks && !hits->grams.may_hold[block];
}

/* Entries for the blocks that were left out, up to this one. */
static bool catch_up(struct builder *b, uint32_t segment, uint32_t number)
{
    struct xf_segment_hits *hits = &b->h->segments[segment];
    const struct xf_segment *seg = b->s->parts[segment].seg;

    for (; hits->passed < number; hits->passed++) {
        const uint32_t block = seg->payload[hits->passed];

        if (is_left_out(hits, block) && add_block(hits, seg, block, NULL) == NULL)
            return false;
    }
    return true;
}

/* Refers to nothing that matches, as far as the index knows. */
static bool needs_no_look(const struct xf_segment_hits *hits, const struct xf_segment *seg, const struct xf_block_hits *b)
{
    return b->before + b->matches == 0 ||
           (b->matches == 0 && hits->found != NULL && !xf_grams_refers(&hits->grams, seg, b->block, hits->found));
}

static int take_block(struct builder *b, struct xf_ahead_slot *slot, xray_error *err)
{
    const struct xf_segment *seg = b->s->parts[slot->segment].seg;
    struct xf_segment_hits *hits = &b->h->segments[slot->segment];
    struct xf_load *l = &slot->load;
    struct xf_block_hits *block;

    if (!catch_up(b, slot->segment, xf_segment_payload_number(seg, slot->block)))
        return xf_fail_memory(err);
    hits->passed++;
    block = add_block(hits, seg, slot->block, slot->result);
    if (block == NULL)
        return xf_fail_memory(err);
    if (!needs_no_look(hits, seg, block)) {
        if (!xf_load_decode(l))
            return xf_load_report(l, b->s, err);
        if (!xf_hits_add_references(hits, block, &l->entry->as.payload))
            return xf_fail_memory(err);
    }
    xf_hits_note(hits, seg, block);
    if (slot->result != NULL && b->kept < XF_AHEAD_BYTES && !xf_cache_has(&b->s->cache, slot->segment, slot->block)) {
        struct xf_cached *e; /* what matches is likely to be asked for; but not much of it, from the first on */
        const int r = xf_load_keep(l, b->s, &e, err);

        if (r < 0)
            return r;
        b->kept += l->header.raw_len;
        xf_block_release(b->s, e);
    }
    return XRAY_OK;
}

static bool next_payload(void *ctx, uint32_t *segment, uint32_t *block)
{
    struct builder *b = ctx;

    if (atomic_load(&b->h->stopped))
        return false;
    for (; b->rank < b->s->part_count; b->rank++, b->block = 0) {
        const struct xf_segment *seg = b->s->parts[b->s->order[b->rank]].seg;

        *segment = b->s->order[b->rank];
        while (b->block < seg->payload_count) {
            *block = seg->payload[b->block++];
            if (!is_left_out(&b->h->segments[*segment], *block))
                return true;
        }
    }
    return false;
}

static int search_payload(struct builder *b, xray_error *err)
{
    struct xf_ahead ahead = {
        .store = b->s,
        .next = next_payload,
        .work = search_block,
        .free_result = free_found,
        .ctx = b,
        .most_threads = b->h->visitor.context_count,
    };
    struct xf_ahead_slot *slot;
    int r = xf_ahead_open(&ahead, err);

    while (r >= 0 && (r = xf_ahead_take(&ahead, &slot, err)) > 0)
        r = take_block(b, slot, err);
    xf_ahead_close(&ahead);
    for (uint32_t i = 0; i < b->s->part_count && r >= 0; i++)
        if (!catch_up(b, i, b->s->parts[i].seg->payload_count))
            r = xf_fail_memory(err);
    return r;
}

/* What the index of a segment says of the needles. */
static int ask_index(struct xray_hits *h, struct xray_store *s, uint32_t segment, xray_error *err)
{
    const struct xf_segment *seg = s->parts[segment].seg;
    struct xf_segment_hits *hits = &h->segments[segment];
    const int r = xf_grams_ask(&hits->grams, s, segment, h->visitor.needles, h->visitor.needle_count, err);

    if (r <= 0)
        return r;
    hits->found = xf_alloc_array(seg->payload_count, sizeof *hits->found);
    return hits->found != NULL ? XRAY_OK : xf_fail_memory(err);
}

static int ask_indexes(struct xray_hits *h, struct xray_store *s, xray_error *err)
{
    int r = XRAY_OK;

    for (uint32_t i = 0; i < s->part_count && h->visitor.needle_count > 0 && r >= 0; i++)
        r = ask_index(h, s, i, err);
    return r;
}

int xray_hits_build(xray_hits **out, xray_store *s, const xray_visitor *visitor, xray_error *err)
{
    struct builder b = {.s = s, .h = xf_alloc(sizeof *b.h)};
    int r;

    if (b.h == NULL)
        return xf_fail_memory(err);
    b.h->visitor = *visitor;
    b.h->seed = s->seed;
    b.h->segments = xf_alloc_array(s->part_count, sizeof *b.h->segments);
    if (b.h->segments == NULL) {
        xray_hits_free(b.h);
        return xf_fail_memory(err);
    }
    b.h->segment_count = s->part_count;
    r = ask_indexes(b.h, s, err);
    b.h->visitor.needles = NULL; /* it is the caller's */
    if (r >= 0)
        r = search_payload(&b, err);
    if (r >= 0)
        r = xf_hits_follow(b.h, s, err);
    b.h->store = s;
    b.h->owners_due = visitor->events && !atomic_load(&b.h->stopped);
    if (r < 0) {
        xray_hits_free(b.h);
        return r;
    }
    r = atomic_load(&b.h->stopped);
    *out = b.h;
    return r;
}
