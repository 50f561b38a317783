/* Operations to the back end: what was appended by calls becomes rows and records, in the order of each handle. */

#include "base/buf.h"
#include "base/mem.h"
#include "writer/front.h"
#include "writer/field.h"
#include "writer/op.h"

/* Reasons and evidence of one candidate. Grown once, to the most that any candidate has. */
static bool make_room(void **items, size_t *cap, size_t count, size_t size)
{
    void *more;

    if (count <= *cap)
        return true;
    more = xf_resize_array(*items, count * 2, size);
    if (more == NULL)
        return false;
    *items = more;
    *cap = count * 2;
    return true;
}

/* A name or id: where it must not be recorded, a text that says so. */
static xray_str take_name(const struct xf_back *b, struct xf_op_reader *r)
{
    return xf_scrub_text(b->scrub, xf_op_take_text(r));
}

/* Likewise, where what it is called may be reason enough. */
static xray_str take_named(const struct xf_back *b, const char *name, struct xf_op_reader *r)
{
    const xray_str text = take_name(b, r);

    return text.len > 0 && xf_scrub_is_name(b->scrub, xray_s(name)) ? xray_s(XF_REDACTED_TEXT) : text;
}

/* There was no memory for it. Counted, and told in the file, with the losses of the front end (xf_apply_losses). */
static void lose(struct xf_slot *s, enum xf_lost_kind kind)
{
    atomic_fetch_add_explicit(&s->writer->lost[kind], 1, memory_order_relaxed);
}

static int apply_run_begin(struct xf_slot *s, struct xf_op_reader r)
{
    struct xf_back *b = s->writer->back;
    struct xf_run_begin begin = {.start_mono = xf_op_take_i64(&r)};
    xray_run_options *o = &begin.options;
    uint8_t parent[16];

    begin.start_ns = xf_op_take_i64(&r);
    begin.seq = (uint64_t)xf_op_take_i64(&r);
    o->clock = (enum xray_clock)xf_op_take_u32(&r);
    o->resume = xf_op_take_u32(&r) != 0;
    if (xf_op_take_u32(&r) != 0)
        o->parent_run = parent;
    xf_op_take(&r, parent, sizeof parent);
    begin.pipeline = take_name(b, &r);
    o->ext_id = take_named(b, "ext_id", &r);
    o->version = take_named(b, "version", &r);
    o->project = take_named(b, "project", &r);
    o->session = take_named(b, "session", &r);
    o->user = take_named(b, "user", &r);
    memcpy(begin.id, s->id, sizeof begin.id);
    s->begun = true;
    s->object = xf_back_run_begin(b, &begin);
    if (s->object == NULL)
        lose(s, XF_LOST_RUN);
    else
        b->stats.accepted++;
    return s->object != NULL ? XRAY_OK : b->status < 0 ? b->status : XRAY_ENOMEM;
}

static int apply_step_begin(struct xf_slot *s, struct xf_op_reader r)
{
    struct xf_back *b = s->writer->back;
    struct xf_step_begin begin = {.start_mono = xf_op_take_i64(&r), .number = s->number};

    begin.start_ns = xf_op_take_i64(&r);
    begin.parent = xf_op_take_i64(&r);
    begin.clock = (enum xray_clock)xf_op_take_u32(&r);
    begin.name = take_name(b, &r);
    begin.type = take_name(b, &r);
    begin.ext_id = take_named(b, "ext_id", &r);
    begin.parent_ext = take_named(b, "ext_id", &r);
    if (!s->run->begun) /* its log has the operation, before this one in time */
        xf_apply(s->run);
    s->begun = true;
    s->object = s->run->object != NULL ? xf_back_step_begin(b, s->run->object, &begin) : NULL;
    if (s->object == NULL)
        lose(s, XF_LOST_STEP);
    else
        b->stats.accepted++;
    return s->object != NULL ? XRAY_OK : b->status < 0 ? b->status : XRAY_ENOMEM;
}

static int apply_candidate(struct xf_slot *s, const struct xf_op *op, struct xf_op_reader r)
{
    struct xf_back *b = s->writer->back;
    struct xf_apply_scratch *scratch = &b->apply;
    xray_candidate c = {.verdict = (xray_verdict)op->a, .fields = op->b};
    const uint32_t reasons = xf_op_take_u32(&r), attrs = xf_op_take_u32(&r);
    uint8_t small[4];

    xf_op_take(&r, small, sizeof small);
    c.by = (xray_by)small[0];
    c.provenance = (xray_provenance)small[1];
    c.item = take_name(b, &r);
    if (!make_room((void **)&scratch->reasons, &scratch->reason_cap, reasons, sizeof *scratch->reasons) ||
        !make_room((void **)&scratch->attrs, &scratch->attr_cap, attrs, sizeof *scratch->attrs)) {
        lose(s, XF_LOST_CANDIDATE);
        return XRAY_ENOMEM;
    }
    for (uint32_t i = 0; i < reasons; i++) {
        xray_reason *reason = &scratch->reasons[i];

        *reason = (xray_reason){.code = take_name(b, &r)};
        if (small[2] == 0) /* codes only */
            continue;
        reason->rule = take_name(b, &r);
        reason->version = take_name(b, &r);
        reason->params = take_name(b, &r);
    }
    c.reasons = scratch->reasons;
    c.reason_count = reasons;
    if ((c.fields & XRAY_HAS_SCORE) != 0)
        c.score = xf_op_take_double(&r);
    if ((c.fields & XRAY_HAS_THRESHOLD) != 0)
        c.threshold = xf_op_take_double(&r);
    if ((c.fields & XRAY_HAS_RANK_IN) != 0)
        c.rank_in = xf_op_take_i64(&r);
    if ((c.fields & XRAY_HAS_RANK_OUT) != 0)
        c.rank_out = xf_op_take_i64(&r);
    if ((c.fields & XRAY_HAS_WEIGHT) != 0)
        c.weight = xf_op_take_double(&r);
    if ((c.fields & XRAY_HAS_TIME) != 0)
        c.time_ns = xf_op_take_i64(&r);
    if ((c.fields & XRAY_HAS_EVIDENCE) != 0)
        c.evidence_value = xf_op_take_value(&r);
    for (uint32_t i = 0; i < attrs; i++) {
        scratch->attrs[i].key = xf_op_take_text(&r);
        scratch->attrs[i].value = xf_op_take_value(&r);
    }
    c.evidence = scratch->attrs;
    c.evidence_count = attrs;
    return xf_back_candidate(b, s->object, &c);
}

static int apply_plain_candidate(struct xf_slot *s, const struct xf_op *op, struct xf_op_reader r)
{
    struct xf_back *b = s->writer->back;
    struct xf_apply_scratch *scratch = &b->apply;
    xray_candidate c = {.verdict = (xray_verdict)op->a, .item = xf_scrub_text(b->scrub, xf_op_take_name(&r))};
    xray_reason reason = {.code = xf_scrub_text(b->scrub, xf_op_take_name(&r))};

    if (!make_room((void **)&scratch->attrs, &scratch->attr_cap, op->b, sizeof *scratch->attrs)) {
        lose(s, XF_LOST_CANDIDATE);
        return XRAY_ENOMEM;
    }
    for (uint32_t i = 0; i < op->b; i++) {
        scratch->attrs[i].key = xf_op_take_name(&r);
        scratch->attrs[i].value = xf_op_take_value(&r);
    }
    c.reasons = &reason;
    c.reason_count = reason.code.len > 0;
    c.evidence = scratch->attrs;
    c.evidence_count = op->b;
    return xf_back_candidate(b, s->object, &c);
}

static int apply_event(struct xf_slot *s, const struct xf_op *op, struct xf_op_reader r)
{
    struct xf_event e = {.table = (enum xf_table)op->a, .after = xf_op_take_i64(&r)};

    e.time_ns = xf_op_take_i64(&r);
    e.name = take_name(s->writer->back, &r);
    e.body = xf_op_take_value(&r);
    return s->run != NULL ? xf_back_step_event(s->writer->back, s->object, &e)
                          : xf_back_run_event(s->writer->back, s->object, &e);
}

static int apply_op(struct xf_slot *s, const uint8_t *at)
{
    struct xf_op op;
    struct xf_op_reader r = {.at = at + sizeof op};
    const bool is_step = s->run != NULL;

    memcpy(&op, at, sizeof op);
    if (op.kind == XF_OP_RUN_BEGIN)
        return apply_run_begin(s, r);
    if (op.kind == XF_OP_STEP_BEGIN)
        return apply_step_begin(s, r);
    if (s->object == NULL) { /* its begin is lost, so this is */
        if (op.kind == XF_OP_CANDIDATE || op.kind == XF_OP_PLAIN_CANDIDATE)
            lose(s, XF_LOST_CANDIDATE);
        else if (op.kind == XF_OP_EVENT)
            lose(s, op.a == XF_TABLE_DECISIONS ? XF_LOST_DECISION : XF_LOST_NOTE);
        return XRAY_ENOMEM;
    }
    switch (op.kind) {
    case XF_OP_SET: {
        const xray_value v = xf_op_take_value(&r);

        return is_step ? xf_back_step_set(s->object, (xray_field)op.a, v) : xf_back_run_set(s->object, (xray_field)op.a, v);
    }
    case XF_OP_SET_INT: {
        const int64_t v = xf_op_take_i64(&r);

        return is_step ? xf_back_step_set_int(s->object, (xray_int_field)op.a, v)
                       : xf_back_run_set_int(s->object, (xray_int_field)op.a, v);
    }
    case XF_OP_ADD: {
        const xray_str key = xf_op_take_text(&r);
        const xray_value v = xf_op_take_value(&r);

        return is_step ? xf_back_step_add(s->object, (xray_field)op.a, key, v)
                       : xf_back_run_add(s->object, (xray_field)op.a, key, v);
    }
    case XF_OP_CANDIDATE:
        return apply_candidate(s, &op, r);
    case XF_OP_PLAIN_CANDIDATE:
        return apply_plain_candidate(s, &op, r);
    case XF_OP_REASON_COUNT: {
        const int64_t count = xf_op_take_i64(&r);

        return xf_back_reason_count(s->object, take_name(s->writer->back, &r), count);
    }
    case XF_OP_VALUE_LOST: {
        const struct xf_field f = is_step ? xf_step_field((xray_field)op.a) : xf_run_field((xray_field)op.a);

        if (f.kind != XF_FIELD_NONE)
            xf_scope_put_lost(s->object, f.column, (uint64_t)xf_op_take_i64(&r));
        return XRAY_OK;
    }
    default:
        return apply_event(s, &op, r);
    }
}

/* Counts of candidates that were not kept. */
static void take_lost(struct xf_slot *s)
{
    if (s->lost_any && s->object != NULL && s->run != NULL)
        xf_back_add_counts(s->object, s->lost.in, s->lost.out, s->lost.left_out, &s->lost.reasons);
    s->lost_any = false;
    s->lost.in = s->lost.out = s->lost.left_out = 0;
    xf_reasons_reset(&s->lost.reasons);
}

static int apply_to(struct xf_slot *s, const struct xf_log_mark *mark)
{
    const uint8_t *op;
    int r = XRAY_OK;

    while ((op = xf_log_next(s, mark)) != NULL)
        r = apply_op(s, op);
    return r;
}

int xf_apply(struct xf_slot *s)
{
    const struct xf_log_mark mark = xf_log_mark(s);

    return apply_to(s, &mark);
}

/* The steps of a run that ends: those that were ended are further up in the queue, or gone. */
static void end_children(struct xf_slot *run)
{
    xray_writer *w = run->writer;

    for (;;) {
        struct xf_slot *child;

        pthread_mutex_lock(&w->lock);
        child = run->child_first;
        pthread_mutex_unlock(&w->lock);
        if (child == NULL)
            return;
        xf_apply_end(child);
    }
}

int xf_apply_end(struct xf_slot *s)
{
    struct xf_back *b = s->writer->back;
    int r;

    /* Whoever is inside a call leaves first; after that the slot is ours alone. */
    xf_slot_lock(s);
    atomic_store_explicit(&s->handle, 0, memory_order_relaxed);
    xf_slot_unlock(s);
    r = xf_apply(s);
    take_lost(s);
    if (s->run == NULL)
        end_children(s);
    if (s->object != NULL)
        r = s->run != NULL ? xf_back_step_end(b, s->object, s->outcome, s->end_mono)
                           : xf_back_run_end(b, s->object, s->outcome, s->end_mono);
    xf_slot_unlink(s);
    xf_slot_free(s);
    return r;
}

void xf_apply_losses(xray_writer *w)
{
    static const char *const what[XF_LOST_KINDS] = {"run", "step", "candidate", "decision", "note", "payload"};
    struct xf_back *b = w->back;
    uint64_t reported;

    for (size_t i = 0; i < XF_LOST_KINDS; i++) {
        const uint64_t n = atomic_exchange_explicit(&w->lost[i], 0, memory_order_relaxed);

        if (n == 0)
            continue;
        if (i == XF_LOST_PAYLOAD) {
            b->stats.dropped_values += n; /* of records that are there */
        } else {
            b->stats.accepted += n;
            b->stats.dropped += n;
        }
        xf_back_lose(b, xray_s("memory"), xray_s(what[i]), n, XRAY_MISSING, XRAY_MISSING);
    }
    xf_back_tell(b);
    pthread_mutex_lock(&w->lock);
    reported = w->reported.total;
    if (xf_losses_take(&b->losses, &w->reported) == XRAY_OK) /* or another time */
        b->totals.lost = xf_losses_sum(b->totals.lost, reported);
    pthread_mutex_unlock(&w->lock);
}

void xf_apply_all(xray_writer *w)
{
    struct xf_slot *s;

    /* Only the back end takes slots out of the list, so a slot found in it stays in it. */
    pthread_mutex_lock(&w->lock);
    s = w->open_first;
    pthread_mutex_unlock(&w->lock);
    while (s != NULL) {
        xf_apply(s);
        xf_slot_lock(s);
        take_lost(s);
        xf_slot_unlock(s);
        pthread_mutex_lock(&w->lock);
        s = s->open_next;
        pthread_mutex_unlock(&w->lock);
    }
    xf_apply_losses(w);
}
