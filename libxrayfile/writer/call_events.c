/* The public calls for candidates, decisions and notes. */
#include "writer/call.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/mpwrite.h"
#include "codec/value.h"

#include <math.h>

int xf_call_value(struct xf_slot *s, xray_value *value)
{
    int r;

    if (value->kind != XRAY_VALUE_TREE)
        return (unsigned)value->kind <= XRAY_VALUE_TREE ? XRAY_OK : XRAY_EMISUSE;
    xf_buf_reset(&s->scratch);
    r = xf_value_pack(value, true, NULL, &s->scratch, NULL);
    if (r == XRAY_OK)
        *value = xray_msgpack(s->scratch.data, s->scratch.len);
    return r;
}

/* ---- candidates ---- */

/* Counted, not kept: in, out and the histogram of its step stay exact. */
static void count_only(struct xf_slot *s, const xray_candidate *c)
{
    s->lost_any = true;
    s->lost.in++;
    s->lost.out += c->verdict == XRAY_ACCEPT || c->verdict == XRAY_MODIFY;
    for (size_t i = 0; c->verdict == XRAY_REJECT && i < c->reason_count; i++) {
        const xray_str code = c->reasons[i].code;
        struct xf_reason_slot *slot = code.len > 0 ? xf_reasons_at(&s->lost.reasons, code) : NULL;

        if (slot != NULL)
            slot->count++;
    }
}

static int lose_candidate(struct xf_slot *s, const xray_candidate *c)
{
    count_only(s, c);
    xf_call_lost(s->writer, XF_LOST_CANDIDATE);
    return XRAY_ENOMEM;
}

int xf_call_leave_out(struct xf_slot *s, const xray_candidate *c)
{
    count_only(s, c);
    s->lost.left_out++;
    return XRAY_OK;
}

struct measure {
    size_t len;
    bool full;  /* some reason has more than a code */
    bool trees;
};

static inline struct measure measure(const xray_candidate *c)
{
    struct measure m = {.len = sizeof(struct xf_op) + 12 + xf_op_text_size(c->item)};

    for (size_t i = 0; i < c->reason_count; i++) {
        const xray_reason *r = &c->reasons[i];

        m.full |= (r->rule.len | r->version.len | r->params.len) != 0;
        m.len += xf_op_text_size(r->code);
    }
    if (m.full)
        for (size_t i = 0; i < c->reason_count; i++)
            m.len += xf_op_text_size(c->reasons[i].rule) + xf_op_text_size(c->reasons[i].version) +
                     xf_op_text_size(c->reasons[i].params);
    for (unsigned bits = c->fields & 63u; bits != 0; bits &= bits - 1)
        m.len += 8;
    for (size_t i = 0; i < c->evidence_count; i++) {
        m.trees |= c->evidence[i].value.kind == XRAY_VALUE_TREE;
        m.len += xf_op_text_size(c->evidence[i].key) + xf_op_value_size(&c->evidence[i].value);
    }
    return m;
}

static uint8_t *put_numbers(uint8_t *p, const xray_candidate *c)
{
    const unsigned f = c->fields;

    if ((f & XRAY_HAS_SCORE) != 0)
        p = xf_op_put_double(p, c->score);
    if ((f & XRAY_HAS_THRESHOLD) != 0)
        p = xf_op_put_double(p, c->threshold);
    if ((f & XRAY_HAS_RANK_IN) != 0)
        p = xf_op_put_i64(p, c->rank_in);
    if ((f & XRAY_HAS_RANK_OUT) != 0)
        p = xf_op_put_i64(p, c->rank_out);
    if ((f & XRAY_HAS_WEIGHT) != 0)
        p = xf_op_put_double(p, c->weight);
    if ((f & XRAY_HAS_TIME) != 0)
        p = xf_op_put_i64(p, c->time_ns);
    return p;
}

static inline int put_candidate(struct xf_slot *s, const xray_candidate *c, const struct measure *m)
{
    const uint32_t counts[2] = {(uint32_t)c->reason_count, (uint32_t)c->evidence_count};
    const uint8_t small[4] = {(uint8_t)c->by, (uint8_t)c->provenance, m->full, 0};
    size_t len = m->len;
    uint8_t *p = xf_op_begin(s, &len, XF_CLASS_EVENT, XF_OP_CANDIDATE, (uint8_t)c->verdict, (uint16_t)(c->fields & 127u));

    if (p == NULL)
        return lose_candidate(s, c);
    p = xf_op_put(xf_op_put(p, counts, sizeof counts), small, sizeof small);
    p = xf_op_put_text(p, c->item);
    for (size_t i = 0; i < c->reason_count; i++) {
        p = xf_op_put_text(p, c->reasons[i].code);
        if (m->full)
            p = xf_op_put_text(xf_op_put_text(xf_op_put_text(p, c->reasons[i].rule), c->reasons[i].version),
                               c->reasons[i].params);
    }
    if (c->fields != 0) {
        p = put_numbers(p, c);
        if ((c->fields & XRAY_HAS_EVIDENCE) != 0)
            p = xf_op_put_value(p, &c->evidence_value);
    }
    for (size_t i = 0; i < c->evidence_count; i++)
        p = xf_op_put_value(xf_op_put_text(p, c->evidence[i].key), &c->evidence[i].value);
    xf_log_publish(s, len);
    return XRAY_OK;
}

/* Evidence with json-c trees: they are packed one behind the other into the scratch, then pointed to. */
static int put_with_trees(struct xf_slot *s, xray_candidate c)
{
    xray_attr *attrs = xf_alloc_array(c.evidence_count, sizeof *attrs);
    size_t *ends = xf_alloc_array(c.evidence_count, sizeof *ends);
    int r = attrs != NULL && ends != NULL ? XRAY_OK : XRAY_ENOMEM;
    struct measure m;

    xf_buf_reset(&s->scratch);
    for (size_t i = 0; r == XRAY_OK && i < c.evidence_count; i++) {
        attrs[i] = c.evidence[i];
        if (attrs[i].value.kind == XRAY_VALUE_TREE)
            r = xf_value_pack(&attrs[i].value, true, NULL, &s->scratch, NULL);
        ends[i] = s->scratch.len;
    }
    for (size_t i = 0, at = 0; r == XRAY_OK && i < c.evidence_count; at = ends[i++])
        if (attrs[i].value.kind == XRAY_VALUE_TREE)
            attrs[i].value = xray_msgpack(s->scratch.data + at, ends[i] - at);
    if (r == XRAY_OK) {
        c.evidence = attrs;
        m = measure(&c);
        r = put_candidate(s, &c, &m);
    }
    xf_free(attrs);
    xf_free(ends);
    return r;
}

static int candidate_with_value(struct xf_slot *s, const xray_candidate *given)
{
    xray_candidate c = *given;
    struct measure m;
    int r = xf_call_value(s, &c.evidence_value);

    c.evidence_count = 0;
    m = measure(&c);
    m.len += xf_op_value_size(&c.evidence_value);
    return r < 0 ? r : put_candidate(s, &c, &m);
}

/* The same item in the same run is kept in every step or in none, so its way can be followed. */
static bool is_kept(const struct xf_slot *s, xray_str item)
{
    uint64_t run;

    memcpy(&run, s->run->id, sizeof run);
    return xf_hash64(item.ptr, item.len, run ^ s->writer->options.sample_seed) < s->writer->keep_below;
}

int xf_call_candidate(struct xf_slot *s, const xray_candidate *c)
{
    struct measure m;

    if (xray_verdict_name(c->verdict) == NULL)
        return XRAY_EMISUSE;
    if (s->writer->options.summary)
        return xf_call_leave_out(s, c);
    if ((c->fields & XRAY_HAS_EVIDENCE) != 0)
        return candidate_with_value(s, c);
    m = measure(c);
    return m.trees ? put_with_trees(s, *c) : put_candidate(s, c, &m);
}

static int thin_candidate(struct xf_slot *s, const xray_candidate *given)
{
    const xray_writer *w = s->writer;
    xray_candidate c = *given;

    if (w->weight == 0) /* a summary of all of them */
        return xf_call_candidate(s, given);
    if (!is_kept(s, c.item))
        return xray_verdict_name(c.verdict) != NULL ? xf_call_leave_out(s, given) : XRAY_EMISUSE;
    c.weight = w->weight * ((c.fields & XRAY_HAS_WEIGHT) != 0 ? c.weight : 1);
    c.fields |= XRAY_HAS_WEIGHT;
    return xf_call_candidate(s, &c);
}

/* With the step's `busy` held, which is let go. */
static int record(struct xf_slot *s, const xray_candidate *c)
{
    struct measure m;

    if (s->writer->thin)
        return xf_call_done(s, thin_candidate(s, c));
    m = measure(c);
    return xf_call_done(s, m.trees ? put_with_trees(s, *c) : put_candidate(s, c, &m));
}

int xray_step_candidate(xray_step step, const xray_candidate *c)
{
    struct xf_slot *s = xf_enter_step(step);

    if (s == NULL)
        return XRAY_ECLOSED;
    if (xray_verdict_name(c->verdict) != NULL && (c->fields & XRAY_HAS_EVIDENCE) == 0)
        return record(s, c);
    return xf_call_done(s, s->writer->thin ? thin_candidate(s, c) : xf_call_candidate(s, c));
}

/* ---- what most candidates are: an item, a verdict, at most a reason, some evidence ---- */

struct plain {
    xray_verdict verdict;
    xray_str item, reason;
    const xray_attr *evidence;
    size_t count;
};

/* Bytes of the operation; 0: it takes the long way. */
static inline size_t plain_size(const struct plain *c)
{
    size_t len = sizeof(struct xf_op) + 2 + c->item.len + 2 + c->reason.len;
    size_t names = c->item.len | c->reason.len | c->count;

    for (size_t i = 0; i < c->count; i++) {
        const xray_attr *a = &c->evidence[i];

        if (a->value.kind == XRAY_VALUE_TREE)
            return 0;
        names |= a->key.len;
        len += 2 + a->key.len + xf_op_value_size(&a->value);
    }
    return names <= XF_OP_NAME_MAX ? len : 0;
}

static int record_plain(struct xf_slot *s, const struct plain *p)
{
    const xray_reason reason = {.code = p->reason};
    const xray_candidate c = {
        .item = p->item,
        .verdict = p->verdict,
        .reasons = &reason,
        .reason_count = p->reason.len > 0,
        .evidence = p->evidence,
        .evidence_count = p->count,
    };

    return record(s, &c);
}

static int plain_candidate(xray_step step, const struct plain *c)
{
    struct xf_slot *s = xf_enter_step(step);
    uint8_t *p = NULL;
    size_t len;

    if (s == NULL)
        return XRAY_ECLOSED;
    len = s->writer->direct ? plain_size(c) : 0;
    if (len > 0)
        p = xf_op_begin(s, &len, XF_CLASS_EVENT, XF_OP_PLAIN_CANDIDATE, (uint8_t)c->verdict, (uint16_t)c->count);
    if (p == NULL)
        return record_plain(s, c);
    p = xf_op_put_name(xf_op_put_name(p, c->item), c->reason);
    for (size_t i = 0; i < c->count; i++)
        p = xf_op_put_value(xf_op_put_name(p, c->evidence[i].key), &c->evidence[i].value);
    xf_log_publish(s, len);
    xf_leave_direct(s);
    return XRAY_OK;
}

int xray_step_accept(xray_step step, xray_str item)
{
    return plain_candidate(step, &(struct plain){XRAY_ACCEPT, item, {0}, NULL, 0});
}

int xray_step_reject(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence, size_t evidence_count)
{
    return plain_candidate(step, &(struct plain){XRAY_REJECT, item, reason, evidence, evidence_count});
}

int xray_step_defer(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence, size_t evidence_count)
{
    return plain_candidate(step, &(struct plain){XRAY_DEFER, item, reason, evidence, evidence_count});
}

int xray_step_modify(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence, size_t evidence_count)
{
    return plain_candidate(step, &(struct plain){XRAY_MODIFY, item, reason, evidence, evidence_count});
}

static int put_reason_count(struct xf_slot *s, xray_str code, int64_t count)
{
    size_t len = sizeof(struct xf_op) + 8 + xf_op_text_size(code);
    uint8_t *p;

    if (count < 0 || code.len == 0)
        return XRAY_EMISUSE;
    p = xf_op_begin(s, &len, XF_CLASS_SPINE, XF_OP_REASON_COUNT, 0, 0);
    if (p == NULL) {
        xf_call_lost(s->writer, XF_LOST_PAYLOAD);
        return XRAY_ENOMEM;
    }
    xf_op_put_text(xf_op_put_i64(p, count), code);
    xf_log_publish(s, len);
    return XRAY_OK;
}

int xray_step_set_reason_count(xray_step handle, xray_str code, int64_t count)
{
    struct xf_slot *s = xf_enter_step(handle);

    return s != NULL ? xf_call_done(s, put_reason_count(s, code, count)) : XRAY_ECLOSED;
}

/* ---- decisions and notes ---- */

static void put_key_double(xray_buffer *b, const char *key, double v)
{
    if (isnan(v))
        return;
    xf_mp_cstr(b, key);
    xf_mp_double(b, v);
}

static void put_alternatives(xray_buffer *b, const xray_decision *d)
{
    xf_mp_cstr(b, "alternatives");
    xf_mp_array(b, d->alternative_count);
    for (size_t i = 0; i < d->alternative_count; i++) {
        const xray_alternative *a = &d->alternatives[i];

        xf_mp_map(b, 1u + !isnan(a->score) + (a->why_not.len > 0));
        xf_mp_cstr(b, "id");
        xf_mp_text(b, a->id.ptr, a->id.len);
        put_key_double(b, "score", a->score);
        if (a->why_not.len > 0) {
            xf_mp_cstr(b, "why_not");
            xf_mp_text(b, a->why_not.ptr, a->why_not.len);
        }
    }
}

/* The map of spec 8.6. `selected` is always there: none selected is an outcome. */
static void put_decision_body(xray_buffer *b, const xray_decision *d)
{
    const char *by = d->by != XRAY_BY_UNSAID ? xray_by_name(d->by) : NULL;

    xf_mp_map(b, 1u + (d->alternative_count > 0) + (d->reason.len > 0) + !isnan(d->score) + !isnan(d->confidence) +
                     (by != NULL));
    xf_mp_cstr(b, "selected");
    xf_mp_array(b, d->selected_count);
    for (size_t i = 0; i < d->selected_count; i++)
        xf_mp_text(b, d->selected[i].ptr, d->selected[i].len);
    if (d->alternative_count > 0)
        put_alternatives(b, d);
    if (d->reason.len > 0) {
        xf_mp_cstr(b, "reason");
        xf_mp_text(b, d->reason.ptr, d->reason.len);
    }
    put_key_double(b, "score", d->score);
    put_key_double(b, "confidence", d->confidence);
    if (by != NULL) {
        xf_mp_cstr(b, "by");
        xf_mp_cstr(b, by);
    }
}

static int put_event(struct xf_slot *s, struct xf_event e)
{
    size_t len;
    uint8_t *p;
    int r = xf_call_value(s, &e.body);

    if (r < 0)
        return r;
    len = sizeof(struct xf_op) + 16 + xf_op_text_size(e.name) + xf_op_value_size(&e.body);
    p = xf_op_begin(s, &len, XF_CLASS_EVENT, XF_OP_EVENT, (uint8_t)e.table, 0);
    if (p == NULL) {
        xf_call_lost(s->writer, e.table == XF_TABLE_DECISIONS ? XF_LOST_DECISION : XF_LOST_NOTE);
        return XRAY_ENOMEM;
    }
    if (e.time_ns == 0)
        e.time_ns = xf_origin_now(&s->writer->origin);
    xf_op_put_value(xf_op_put_text(xf_op_put_i64(xf_op_put_i64(p, e.after), e.time_ns), e.name), &e.body);
    xf_log_publish(s, len);
    return XRAY_OK;
}

static int decide(struct xf_slot *s, const xray_decision *d)
{
    struct xf_event e = {.table = XF_TABLE_DECISIONS, .name = d->name, .after = d->after, .time_ns = d->time_ns};

    if (d->body != NULL) {
        e.body = *d->body;
        return put_event(s, e);
    }
    xf_buf_reset(&s->scratch);
    put_decision_body(&s->scratch, d);
    if (s->scratch.failed)
        return XRAY_ENOMEM;
    e.body = xray_msgpack(s->scratch.data, s->scratch.len);
    return put_event(s, e);
}

int xray_step_decide(xray_step step, const xray_decision *decision)
{
    struct xf_slot *s = xf_enter_step(step);

    return s != NULL ? xf_call_done(s, decide(s, decision)) : XRAY_ECLOSED;
}

int xray_run_decide(xray_run run, const xray_decision *decision)
{
    struct xf_slot *s = xf_enter_run(run);

    return s != NULL ? xf_call_done(s, decide(s, decision)) : XRAY_ECLOSED;
}

int xray_step_note(xray_step step, xray_str name, xray_value body, int64_t after, int64_t time_ns)
{
    const struct xf_event e = {.table = XF_TABLE_NOTES, .name = name, .after = after, .time_ns = time_ns, .body = body};
    struct xf_slot *s = xf_enter_step(step);

    return s != NULL ? xf_call_done(s, put_event(s, e)) : XRAY_ECLOSED;
}

int xray_run_note(xray_run run, xray_str name, xray_value body, int64_t after, int64_t time_ns)
{
    const struct xf_event e = {.table = XF_TABLE_NOTES, .name = name, .after = after, .time_ns = time_ns, .body = body};
    struct xf_slot *s = xf_enter_run(run);

    return s != NULL ? xf_call_done(s, put_event(s, e)) : XRAY_ECLOSED;
}
