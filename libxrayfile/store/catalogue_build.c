/* Making the catalogue of a directory of segments (catalogue_build.h): the lists of runs of all segments that can be listed,
 * one after the other; then what is known of a run in one of them is said of all that have it. */
#include "store/catalogue_build.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/runs.h"

enum { LEVEL = 9 };

struct seen { /* a run in a segment */
    uint8_t id[16];
    int64_t start;
    uint32_t row;
    uint32_t ext_id; /* numbers of texts, or XF_NO_TEXT */
    uint32_t text[XF_CATALOGUE_TEXTS];
};

struct named { /* an ext_id of a run: the rows of all its segments are seen[first .. first + count) */
    xray_str text;
    uint32_t first, count;
};

struct builder {
    struct xray_store *s;
    uint32_t *parts; /* by row */
    struct xf_catalogue_table table;
    struct xf_dict names, ext_ids; /* of pipelines and versions; of runs */
    struct seen *seen;
    uint32_t seen_count, seen_cap;
    struct named *named;
    uint32_t named_count, named_cap;
    uint64_t *pairs[XF_CATALOGUE_TEXTS]; /* row << 32 | number of text */
    uint32_t pair_count[XF_CATALOGUE_TEXTS], pair_cap[XF_CATALOGUE_TEXTS];
    uint32_t *rows; /* of the key at hand */
    uint32_t row_cap;
    uint32_t digits;
    uint64_t runs;

    xray_buffer page, pages, directory;
    uint32_t page_count;
    struct xf_catalogue_key key, before, first;
};

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

static int choose_rows(struct builder *b, xray_error *err)
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

static bool grow(void **array, uint32_t count, uint32_t *cap, size_t size)
{
    return xf_store_grow(array, count, cap, size);
}

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

static bool take_run(struct builder *b, const struct xf_run_list *list, const struct xf_run_sum *run, uint32_t row)
{
    void *seen = b->seen;
    const bool room = grow(&seen, b->seen_count, &b->seen_cap, sizeof *b->seen);
    struct seen *to;

    b->seen = seen;
    if (!room)
        return false;
    to = &b->seen[b->seen_count++];
    *to = (struct seen){.start = run->start, .row = row};
    memcpy(to->id, run->id, 16);
    return take_text(list, run->ext_id, &b->ext_ids, &to->ext_id) &&
           take_text(list, xf_run_text(&list->tuples, run, XF_RT_PIPELINE), &b->names, &to->text[XF_CT_PIPELINES]) &&
           take_text(list, xf_run_text(&list->tuples, run, XF_RT_VERSION), &b->names, &to->text[XF_CT_VERSIONS]);
}

static int take_segments(struct builder *b, xray_error *err)
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
    const struct seen *x = a, *y = b;
    const int r = memcmp(x->id, y->id, 16);

    return r != 0 ? r : (x->row > y->row) - (x->row < y->row);
}

/* ---- what is said of a run in one segment holds for all its segments ------------------------------ */

static bool add_pair(struct builder *b, int k, uint32_t row, uint32_t text)
{
    void *pairs = b->pairs[k];
    const bool room = grow(&pairs, b->pair_count[k], &b->pair_cap[k], sizeof *b->pairs[k]);

    b->pairs[k] = pairs;
    if (!room)
        return false;
    b->pairs[k][b->pair_count[k]++] = (uint64_t)row << 32 | text;
    return true;
}

static void widen(struct xf_catalogue_row *row, int64_t start)
{
    if (start == XRAY_MISSING)
        return;
    if (row->start_min == XRAY_MISSING || start < row->start_min)
        row->start_min = start;
    if (row->start_max == XRAY_MISSING || start > row->start_max)
        row->start_max = start;
}

static bool say(struct builder *b, uint32_t row, const struct seen *what)
{
    bool good = true;

    widen(&b->table.rows[row], what->start);
    for (int k = 0; k < XF_CATALOGUE_TEXTS; k++)
        if (what->text[k] != XF_NO_TEXT)
            good = good && add_pair(b, k, row, what->text[k]);
    return good;
}

static bool name_run(struct builder *b, uint32_t first, uint32_t count, uint32_t ext_id)
{
    void *named = b->named;
    const bool room = grow(&named, b->named_count, &b->named_cap, sizeof *b->named);
    xray_str text = xf_dict_get(&b->ext_ids, ext_id);

    b->named = named;
    if (!room)
        return false;
    if (text.len > XF_CATALOGUE_KEY_MAX - 1)
        text.len = XF_CATALOGUE_KEY_MAX - 1;
    b->named[b->named_count++] = (struct named){text, first, count};
    return true;
}

/* The same texts over and over are most of them. */
static uint32_t unique(uint64_t *list, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || list[i] != list[i - 1])
            list[kept++] = list[i];
    return kept;
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool says_same(const struct seen *x, const struct seen *y)
{
    return x->start == y->start && memcmp(x->text, y->text, sizeof x->text) == 0;
}

static bool join_run(struct builder *b, uint32_t first, uint32_t count)
{
    bool good = true;

    for (uint32_t i = first; i < first + count && good; i++) {
        for (uint32_t j = first; j < first + count && good; j++)
            if (j == first || !says_same(&b->seen[j], &b->seen[j - 1]))
                good = say(b, b->seen[i].row, &b->seen[j]);
        if (b->seen[i].ext_id != XF_NO_TEXT && (i == first || b->seen[i].ext_id != b->seen[i - 1].ext_id))
            good = good && name_run(b, first, count, b->seen[i].ext_id);
    }
    return good;
}

static int make_members(struct builder *b)
{
    struct xf_catalogue_table *t = &b->table;

    for (int k = 0; k < XF_CATALOGUE_TEXTS; k++) {
        if (b->pair_count[k] > 0)
            qsort(b->pairs[k], b->pair_count[k], sizeof *b->pairs[k], compare_u64);
        b->pair_count[k] = unique(b->pairs[k], b->pair_count[k]);
        t->member_count += b->pair_count[k];
    }
    t->members = xf_alloc_array(t->member_count, sizeof *t->members);
    t->texts = xf_alloc_array(b->names.count, sizeof *t->texts);
    if (t->members == NULL || t->texts == NULL)
        return XRAY_ENOMEM;
    t->text_count = b->names.count;
    for (uint32_t i = 0; i < t->text_count; i++)
        t->texts[i] = xf_dict_get(&b->names, i);
    t->member_count = 0;
    for (int k = 0; k < XF_CATALOGUE_TEXTS; k++)
        for (uint32_t i = 0; i < b->pair_count[k]; i++) {
            struct xf_catalogue_row *row = &t->rows[b->pairs[k][i] >> 32];

            if (row->count[k]++ == 0)
                row->first[k] = t->member_count;
            t->members[t->member_count++] = (uint32_t)b->pairs[k][i];
        }
    return XRAY_OK;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void end_page(struct builder *b)
{
    const struct xf_catalogue_entry e = {
        .len = (uint32_t)b->page.len,
        .check = xf_hash64(b->page.data, b->page.len, 0),
        .first = xray_strn((const char *)b->first.bytes, b->first.len),
    };

    if (b->page.len == 0)
        return;
    xf_catalogue_entry_put(&b->directory, &e);
    xf_buf_put(&b->pages, b->page.data, b->page.len);
    xf_buf_reset(&b->page);
    b->page_count++;
    b->before.len = 0;
}

/* Of b->key; the rows ascend. */
static int put_key(struct builder *b, const uint32_t *rows, uint32_t count, uint64_t runs, xray_error *err)
{
    b->key.runs = runs;
    b->key.segment_count = count;
    if (b->page.len == 0)
        b->first = b->key;
    xf_catalogue_key_put(&b->page, &b->before, &b->key, rows);
    b->before = b->key;
    if (b->page.len > XF_CATALOGUE_PAGE_MAX)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "a run has rows in %" PRIu32 " segments", count);
    if (b->page.len >= XF_CATALOGUE_PAGE_LEN)
        end_page(b);
    return b->page.failed || b->pages.failed || b->directory.failed ? xf_fail_memory(err) : XRAY_OK;
}

static void set_key(struct builder *b, uint8_t kind, const void *bytes, size_t len)
{
    b->key.bytes[0] = kind;
    if (len > 0)
        memcpy(b->key.bytes + 1, bytes, len);
    b->key.len = len + 1;
}

static bool room_for_rows(struct builder *b, uint32_t count)
{
    uint32_t *rows;

    if (count <= b->row_cap)
        return true;
    rows = xf_resize_array(b->rows, count, sizeof *rows);
    if (rows == NULL)
        return false;
    b->rows = rows;
    b->row_cap = count;
    return true;
}

/* Digits in common, and what tells the two apart. */
static size_t tell_apart(struct builder *b, const uint8_t x[16], const uint8_t y[16])
{
    size_t i = 0;
    uint32_t digits;

    while (x[i] == y[i]) /* they differ */
        i++;
    digits = (uint32_t)(2 * i + ((x[i] ^ y[i]) < 16) + 1);
    b->digits = digits > b->digits ? digits : b->digits;
    return i + 1;
}

/* What is known of the runs, one after the other, and the keys of their ids. */
static int take_ids(struct builder *b, xray_error *err)
{
    size_t need_before = 0;

    for (uint32_t first = 0, end; first < b->seen_count; first = end) {
        size_t need = 0, len;
        int r;

        for (end = first + 1; end < b->seen_count && memcmp(b->seen[end].id, b->seen[first].id, 16) == 0;)
            end++;
        if (!room_for_rows(b, end - first) || !join_run(b, first, end - first))
            return xf_fail_memory(err);
        for (uint32_t i = first; i < end; i++)
            b->rows[i - first] = b->seen[i].row;
        if (end < b->seen_count)
            need = tell_apart(b, b->seen[first].id, b->seen[end].id);
        len = (need > need_before ? need : need_before) + 1;
        set_key(b, XF_CATALOGUE_ID, b->seen[first].id, len < 16 ? len : 16);
        r = put_key(b, b->rows, end - first, 1, err);
        if (r < 0)
            return r;
        need_before = need;
        b->runs++;
    }
    return XRAY_OK;
}

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    const int r = xf_catalogue_compare(x->text.ptr, x->text.len, y->text.ptr, y->text.len);

    return r != 0 ? r : (x->first > y->first) - (x->first < y->first);
}

static int compare_u32(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The key of one ext_id: that of the runs named[first .. end). */
static int put_named(struct builder *b, uint32_t first, uint32_t end, xray_error *err)
{
    uint64_t runs = 0, all = 0;
    uint32_t count = 0, kept = 0;

    for (uint32_t i = first; i < end; i++)
        all += b->named[i].count;
    if (all > UINT32_MAX || !room_for_rows(b, (uint32_t)all))
        return xf_fail_memory(err);
    for (uint32_t i = first; i < end; i++) {
        runs += i == first || b->named[i].first != b->named[i - 1].first;
        for (uint32_t k = 0; k < b->named[i].count; k++)
            b->rows[count++] = b->seen[b->named[i].first + k].row;
    }
    qsort(b->rows, count, sizeof *b->rows, compare_u32);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || b->rows[i] != b->rows[i - 1])
            b->rows[kept++] = b->rows[i];
    set_key(b, XF_CATALOGUE_EXT_ID, b->named[first].text.ptr, b->named[first].text.len);
    return put_key(b, b->rows, kept, runs, err);
}

static int take_named(struct builder *b, xray_error *err)
{
    int r = XRAY_OK;

    if (b->named_count > 0)
        qsort(b->named, b->named_count, sizeof *b->named, compare_named);
    for (uint32_t first = 0, end; first < b->named_count && r >= 0; first = end) {
        const xray_str text = b->named[first].text;

        for (end = first + 1; end < b->named_count && xf_catalogue_compare(text.ptr, text.len, b->named[end].text.ptr,
                                                                          b->named[end].text.len) == 0;)
            end++;
        r = put_named(b, first, end, err);
    }
    end_page(b);
    return r;
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

static int put_image(struct builder *b, xray_buffer *image, xray_error *err)
{
    struct xf_catalogue_head head = {.digits = b->digits, .segments = b->table.count, .pages = b->page_count};
    xray_buffer table = {0};
    uint8_t *p = xf_buf_extend(image, XF_CATALOGUE_HEAD_LEN);
    int r = p != NULL && xf_catalogue_table_encode(&b->table, &table) >= 0 ? XRAY_OK : xf_fail_memory(err);

    if (r >= 0)
        r = xf_catalogue_put_part(&head.table, &table, b->s->z, image, err);
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

static int build(struct builder *b, xray_buffer *image, xray_error *err)
{
    int r = choose_rows(b, err);

    if (r >= 0)
        r = take_segments(b, err);
    if (r < 0)
        return r;
    if (b->seen_count > 0)
        qsort(b->seen, b->seen_count, sizeof *b->seen, compare_seen);
    r = take_ids(b, err);
    if (r >= 0)
        r = take_named(b, err);
    if (r >= 0 && make_members(b) < 0)
        r = xf_fail_memory(err);
    return r < 0 ? r : put_image(b, image, err);
}

int xf_catalogue_build(struct xray_store *s, xray_buffer *image, xray_catalogue_info *out, xray_error *err)
{
    struct builder b = {.s = s, .digits = 1};
    const int r = build(&b, image, err);

    if (r >= 0)
        *out = (xray_catalogue_info){.size = image->len, .segments = b.table.count, .runs = b.runs};
    xf_catalogue_table_done(&b.table);
    for (int k = 0; k < XF_CATALOGUE_TEXTS; k++)
        xf_free(b.pairs[k]);
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
