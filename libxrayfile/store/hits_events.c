/* Whose events match (hits.h). Most blocks of candidates are settled by looking for the needle in their raw
 * bytes; but ids may be packed, and evidence may refer to payload: these are looked at where they are. Only a
 * block that can hold a match is decoded, and then tells which batches do. */
#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "codec/idcol.h"
#include "store/hits.h"

/* More owners than this are most of the store: then it is no use to know them. */
#define OWNERS_MAX ((uint32_t)4 << 20)

struct finder {
    struct xray_hits *h;
    struct xray_store *s;
    uint32_t rank, block; /* what is loaded next */
};

struct owners { /* of one block */
    uint64_t *hashes;
    uint32_t count, cap;
};

static void free_owners(void *result)
{
    struct owners *o = result;

    if (o != NULL)
        xf_free(o->hashes);
    xf_free(o);
}

static bool add_hash(uint64_t **hashes, uint32_t *count, uint32_t *cap, uint64_t hash)
{
    void *p = *hashes;
    const bool room = xf_store_grow(&p, *count, cap, sizeof **hashes);

    *hashes = p;
    if (room)
        (*hashes)[(*count)++] = hash;
    return room;
}

/* ---- can the block hold a match? --------------------------------------------------------------- */

static bool stands_in(xray_str part, xray_str whole)
{
    return whole.len > 0 && part.ptr >= whole.ptr && part.ptr < whole.ptr + whole.len;
}

/* Is something found in a text, and not only in the bytes of a packed column, where short needles turn up by
 * chance, or across two texts? With `values`: in one that is not in a dictionary of reasons and keys. */
static bool texts_match(const struct xray_hits *h, void *ctx, xray_str body, bool values)
{
    xray_mp c = xray_mp_over(body.ptr, body.len);
    xray_str strings = {NULL, 0}, keys = {NULL, 0};
    xray_mp_item item;

    if (!xf_hits_found(h, ctx, body.ptr, body.len))
        return false;
    if (h->visitor.find == NULL)
        return true;
    if (values) {
        xf_mp_find(body, "strings", &strings);
        xf_mp_find(body, "keys", &keys);
    }
    while (xf_mp_next_of(&c, XF_MP_TEXTS | XF_MP_EXTS, &item))
        if (!stands_in(item.bytes, strings) && !stands_in(item.bytes, keys) &&
            xf_hits_found(h, ctx, item.bytes.ptr, item.bytes.len))
            return true;
    return c.bad;
}

/* Ids that do not stand there as they read (spec 8.3). */
static bool packed_ids_match(const struct xray_hits *h, void *ctx, xray_str body, bool *no_memory)
{
    struct xf_arena arena = {0};
    const xray_str *ids = NULL;
    xray_str column, prefix;
    uint32_t count = 0;
    bool found = false;

    if (!xf_mp_find(body, "items", &column) || !xf_mp_find(column, "prefix", &prefix))
        return false;
    if (h->visitor.not_hex && prefix.len == 1) /* an empty one */
        return false;
    *no_memory = xf_idcol_decode(column, &arena, &ids, &count, NULL) == XRAY_ENOMEM;
    for (uint32_t i = 0; i < count && !found; i++)
        found = xf_hits_found(h, ctx, ids[i].ptr, ids[i].len);
    xf_arena_done(&arena);
    return found;
}

/* Anything in the body that refers to payload that matches. */
static bool refers(const struct xray_hits *h, uint32_t segment, xray_str body)
{
    const struct xf_segment_hits *seg = &h->segments[segment];

    return atomic_load_explicit(&seg->any, memory_order_relaxed) && xf_hits_refers(seg, body);
}

/* ---- whose are they? ------------------------------------------------------------------------------ */

struct block { /* one that is decoded */
    const struct xray_hits *h;
    void *ctx;
    const struct xf_cands *c;
    uint32_t segment;
    bool values;          /* evidence could match, beside ids and reasons */
    bool *items, *shapes; /* those that match */
    struct xf_cands_cursor *cursor;
    struct xf_cand_room room;
    struct xf_arena arena;
    struct owners *out;
};

static bool text_matches(const struct block *b, xray_str text)
{
    return b->h->visitor.text(b->ctx, text);
}

static bool shape_matches(const struct block *b, const struct xf_shape *s)
{
    for (uint32_t i = 0; i < s->reason_count; i++)
        if (text_matches(b, s->reasons[i].code) ||
            (s->reasons[i].rule.len > 0 && text_matches(b, s->reasons[i].rule)))
            return true;
    for (uint32_t i = 0; i < s->key_count; i++)
        if (text_matches(b, s->key_names[i]))
            return true;
    return false;
}

static bool prepare(struct block *b)
{
    const struct xf_cands *c = b->c;

    b->items = xf_arena_alloc(&b->arena, (size_t)c->item_count + 1);
    b->shapes = xf_arena_alloc(&b->arena, (size_t)c->shape_count + 1);
    b->cursor = xf_arena_alloc(&b->arena, c->cursor_len);
    b->room.values = xf_arena_alloc(&b->arena, ((size_t)c->max_keys + 1) * sizeof *b->room.values);
    b->room.rebuilt = xf_arena_alloc(&b->arena, ((size_t)c->max_keys + 1) * sizeof *b->room.rebuilt);
    if (b->items == NULL || b->shapes == NULL || b->cursor == NULL || b->room.values == NULL ||
        b->room.rebuilt == NULL)
        return false;
    for (uint32_t i = 0; i < c->item_count; i++)
        b->items[i] = text_matches(b, c->items[i]);
    for (uint32_t i = 0; i < c->shape_count; i++)
        b->shapes[i] = shape_matches(b, &c->shapes[i]);
    return true;
}

static bool candidate_matches(const struct block *b, const struct xf_cand *cand)
{
    if (b->items[cand->item] || b->shapes[cand->shape - b->c->shapes])
        return true;
    for (uint32_t i = 0; i < cand->shape->key_count; i++)
        if (xf_hits_test(b->h, b->ctx, b->segment, b->room.values[i]))
            return true;
    return (cand->fields & XRAY_HAS_EVIDENCE) != 0 && xf_hits_test(b->h, b->ctx, b->segment, cand->evidence);
}

static bool batch_matches(struct block *b, uint32_t number)
{
    xf_cands_seek(b->c, number, b->cursor, &b->room);
    for (uint32_t i = 0; i < b->c->batches[number].count; i++) {
        struct xf_cand cand;

        if (!xf_cands_take(b->c, b->cursor, &cand, &b->room))
            return true; /* cannot be */
        if (candidate_matches(b, &cand))
            return true;
    }
    return false;
}

static bool add_owner(struct block *b, uint32_t run, int64_t step)
{
    const uint8_t *id = b->c->run_ids + (size_t)run * 16;
    struct owners *o = b->out;

    return add_hash(&o->hashes, &o->count, &o->cap, xf_hits_run(b->h, id)) &&
           add_hash(&o->hashes, &o->count, &o->cap, xf_hits_step(b->h, id, step));
}

/* Of all candidates only shape and item are looked at, in one go. */
static bool find_by_heads(struct block *b)
{
    bool good = true;

    if (b->c->batch_count > 0)
        xf_cands_seek(b->c, 0, b->cursor, &b->room);
    for (uint32_t i = 0; i < b->c->batch_count && good; i++) {
        const struct xf_batch *batch = &b->c->batches[i];
        struct xf_cand cand;
        bool found = false;

        for (uint32_t n = 0; n < batch->count && xf_cands_take_head(b->c, b->cursor, &cand); n++)
            found |= b->items[cand.item] || b->shapes[cand.shape - b->c->shapes];
        if (found)
            good = add_owner(b, batch->run, batch->step);
    }
    return good;
}

static bool row_matches(const struct block *b, const struct xf_event_rows *rows, uint32_t row)
{
    const xray_str name = xf_slice_text(b->c->body, xf_cell_slice(rows->columns[XF_EVENT_NAME], row));
    const struct xf_slice body = xf_cell_slice(rows->columns[XF_EVENT_BODY], row);

    return (name.len > 0 && text_matches(b, name)) ||
           (body.off != 0 && xf_hits_test(b->h, b->ctx, b->segment, xf_slice_text(b->c->body, body)));
}

static bool find_in_rows(struct block *b, const struct xf_event_rows *rows)
{
    bool good = true;

    for (uint32_t i = 0; i < rows->count && good; i++)
        if (row_matches(b, rows, i))
            good = add_owner(b, (uint32_t)xf_cell_int(rows->columns[XF_EVENT_RUN], i),
                             xf_cell_int(rows->columns[XF_EVENT_STEP], i));
    return good;
}

static bool find_in_block(struct block *b)
{
    bool good = prepare(b);

    if (good && !b->values)
        good = find_by_heads(b);
    else
        for (uint32_t i = 0; i < b->c->batch_count && good; i++)
            if (batch_matches(b, i))
                good = add_owner(b, b->c->batches[i].run, b->c->batches[i].step);
    return good && find_in_rows(b, &b->c->decisions) && find_in_rows(b, &b->c->notes);
}

/* In any thread. */
static void search_block(void *ctx, struct xf_ahead_slot *slot, unsigned worker)
{
    const struct finder *f = ctx;
    struct xf_load *l = &slot->load;
    struct block b = {
        .h = f->h, .ctx = f->h->visitor.contexts[worker], .c = &l->entry->as.cands, .segment = slot->segment};
    struct xf_zframe *z = xf_ahead_zframe(slot->ahead, worker);
    bool no_memory = false;
    xray_str body;

    if (!xf_load_unpack(l, z))
        return;
    body = xray_strn((const char *)l->entry->body.data, l->entry->body.len);
    if (!texts_match(f->h, b.ctx, body, false) && !packed_ids_match(f->h, b.ctx, body, &no_memory) &&
        !no_memory && !refers(f->h, slot->segment, body))
        return;
    if (!xf_load_decode(l))
        return;
    b.values = texts_match(f->h, b.ctx, body, true) || refers(f->h, slot->segment, body);
    b.out = slot->result = xf_alloc(sizeof *b.out);
    if (b.out == NULL || !find_in_block(&b))
        l->status = XRAY_ENOMEM;
    xf_arena_done(&b.arena);
}

/* ---- by the owner ---------------------------------------------------------------------------------- */

static bool next_candidates(void *ctx, uint32_t *segment, uint32_t *block)
{
    struct finder *f = ctx;

    for (; f->rank < f->s->part_count && f->h->knows_owners; f->rank++, f->block = 0) {
        const struct xf_segment *seg = f->s->parts[f->s->order[f->rank]].seg;
        const struct xf_segment_hits *hits;

        *segment = f->s->order[f->rank];
        hits = &f->h->segments[*segment];
        while (f->block < seg->block_count) {
            *block = f->block++;
            if (seg->blocks[*block].kind != XF_CANDIDATES)
                continue;
            if (!xf_hits_rules_out(hits, seg, *block))
                return true;
            f->s->stats.blocks_skipped++;
        }
    }
    return false;
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool take_owners(struct xray_hits *h, const struct owners *o)
{
    for (uint32_t i = 0; o != NULL && i < o->count; i++)
        if (!add_hash(&h->owners, &h->owner_count, &h->owner_cap, o->hashes[i]))
            return false;
    h->knows_owners = h->owner_count <= OWNERS_MAX;
    return true;
}

int xf_hits_find_owners(struct xray_hits *h, struct xray_store *s, xray_error *err)
{
    struct finder f = {.h = h, .s = s};
    struct xf_ahead ahead = {
        .store = s,
        .next = next_candidates,
        .work = search_block,
        .free_result = free_owners,
        .ctx = &f,
        .most_threads = h->visitor.context_count,
    };
    struct xf_ahead_slot *slot;
    int r = xf_ahead_open(&ahead, err);

    h->knows_owners = true;
    while (r >= 0 && (r = xf_ahead_take(&ahead, &slot, err)) > 0)
        if (!take_owners(h, slot->result))
            r = xf_fail_memory(err);
    xf_ahead_close(&ahead);
    if (r >= 0 && h->owner_count > 1)
        qsort(h->owners, h->owner_count, sizeof *h->owners, compare_hashes);
    return r;
}
