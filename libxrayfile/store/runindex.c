/* The section of runs of an index (format-spec/index-file.md, 3.2): what the list of runs knows of
 * those of one segment, as columns. */
#include "store/runbuild.h"

#include "base/fail.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "store/indexuse.h"

enum { ENDED = 1, HAS_PARENT = 2, EXT_IS_ID = 4 };

/* ---- writing ---- */

static void put_ids(const struct xf_run_list *list, xray_buffer *out)
{
    for (uint32_t i = 0; i < list->count; i++)
        xf_buf_put(out, list->runs[i].id, 16);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct xf_run_sum *run = &list->runs[i];

        xf_buf_put_u8(out, (uint8_t)(((run->bits & XF_RUN_ENDED) != 0 ? ENDED : 0) |
                                     (run->parent != XF_NO_TEXT ? HAS_PARENT : 0) |
                                     ((run->bits & XF_RUN_EXT_IS_ID) != 0 ? EXT_IS_ID : 0)));
    }
    for (uint32_t i = 0; i < list->count; i++)
        if (list->runs[i].parent != XF_NO_TEXT)
            xf_buf_put(out, xf_dict_get(&list->text, list->runs[i].parent).ptr, 16);
}

/* Texts get numbers as they are met; those that only an id's text form would be are left out. */
static int put_texts(const struct xf_run_list *list, xray_buffer *out)
{
    struct xf_dict texts = {.count = 0};
    xray_buffer columns = {0};
    bool good = true;

    for (int k = 0; k < XF_RUN_TEXTS; k++)
        for (uint32_t i = 0; i < list->count && good; i++) {
            const uint32_t put = xf_run_text(&list->tuples, &list->runs[i], (enum xf_run_text)k);
            uint32_t number = 0;

            if (put != XF_NO_TEXT) {
                const xray_str text = xf_dict_get(&list->text, put);

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

static uint64_t divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        const uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* A column as differences, in the unit that they have in common: times of a clock of microseconds are a fifth shorter so. */
static void put_column(const struct xf_run_list *list, enum xf_run_int column, xray_buffer *out)
{
    uint64_t before = 0, unit = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        const int64_t v = xf_run_sum_int(&list->runs[i], column);
        const int64_t more = (int64_t)((uint64_t)v - before);

        xf_buf_put_u8(out, v != XRAY_MISSING);
        if (v == XRAY_MISSING)
            continue;
        unit = more == INT64_MIN ? 1 : divisor(unit, more < 0 ? 0 - (uint64_t)more : (uint64_t)more);
        before = (uint64_t)v;
    }
    unit = unit > 0 ? unit : 1;
    xf_varint_put(out, unit);
    before = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const int64_t v = xf_run_sum_int(&list->runs[i], column);

        if (v == XRAY_MISSING)
            continue;
        xf_varint_put_int(out, (int64_t)((uint64_t)v - before) / (int64_t)unit);
        before = (uint64_t)v;
    }
}

static void put_ints(const struct xf_run_list *list, xray_buffer *out)
{
    for (int k = 0; k < XF_RUN_INTS; k++)
        put_column(list, (enum xf_run_int)k, out);
}

/* Places in the order of blocks; what is expected is 0. */
static int put_places(const struct xf_run_list *list, xray_buffer *out)
{
    uint32_t count = 0, block = 0, run = 0, number = 0;
    uint32_t *owner;

    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t p = list->runs[i].first_place; p != XF_NO_PLACE; p = list->places[p].next)
            count++;
    owner = xf_alloc_array(count, sizeof *owner);
    if (owner == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t p = list->runs[i].first_place; p != XF_NO_PLACE; p = list->places[p].next)
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

int xf_run_index_put(const struct xf_run_list *list, xray_buffer *out, xray_error *err)
{
    xf_varint_put(out, list->count);
    put_ids(list, out);
    if (put_texts(list, out) < 0)
        return xf_fail_memory(err);
    put_ints(list, out);
    if (put_places(list, out) < 0 || out->failed)
        return xf_fail_memory(err);
    return XRAY_OK;
}

/* ---- reading ---- */

/* The section is read twice: once to check everything, before the list is touched; then with a cursor in each column,
 * a run at a time. So nothing of it is held twice, however many runs it has. */
struct int_column {
    const uint8_t *there; /* 1 or 0 of each run from here on */
    struct xf_varints ints;
    uint64_t unit, before;
};

/* Of the runs of a store few differ in anything but their id: those of one have mostly been met together before, and are
 * looked up by their numbers in the section rather than text by text. */
enum { TUPLE_BITS = 4 };

struct tuple {
    uint32_t texts[XF_RUN_TEXTS - 1]; /* all that a run has but the ext_id */
    uint32_t number;                  /* in the list's `tuples` */
    bool known;
};

struct taker {
    const uint8_t *ids, *flags, *parents;
    uint32_t count;
    xray_str *texts;
    uint32_t text_count;
    struct xf_varints text[XF_RUN_TEXTS], places; /* where each column begins */
    bool no_text[XF_RUN_TEXTS]; /* no run has any: so it is with most columns */
    struct int_column ints[XF_RUN_INTS];
    uint32_t place_count;
    struct tuple tuples[1 << TUPLE_BITS];
};

/* The next value of the column. */
static int64_t take_int(struct int_column *c)
{
    if (*c->there++ == 0)
        return XRAY_MISSING;
    c->before += (uint64_t)xf_varint_take_int(&c->ints) * c->unit;
    return (int64_t)c->before;
}

/* The column begins at *c, which moves behind it. */
static bool begin_column(struct int_column *column, uint32_t count, struct xf_varints *c)
{
    uint32_t values = 0;

    *column = (struct int_column){.there = xf_varints_bytes(c, count)};
    if (column->there == NULL)
        return false;
    column->unit = xf_varint_take(c);
    column->ints = *c;
    for (uint32_t i = 0; i < count; i++) {
        if (column->there[i] > 1)
            return false;
        values += column->there[i];
    }
    xf_varints_skip(c, values);
    return !c->bad;
}

/* A column of nothing but zeros, which is passed over. */
static bool pass_zeros(uint32_t count, struct xf_varints *c)
{
    if (count > c->left || (count > 0 && (c->at[0] != 0 || memcmp(c->at, c->at + 1, count - 1) != 0)))
        return false;
    c->at += count;
    c->left -= count;
    return true;
}

static bool check_texts(uint32_t count, uint32_t most, struct xf_varints *c)
{
    struct xf_varints v = *c; /* a copy that nothing points to: it stays in registers */
    bool good = true;

    for (uint32_t i = 0; i < count && good; i++)
        good = xf_varint_take(&v) <= most;
    *c = v;
    return good;
}

/* 1, 0, XRAY_ENOMEM. */
static int check_columns(struct taker *t, struct xf_varints *c)
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
    if (t->texts == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < t->text_count; i++)
        t->texts[i] = xf_varint_take_text(c);
    for (int k = 0; k < XF_RUN_TEXTS; k++) {
        t->text[k] = *c;
        t->no_text[k] = pass_zeros(t->count, c);
        if (!t->no_text[k] && !check_texts(t->count, t->text_count, c))
            return 0;
    }
    for (int k = 0; k < XF_RUN_INTS; k++)
        if (!begin_column(&t->ints[k], t->count, c))
            return 0;
    return c->bad ? 0 : 1;
}

static bool is_spine(const struct xf_segment *seg, uint64_t block)
{
    return block < seg->index->blocks && block < seg->block_count && seg->blocks[block].kind == XF_SPINE;
}

struct place { /* as far as the places have been read */
    uint64_t block, run, number;
};

/* What is put is the distance to what is expected. */
static inline bool take_place(struct xf_varints *c, const struct taker *t, const struct xf_segment *seg, struct place *at)
{
    if (c->left > 3 && (xf_get_u32(c->at) & 0xffffff) == 0) { /* the next run of the same block, as mostly */
        c->at += 3;
        c->left -= 3;
    } else {
        const uint64_t ahead = xf_varint_take(c);

        if (ahead > seg->index->blocks)
            return false;
        at->block += ahead;
        at->run = (ahead > 0 ? 0 : at->run) + (uint64_t)xf_varint_take_int(c);
        at->number += (uint64_t)xf_varint_take_int(c);
    }
    return !c->bad && is_spine(seg, at->block) && at->run < XF_ROWS_MAX && at->number < t->count;
}

static bool check_places(struct taker *t, struct xf_varints *c, const struct xf_segment *seg)
{
    struct place at = {0, 0, 0};
    struct xf_varints v;

    t->place_count = xf_varint_take_count(c, 3);
    t->places = v = *c;
    for (uint32_t p = 0; p < t->place_count; p++) {
        if (!take_place(&v, t, seg, &at))
            return false;
        at.run++;
        at.number++;
    }
    return !v.bad && v.left == 0;
}

static struct tuple *tuple_of(struct taker *t, const uint32_t texts[XF_RUN_TEXTS - 1])
{
    uint64_t h = 0;

    for (int k = 0; k < XF_RUN_TEXTS - 1; k++)
        h = (h + texts[k]) * UINT64_C(0x9e3779b97f4a7c15);
    return &t->tuples[h >> (64 - TUPLE_BITS)];
}

static bool put_text(struct xf_run_builder *b, struct xf_run_sum *run, const struct taker *t, int which, uint32_t text)
{
    return text == 0 || xf_run_builder_text(b, run, (enum xf_run_text)which, t->texts[text - 1]);
}

static uint32_t take_text(struct taker *t, int which)
{
    return t->no_text[which] ? 0 : (uint32_t)xf_varint_take(&t->text[which]);
}

static bool join_texts(struct xf_run_builder *b, struct xf_run_sum *run, struct taker *t)
{
    const bool fresh = run->texts == XF_NO_TEXT; /* no other segment said anything */
    uint32_t texts[XF_RUN_TEXTS - 1];
    struct tuple *tuple;
    bool good = put_text(b, run, t, XF_RT_EXT_ID, take_text(t, XF_RT_EXT_ID));

    for (int k = 1; k < XF_RUN_TEXTS; k++)
        texts[k - 1] = take_text(t, k);
    tuple = tuple_of(t, texts);
    if (fresh && tuple->known && memcmp(tuple->texts, texts, sizeof texts) == 0) {
        run->texts = tuple->number;
        return good;
    }
    for (int k = 1; k < XF_RUN_TEXTS; k++)
        good = good && put_text(b, run, t, k, texts[k - 1]);
    if (fresh && good) {
        memcpy(tuple->texts, texts, sizeof texts);
        tuple->number = run->texts;
        tuple->known = true;
    }
    return good;
}

static bool join(struct xf_run_builder *b, struct xf_run_sum *run, struct taker *t, uint32_t i)
{
    bool good = true;

    for (int k = 0; k < XF_RUN_INTS; k++)
        xf_run_sum_set_int(run, (enum xf_run_int)k, take_int(&t->ints[k]));
    if ((t->flags[i] & ENDED) != 0)
        run->bits |= XF_RUN_ENDED;
    if ((t->flags[i] & HAS_PARENT) != 0) {
        good = xf_run_builder_parent(b, run, t->parents);
        t->parents += 16;
    }
    if ((t->flags[i] & EXT_IS_ID) != 0) {
        run->bits |= XF_RUN_EXT_IS_ID;
        run->ext_id = XF_NO_TEXT;
    }
    return good && join_texts(b, run, t);
}

static int join_all(struct xf_run_builder *b, struct taker *t, uint32_t segment, xray_error *err)
{
    uint32_t *numbers = xf_alloc_array(t->count, sizeof *numbers);
    struct place at = {0, 0, 0};
    bool good = numbers != NULL && xf_run_builder_reserve(b, t->count, t->place_count);

    for (uint32_t i = 0; i < t->count && good; i++) {
        struct xf_run_sum *run;

        numbers[i] = xf_run_builder_get(b, t->ids + (size_t)i * 16, segment);
        if (numbers[i] == UINT32_MAX) {
            good = false;
            break;
        }
        run = &b->runs[numbers[i]];
        if (run->segment == segment)
            run->local = i;
        good = join(b, run, t, i);
    }
    for (uint32_t p = 0; p < t->place_count && good; p++, at.run++, at.number++) {
        struct xf_run_sum *run;

        take_place(&t->places, t, b->s->parts[segment].seg, &at);
        run = &b->runs[numbers[at.number]];
        good = xf_run_builder_place(
            b, &run->first_place, &run->last_place,
            &(struct xf_run_place){segment, (uint32_t)at.block, (uint32_t)at.run, XF_NO_PLACE});
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
    r = check_columns(&t, &c);
    if (r > 0)
        r = check_places(&t, &c, seg);
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
    xf_free(t.texts);
    xf_index_used(b->s);
    return r < 0 ? r : XRAY_OK;
}
