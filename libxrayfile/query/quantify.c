/* Quantifiers and chains (ql 4.8, 4.9). Elements are looked at one after the other, as few as
 * the answer takes, and never held together.
 *
 * Braces of steps see nothing of the step around them, so what they say is the same for
 * every step of the run; it is found once and kept. Likewise braces of candidates for a step. */
#include "base/fail.h"
#include "base/mem.h"
#include "query/query.h"

/* ---- over elements ------------------------------------------------------------------ */

static int each_step(xray_query *q, xf_element_visit visit, void *ctx)
{
    const struct xf_binding outer = q->at;
    int r = 0;

    for (size_t i = 0; r == 0 && i < q->step_count; i++) {
        q->at = (struct xf_binding){.step = i, .depth = outer.depth + 1, .step_level = outer.depth + 1};
        r = visit(q, ctx);
    }
    q->at = outer;
    return r;
}

static int each_candidate(xray_query *q, xf_element_visit visit, void *ctx)
{
    const struct xf_binding outer = q->at;
    xray_event_record event;
    xray_events *events;
    int r;

    if (outer.step == XF_NO_STEP)
        return 0;
    r = xray_events_open(&events, q->trace, q->steps[outer.step].number, XRAY_EVENT_CANDIDATE, q->err);
    if (r < 0)
        return r;
    while (r == 0) {
        r = xray_events_next(events, &event, q->err);
        if (r <= 0)
            break;
        q->at.event = &event;
        q->at.serial = ++q->next_serial;
        q->at.depth = outer.depth + 1;
        q->at.cand_level = outer.depth + 1;
        r = visit(q, ctx);
    }
    q->at = outer;
    xray_events_close(events);
    return r;
}

int xf_each_element(xray_query *q, enum xf_owner over, xf_element_visit visit, void *ctx)
{
    return over == XF_STEP ? each_step(q, visit, ctx) : each_candidate(q, visit, ctx);
}

/* ---- quantifiers --------------------------------------------------------------------- */

struct tally {
    const struct xf_expr *e, *body;
    int64_t count;       /* elements that count */
    bool decided;        /* any: one was found; all: one failed; none: one was found */
    struct xf_val value; /* sum, least or greatest so far */
};

/* Takes the operand of one element. NaN is the least wanted of all: anything else replaces it. */
static void take(struct tally *t, const struct xf_val *v)
{
    if (t->count++ == 0) {
        t->value = *v;
        return;
    }
    if (t->e->op == XF_SUM || t->e->op == XF_AVG) {
        t->value = xf_val_arith(&t->value, XF_PLUS, v);
        return;
    }

    const bool nan = t->value.kind == XF_DOUBLE && t->value.as.d != t->value.as.d;

    if (nan || (t->e->op == XF_MIN ? xf_val_less(v, &t->value) : xf_val_less(&t->value, v)))
        t->value = *v;
}

static int visit_element(xray_query *q, void *ctx)
{
    struct tally *t = ctx;
    const int holds = t->body != NULL ? xf_eval_truth(q, t->body) : XF_TRUE;
    struct xf_val v;
    int r;

    if (holds < 0)
        return holds;
    switch (t->e->op) {
    case XF_ANY:
    case XF_NONE:
        t->decided = holds == XF_TRUE;
        return t->decided;
    case XF_ALL:
        t->decided = holds == XF_FALSE;
        return t->decided;
    case XF_COUNT:
        t->count += holds;
        return 0;
    default:
        break;
    }
    if (holds == XF_FALSE)
        return 0;
    r = xf_eval_value(q, t->e->first, &v);
    if (r == 0 && xf_val_is_number(&v))
        take(t, &v);
    return r;
}

static struct xf_val result(const struct tally *t)
{
    switch (t->e->op) {
    case XF_ANY:
        return xf_val_bool(t->decided);
    case XF_ALL:
    case XF_NONE:
        return xf_val_bool(!t->decided);
    case XF_COUNT:
        return xf_val_int(t->count);
    case XF_SUM:
        return t->count > 0 ? t->value : xf_val_int(0);
    case XF_AVG: {
        const struct xf_val n = xf_val_int(t->count);

        return t->count > 0 ? xf_val_arith(&t->value, XF_OVER, &n) : xf_val_of(XF_MISSING);
    }
    default:
        return t->count > 0 ? t->value : xf_val_of(XF_MISSING);
    }
}

/* From the run alone: a condition that holds for no element whatever it is decides most of them. */
static int guess(xray_query *q, const struct xf_expr *e, struct xf_val *out)
{
    const struct xf_expr *body = xf_expr_body(e);
    const struct xf_binding outer = q->at;
    int holds;

    q->at.depth++;
    if (e->over == XF_STEP)
        q->at.step = XF_NO_STEP; /* names mean any step here, not the one at hand */
    holds = body != NULL ? xf_eval_truth(q, body) : XF_TRUE;
    q->at = outer;
    if (holds < 0)
        return holds;
    *out = xf_val_of(XF_UNKNOWN);
    if (holds == XF_FALSE && e->op != XF_ALL)
        *out = result(&(struct tally){.e = e});
    else if (holds == XF_TRUE && e->op == XF_ALL)
        *out = xf_val_bool(true);
    return XRAY_OK;
}

/* ---- chains ------------------------------------------------------------------------------ */

static int holds_at(xray_query *q, const struct xf_expr *e, size_t step)
{
    const struct xf_binding outer = q->at;
    int r;

    q->at = (struct xf_binding){.step = step, .depth = outer.depth + 1, .step_level = outer.depth + 1};
    r = xf_eval_truth(q, e);
    q->at = outer;
    return r;
}

/* reached[i]: the chain up to here can end at step i. Moves on to the next link, in place and from behind, so
 * that what a step follows from is not yet overwritten. 1 if any step is reached. */
static int follow(xray_query *q, const struct xf_expr *link, bool *reached)
{
    size_t first = 0;
    int any = 0;

    while (first < q->step_count && !reached[first])
        first++;
    for (size_t i = q->step_count; i-- > 0;) {
        const bool can = link->later ? i > first : i > 0 && reached[i - 1];
        const int holds = can ? holds_at(q, link, i) : XF_FALSE;

        if (holds < 0)
            return holds;
        reached[i] = holds == XF_TRUE;
        any |= reached[i];
    }
    return any;
}

static int find_chain(xray_query *q, const struct xf_expr *e)
{
    bool *reached = xf_alloc_array(q->step_count, sizeof *reached);
    int any = 0;

    if (reached == NULL)
        return xf_fail_memory(q->err);
    for (size_t i = 0; any >= 0 && i < q->step_count; i++) {
        const int holds = holds_at(q, e->first, i);

        reached[i] = holds == XF_TRUE;
        any = holds < 0 ? holds : any | reached[i];
    }
    for (const struct xf_expr *link = e->first->next; any > 0 && link != NULL; link = link->next)
        any = follow(q, link, reached);
    xf_free(reached);
    return any;
}

static int guess_chain(xray_query *q, const struct xf_expr *e)
{
    for (const struct xf_expr *link = e->first; link != NULL; link = link->next) {
        const int holds = holds_at(q, link, XF_NO_STEP);

        if (holds <= 0)
            return holds;
    }
    return XF_MAYBE;
}

static int eval_seq(xray_query *q, const struct xf_expr *e, struct xf_val *out)
{
    const int r = q->trace != NULL ? find_chain(q, e) : guess_chain(q, e);

    if (r >= 0)
        *out = r == XF_MAYBE ? xf_val_of(XF_UNKNOWN) : xf_val_bool(r == XF_TRUE);
    return r < 0 ? r : XRAY_OK;
}

/* ---- both ---------------------------------------------------------------------------------- */

static int find(xray_query *q, const struct xf_expr *e, struct xf_val *out)
{
    struct tally t = {.e = e};
    int r;

    if (e->op == XF_SEQ)
        return eval_seq(q, e, out);
    t.body = xf_expr_body(e);
    r = xf_each_element(q, e->over, visit_element, &t);
    if (r < 0)
        return r;
    *out = result(&t);
    return XRAY_OK;
}

int xf_eval_quantifier(xray_query *q, const struct xf_expr *e, struct xf_val *out)
{
    struct xf_found *found = e->as.found;
    const size_t step = e->over == XF_STEP ? XF_NO_STEP : q->at.step;
    int r;

    if (q->trace == NULL)
        return e->op == XF_SEQ ? eval_seq(q, e, out) : guess(q, e, out);
    if (found->epoch != q->epoch || found->step != step) {
        r = find(q, e, &found->value);
        if (r < 0)
            return r;
        found->epoch = q->epoch;
        found->step = step;
    }
    *out = found->value;
    return XRAY_OK;
}
