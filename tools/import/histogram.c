/* See histogram.h. */
#include "import/histogram.h"

#include <stdlib.h>

#include "common/text.h"
#include "import/times.h"

static xray_str code_of(const struct histogram *h, size_t i)
{
    return xray_strn(h->codes.data + h->entries[i].off, h->entries[i].len);
}

static int compare_texts(xray_str a, xray_str b)
{
    const int r = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *a, const void *b, void *ctx)
{
    return compare_texts(code_of(ctx, *(const size_t *)a), code_of(ctx, *(const size_t *)b));
}

void histogram_read(struct histogram *h, struct import *im, uint32_t object)
{
    for (uint32_t key = json_first(object); key != json_end(im->tape, object); key = json_at(im->tape, key + 1)->next) {
        const xray_str quoted = json_text(im->tape, key);
        struct histogram_entry entry = { .off = h->codes.len };
        char *code;

        if (!integer_parse(json_text(im->tape, key + 1), &entry.count))
            continue;
        code = memory_new(quoted.len, 1);
        entry.len = json_unescape(code, quoted.ptr, quoted.len);
        text_put(&h->codes, code, entry.len);
        free(code);
        h->entries = memory_grow(h->entries, &h->cap, h->count + 1, sizeof *h->entries);
        h->entries[h->count++] = entry;
    }
    h->sorted = memory_grow(h->sorted, &h->sorted_cap, h->count, sizeof *h->sorted);
    for (size_t i = 0; i < h->count; i++)
        h->sorted[i] = i;
    if (h->count > 1)
        qsort_r(h->sorted, h->count, sizeof *h->sorted, compare_entries, h);
    h->rest = histogram_has(h, xray_s("(other)"));
}

void histogram_put(const struct histogram *h, xray_step step)
{
    for (size_t i = 0; i < h->count; i++)
        xray_step_set_reason_count(step, code_of(h, i), h->entries[i].count);
}

bool histogram_has(const struct histogram *h, xray_str code)
{
    size_t low = 0, high = h->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int r = compare_texts(code_of(h, h->sorted[middle]), code);

        if (r == 0)
            return true;
        if (r < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return h->rest;
}

void histogram_reset(struct histogram *h)
{
    h->count = 0;
    h->rest = false;
    text_reset(&h->codes);
}

void histogram_done(struct histogram *h)
{
    free(h->entries);
    free(h->sorted);
    text_free(&h->codes);
}
