/* Candidates, decisions, notes: row records into the buffers of their scope (spec 10.3). */
#include "writer/internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "codec/utf8.h"

#include <math.h>

/* A step's records go to the builder when there are this many: buffers stay small however long the step. */
#define FLUSH_COUNT 16384u
#define FLUSH_BYTES (1u << 20)

static void put_name(struct xf_scope *s, xray_buffer *b, xray_str text, size_t max)
{
    char clean[XF_ITEM_MAX];
    bool cut = false;

    if (text.len <= max && xf_utf8_valid_len(text.ptr, text.len) == text.len) { /* as good as always */
        xf_mp_str(b, text.ptr, text.len);
        return;
    }
    xf_mp_str(b, clean, xf_clean_text(clean, max, text, &cut));
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

static int put_attrs(xray_buffer *b, const xray_attr *attrs, size_t count)
{
    xf_mp_map(b, count);
    for (size_t i = 0; i < count; i++) {
        int r;

        xf_mp_text(b, attrs[i].key.ptr, attrs[i].key.len);
        r = xray_value_pack(attrs[i].value, true, b, NULL);
        if (r < 0)
            return r;
    }
    return XRAY_OK;
}

/* An empty map says as much as none, and the columns of spec 8 could not tell them apart. */
static int put_evidence_value(xray_buffer *b, xray_value value)
{
    const size_t start = b->len;
    const int r = xray_value_pack(value, true, b, NULL);

    if (r == XRAY_OK && b->len == start + 1 && b->data[start] == 0x80)
        b->data[start] = 0xc0;
    return r;
}

static int put_candidate(struct xf_scope *s, const xray_candidate *c)
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
        return put_evidence_value(b, c->evidence_value);
    if (c->evidence_count == 0) {
        xf_mp_nil(b);
        return XRAY_OK;
    }
    return put_attrs(b, c->evidence, c->evidence_count);
}

/* ---- the histogram of reasons ---- */

static bool is_code(const struct xf_step_slot *step, uint32_t i, xray_str code)
{
    return step->reasons[i].len == code.len &&
           memcmp(step->codes.data + step->reasons[i].off, code.ptr, code.len) == 0;
}

/* Codes repeat in runs, so the last one is tried first; there are few of them, so a
 * linear search does for the rest. */
static struct xf_reason_slot *find_reason(struct xf_step_slot *step, xray_str code)
{
    if (step->last_reason < step->reason_count && is_code(step, step->last_reason, code))
        return &step->reasons[step->last_reason];
    for (uint32_t i = 0; i < step->reason_count; i++)
        if (is_code(step, i, code)) {
            step->last_reason = i;
            return &step->reasons[i];
        }
    return NULL;
}

/* The entry of a code, new if need be; after 256 of them all others share one (spec 11). */
static struct xf_reason_slot *reason_slot(struct xf_step_slot *step, xray_str code)
{
    struct xf_reason_slot *slot = find_reason(step, code);

    if (slot == NULL && step->reason_count >= XF_REASONS_MAX) {
        code = xray_s("(other)");
        slot = find_reason(step, code);
    }
    if (slot != NULL)
        return slot;
    if (step->reason_count == step->reason_cap) {
        const uint32_t cap = step->reason_cap != 0 ? step->reason_cap * 2 : 8;
        struct xf_reason_slot *more = xf_resize_array(step->reasons, cap, sizeof *more);

        if (more == NULL)
            return NULL;
        step->reasons = more;
        step->reason_cap = cap;
    }
    step->reasons[step->reason_count] =
        (struct xf_reason_slot){.off = (uint32_t)step->codes.len, .len = (uint32_t)code.len};
    xf_buf_put(&step->codes, code.ptr, code.len);
    if (step->codes.failed)
        return NULL;
    step->last_reason = step->reason_count;
    return &step->reasons[step->reason_count++];
}

static void count_reason(struct xf_step_slot *step, xray_str code)
{
    char clean[XF_NAME_MAX];
    bool cut;
    struct xf_reason_slot *slot;

    if (code.len == 0)
        return;
    slot = reason_slot(step, xray_strn(clean, xf_clean_text(clean, sizeof clean, code, &cut)));
    if (slot != NULL)
        slot->count++;
}

static void count_candidate(struct xf_step_slot *step, const xray_candidate *c)
{
    step->scope.cand_total++;
    step->counted_in++;
    step->counted_out += c->verdict == XRAY_ACCEPT || c->verdict == XRAY_MODIFY;
    if (c->verdict == XRAY_REJECT)
        for (size_t i = 0; i < c->reason_count; i++)
            count_reason(step, c->reasons[i].code);
    step->counts_changed = true;
    step->scope.dirty = true;
}

/* A call that is told it is wrong was not accepted; one that could not be kept was, and is lost. */
static void count_failure(xray_writer *w, int status)
{
    const bool lost = status == XRAY_ENOMEM || status == w->status;

    w->stats.accepted += lost;
    w->stats.dropped += lost;
}

int xray_step_candidate(xray_step handle, const xray_candidate *c)
{
    xray_writer *w;
    struct xf_step_slot *step = xf_enter_step(handle, &w);
    struct xf_scope *s;
    size_t start;
    int r;

    if (step == NULL)
        return XRAY_ECLOSED;
    s = &step->scope;
    start = s->cands.len;
    r = w->status;
    if (r == XRAY_OK && xray_verdict_name(c->verdict) == NULL)
        r = XRAY_EMISUSE;
    if (r == XRAY_OK)
        r = put_candidate(s, c);
    if (r == XRAY_OK && s->cands.failed)
        r = XRAY_ENOMEM;
    if (r < 0) {
        s->cands.len = start;
        s->cands.failed = false;
        count_failure(w, r);
    } else {
        w->stats.accepted++;
        s->cand_count++;
        count_candidate(step, c);
        if (s->cand_count >= FLUSH_COUNT || s->cands.len >= FLUSH_BYTES)
            r = xf_commit_events(w, s, xf_run_at(w, step->run)->id, step->number);
    }
    xf_leave(w);
    return r;
}

int xray_step_accept(xray_step step, xray_str item)
{
    const xray_candidate c = {.item = item, .verdict = XRAY_ACCEPT};

    return xray_step_candidate(step, &c);
}

static int candidate_with_reason(xray_step step, xray_verdict verdict, xray_str item, xray_str reason,
                                 const xray_attr *evidence, size_t evidence_count)
{
    const xray_reason one = {.code = reason};
    const xray_candidate c = {
        .item = item,
        .verdict = verdict,
        .reasons = &one,
        .reason_count = reason.len > 0,
        .evidence = evidence,
        .evidence_count = evidence_count,
    };

    return xray_step_candidate(step, &c);
}

int xray_step_reject(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence, size_t evidence_count)
{
    return candidate_with_reason(step, XRAY_REJECT, item, reason, evidence, evidence_count);
}

int xray_step_defer(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence, size_t evidence_count)
{
    return candidate_with_reason(step, XRAY_DEFER, item, reason, evidence, evidence_count);
}

int xray_step_modify(xray_step step, xray_str item, xray_str reason, const xray_attr *evidence, size_t evidence_count)
{
    return candidate_with_reason(step, XRAY_MODIFY, item, reason, evidence, evidence_count);
}

int xray_step_set_reason_count(xray_step handle, xray_str code, int64_t count)
{
    xray_writer *w;
    struct xf_step_slot *step = xf_enter_step(handle, &w);
    struct xf_reason_slot *slot = NULL;
    char clean[XF_NAME_MAX];
    bool cut;

    if (step == NULL)
        return XRAY_ECLOSED;
    if (count >= 0 && code.len > 0)
        slot = reason_slot(step, xray_strn(clean, xf_clean_text(clean, sizeof clean, code, &cut)));
    if (slot != NULL) {
        slot->count = count;
        step->counts_changed = step->scope.dirty = true;
    }
    xf_leave(w);
    return slot != NULL ? XRAY_OK : XRAY_EMISUSE;
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
static int put_decision_body(xray_buffer *b, const xray_decision *d)
{
    const char *by = d->by != XRAY_BY_UNSAID ? xray_by_name(d->by) : NULL;

    if (d->body != NULL)
        return xray_value_pack(*d->body, true, b, NULL);
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
    return XRAY_OK;
}

struct event {
    enum xf_table table;
    xray_str name;
    int64_t after, time_ns;
    const xray_decision *decision; /* or */
    const xray_value *body;
};

/* Appends [table, [after, name, time, body]]. */
static int put_event(xray_writer *w, struct xf_scope *s, const struct event *e)
{
    xray_buffer *b = &s->events;
    const size_t start = b->len;
    int r = w->status;

    xf_mp_array(b, 2);
    xf_mp_int(b, e->table);
    xf_mp_array(b, 4);
    xf_mp_int(b, e->after != XRAY_MISSING ? e->after : s->cand_total);
    put_name(s, b, e->name, XF_NAME_MAX);
    if (e->time_ns == XRAY_MISSING)
        xf_mp_nil(b);
    else
        xf_mp_int(b, e->time_ns != 0 ? e->time_ns : xf_writer_now(w));
    if (r == XRAY_OK)
        r = e->decision != NULL ? put_decision_body(b, e->decision) : xray_value_pack(*e->body, true, b, NULL);
    if (r == XRAY_OK && b->failed)
        r = XRAY_ENOMEM;
    if (r < 0) {
        b->len = start;
        b->failed = false;
        count_failure(w, r);
        return r;
    }
    w->stats.accepted++;
    s->event_count++;
    s->dirty = true;
    return XRAY_OK;
}

static int add_event(xray_writer *w, struct xf_scope *s, const uint8_t run_id[16], int64_t step, const struct event *e)
{
    int r = put_event(w, s, e);

    if (r == XRAY_OK && (s->event_count >= FLUSH_COUNT || s->events.len >= FLUSH_BYTES))
        r = xf_commit_events(w, s, run_id, step);
    return r;
}

static int step_event(xray_step handle, const struct event *e)
{
    xray_writer *w;
    struct xf_step_slot *step = xf_enter_step(handle, &w);
    int r;

    if (step == NULL)
        return XRAY_ECLOSED;
    r = add_event(w, &step->scope, xf_run_at(w, step->run)->id, step->number, e);
    xf_leave(w);
    return r;
}

static int run_event(xray_run handle, const struct event *e)
{
    xray_writer *w;
    struct xf_run_slot *run = xf_enter_run(handle, &w);
    int r;

    if (run == NULL)
        return XRAY_ECLOSED;
    r = add_event(w, &run->scope, run->id, XRAY_MISSING, e);
    xf_leave(w);
    return r;
}

static struct event event_of_decision(const xray_decision *d)
{
    return (struct event){
        .table = XF_TABLE_DECISIONS, .name = d->name, .after = d->after, .time_ns = d->time_ns, .decision = d};
}

int xray_step_decide(xray_step step, const xray_decision *decision)
{
    const struct event e = event_of_decision(decision);

    return step_event(step, &e);
}

int xray_run_decide(xray_run run, const xray_decision *decision)
{
    const struct event e = event_of_decision(decision);

    return run_event(run, &e);
}

int xray_step_note(xray_step step, xray_str name, xray_value body, int64_t after, int64_t time_ns)
{
    const struct event e = {.table = XF_TABLE_NOTES, .name = name, .after = after, .time_ns = time_ns, .body = &body};

    return step_event(step, &e);
}

int xray_run_note(xray_run run, xray_str name, xray_value body, int64_t after, int64_t time_ns)
{
    const struct event e = {.table = XF_TABLE_NOTES, .name = name, .after = after, .time_ns = time_ns, .body = &body};

    return run_event(run, &e);
}
