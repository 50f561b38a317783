/* The section of runs of an index (format-spec/index-file.md, 3.2): what the list of runs knows of
 * those of one segment, as columns. */
#include "store/runbuild.h"

#include "base/fail.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/indexuse.h"

enum { ENDED = 1, HAS_PARENT = 2, EXT_IS_ID = 4 };

enum { INTS = 7 };

static int64_t *int_of(struct xf_run_sum *run, int column)
{
    int64_t *const ints[INTS] = {&run->seq, &run->start, &run->dur, &run->end, &run->status, &run->cost, &run->flags};

    return ints[column];
}

/* The id in the canonical text form of a UUID. */
static void put_uuid(const uint8_t id[16], char out[36])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        out[n++] = digits[id[i] >> 4];
        out[n++] = digits[id[i] & 15];
    }
}

static bool ext_is_id(const struct xf_run_list *list, const struct xf_run_sum *run)
{
    char uuid[36];
    xray_str ext;

    if (run->text[XF_RT_EXT_ID] == XF_NO_TEXT)
        return false;
    ext = xf_dict_get(&list->text, run->text[XF_RT_EXT_ID]);
    put_uuid(run->id, uuid);
    return ext.len == sizeof uuid && memcmp(ext.ptr, uuid, sizeof uuid) == 0;
}

/* ---- writing ---- */

static void put_ids(const struct xf_run_list *list, const struct xf_run_sum *sums, xray_buffer *out)
{
    for (uint32_t i = 0; i < list->count; i++)
        xf_buf_put(out, sums[i].id, 16);
    for (uint32_t i = 0; i < list->count; i++)
        xf_buf_put_u8(out, (uint8_t)((sums[i].ended ? ENDED : 0) | (sums[i].has_parent ? HAS_PARENT : 0) |
                                     (ext_is_id(list, &sums[i]) ? EXT_IS_ID : 0)));
    for (uint32_t i = 0; i < list->count; i++)
        if (sums[i].has_parent)
            xf_buf_put(out, sums[i].parent, 16);
}

/* Texts get numbers as they are met; those that only an id's text form would be are left out. */
static int put_texts(const struct xf_run_list *list, const struct xf_run_sum *sums, xray_buffer *out)
{
    struct xf_dict texts = {.count = 0};
    xray_buffer columns = {0};
    bool good = true;

    for (int k = 0; k < XF_RUN_TEXTS; k++)
        for (uint32_t i = 0; i < list->count && good; i++) {
            const bool none = sums[i].text[k] == XF_NO_TEXT || (k == XF_RT_EXT_ID && ext_is_id(list, &sums[i]));
            uint32_t number = 0;

            if (!none) {
                const xray_str text = xf_dict_get(&list->text, sums[i].text[k]);

                number = xf_dict_put(&texts, text.ptr, text.len) + 1;
                good = number != 0;
            }
            xf_varint_put(&columns, number);
        }
    xf_varint_put(out, texts.count);
    for (uint32_t i = 0; i < texts.count; i++)
        xf_varint_put_text(out, xf_dict_get(&texts, i));
    xf_buf_put(out, columns.data, columns.len);
    good = good && !columns.failed;
    xray_buffer_free(&columns);
    xf_dict_done(&texts);
    return good ? XRAY_OK : XRAY_ENOMEM;
}

static void put_ints(const struct xf_run_list *list, const struct xf_run_sum *sums, xray_buffer *out)
{
    for (int k = 0; k < INTS; k++) {
        uint64_t before = 0;

        for (uint32_t i = 0; i < list->count; i++) {
            struct xf_run_sum run = sums[i];
            const int64_t v = *int_of(&run, k);

            xf_buf_put_u8(out, v != XRAY_MISSING);
            if (v == XRAY_MISSING)
                continue;
            xf_varint_put_int(out, (int64_t)((uint64_t)v - before));
            before = (uint64_t)v;
        }
    }
}

/* Places in the order of blocks; what is expected is 0. */
static int put_places(const struct xf_run_list *list, xray_buffer *out)
{
    uint32_t count = 0, block = 0, run = 0, number = 0;
    uint32_t *owner;

    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t p = list->first_place[i]; p != XF_NO_PLACE; p = list->places[p].next)
            count++;
    owner = xf_alloc_array(count, sizeof *owner);
    if (owner == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t p = list->first_place[i]; p != XF_NO_PLACE; p = list->places[p].next)
            if (p < count)
                owner[p] = i;
    xf_varint_put(out, count);
    for (uint32_t p = 0; p < count; p++) {
        const struct xf_run_place *at = &list->places[p];

        if (at->block != block)
            run = 0;
        xf_varint_put(out, at->block - block);
        xf_varint_put_int(out, (int64_t)at->run - run);
        xf_varint_put_int(out, (int64_t)owner[p] - number);
        block = at->block;
        run = at->run + 1;
        number = owner[p] + 1;
    }
    xf_free(owner);
    return XRAY_OK;
}

int xf_run_index_put(const struct xf_run_list *list, const struct xf_run_sum *sums, xray_buffer *out,
                     xray_error *err)
{
    xf_varint_put(out, list->count);
    put_ids(list, sums, out);
    if (put_texts(list, sums, out) < 0)
        return xf_fail_memory(err);
    put_ints(list, sums, out);
    if (put_places(list, out) < 0 || out->failed)
        return xf_fail_memory(err);
    return XRAY_OK;
}

/* ---- reading ---- */

struct taker {
    const uint8_t *ids, *flags, *parents;
    uint32_t count;
    xray_str *texts;
    uint32_t text_count;
    struct xf_run_sum *sums; /* text: 0 none, else number + 1 */
    struct xf_run_place *places;
    uint32_t *owner;
    uint32_t place_count;
};

static void taker_done(struct taker *t)
{
    xf_free(t->texts);
    xf_free(t->sums);
    xf_free(t->places);
    xf_free(t->owner);
}

/* Everything is checked before the list is touched. 1, 0, XRAY_ENOMEM. */
static int take_columns(struct taker *t, struct xf_varints *c)
{
    size_t parents = 0;

    t->count = xf_varint_take_count(c, 16);
    t->ids = xf_varints_bytes(c, (size_t)t->count * 16);
    t->flags = xf_varints_bytes(c, t->count);
    for (uint32_t i = 0; i < t->count && t->flags != NULL; i++)
        parents += (t->flags[i] & HAS_PARENT) != 0;
    t->parents = xf_varints_bytes(c, parents * 16);
    t->text_count = xf_varint_take_count(c, 1);
    if (c->bad)
        return 0;
    t->texts = xf_alloc_array(t->text_count, sizeof *t->texts);
    t->sums = xf_alloc_array(t->count, sizeof *t->sums);
    if (t->texts == NULL || t->sums == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < t->text_count; i++)
        t->texts[i] = xf_varint_take_text(c);
    for (int k = 0; k < XF_RUN_TEXTS; k++)
        for (uint32_t i = 0; i < t->count; i++) {
            const uint64_t number = xf_varint_take(c);

            if (number > t->text_count)
                return 0;
            t->sums[i].text[k] = (uint32_t)number;
        }
    for (int k = 0; k < INTS; k++) {
        uint64_t before = 0;

        for (uint32_t i = 0; i < t->count; i++) {
            const uint8_t *there = xf_varints_bytes(c, 1);

            *int_of(&t->sums[i], k) = XRAY_MISSING;
            if (there == NULL || *there > 1)
                return 0;
            if (*there == 0)
                continue;
            before += (uint64_t)xf_varint_take_int(c);
            *int_of(&t->sums[i], k) = (int64_t)before;
        }
    }
    return c->bad ? 0 : 1;
}

static bool is_spine(const struct xf_segment *seg, uint64_t block)
{
    return block < seg->index->blocks && block < seg->block_count && seg->blocks[block].kind == XF_SPINE;
}

static int take_places(struct taker *t, struct xf_varints *c, const struct xf_segment *seg, uint32_t segment)
{
    uint64_t block = 0, run = 0, number = 0;

    t->place_count = xf_varint_take_count(c, 3);
    t->places = xf_alloc_array(t->place_count, sizeof *t->places);
    t->owner = xf_alloc_array(t->place_count, sizeof *t->owner);
    if (t->places == NULL || t->owner == NULL)
        return XRAY_ENOMEM;
    for (uint32_t p = 0; p < t->place_count; p++) {
        const uint64_t ahead = xf_varint_take(c);

        if (ahead > seg->index->blocks)
            return 0;
        block += ahead;
        run = (ahead > 0 ? 0 : run) + (uint64_t)xf_varint_take_int(c);
        number += (uint64_t)xf_varint_take_int(c);
        if (c->bad || !is_spine(seg, block) || run >= XF_ROWS_MAX || number >= t->count)
            return 0;
        t->places[p] = (struct xf_run_place){segment, (uint32_t)block, (uint32_t)run, XF_NO_PLACE};
        t->owner[p] = (uint32_t)number;
        run++;
        number++;
    }
    return c->left == 0;
}

static bool join(struct xf_run_builder *b, struct xf_run_sum *run, struct taker *t, uint32_t i, size_t *parent)
{
    struct xf_run_sum *from = &t->sums[i];
    bool good = true;

    for (int k = 0; k < INTS; k++)
        xf_run_sum_int(int_of(run, k), *int_of(from, k));
    run->ended |= (t->flags[i] & ENDED) != 0;
    if ((t->flags[i] & HAS_PARENT) != 0) {
        run->has_parent = true;
        memcpy(run->parent, t->parents + (*parent)++ * 16, 16);
    }
    if ((t->flags[i] & EXT_IS_ID) != 0) {
        char uuid[36];

        put_uuid(run->id, uuid);
        good = xf_run_builder_text(b, run, XF_RT_EXT_ID, xray_strn(uuid, sizeof uuid));
    }
    for (int k = 0; k < XF_RUN_TEXTS && good; k++)
        if (from->text[k] > 0)
            good = xf_run_builder_text(b, run, (enum xf_run_text)k, t->texts[from->text[k] - 1]);
    return good;
}

static int join_all(struct xf_run_builder *b, struct taker *t, uint32_t segment, xray_error *err)
{
    uint32_t *numbers = xf_alloc_array(t->count, sizeof *numbers);
    size_t parent = 0;
    bool good = numbers != NULL;

    for (uint32_t i = 0; i < t->count && good; i++) {
        const uint32_t number = xf_run_builder_get(b, t->ids + (size_t)i * 16, segment);
        struct xf_run_sum *run;

        if (number == UINT32_MAX) {
            good = false;
            break;
        }
        run = &b->runs[number];
        numbers[i] = number;
        if (run->segment == segment)
            run->local = i;
        run->last_segment = segment;
        good = join(b, run, t, i, &parent);
    }
    for (uint32_t p = 0; p < t->place_count && good; p++) {
        struct xf_run_sum *run = &b->runs[numbers[t->owner[p]]];

        good = xf_run_builder_place(b, &run->first_place, &run->last_place, &t->places[p]);
    }
    xf_free(numbers);
    return good ? XRAY_OK : xf_fail_memory(err);
}

int xf_run_index_take(struct xf_run_builder *b, uint32_t segment, uint32_t *next, uint32_t *loose, xray_error *err)
{
    const struct xf_segment *seg = b->s->parts[segment].seg;
    struct taker t = {.count = 0};
    struct xf_varints c;
    const xray_buffer *raw;
    int r = xf_index_use(b->s, segment, XF_INDEX_RUNS, &raw, err);

    if (r <= 0)
        return r;
    c = xf_varints_over(raw->data, raw->len);
    r = take_columns(&t, &c);
    if (r > 0)
        r = take_places(&t, &c, seg, segment);
    if (r == XRAY_ENOMEM)
        xf_fail_memory(err);
    if (r > 0)
        r = join_all(b, &t, segment, err);
    else if (r == 0)
        r = 1; /* ignored: its blocks are read */
    if (r == XRAY_OK) {
        *next = (uint32_t)seg->index->blocks;
        for (uint32_t block = 0; block < *next; block++)
            if (seg->blocks[block].kind == XF_SPINE)
                *loose = block + 1;
    }
    taker_done(&t);
    return r < 0 ? r : XRAY_OK;
}
