/* Candidates, decisions, notes: row records into the buffers of their scope (spec 10.3). */
#include "writer/back.h"

#include "base/buf.h"
#include "codec/mpraw.h"
#include "codec/mpwrite.h"
#include "codec/utf8.h"

/* A step's records go to the builder when there are this many: buffers stay small however long the step. */
#define FLUSH_COUNT 16384u
#define FLUSH_BYTES (1u << 20)

/* Nor do many open steps together hold more than this. */
#define GATHERED_MAX (16u << 20)

static void put_name(struct xf_scope *s, xray_buffer *b, xray_str text, size_t max)
{
    char clean[XF_ITEM_MAX];
    bool cut = false;

    if (text.len <= max && xf_utf8_valid_len(text.ptr, text.len) == text.len) { /* as good as always */
        xf_mp_str(b, text.ptr, text.len);
        return;
    }
    xf_mp_str(b, clean, xf_utf8_clean(clean, max, text.ptr, text.len, &cut));
    if (cut)
        s->flags |= XRAY_FLAG_TRUNCATED;
}

/* [code, rule, version, params] without the nils at its end (spec 8.2). */
static void put_reason(struct xf_scope *s, xray_buffer *b, const xray_reason *reason)
{
    const xray_str members[4] = {reason->code, reason->rule, reason->version, reason->params};
    size_t count = 4;

    while (count > 0 && members[count - 1].len == 0)
        count--;
    xf_mp_array(b, count);
    for (size_t i = 0; i < count; i++)
        if (members[i].len == 0)
            xf_mp_nil(b);
        else
            put_name(s, b, members[i], XF_NAME_MAX);
}

static void put_double(xray_buffer *b, unsigned fields, unsigned bit, double v)
{
    if ((fields & bit) != 0)
        xf_mp_double(b, v);
    else
        xf_mp_nil(b);
}

static void put_int(xray_buffer *b, unsigned fields, unsigned bit, int64_t v)
{
    if ((fields & bit) != 0)
        xf_mp_int(b, v);
    else
        xf_mp_nil(b);
}

static int put_attrs(struct xf_scope *s, xray_buffer *b, const xray_attr *attrs, size_t count)
{
    xf_mp_map(b, count);
    for (size_t i = 0; i < count; i++) {
        xray_str key;
        int r;

        key = xf_scrub_text(s->back->scrub, attrs[i].key);
        xf_mp_text(b, key.ptr, key.len);
        r = xf_scope_pack(s, attrs[i].key, attrs[i].value, b);
        if (r < 0)
            return r;
    }
    return XRAY_OK;
}

/* An empty map says as much as none, and the columns of spec 8 could not tell them apart. */
static int put_evidence_value(struct xf_scope *s, xray_buffer *b, xray_value value)
{
    const size_t start = b->len;
    const int r = xf_scope_pack(s, xray_s(NULL), value, b);

    if (r == XRAY_OK && b->len == start + 1 && b->data[start] == 0x80)
        b->data[start] = 0xc0;
    return r;
}

/* The record of any candidate. */
static int put_any(struct xf_scope *s, const xray_candidate *c)
{
    xray_buffer *b = &s->cands;
    const unsigned f = c->fields;

    xf_mp_array(b, 12);
    put_name(s, b, c->item, XF_ITEM_MAX);
    xf_mp_int(b, c->verdict);
    xf_mp_array(b, c->reason_count);
    for (size_t i = 0; i < c->reason_count; i++)
        put_reason(s, b, &c->reasons[i]);
    put_double(b, f, XRAY_HAS_SCORE, c->score);
    put_double(b, f, XRAY_HAS_THRESHOLD, c->threshold);
    put_int(b, f, XRAY_HAS_RANK_IN, c->rank_in);
    put_int(b, f, XRAY_HAS_RANK_OUT, c->rank_out);
    put_double(b, f, XRAY_HAS_WEIGHT, c->weight);
    put_int(b, c->time_ns != XRAY_MISSING ? f : 0, XRAY_HAS_TIME, c->time_ns);
    xf_mp_int(b, c->by);
    xf_mp_int(b, c->provenance);
    if ((f & XRAY_HAS_EVIDENCE) != 0)
        return put_evidence_value(s, b, c->evidence_value);
    if (c->evidence_count == 0) {
        xf_mp_nil(b);
        return XRAY_OK;
    }
    return put_attrs(s, b, c->evidence, c->evidence_count);
}

/* ---- the record of a plain candidate: names of ASCII, evidence of numbers. All but a few are. ---- */

static bool is_plain_name(xray_str text, size_t max)
{
    return text.len <= max && xf_is_ascii(text.ptr, text.len);
}

static bool is_number(const xray_value *v)
{
    return v->kind == XRAY_VALUE_DOUBLE || v->kind == XRAY_VALUE_INT || v->kind == XRAY_VALUE_BOOL;
}

/* Bytes that the record takes at most; 0: it is not plain. */
static size_t plain_room(const struct xf_scope *s, const xray_candidate *c)
{
    size_t room = 12 * XF_MPRAW_NUMBER + c->item.len;
    bool plain = is_plain_name(c->item, XF_ITEM_MAX) && (c->fields & XRAY_HAS_EVIDENCE) == 0;

    for (size_t i = 0; i < c->reason_count; i++) {
        const xray_reason *r = &c->reasons[i];

        plain = plain && is_plain_name(r->code, XF_NAME_MAX) && r->code.len > 0 && (r->rule.len | r->version.len | r->params.len) == 0;
        room += 2 * XF_MPRAW_NUMBER + r->code.len;
    }
    for (size_t i = 0; i < c->evidence_count; i++) {
        const xray_attr *a = &c->evidence[i];

        plain = plain && is_plain_name(a->key, XF_NAME_MAX) && is_number(&a->value);
        room += 2 * XF_MPRAW_NUMBER + a->key.len;
    }
    return plain && (c->evidence_count == 0 || xf_scrub_keeps_numbers(s->back->scrub)) ? room : 0;
}

static uint8_t *plain_double(uint8_t *p, unsigned fields, unsigned bit, double v)
{
    return (fields & bit) != 0 ? xf_mpraw_double(p, v) : xf_mpraw_nil(p);
}

static uint8_t *plain_int(uint8_t *p, unsigned fields, unsigned bit, int64_t v)
{
    return (fields & bit) != 0 ? xf_mpraw_int(p, v) : xf_mpraw_nil(p);
}

static uint8_t *plain_number(uint8_t *p, const xray_value *v)
{
    return v->kind == XRAY_VALUE_DOUBLE ? xf_mpraw_double(p, v->as.d)
           : v->kind == XRAY_VALUE_INT  ? xf_mpraw_int(p, v->as.i)
                                        : xf_mpraw_bool(p, v->as.boolean);
}

static uint8_t *plain_numbers(uint8_t *p, const xray_candidate *c)
{
    const unsigned f = c->fields;

    if ((f & (XRAY_HAS_TIME * 2u - 1)) == 0) {
        memset(p, 0xc0, 6);
        return p + 6;
    }
    p = plain_double(p, f, XRAY_HAS_SCORE, c->score);
    p = plain_double(p, f, XRAY_HAS_THRESHOLD, c->threshold);
    p = plain_int(p, f, XRAY_HAS_RANK_IN, c->rank_in);
    p = plain_int(p, f, XRAY_HAS_RANK_OUT, c->rank_out);
    p = plain_double(p, f, XRAY_HAS_WEIGHT, c->weight);
    return plain_int(p, c->time_ns != XRAY_MISSING ? f : 0, XRAY_HAS_TIME, c->time_ns);
}

static uint8_t *plain_record(uint8_t *p, const xray_candidate *c)
{
    p = xf_mpraw_str(xf_mpraw_array(p, 12), c->item);
    p = xf_mpraw_int(p, c->verdict);
    p = xf_mpraw_array(p, (uint32_t)c->reason_count);
    for (size_t i = 0; i < c->reason_count; i++)
        p = xf_mpraw_str(xf_mpraw_array(p, 1), c->reasons[i].code);
    p = plain_numbers(p, c);
    p = xf_mpraw_int(xf_mpraw_int(p, c->by), c->provenance);
    if (c->evidence_count == 0)
        return xf_mpraw_nil(p);
    p = xf_mpraw_map(p, (uint32_t)c->evidence_count);
    for (size_t i = 0; i < c->evidence_count; i++)
        p = plain_number(xf_mpraw_str(p, c->evidence[i].key), &c->evidence[i].value);
    return p;
}

static int put_candidate(struct xf_scope *s, const xray_candidate *c)
{
    const size_t room = plain_room(s, c);

    if (room == 0)
        return put_any(s, c);
    if (xf_buf_reserve(&s->cands, room))
        s->cands.len = (size_t)(plain_record(s->cands.data + s->cands.len, c) - s->cands.data);
    return XRAY_OK;
}

static void count_candidate(struct xf_step_slot *step, const xray_candidate *c)
{
    step->scope.cand_total++;
    step->counted_in++;
    step->counted_out += c->verdict == XRAY_ACCEPT || c->verdict == XRAY_MODIFY;
    if (c->verdict == XRAY_REJECT)
        for (size_t i = 0; i < c->reason_count; i++) {
            struct xf_reason_slot *slot = c->reasons[i].code.len > 0 ? xf_reasons_at(&step->reasons, c->reasons[i].code) : NULL;

            if (slot != NULL)
                slot->count++;
        }
    step->counts_changed = true;
    step->scope.dirty = true;
}

void xf_back_add_counts(struct xf_step_slot *step, int64_t in, int64_t out, int64_t left_out, const struct xf_reasons *reasons)
{
    step->counted_in += in;
    step->counted_out += out;
    step->not_kept += in;
    if (left_out > 0) {
        step->left_out = true;
        step->scope.flags |= XRAY_FLAG_SAMPLED;
    }
    for (uint32_t i = 0; i < reasons->count; i++) {
        struct xf_reason_slot *slot = xf_reasons_at(&step->reasons, xf_scrub_text(step->scope.back->scrub, xf_reasons_code(reasons, i)));

        if (slot != NULL)
            slot->count += reasons->slots[i].count;
    }
    step->counts_changed = true;
    step->scope.dirty = true;
}

int xf_back_reason_count(struct xf_step_slot *step, xray_str code, int64_t count)
{
    struct xf_reason_slot *slot = count >= 0 && code.len > 0 ? xf_reasons_at(&step->reasons, code) : NULL;

    if (slot == NULL)
        return XRAY_EMISUSE;
    slot->count = count;
    step->counts_changed = step->scope.dirty = true;
    return XRAY_OK;
}

/* A call that is told it is wrong was not accepted; one that could not be kept was, and is lost. */
static void count_failure(struct xf_back *b, int status)
{
    const bool lost = !b->sync || status == XRAY_ENOMEM || status == b->status;

    b->stats.accepted += lost;
    b->stats.dropped += lost;
    b->untold += lost;
}

static bool is_full(const struct xf_back *b, uint32_t count, size_t bytes)
{
    return count >= FLUSH_COUNT || bytes >= FLUSH_BYTES || (b->gathered >= GATHERED_MAX && bytes > 0);
}

int xf_back_candidate(struct xf_back *b, struct xf_step_slot *step, const xray_candidate *c)
{
    struct xf_scope *s = &step->scope;
    const size_t start = s->cands.len;
    int r = b->status;

    if (r == XRAY_OK && xray_verdict_name(c->verdict) == NULL)
        r = XRAY_EMISUSE;
    if (r == XRAY_OK)
        r = put_candidate(s, c);
    if (r == XRAY_OK && s->cands.failed)
        r = XRAY_ENOMEM;
    if (r < 0) {
        s->cands.len = start;
        s->cands.failed = false;
        count_failure(b, r);
        return r;
    }
    b->stats.accepted++;
    b->gathered += s->cands.len - start;
    s->cand_count++;
    count_candidate(step, c);
    return is_full(b, s->cand_count, s->cands.len) ? xf_commit_events(b, s, step->run->id, step->number) : XRAY_OK;
}

/* ---- decisions and notes ---- */

/* Appends [table, [after, name, time, body]]. */
static int put_event(struct xf_back *b, struct xf_scope *s, const struct xf_event *e)
{
    xray_buffer *out = &s->events;
    const size_t start = out->len;
    int r = b->status;

    xf_mp_array(out, 2);
    xf_mp_int(out, e->table);
    xf_mp_array(out, 4);
    xf_mp_int(out, e->after != XRAY_MISSING ? e->after : s->cand_total);
    put_name(s, out, e->name, XF_NAME_MAX);
    if (e->time_ns == XRAY_MISSING)
        xf_mp_nil(out);
    else
        xf_mp_int(out, e->time_ns);
    if (r == XRAY_OK)
        r = xf_scope_pack(s, xray_s(NULL), e->body, out);
    if (r == XRAY_OK && out->failed)
        r = XRAY_ENOMEM;
    if (r < 0) {
        out->len = start;
        out->failed = false;
        count_failure(b, r);
        return r;
    }
    b->stats.accepted++;
    b->gathered += out->len - start;
    s->event_count++;
    s->dirty = true;
    return XRAY_OK;
}

static int add_event(struct xf_back *b, struct xf_scope *s, const uint8_t run_id[16], int64_t step,
                     const struct xf_event *e)
{
    const int r = put_event(b, s, e);

    if (r == XRAY_OK && is_full(b, s->event_count, s->events.len))
        return xf_commit_events(b, s, run_id, step);
    return r;
}

int xf_back_step_event(struct xf_back *b, struct xf_step_slot *step, const struct xf_event *e)
{
    return add_event(b, &step->scope, step->run->id, step->number, e);
}

int xf_back_run_event(struct xf_back *b, struct xf_run_slot *run, const struct xf_event *e)
{
    return add_event(b, &run->scope, run->id, XRAY_MISSING, e);
}
