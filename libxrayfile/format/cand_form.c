/* Forms of candidates (cand_form.h). */
#include "format/cand_form.h"

#include "base/buf.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"

#define NIL 0xc0u
#define FLOAT64 0xcbu

/* ---- matching ---- */

static inline bool take_bytes(xray_mp *c, const uint8_t *bytes, size_t len)
{
    if (c->left < len || memcmp(c->at, bytes, len) != 0)
        return false;
    c->at += len;
    c->left -= len;
    return true;
}

/* A value as a span: a small integer, a double, or what it may be. */
static inline bool take_span(xray_mp *c, xray_str *out)
{
    const size_t len = c->left == 0 ? 0 : *c->at < 0x80 ? 1 : *c->at == FLOAT64 ? 9 : 0;

    if (len == 0 || len > c->left)
        return xf_mp_take_value(c, out);
    *out = xray_strn((const char *)c->at, len);
    c->at += len;
    c->left -= len;
    return true;
}

/* The six numbers, where exactly those of `fields` are there. */
static bool take_numbers(xray_mp *c, unsigned fields, struct xf_cand_values *v)
{
    static const uint8_t none[6] = {NIL, NIL, NIL, NIL, NIL, NIL};

    v->time = XRAY_MISSING;
    if (fields == 0)
        return take_bytes(c, none, sizeof none);
    for (unsigned i = 0; i < 5; i++)
        if (c->left == 0 || (*c->at == NIL) == ((fields >> i & 1) != 0) || !take_span(c, &v->numbers[i]))
            return false;
    return c->left > 0 && (*c->at == NIL) != ((fields & XRAY_HAS_TIME) != 0) && xf_mp_take_int(c, &v->time);
}

static bool matches(const struct xf_cand_form *f, xray_mp *c, struct xf_cand_values *v)
{
    const uint8_t *keys = f->bytes.data + f->head_len + f->tail_len;
    uint32_t start = 0;

    if (!take_bytes(c, f->bytes.data, f->head_len) || !take_numbers(c, f->fields, v) ||
        !take_bytes(c, f->bytes.data + f->head_len, f->tail_len))
        return false;
    for (uint32_t i = 0; i < f->key_count; start = f->key_end[i++])
        if (!take_bytes(c, keys + start, f->key_end[i] - start) || !take_span(c, &v->evidence[i]))
            return false;
    return true;
}

static void move_to_front(struct xf_cand_forms *f, uint32_t i)
{
    const uint8_t form = f->order[i];

    memmove(f->order + 1, f->order, i);
    f->order[0] = form;
}

const struct xf_cand_form *xf_cand_form_match(struct xf_cand_forms *f, xray_mp *c, struct xf_cand_values *v)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct xf_cand_form *form = &f->forms[f->order[i]];
        xray_mp at = *c;

        if (matches(form, &at, v)) {
            *c = at;
            if (i > XF_FORMS / 2)
                move_to_front(f, i);
            return form;
        }
    }
    return NULL;
}

/* ---- remembering ---- */

/* Keys of the evidence map, one behind the other; false: there are too many. */
static bool put_keys(struct xf_cand_form *form, xray_str evidence)
{
    xray_mp c = xray_mp_over(evidence.ptr, evidence.len);
    const size_t start = form->bytes.len;
    xray_str value;

    if (!xf_mp_take_map(&c, &form->key_count) || form->key_count > XF_FORM_KEYS)
        return false;
    for (uint32_t i = 0; i < form->key_count; i++) {
        xray_str key;

        if (!xf_mp_take_value(&c, &key) || !xf_mp_take_value(&c, &value))
            return false;
        xf_buf_put(&form->bytes, key.ptr, key.len);
        form->key_end[i] = (uint32_t)(form->bytes.len - start);
    }
    return true;
}

static bool describe(struct xf_cand_form *form, const struct xf_cand *cand)
{
    const bool none = (uint8_t)cand->evidence.ptr[0] == NIL;
    xray_mp c = xray_mp_over(cand->evidence.ptr, cand->evidence.len);
    uint32_t count = 0;

    xf_buf_reset(&form->bytes);
    xf_mp_int(&form->bytes, cand->verdict);
    xf_buf_put(&form->bytes, cand->all_reasons.ptr, cand->all_reasons.len);
    form->head_len = (uint32_t)form->bytes.len;
    xf_mp_int(&form->bytes, cand->by);
    xf_mp_int(&form->bytes, cand->provenance);
    if (none)
        xf_mp_nil(&form->bytes);
    else if (!xf_mp_take_map(&c, &count))
        return false;
    else
        xf_mp_map(&form->bytes, count);
    form->tail_len = (uint32_t)form->bytes.len - form->head_len;
    form->key_count = 0;
    return (none || put_keys(form, cand->evidence)) && !form->bytes.failed;
}

void xf_cand_form_add(struct xf_cand_forms *f, const struct xf_cand *cand, uint32_t shape, const uint32_t *columns)
{
    const uint32_t place = f->count < XF_FORMS ? f->count : XF_FORMS - 1;
    struct xf_cand_form *form = &f->forms[f->order[place]];

    f->count = place; /* whatever stood there is gone */
    if (!describe(form, cand))
        return;
    form->shape = shape;
    form->fields = cand->fields;
    for (uint32_t i = 0; i < form->key_count; i++)
        form->column[i] = columns[i];
    f->count = place + 1;
    move_to_front(f, place);
}

void xf_cand_forms_reset(struct xf_cand_forms *f)
{
    for (uint8_t i = 0; i < XF_FORMS; i++)
        f->order[i] = i;
    f->count = 0;
}

void xf_cand_forms_done(struct xf_cand_forms *f)
{
    for (size_t i = 0; i < XF_FORMS; i++)
        xray_buffer_free(&f->forms[i].bytes);
}
