/* Making an index (indexer.h). It sees the segment as every reader does: what it says of a run
 * was taken from the same joined records that queries are tested on. */
#include "store/indexer.h"

#include <inttypes.h>

#include "base/fail.h"
#include "os/file.h"
#include "store/grams.h"

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

/* ---- items and grams ---- */

static int scan_block(struct xray_store *s, uint32_t block, struct xf_itemtable *items, struct xf_gramtable *grams,
                      xray_error *err)
{
    struct xf_cached *e;
    bool good;
    int r;

    if (grams == NULL && s->parts[0].seg->blocks[block].kind != XF_CANDIDATES)
        return XRAY_OK;
    r = xf_block_load(s, 0, block, &e, err);

    if (r <= 0)
        return r;
    good = (grams == NULL || xf_gramtable_add(grams, e)) && (e->kind != XF_CANDIDATES || xf_itemtable_add(items, e));
    xf_block_release(s, e);
    return good ? XRAY_OK : xf_fail_memory(err);
}

/* One look at all blocks for both. */
static int scan_blocks(struct xray_store *s, const xray_index_options *options, xray_buffer *items, xray_buffer *grams,
                       xray_error *err)
{
    const struct xf_segment *seg = s->parts[0].seg;
    struct xf_itemtable *t = xf_itemtable_new(seg, options->item_bits);
    struct xf_gramtable *g = options->no_grams ? NULL : xf_gramtable_new(seg, options->gram_span);
    int r = t != NULL && (g != NULL || options->no_grams) ? XRAY_OK : xf_fail_memory(err);

    for (uint32_t i = 0; i < seg->block_count && r >= 0; i++)
        r = scan_block(s, i, t, g, err);
    if (r >= 0)
        r = xf_itemtable_put(t, items, err);
    if (r >= 0 && g != NULL)
        r = xf_gramtable_put(g, grams, err);
    xf_itemtable_free(t);
    xf_gramtable_free(g);
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

static int make_sections(struct xray_store *s, const xray_index_options *options, struct xf_index_head *head, xray_buffer *image,
                         xray_error *err)
{
    const struct xf_segment *seg = s->parts[0].seg;
    xray_buffer raw = {0}, grams = {0};
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
        r = add_section(head, image, XF_INDEX_ITEMS, &raw, s, scan_blocks(s, options, &raw, &grams, err), err);
    if (!options->no_grams)
        r = add_section(head, image, XF_INDEX_GRAMS, &grams, s, r, err);
    if (r >= 0 && s->problems.count > 0) /* met while reading: an index must not hide it */
        r = refuse(s, err);
    return r;
}

int xf_indexer_build(struct xray_store *s, const xray_index_options *options, struct xf_index_head *head,
                     xray_buffer *image, xray_error *err)
{
    int r = bind(s, head, err);

    if (r >= 0)
        r = xf_index_begin(head, image, err);
    if (r >= 0)
        r = make_sections(s, options, head, image, err);
    if (r >= 0)
        xf_index_finish(head, image);
    return r;
}
