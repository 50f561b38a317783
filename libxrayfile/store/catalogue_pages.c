/* The keys of a catalogue and their pages (format-spec/catalogue.md, 2.3 and 2.4). */
#include "store/catalogue_make.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"

static void end_page(struct xf_maker *b)
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
static int put_key(struct xf_maker *b, const uint32_t *rows, uint32_t count, uint64_t runs, xray_error *err)
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

static void set_key(struct xf_maker *b, uint8_t kind, const void *bytes, size_t len)
{
    b->key.bytes[0] = kind;
    if (len > 0)
        memcpy(b->key.bytes + 1, bytes, len);
    b->key.len = len + 1;
}

static bool room_for_rows(struct xf_maker *b, uint32_t count)
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
static size_t tell_apart(struct xf_maker *b, const uint8_t x[16], const uint8_t y[16])
{
    size_t i = 0;
    uint32_t digits;

    while (x[i] == y[i]) /* they differ */
        i++;
    digits = (uint32_t)(2 * i + ((x[i] ^ y[i]) < 16) + 1);
    b->digits = digits > b->digits ? digits : b->digits;
    return i + 1;
}

static bool name_run(struct xf_maker *b, uint32_t first, uint32_t count, uint32_t ext_id)
{
    void *named = b->named;
    const bool room = xf_store_grow(&named, b->named_count, &b->named_cap, sizeof *b->named);
    xray_str text = xf_dict_get(&b->ext_ids, ext_id);

    b->named = named;
    if (!room)
        return false;
    if (text.len > XF_CATALOGUE_KEY_MAX - 1)
        text.len = XF_CATALOGUE_KEY_MAX - 1;
    b->named[b->named_count++] = (struct xf_named){text, first, count};
    return true;
}

static bool name_by_ext_ids(struct xf_maker *b, uint32_t first, uint32_t end)
{
    bool good = true;

    for (uint32_t i = first; i < end && good; i++)
        if (b->seen[i].ext_id != XF_NO_TEXT && (i == first || b->seen[i].ext_id != b->seen[i - 1].ext_id))
            good = name_run(b, first, end - first, b->seen[i].ext_id);
    return good;
}

/* The keys of the runs' ids. */
static int take_ids(struct xf_maker *b, xray_error *err)
{
    size_t need_before = 0;

    for (uint32_t first = 0, end; first < b->seen_count; first = end) {
        size_t need = 0, len;
        int r;

        end = xf_maker_run_end(b, first);
        if (!room_for_rows(b, end - first) || !name_by_ext_ids(b, first, end))
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
    const struct xf_named *x = a, *y = b;
    const int r = xf_catalogue_compare(x->text.ptr, x->text.len, y->text.ptr, y->text.len);

    return r != 0 ? r : (x->first > y->first) - (x->first < y->first);
}

static int compare_u32(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The key of one ext_id: that of the runs named[first .. end). */
static int put_named(struct xf_maker *b, uint32_t first, uint32_t end, xray_error *err)
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

static int take_named(struct xf_maker *b, xray_error *err)
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

int xf_maker_put_pages(struct xf_maker *b, xray_error *err)
{
    const int r = take_ids(b, err);

    return r < 0 ? r : take_named(b, err);
}
