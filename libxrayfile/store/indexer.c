/* Making an index (indexer.h). It sees the segment as every reader does: what it says of a run
 * was taken from the same joined records that queries are tested on. */
#include "store/indexer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/fuse.h"
#include "os/file.h"
#include "store/indexuse.h"

enum { ITEM_HEAD = 8, ITEM_ENTRY = 12, AUTO_LEAST = 2, AUTO_MOST = 8, KEYS_ENOUGH = 1 << 18, TRIES_FEW = 4, TRIES_MANY = 100 };

/* ---- items ---- */

static int compare_keys(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Keys of filters that are being gathered: of neighbouring blocks, so that each filter has many, which is what makes
 * it small. */
struct gathering {
    struct xray_store *s;
    unsigned item_bits;
    uint64_t *keys;
    uint32_t count, cap;
    uint32_t first_block;
    uint64_t stored; /* bytes of its blocks */
    xray_buffer table, data;
};

/* As many bits as 2.5 % of the blocks pays for (index-file.md, 3.3). */
static unsigned choose_bits(uint32_t keys, uint64_t stored)
{
    unsigned bits = AUTO_LEAST;

    while (bits < AUTO_MOST && xf_fuse_len(keys, bits + 1) <= stored / 40)
        bits++;
    return bits;
}

static void drop_doubles(struct gathering *g)
{
    uint32_t kept = 0;

    if (g->count > 1)
        qsort(g->keys, g->count, sizeof *g->keys, compare_keys);
    for (uint32_t i = 0; i < g->count; i++)
        if (i == 0 || g->keys[i] != g->keys[i - 1])
            g->keys[kept++] = g->keys[i];
    g->count = kept;
}

/* A block's items are distinct, and so are their hashes: only in a block of somebody's making, or once in 2^64, are
 * they not, and only then is the sort worth its while. */
static int build_filter(struct gathering *g)
{
    const unsigned bits = g->item_bits > 0 ? g->item_bits : choose_bits(g->count, g->stored);
    const int r = xf_fuse_build(g->keys, g->count, bits, TRIES_FEW, &g->data);

    if (r != 0)
        return r;
    drop_doubles(g);
    return xf_fuse_build(g->keys, g->count, bits, TRIES_MANY, &g->data);
}

static bool end_filter(struct gathering *g)
{
    const size_t off = g->data.len;
    uint8_t *p;
    int r;

    if (g->count == 0)
        return true;
    r = build_filter(g);
    p = r >= 0 ? xf_buf_extend(&g->table, ITEM_ENTRY) : NULL;
    if (p == NULL)
        return false;
    xf_put_u32(p, g->first_block);
    xf_put_u32(p + 4, (uint32_t)off);
    xf_put_u32(p + 8, (uint32_t)(g->data.len - off)); /* 0: none was found, and the blocks may hold anything */
    g->count = 0;
    g->stored = 0;
    return true;
}

static bool add_keys(struct gathering *g, const struct xf_cands *c, uint32_t block)
{
    uint64_t *keys;

    if (c->item_count > XF_FUSE_KEYS_MAX - g->count && !end_filter(g))
        return false;
    if (g->count == 0)
        g->first_block = block;
    if (g->cap - g->count < c->item_count) {
        keys = xf_resize_array(g->keys, (size_t)g->count + c->item_count, sizeof *keys);
        if (keys == NULL)
            return false;
        g->keys = keys;
        g->cap = g->count + c->item_count;
    }
    for (uint32_t i = 0; i < c->item_count; i++)
        g->keys[g->count++] = xf_index_item_key(xf_hash64(c->items[i].ptr, c->items[i].len, 0), block);
    g->stored += g->s->parts[0].seg->blocks[block].stored_len;
    return true;
}

static int gather(struct gathering *g, uint32_t block, xray_error *err)
{
    struct xf_cached *e;
    bool good;
    int r = xf_block_load(g->s, 0, block, &e, err);

    if (r <= 0)
        return r;
    good = add_keys(g, &e->as.cands, block) && (g->count < KEYS_ENOUGH || end_filter(g));
    xf_block_release(g->s, e);
    return good ? XRAY_OK : xf_fail_memory(err);
}

int xf_indexer_items(struct xray_store *s, unsigned item_bits, xray_buffer *out, xray_error *err)
{
    const struct xf_segment *seg = s->parts[0].seg;
    struct gathering g = {.s = s, .item_bits = item_bits};
    uint8_t head[ITEM_HEAD];
    int r = XRAY_OK;

    for (uint32_t i = 0; i < seg->block_count && r >= 0; i++)
        if (seg->blocks[i].kind == XF_CANDIDATES)
            r = gather(&g, i, err);
    if (r >= 0 && !end_filter(&g))
        r = xf_fail_memory(err);
    xf_put_u32(head, (uint32_t)(g.table.len / ITEM_ENTRY));
    xf_put_u32(head + 4, item_bits);
    for (size_t i = 0; i + ITEM_ENTRY <= g.table.len; i += ITEM_ENTRY)
        xf_put_u32(g.table.data + i + 4,
                   (uint32_t)(xf_get_u32(g.table.data + i + 4) + sizeof head + g.table.len));
    xf_buf_put(out, head, sizeof head);
    xf_buf_put(out, g.table.data, g.table.len);
    xf_buf_put(out, g.data.data, g.data.len);
    if (r >= 0 && (out->failed || g.table.failed || g.data.failed))
        r = xf_fail_memory(err);
    xray_buffer_free(&g.table);
    xray_buffer_free(&g.data);
    xf_free(g.keys);
    return r;
}

/* ---- steps ---- */

/* The spine block with the last of a run's rows. */
static uint32_t home_of(const struct xf_run_list *list, uint32_t run)
{
    uint32_t home = 0;

    for (uint32_t p = list->runs[run].first_place; p != XF_NO_PLACE; p = list->places[p].next)
        home = list->places[p].block;
    return home;
}

int xf_indexer_steps(struct xray_store *s, const struct xf_run_list *list, xray_buffer *out, xray_error *err)
{
    struct xf_summary *summary = xf_summary_new(list->count);
    int r = summary != NULL ? XRAY_OK : xf_fail_memory(err);

    for (uint32_t i = 0; i < list->count && r >= 0; i++) {
        xray_trace *t;
        size_t count;
        const xray_step_record *records;

        r = xray_trace_open(&t, s, i, err);
        if (r < 0)
            break;
        records = xray_trace_steps(t, &count);
        r = xf_summary_add(summary, s, i, xray_trace_run(t), records, count, err);
        xray_trace_close(t);
    }
    if (r >= 0)
        r = xf_summary_put(summary, out, err);
    xf_summary_free(summary);
    return r;
}

/* ---- sums ---- */

/* Of a scan, not of traces: what a funnel sees without an index. */
static int scan_steps(struct xray_store *s, const struct xf_run_list *list, struct xf_sums *sums, xray_error *err)
{
    xray_scan *scan = NULL;
    xray_scan_record record;
    int r = xray_scan_open(&scan, s, XRAY_SCAN_STEP, err);

    while (r >= 0 && (r = xray_scan_next(scan, &record, err)) == 1) {
        const uint32_t run = xf_run_list_find(s, list, record.step->run_id);

        if (run != UINT32_MAX)
            r = xf_sums_add_step(sums, run, record.step, err);
    }
    xray_scan_close(scan);
    return r;
}

int xf_indexer_sums(struct xray_store *s, const struct xf_run_list *list, xray_buffer *out, xray_error *err)
{
    struct xf_sums *sums = xf_sums_new(list->count);
    int r = sums != NULL ? XRAY_OK : xf_fail_memory(err);

    for (uint32_t i = 0; i < list->count && r >= 0; i++) {
        char ext_id[36];
        xray_run_record run;

        xf_run_list_record(s, list, i, ext_id, &run);
        r = xf_sums_add_run(sums, i, home_of(list, i), &run, err);
    }
    if (r >= 0)
        r = scan_steps(s, list, sums, err);
    if (r >= 0)
        r = xf_sums_put(sums, out, err);
    xf_sums_free(sums);
    return r;
}

/* ---- all ---- */

static int refuse(const struct xray_store *s, xray_error *err)
{
    return xf_fail(err, s->problems.list[0].status, XF_NO_POS, "not indexed: %s", s->problems.list[0].message);
}

/* Blocks that follow each other from the beginning, of one segment. */
static int bind(struct xray_store *s, struct xf_index_head *head, xray_error *err)
{
    const struct xf_segment *seg;
    const struct xf_block *last;
    struct xf_file_reader reader = {s, 0};
    const struct xf_source source = xf_file_source(&reader, 0);
    uint8_t bytes[XF_HEADER_LEN];
    size_t got;
    int r;

    if (s->problems.count > 0)
        return refuse(s, err);
    if (s->part_count == 0 || s->parts[0].seg->base != 0)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "not indexed: the file does not begin with a segment");
    if (s->part_count > 1)
        return xf_fail(err, XRAY_EUNSUPPORTED, XF_NO_POS, "not indexed: the file holds %" PRIu32 " segments",
                       s->part_count);
    seg = s->parts[0].seg;
    if (seg->block_count == 0)
        return xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "not indexed: the segment has no blocks yet");
    last = &seg->blocks[seg->block_count - 1];
    if (last->ordinal != seg->block_count - 1 || seg->damaged)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "not indexed: the segment is damaged");
    r = source.read(source.ctx, last->pos, bytes, sizeof bytes, &got, err);
    if (r < 0)
        return r;
    if (got < sizeof bytes)
        return xf_fail(err, XRAY_ETRUNCATED, last->pos, "the file has become shorter");
    *head = (struct xf_index_head){
        .covered = seg->end,
        .blocks = seg->block_count,
        .chain = xf_header_digest(bytes),
        .last_pos = last->pos,
    };
    memcpy(head->segment, seg->id, 16);
    return XRAY_OK;
}

/* One section after the other is made, stored and forgotten: of a million runs each takes much memory. */
static int add_section(struct xf_index_head *head, xray_buffer *image, enum xf_index_kind kind, xray_buffer *raw,
                       struct xray_store *s, int r, xray_error *err)
{
    if (r >= 0)
        r = xf_index_add(head, image, kind, raw, s->z, err);
    xray_buffer_free(raw);
    return r;
}

static int make_sections(struct xray_store *s, unsigned item_bits, struct xf_index_head *head, xray_buffer *image,
                         xray_error *err)
{
    const struct xf_segment *seg = s->parts[0].seg;
    xray_buffer raw = {0};
    int r;

    xf_index_put_blocks(seg, seg->block_count, &raw);
    r = add_section(head, image, XF_INDEX_BLOCKS, &raw, s, XRAY_OK, err);
    xf_run_list_free(s->runs);
    s->runs = NULL;
    if (r >= 0)
        r = xf_run_list_build(s, &s->runs, err);
    if (r >= 0)
        r = add_section(head, image, XF_INDEX_RUNS, &raw, s, xf_run_index_put(s->runs, &raw, err), err);
    if (r >= 0)
        r = add_section(head, image, XF_INDEX_STEPS, &raw, s, xf_indexer_steps(s, s->runs, &raw, err), err);
    if (r >= 0)
        r = add_section(head, image, XF_INDEX_FUNNEL, &raw, s, xf_indexer_sums(s, s->runs, &raw, err), err);
    if (r >= 0)
        r = add_section(head, image, XF_INDEX_ITEMS, &raw, s, xf_indexer_items(s, item_bits, &raw, err), err);
    if (r >= 0 && s->problems.count > 0) /* met while reading: an index must not hide it */
        r = refuse(s, err);
    return r;
}

int xf_indexer_build(struct xray_store *s, unsigned item_bits, struct xf_index_head *head, xray_buffer *image,
                     xray_error *err)
{
    int r = bind(s, head, err);

    if (r >= 0)
        r = xf_index_begin(head, image, err);
    if (r >= 0)
        r = make_sections(s, item_bits, head, image, err);
    if (r >= 0)
        xf_index_finish(head, image);
    return r;
}
