/* The texts of a value, of a set, of a record (ql 4.3, 4.4). */
#include "base/buf.h"
#include "codec/mpread.h"
#include "query/query.h"

/* ---- inside one value -------------------------------------------------------------- */

enum { EXT_NOT_UTF8 = 6 };

struct level {
    bool map;
    bool at_key;
    uint64_t left; /* items: a map has two for each pair */
};

/* Counts an item off; containers that are complete are closed. */
static void finish_item(struct level *levels, size_t *depth)
{
    while (*depth > 0) {
        struct level *l = &levels[*depth - 1];

        l->at_key = l->map && !l->at_key;
        if (--l->left > 0)
            return;
        --*depth;
    }
}

int xf_texts_of_data(xray_str data, xf_text_visit visit, void *ctx)
{
    xray_mp c = xray_mp_over(data.ptr, data.len);
    struct level levels[XF_DEPTH_READ];
    size_t depth = 0;
    xray_mp_item item;

    while (xray_mp_next(&c, &item)) {
        const bool key = depth > 0 && levels[depth - 1].at_key;

        if ((item.type == XRAY_MP_ARRAY || item.type == XRAY_MP_MAP) && item.count > 0) {
            if (depth == XF_DEPTH_READ)
                return 0;
            levels[depth++] = (struct level){
                .map = item.type == XRAY_MP_MAP,
                .at_key = item.type == XRAY_MP_MAP,
                .left = item.type == XRAY_MP_MAP ? 2 * (uint64_t)item.count : item.count,
            };
            continue;
        }
        if (!key &&
            (item.type == XRAY_MP_STR || (item.type == XRAY_MP_EXT && item.ext_type == EXT_NOT_UTF8))) {
            const int r = visit(ctx, item.bytes);

            if (r != 0)
                return r;
        }
        finish_item(levels, &depth);
        if (depth == 0)
            break;
    }
    return 0;
}

/* ---- sets ---------------------------------------------------------------------------- */

static int visit_some(xray_str text, xf_text_visit visit, void *ctx)
{
    return text.len > 0 ? visit(ctx, text) : 0;
}

static int visit_column(xray_query *q, enum xf_owner owner, enum xf_value_column column, xf_text_visit visit,
                        void *ctx)
{
    xray_str data;
    bool there;
    const int r = xf_record_column(q, owner, column, &data, &there);

    return r != 0 || !there ? r : xf_texts_of_data(data, visit, ctx);
}

static int visit_codes(const xray_step_record *step, xf_text_visit visit, void *ctx)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < step->reason_count; i++)
        r = visit_some(step->reasons[i].code, visit, ctx);
    return r;
}

static int visit_reasons(const xray_event_record *event, bool codes, bool rules, xf_text_visit visit,
                         void *ctx)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < event->reason_count; i++) {
        if (codes)
            r = visit_some(event->reasons[i].code, visit, ctx);
        if (r == 0 && rules)
            r = visit_some(event->reasons[i].rule, visit, ctx);
    }
    return r;
}

/* Every text of a step: its names, its reasons, its values; not those of its candidates. */
static int visit_step(xray_query *q, xf_text_visit visit, void *ctx)
{
    static const enum xf_value_column columns[] = {
        XF_COL_ERROR,  XF_COL_INPUT,    XF_COL_OUTPUT, XF_COL_REASONING, XF_COL_FILTERS,
        XF_COL_PARAMS, XF_COL_SAMPLING, XF_COL_TAGS,   XF_COL_METADATA,  XF_COL_ATTRS};
    const xray_step_record *step = &q->steps[q->at.step];
    const xray_str names[] = {step->name, step->type, step->model, step->provider, step->ext_id};
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof names / sizeof names[0]; i++)
        r = visit_some(names[i], visit, ctx);
    if (r == 0)
        r = visit_codes(step, visit, ctx);
    for (size_t i = 0; r == 0 && i < sizeof columns / sizeof columns[0]; i++)
        r = visit_column(q, XF_STEP, columns[i], visit, ctx);
    return r;
}

static int visit_candidate(xray_query *q, xf_text_visit visit, void *ctx)
{
    int r = visit_some(q->at.event->item, visit, ctx);

    if (r == 0)
        r = visit_reasons(q->at.event, true, true, visit, ctx);
    return r != 0 ? r : visit_column(q, XF_CAND, XF_COL_EVIDENCE, visit, ctx);
}

int xf_texts_of_set(xray_query *q, const struct xf_field_ref *f, xf_text_visit visit, void *ctx)
{
    const bool step = f->owner == XF_STEP;

    switch (f->field->id) {
    case XF_F_REASON:
        return step ? visit_codes(&q->steps[q->at.step], visit, ctx)
                    : visit_reasons(q->at.event, true, false, visit, ctx);
    case XF_F_RULE:
        return visit_reasons(q->at.event, false, true, visit, ctx);
    case XF_F_TEXT:
        return step ? visit_step(q, visit, ctx) : visit_candidate(q, visit, ctx);
    default:
        return 0;
    }
}

/* ---- any value ------------------------------------------------------------------------ */

struct folding {
    xray_buffer *buffer;
    xf_text_visit visit;
    void *ctx;
};

bool xf_text_fold(xray_str text, xray_buffer *out)
{
    xf_buf_reset(out);
    xf_buf_put(out, text.ptr, text.len);
    if (out->failed)
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] = (uint8_t)(out->data[i] - 'A' + 'a');
    return true;
}

static int visit_folded(void *ctx, xray_str text)
{
    const struct folding *f = ctx;

    if (!xf_text_fold(text, f->buffer))
        return XRAY_ENOMEM;
    return f->visit(f->ctx, xray_strn((const char *)f->buffer->data, f->buffer->len));
}

int xf_texts_of_value(xray_query *q, const struct xf_val *v, xf_text_visit visit, void *ctx)
{
    struct folding folding = {v->fold, visit, ctx};

    if (v->kind == XF_TEXT)
        return visit(ctx, v->as.text);
    if (v->fold != NULL) {
        visit = visit_folded;
        ctx = &folding;
    }
    if (v->kind == XF_DATA)
        return xf_texts_of_data(v->as.text, visit, ctx);
    return v->kind == XF_TEXTS ? xf_texts_of_set(q, v->as.set, visit, ctx) : 0;
}
