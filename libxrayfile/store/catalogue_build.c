/* Making the catalogue of a directory of segments (catalogue_build.h): the lists of runs of all segments that can be listed,
 * one after the other; then what is known of a run in one of them is said of all that have it. */
#include "store/catalogue_build.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/catalogue_make.h"

enum { LEVEL = 9 };

/* ---- which segments ------------------------------------------------------------------------- */

static xray_str base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return xray_s(slash != NULL ? slash + 1 : path);
}

/* catalogue.md, 1.2 */
static bool can_be_listed(const struct xray_store *s, const struct xf_part *p)
{
    const struct xf_segment *seg = p->seg;
    const struct xf_file *f = &s->files[p->file];
    bool spine_behind = false;

    if (seg->base != 0 || f->fd >= 0 || seg->index == NULL || seg->index->covered != f->size || seg->end != f->size ||
        seg->damaged || seg->refused || seg->torn_bytes > 0 || seg->skipped_bytes > 0)
        return false;
    for (uint32_t i = seg->block_count; i > 0; i--) {
        const int kind = seg->blocks[i - 1].kind;

        if (kind == XF_LOSS || (kind == XF_CANDIDATES && !spine_behind))
            return false;
        spine_behind = spine_behind || kind == XF_SPINE;
    }
    return true;
}

static bool has_problem(const struct xray_store *s, const char *path)
{
    for (size_t i = 0; i < s->problems.count; i++)
        if (strcmp(s->problems.list[i].path, path) == 0)
            return true;
    return false;
}

struct candidate { /* qsort has no context */
    xray_str name;
    uint32_t part;
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return xf_catalogue_compare(x->name.ptr, x->name.len, y->name.ptr, y->name.len);
}

static int choose_rows(struct xf_maker *b, xray_error *err)
{
    struct xray_store *s = b->s;
    struct candidate *list = xf_alloc_array(s->part_count, sizeof *list);
    uint32_t count = 0;

    b->parts = xf_alloc_array(s->part_count, sizeof *b->parts);
    b->table.rows = xf_alloc_array(s->part_count, sizeof *b->table.rows);
    if (list == NULL || b->parts == NULL || b->table.rows == NULL) {
        xf_free(list);
        return xf_fail_memory(err);
    }
    for (uint32_t i = 0; i < s->part_count; i++) {
        const char *path = s->files[s->parts[i].file].path;

        if (can_be_listed(s, &s->parts[i]) && (s->problems.count == 0 || !has_problem(s, path)))
            list[count++] = (struct candidate){base_name(path), i};
    }
    qsort(list, count, sizeof *list, compare_candidates);
    for (uint32_t row = 0; row < count; row++) {
        const struct xf_part *p = &s->parts[list[row].part];

        b->parts[row] = list[row].part;
        b->table.rows[row] = (struct xf_catalogue_row){
            .name = list[row].name,
            .size = s->files[p->file].size,
            .sealed = p->seg->sealed,
            .inode = s->files[p->file].inode,
            .start_min = XRAY_MISSING,
            .start_max = XRAY_MISSING,
        };
        memcpy(b->table.rows[row].id, p->seg->id, sizeof b->table.rows[row].id);
    }
    b->table.count = count;
    xf_free(list);
    return count > 0 ? XRAY_OK : xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "no segment with a whole index to be listed");
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* The number of the text in `to`. False: memory is out. */
static bool take_text(const struct xf_run_list *list, uint32_t text, struct xf_dict *to, uint32_t *out)
{
    xray_str t;

    *out = XF_NO_TEXT;
    if (text == XF_NO_TEXT)
        return true;
    t = xf_dict_get(&list->text, text);
    *out = xf_dict_put(to, t.ptr, t.len);
    return *out != XF_NO_TEXT;
}

static uint8_t statuses_of(const struct xf_run_sum *run)
{
    /* A status may have been told without an end, which another segment tells. */
    const uint8_t open = (run->bits & XF_RUN_ENDED) == 0 ? XF_SEEN_OPEN : 0;

    switch (run->status) {
    case XRAY_SUCCESS:
        return open | XF_SEEN_SUCCESS;
    case XRAY_FAILURE:
        return open | XF_SEEN_FAILURE;
    case XRAY_PARTIAL:
        return open | XF_SEEN_PARTIAL;
    default:
        return open != 0 ? open : XF_SEEN_ENDED;
    }
}

static bool take_run(struct xf_maker *b, const struct xf_run_list *list, const struct xf_run_sum *run, uint32_t row)
{
    void *seen = b->seen;
    const bool room = xf_store_grow(&seen, b->seen_count, &b->seen_cap, sizeof *b->seen);
    struct xf_seen *to;

    b->seen = seen;
    if (!room)
        return false;
    to = &b->seen[b->seen_count++];
    *to = (struct xf_seen){.start = run->start, .row = row, .statuses = statuses_of(run)};
    memcpy(to->id, run->id, 16);
    return take_text(list, run->ext_id, &b->ext_ids, &to->ext_id) &&
           take_text(list, xf_run_text(&list->tuples, run, XF_RT_PIPELINE), &b->names, &to->pipeline) &&
           take_text(list, xf_run_text(&list->tuples, run, XF_RT_VERSION), &b->names, &to->version);
}

static int take_segments(struct xf_maker *b, xray_error *err)
{
    for (uint32_t row = 0; row < b->table.count; row++) {
        struct xf_run_list *list = NULL;
        const int r = xf_run_list_build_one(b->s, b->parts[row], &list, err);
        bool good = true;

        if (r < 0)
            return r;
        for (uint32_t i = 0; i < list->count && good; i++)
            good = take_run(b, list, &list->runs[i], row);
        b->table.rows[row].runs = list->count;
        xf_run_list_free(list);
        if (!good)
            return xf_fail_memory(err);
    }
    return XRAY_OK;
}

static int compare_seen(const void *a, const void *b)
{
    const struct xf_seen *x = a, *y = b;
    const int r = memcmp(x->id, y->id, 16);

    return r != 0 ? r : (x->row > y->row) - (x->row < y->row);
}

uint32_t xf_maker_run_end(const struct xf_maker *b, uint32_t first)
{
    uint32_t end = first + 1;

    while (end < b->seen_count && memcmp(b->seen[end].id, b->seen[first].id, 16) == 0)
        end++;
    return end;
}

bool xf_pairs_add(struct xf_pairs *p, uint32_t row, uint32_t number)
{
    void *list = p->list;
    const bool room = xf_store_grow(&list, p->count, &p->cap, sizeof *p->list);

    p->list = list;
    if (room)
        p->list[p->count++] = (uint64_t)row << 32 | number;
    return room;
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

void xf_pairs_settle(struct xf_pairs *p)
{
    uint32_t kept = 0;

    if (p->count > 0)
        qsort(p->list, p->count, sizeof *p->list, compare_u64);
    for (uint32_t i = 0; i < p->count; i++)
        if (i == 0 || p->list[i] != p->list[i - 1])
            p->list[kept++] = p->list[i];
    p->count = kept;
}

/* ---- what is said of a run in one segment holds for all its segments ------------------------------ */

static void widen(struct xf_catalogue_row *row, int64_t start)
{
    if (start == XRAY_MISSING)
        return;
    if (row->start_min == XRAY_MISSING || start < row->start_min)
        row->start_min = start;
    if (row->start_max == XRAY_MISSING || start > row->start_max)
        row->start_max = start;
}

static bool say(struct xf_maker *b, uint32_t row, const struct xf_seen *what)
{
    widen(&b->table.rows[row], what->start);
    b->statuses[row] |= what->statuses;
    return (what->pipeline == XF_NO_TEXT || xf_pairs_add(&b->pipelines, row, what->pipeline)) &&
           (what->version == XF_NO_TEXT || xf_pairs_add(&b->versions, row, what->version));
}

static bool says_same(const struct xf_seen *x, const struct xf_seen *y)
{
    return x->start == y->start && x->pipeline == y->pipeline && x->version == y->version && x->statuses == y->statuses;
}

static int join_runs(struct xf_maker *b, xray_error *err)
{
    bool good = true;

    b->statuses = xf_alloc_array(b->table.count, sizeof *b->statuses);
    if (b->statuses == NULL)
        return xf_fail_memory(err);
    for (uint32_t first = 0, end; first < b->seen_count && good; first = end) {
        end = xf_maker_run_end(b, first);
        for (uint32_t i = first; i < end && good; i++)
            for (uint32_t j = first; j < end && good; j++)
                if (j == first || !says_same(&b->seen[j], &b->seen[j - 1]))
                    good = say(b, b->seen[i].row, &b->seen[j]);
    }
    return good ? XRAY_OK : xf_fail_memory(err);
}

/* ---- the file ------------------------------------------------------------------------------- */

int xf_catalogue_put_part(struct xf_catalogue_part *part, const xray_buffer *raw, struct xf_zframe *z, xray_buffer *image,
                          xray_error *err)
{
    const size_t at = image->len;

    if (raw->failed || image->failed)
        return xf_fail_memory(err);
    if (raw->len > XF_CATALOGUE_PART_MAX)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "a part of the catalogue has %zu bytes", raw->len);
    if (raw->len > 0) {
        const int r = xf_zframe_encode(z, LEVEL, raw->data, raw->len, image, err);

        if (r < 0)
            return r;
    }
    if (image->len - at > raw->len - raw->len / 8) {
        image->len = at;
        xf_buf_put(image, raw->data, raw->len);
    }
    if (image->failed)
        return xf_fail_memory(err);
    *part = (struct xf_catalogue_part){
        .stored_len = (uint32_t)(image->len - at),
        .raw_len = (uint32_t)raw->len,
        .check = xf_hash64(image->data + at, image->len - at, 0),
    };
    return XRAY_OK;
}

static int put_image(struct xf_maker *b, xray_buffer *image, xray_error *err)
{
    struct xf_catalogue_head head = {.digits = b->digits, .segments = b->table.count, .pages = b->page_count};
    xray_buffer table = {0};
    uint8_t *p = xf_buf_extend(image, XF_CATALOGUE_HEAD_LEN);
    int r = p != NULL && xf_catalogue_table_encode(&b->table, &table) >= 0 ? XRAY_OK : xf_fail_memory(err);

    if (r >= 0)
        r = xf_catalogue_put_part(&head.table, &table, b->s->z, image, err);
    if (r >= 0)
        r = xf_catalogue_put_part(&head.facts, &b->facts, b->s->z, image, err);
    if (r >= 0)
        r = xf_catalogue_put_part(&head.directory, &b->directory, b->s->z, image, err);
    xf_buf_put(image, b->pages.data, b->pages.len);
    if (r >= 0 && image->failed)
        r = xf_fail_memory(err);
    if (r >= 0)
        xf_catalogue_head_encode(&head, image->data);
    xray_buffer_free(&table);
    return r;
}

static int build(struct xf_maker *b, xray_buffer *image, xray_error *err)
{
    int r = choose_rows(b, err);

    if (r >= 0)
        r = take_segments(b, err);
    if (r < 0)
        return r;
    if (b->seen_count > 0)
        qsort(b->seen, b->seen_count, sizeof *b->seen, compare_seen);
    r = join_runs(b, err);
    if (r >= 0)
        r = xf_maker_put_facts(b, err);
    if (r >= 0)
        r = xf_maker_put_pages(b, err);
    return r < 0 ? r : put_image(b, image, err);
}

int xf_catalogue_build(struct xray_store *s, xray_buffer *image, xray_catalogue_info *out, xray_error *err)
{
    struct xf_maker b = {.s = s, .digits = 1};
    const int r = build(&b, image, err);

    if (r >= 0)
        *out = (xray_catalogue_info){.size = image->len, .segments = b.table.count, .runs = b.runs};
    xf_catalogue_table_done(&b.table);
    xf_free(b.pipelines.list);
    xf_free(b.versions.list);
    xf_free(b.partners.list);
    xf_free(b.statuses);
    xf_free(b.vague);
    xray_buffer_free(&b.facts);
    xf_dict_done(&b.names);
    xf_dict_done(&b.ext_ids);
    xf_free(b.parts);
    xf_free(b.seen);
    xf_free(b.named);
    xf_free(b.rows);
    xray_buffer_free(&b.page);
    xray_buffer_free(&b.pages);
    xray_buffer_free(&b.directory);
    return r;
}
