/* The section of steps (format-spec/index-file.md, 3.4): which texts and which range of numbers
 * the steps of each run hold. */
#include "store/indexer.h"

#include <stdlib.h>

#include "base/dict.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "format/zone.h"
#include "store/measure.h"
#include "store/resolve.h"

enum { ZONE_LEAST = 1, ZONE_MOST = 255 }; /* a range that holds every number */

struct column {
    struct xf_dict sets; /* each the varints of its members, ascending */
    xray_buffer of_runs; /* varint of the number of its set for each run so far; 0: unknown */
};

struct xf_summary {
    uint32_t runs;
    struct xf_dict texts;
    int column_count;
    struct column columns[XF_SEGMENT_TEXTS];
    uint8_t *low[XF_SUMMARY_NUMBERS], *high[XF_SUMMARY_NUMBERS];
    uint32_t *members; /* of the set at hand */
    uint32_t count, cap;
    xray_buffer key, value;
};

static struct xf_summary *new_summary(uint32_t runs, int column_count)
{
    struct xf_summary *m = xf_alloc(sizeof *m);
    bool good = m != NULL;

    if (!good)
        return NULL;
    m->runs = runs;
    m->column_count = column_count;
    for (int k = 0; k < column_count; k++) {
        good = good && xf_dict_put(&m->columns[k].sets, "unknown", 7) == 0;
    }
    for (int k = 0; k < XF_SUMMARY_NUMBERS; k++) {
        m->low[k] = xf_alloc(runs);
        m->high[k] = xf_alloc(runs);
        good = good && m->low[k] != NULL && m->high[k] != NULL;
    }
    if (good)
        return m;
    xf_summary_free(m);
    return NULL;
}

struct xf_summary *xf_summary_new(uint32_t runs)
{
    return new_summary(runs, XF_SUMMARY_TEXTS);
}

struct xf_summary *xf_summary_new_of_segments(uint32_t segments)
{
    return new_summary(segments, XF_SEGMENT_TEXTS);
}

void xf_summary_free(struct xf_summary *m)
{
    if (m == NULL)
        return;
    for (int k = 0; k < XF_SEGMENT_TEXTS; k++) {
        xf_dict_done(&m->columns[k].sets);
        xray_buffer_free(&m->columns[k].of_runs);
    }
    for (int k = 0; k < XF_SUMMARY_NUMBERS; k++) {
        xf_free(m->low[k]);
        xf_free(m->high[k]);
    }
    xf_dict_done(&m->texts);
    xf_free(m->members);
    xray_buffer_free(&m->key);
    xray_buffer_free(&m->value);
    xf_free(m);
}

bool xf_summary_take_text(struct xf_summary *m, xray_str text)
{
    const uint32_t number = xf_dict_put(&m->texts, text.ptr, text.len);
    void *members = m->members;
    const bool room = xf_store_grow(&members, m->count, &m->cap, sizeof *m->members);

    m->members = members;
    if (number == UINT32_MAX || !room)
        return false;
    m->members[m->count++] = number;
    return true;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

bool xf_summary_end_set(struct xf_summary *m, int column)
{
    struct column *c = &m->columns[column];
    uint32_t before = 0, number;

    xf_buf_reset(&m->key);
    if (m->count > 1)
        qsort(m->members, m->count, sizeof *m->members, compare_numbers);
    for (uint32_t i = 0; i < m->count; i++) {
        if (i > 0 && m->members[i] == m->members[i - 1])
            continue;
        xf_varint_put(&m->key, m->members[i] - before);
        before = m->members[i];
    }
    m->count = 0;
    /* A set that nobody has begins with a length no other has: "unknown" is no row of varints here. */
    xf_buf_put_u8(&m->key, 0xff);
    number = xf_dict_put(&c->sets, m->key.data, m->key.len);
    xf_varint_put(&c->of_runs, number);
    return !m->key.failed && !c->of_runs.failed && number != UINT32_MAX;
}

bool xf_summary_leave_unknown(struct xf_summary *m, int column)
{
    struct column *c = &m->columns[column];

    m->count = 0;
    xf_varint_put(&c->of_runs, 0);
    return !c->of_runs.failed;
}

static bool add_texts(struct xf_summary *m, int field, const xray_step_record *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const xray_step_record *r = &steps[i];
        xray_str text = {NULL, 0};

        switch (field) {
        case XF_ST_NAME:
            text = r->name;
            break;
        case XF_ST_TYPE:
            text = r->type;
            break;
        case XF_ST_STATUS:
            if (!r->ended) /* running now, perhaps abandoned when somebody asks */
                return xf_summary_leave_unknown(m, field);
            text = xray_s(xray_outcome_name(r->outcome));
            break;
        case XF_ST_MODEL:
            text = r->model;
            break;
        case XF_ST_PROVIDER:
            text = r->provider;
            break;
        case XF_ST_ERROR_TYPE:
            text = r->error_type;
            break;
        case XF_ST_REASON:
            for (size_t k = 0; k < r->reason_count; k++)
                if (!xf_summary_take_text(m, r->reasons[k].code))
                    return false;
            break;
        }
        if (text.len > 0 && !xf_summary_take_text(m, text))
            return false;
    }
    return xf_summary_end_set(m, field);
}

/* Texts of the tags, by key. 1, 0 for a map with anything else in it, or XRAY_ENOMEM. */
static int take_tags(struct xf_summary *m, struct xray_store *s, xray_ref tags)
{
    xray_mp c;
    xray_mp_item item;

    if (tags.data == NULL)
        return 1;
    xf_buf_reset(&m->value);
    if (xray_ref_resolve(s, tags, &m->value, NULL) < 0)
        return 0;
    c = xray_mp_over(m->value.data, m->value.len);
    if (!xray_mp_next(&c, &item) || item.type != XRAY_MP_MAP)
        return 0;
    for (uint32_t i = item.count; i > 0; i--) {
        xray_mp_item key, value;

        if (!xray_mp_next(&c, &key) || !xray_mp_next(&c, &value) || key.type != XRAY_MP_STR ||
            value.type != XRAY_MP_STR || memchr(key.bytes.ptr, 0, key.bytes.len) != NULL)
            return 0;
        xf_buf_reset(&m->key);
        xf_buf_put(&m->key, key.bytes.ptr, key.bytes.len);
        xf_buf_put_u8(&m->key, 0);
        xf_buf_put(&m->key, value.bytes.ptr, value.bytes.len);
        if (m->key.failed || !xf_summary_take_text(m, xray_strn((const char *)m->key.data, m->key.len)))
            return XRAY_ENOMEM;
    }
    return 1;
}

static bool add_tags(struct xf_summary *m, struct xray_store *s, xray_ref tags)
{
    const int r = take_tags(m, s, tags);

    return r < 0 ? false : r == 0 ? xf_summary_leave_unknown(m, XF_ST_TAG) : xf_summary_end_set(m, XF_ST_TAG);
}

void xf_summary_widen(struct xf_summary *m, int field, uint32_t run, uint8_t code)
{
    uint8_t *low = &m->low[field][run], *high = &m->high[field][run];

    if (code == XF_ZONE_NONE)
        return;
    if (*low == XF_ZONE_NONE || code < *low)
        *low = code;
    if (code > *high)
        *high = code;
}

/* Bytes of the encoding, references resolved. A value that cannot be read may have any size. */
static bool widen_by_size(struct xf_summary *m, struct xray_store *s, int field, uint32_t run, xray_ref ref)
{
    int r;

    if (ref.data == NULL)
        return true;
    xf_buf_reset(&m->value);
    r = ref.segment < s->part_count ? xf_resolve(s, ref.segment, xray_strn((const char *)ref.data, ref.len), &m->value, NULL)
                                    : XRAY_EUNSUPPORTED; /* merged from several rows */
    if (r < 0) {
        xf_summary_widen(m, field, run, ZONE_LEAST);
        xf_summary_widen(m, field, run, ZONE_MOST);
    } else {
        xf_summary_widen(m, field, run, xf_zone_of_int((int64_t)m->value.len));
    }
    return r != XRAY_ENOMEM;
}

static bool add_numbers(struct xf_summary *m, struct xray_store *s, uint32_t run, const xray_step_record *step)
{
    for (int k = 0; k < XF_SN_INPUT_SIZE; k++)
        if (xf_measure_is_odd(step)) {
            xf_summary_widen(m, k, run, ZONE_LEAST);
            xf_summary_widen(m, k, run, ZONE_MOST);
        } else {
            xf_summary_widen(m, k, run, xf_measure_zone(step, (enum xf_summary_number)k));
        }
    return widen_by_size(m, s, XF_SN_INPUT_SIZE, run, step->input) && widen_by_size(m, s, XF_SN_OUTPUT_SIZE, run, step->output);
}

int xf_summary_add(struct xf_summary *m, struct xray_store *s, uint32_t run, const xray_run_record *record,
                   const xray_step_record *steps, size_t count, xray_error *err)
{
    for (int k = 0; k < XF_ST_TAG; k++)
        if (!add_texts(m, k, steps, count))
            return xf_fail_memory(err);
    if (!add_tags(m, s, record->tags))
        return xf_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        if (!add_numbers(m, s, run, &steps[i]))
            return xf_fail_memory(err);
    return XRAY_OK;
}

int xf_summary_put(struct xf_summary *m, xray_buffer *out, xray_error *err)
{
    xf_varint_put(out, m->runs);
    xf_varint_put(out, m->texts.count);
    for (uint32_t i = 0; i < m->texts.count; i++)
        xf_varint_put_text(out, xf_dict_get(&m->texts, i));
    for (int k = 0; k < m->column_count; k++) {
        const struct column *c = &m->columns[k];

        xf_varint_put(out, c->sets.count - 1);
        for (uint32_t i = 1; i < c->sets.count; i++) {
            const xray_str set = xf_dict_get(&c->sets, i);

            xf_varint_put_text(out, xray_strn(set.ptr, set.len - 1));
        }
        xf_buf_put(out, c->of_runs.data, c->of_runs.len);
    }
    for (int k = 0; k < XF_SUMMARY_NUMBERS; k++) {
        xf_buf_put(out, m->low[k], m->runs);
        xf_buf_put(out, m->high[k], m->runs);
    }
    return out->failed ? xf_fail_memory(err) : XRAY_OK;
}
