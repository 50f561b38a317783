/* Every record of one candidate (xray_items): an index, where there is one, says which blocks may hold
 * it; the id column of these is asked, then the item column of the blocks that hold it, and only its own rows are taken from all columns. */
#include "base/buf.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/idcol.h"
#include "codec/mpread.h"
#include "store/candidate.h"
#include "store/indexuse.h"

struct xray_items {
    struct xray_store *store;
    xray_buffer item;
    uint64_t hash;
    uint32_t rank, block; /* place of the block that comes next */
    struct xf_cached *held;
    xray_buffer spare; /* of the body that was looked at and not kept: the next one goes there */
    xray_mp column; /* items of the candidates from `row` on */
    int64_t last;   /* dictionary index of the candidate before */
    uint32_t row, batch;
    struct xf_cand_reader reader;
};

int xray_items_open(xray_items **out, xray_store *s, xray_str item, xray_error *err)
{
    xray_items *it = xf_alloc(sizeof *it);

    if (it == NULL)
        return xf_fail_memory(err);
    it->store = s;
    xf_buf_put(&it->item, item.ptr, item.len);
    if (it->item.failed) {
        xray_items_close(it);
        return xf_fail_memory(err);
    }
    it->hash = xf_hash64(item.ptr, item.len, 0);
    *out = it;
    return XRAY_OK;
}

void xray_items_close(xray_items *it)
{
    if (it == NULL)
        return;
    xf_block_release(it->store, it->held);
    xf_cand_reader_done(&it->reader);
    xray_buffer_free(&it->item);
    xray_buffer_free(&it->spare);
    xf_free(it);
}

static xray_str wanted(const xray_items *it)
{
    return xray_strn((const char *)it->item.data, it->item.len);
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* Does the body name the item? Where its id column is malformed it may: decoding tells what is wrong. */
static bool may_name(const xray_items *it, const xray_buffer *body)
{
    xray_str column = {0};

    if (!xf_mp_find(xray_strn((const char *)body->data, body->len), "items", &column))
        return true;
    return xf_idcol_find(column, wanted(it)) != 0;
}

/* xf_block_load, but for a block without the item: that one is not decoded, and 0 is returned. */
static int load(xray_items *it, uint32_t segment, uint32_t block, xray_error *err)
{
    struct xray_store *s = it->store;
    struct xf_load *l = &s->load;
    int r;

    it->held = xf_cache_find(&s->cache, segment, block);
    if (it->held != NULL)
        return 1;
    r = xf_load_begin(l, s, segment, block, err);
    if (r < 0)
        return r;
    l->entry->body = it->spare;
    it->spare = (xray_buffer){0};
    if (xf_load_unpack(l, s->z) && may_name(it, &l->entry->body))
        xf_load_decode(l);
    r = xf_load_finish(l, s, err);
    if (r > 0 && !l->decoded) {
        it->spare = l->entry->body;
        l->entry->body = (xray_buffer){0};
        r = 0;
    }
    if (r > 0)
        r = xf_load_keep(l, s, &it->held, err);
    xf_load_drop(l);
    return r;
}

static int hold(xray_items *it, uint32_t segment, uint32_t block, xray_error *err)
{
    const struct xf_cands *c;
    int r;

    if (!xf_index_may_hold_item(it->store, segment, block, it->hash))
        return 0;
    r = load(it, segment, block, err);
    if (r <= 0)
        return r;
    c = &it->held->as.cands;
    if (!xf_cand_reader_fit(&it->reader, c))
        return xf_fail_memory(err);
    it->row = it->batch = 0;
    it->last = -1;
    it->column = xray_mp_over(NULL, 0);
    if (c->batch_count > 0) {
        xf_cands_seek(c, 0, it->reader.cursor, &it->reader.room);
        it->column = it->reader.cursor->item;
    }
    return 1;
}

/* Holds the next block with the item. 1, or 0: there are no more. */
static int next_block(xray_items *it, xray_error *err)
{
    struct xray_store *s = it->store;
    int r = 0;

    xf_block_release(s, it->held);
    it->held = NULL;
    while (r == 0 && it->rank < s->part_count) {
        const uint32_t segment = s->order[it->rank];
        const struct xf_segment *seg = s->parts[segment].seg;
        const uint32_t block = it->block;

        if (block >= seg->block_count) {
            it->rank++;
            it->block = 0;
            continue;
        }
        it->block++;
        if (seg->blocks[block].kind == XF_CANDIDATES && seg->blocks[block].rows > 0 && !seg->blocks[block].bad)
            r = hold(it, segment, block, err);
    }
    return r;
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Goes to the next row of the item: `row` is behind it then. False: the block has no more. */
static bool next_row(xray_items *it)
{
    const struct xf_cands *c = &it->held->as.cands;
    const xray_str id = wanted(it);
    int64_t delta;

    while (it->row < c->cand_count && xf_mp_take_int_here(&it->column, &delta)) {
        it->last += delta;
        it->row++;

        const xray_str found = c->items[it->last];

        if (found.len == id.len && (id.len == 0 || memcmp(found.ptr, id.ptr, id.len) == 0))
            return true;
    }
    return false;
}

/* The record of the row before `row`. */
static bool take_row(xray_items *it, xray_item_record *out)
{
    const struct xf_cands *c = &it->held->as.cands;
    struct xf_cands_cursor *cursor = it->reader.cursor;
    const struct xf_batch *b;
    struct xf_cand passed;

    while (c->batches[it->batch].first + c->batches[it->batch].count < it->row)
        it->batch++;
    b = &c->batches[it->batch];
    /* Within the batch where the cursor is already, going on is shorter than going back to its mark. */
    if (cursor->next < b->first || cursor->next >= it->row)
        xf_cands_seek(c, it->batch, cursor, &it->reader.room);
    while (cursor->next < it->row - 1)
        if (!xf_cands_take(c, cursor, &passed, &it->reader.room))
            return false;
    if (!xf_cand_reader_next(&it->reader, it->held, b->time, &out->event))
        return false;
    memcpy(out->run_id, c->run_ids + (size_t)b->run * 16, 16);
    memcpy(out->writer_id, it->store->parts[it->held->segment].seg->writer_id, 16);
    out->raw_step = b->step;
    out->segment = it->held->segment;
    return true;
}

int xray_items_next(xray_items *it, xray_item_record *out, xray_error *err)
{
    for (;;) {
        int r;

        if (it->held != NULL && next_row(it) && take_row(it, out))
            return 1;
        r = next_block(it, err);
        if (r <= 0)
            return r;
    }
}
