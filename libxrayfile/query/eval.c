/* Evaluating a query: truth of conditions, values of operands (ql 4).
 *
 * The same code answers from the run's record alone, or with that of one step (q->trace == NULL): what these do not
 * tell is UNKNOWN, and conditions become MAYBE where it matters (Kleene's three values). With a trace nothing
 * is unknown, and there are the two values of ql 4.1. */
#include "base/fail.h"
#include "codec/mpread.h"
#include "query/alias.h"
#include "query/plan.h"

static enum xf_truth truth_of(bool b)
{
    return b ? XF_TRUE : XF_FALSE;
}

static enum xf_truth negate(enum xf_truth t)
{
    return t == XF_MAYBE ? XF_MAYBE : truth_of(t == XF_FALSE);
}

/* ---- values ------------------------------------------------------------------------- */

static int eval_field(xray_query *q, const struct xf_field_ref *f, struct xf_val *out)
{
    const int r = xf_record_get(q, f, out);

    if (r == XRAY_OK && out->kind == XF_MISSING && f->optional)
        q->optional_missing = true;
    return r;
}

static int eval_chain(xray_query *q, const struct xf_expr *e, struct xf_val *out)
{
    int r = xf_eval_value(q, e->first, out);

    for (const struct xf_expr *x = e->first->next; r == 0 && x != NULL; x = x->next) {
        struct xf_val v;

        r = xf_eval_value(q, x, &v);
        if (r == 0)
            *out = xf_val_arith(
                out, e->op == XF_ADD ? (x->inverse ? XF_MINUS : XF_PLUS) : (x->inverse ? XF_OVER : XF_TIMES),
                &v);
    }
    return r;
}

static int count_text(void *ctx, xray_str text)
{
    (void)text;
    ++*(int64_t *)ctx;
    return 0;
}

/* Bytes of a text or binary, elements of an array, pairs of a map, texts of a set. */
static int eval_len(xray_query *q, struct xf_val *v)
{
    int64_t n = 0;
    int r = 0;

    if (v->kind == XF_TEXT) {
        n = (int64_t)v->as.text.len;
    } else if (v->kind == XF_TEXTS) {
        r = xf_texts_of_set(q, v->as.set, count_text, &n);
    } else if (v->kind == XF_DATA) {
        xray_mp c = xray_mp_over(v->as.text.ptr, v->as.text.len);
        xray_mp_item item;

        if (!xray_mp_next(&c, &item) || item.type == XRAY_MP_EXT) {
            *v = xf_val_of(XF_MISSING);
            return 0;
        }
        n = item.type == XRAY_MP_BIN ? (int64_t)item.bytes.len : (int64_t)item.count;
    } else {
        *v = xf_val_of(v->kind == XF_UNKNOWN ? XF_UNKNOWN : XF_MISSING);
        return 0;
    }
    *v = xf_val_int(n);
    return r;
}

static int eval_lower(xray_query *q, const struct xf_expr *e, struct xf_val *v)
{
    xray_buffer *fold = e->as.fold;

    if (v->kind == XF_TEXT) {
        if (!xf_text_fold(v->as.text, fold))
            return xf_fail_memory(q->err);
        v->as.text = xray_strn((const char *)fold->data, fold->len);
    } else {
        v->fold = fold;
    }
    return 0;
}

static int eval_function(xray_query *q, const struct xf_expr *e, struct xf_val *out)
{
    const int r = xf_eval_value(q, e->first, out);

    if (r != 0)
        return r;
    if (e->op == XF_LEN)
        return eval_len(q, out);
    if (e->op == XF_LOWER)
        return eval_lower(q, e, out);
    *out = e->op == XF_ABS ? xf_val_abs(out) : xf_val_negate(out);
    return 0;
}

int xf_eval_value(xray_query *q, const struct xf_expr *e, struct xf_val *out)
{
    int r;

    switch (e->op) {
    case XF_OR:
    case XF_AND:
    case XF_NOT:
    case XF_CMPR:
    case XF_IN:
    case XF_MATCH:
    case XF_HAS:
    case XF_STARTS:
    case XF_EXISTS:
        r = xf_eval_truth(q, e);
        if (r >= 0)
            *out = r == XF_MAYBE ? xf_val_of(XF_UNKNOWN) : xf_val_bool(r == XF_TRUE);
        return r < 0 ? r : 0;
    case XF_ANY:
    case XF_ALL:
    case XF_NONE:
    case XF_SEQ:
    case XF_COUNT:
    case XF_SUM:
    case XF_MIN:
    case XF_MAX:
    case XF_AVG:
        return xf_eval_quantifier(q, e, out);
    case XF_ADD:
    case XF_MUL:
        return eval_chain(q, e, out);
    case XF_NEG:
    case XF_LEN:
    case XF_LOWER:
    case XF_ABS:
        return eval_function(q, e, out);
    case XF_FIELD:
        return eval_field(q, e->as.field, out);
    case XF_CONST:
        *out = e->as.value;
        return 0;
    }
    return XRAY_EMISUSE;
}

/* Evaluates an operand; *optional: a field marked ? was missing in it. */
static int eval_operand(xray_query *q, const struct xf_expr *e, struct xf_val *out, bool *optional)
{
    const bool outer = q->optional_missing;
    int r;

    q->optional_missing = false;
    r = xf_eval_value(q, e, out);
    *optional = q->optional_missing;
    q->optional_missing = outer;
    return r;
}

/* ---- pairs of values ------------------------------------------------------------------ */

/* One test of texts against something; the positive form. 1, 0 or a status. */
struct test {
    xray_query *q;
    const struct xf_expr *e;
    enum xf_cmp cmp;
    struct xf_val other;
    bool id_is_left; /* XF_ALIAS_RUN_ID */
};

static int compare_with(void *ctx, xray_str text);

/* `a cmp b`, sets element by element (ql 4.3). */
static int compare(struct test *t, const struct xf_val *a, const struct xf_val *b)
{
    if (a->kind == XF_TEXTS) {
        t->other = *b;
        return xf_texts_of_value(t->q, a, compare_with, t);
    }
    if (b->kind == XF_TEXTS) {
        static const enum xf_cmp turned[] = {[XF_EQ] = XF_EQ, [XF_NE] = XF_NE, [XF_LT] = XF_GT,
                                             [XF_LE] = XF_GE, [XF_GT] = XF_LT, [XF_GE] = XF_LE};
        struct test inner = *t;

        inner.cmp = turned[t->cmp];
        inner.other = *a;
        inner.id_is_left = !t->id_is_left;
        return xf_texts_of_value(t->q, b, compare_with, &inner);
    }
    if (t->e->alias == XF_ALIAS_RUN_ID) {
        const struct xf_val *text = t->id_is_left ? b : a;

        return text->kind == XF_TEXT && xf_alias_names_run(text->as.text, t->q->run);
    }
    if (t->e->alias != XF_NO_ALIAS && a->kind == XF_TEXT && b->kind == XF_TEXT) {
        const struct xf_val left = xf_val_text(xf_alias_word(t->e->alias, a->as.text));
        const struct xf_val right = xf_val_text(xf_alias_word(t->e->alias, b->as.text));

        return xf_val_compare(&left, t->cmp, &right);
    }
    return xf_val_compare(a, t->cmp, b);
}

static int compare_with(void *ctx, xray_str text)
{
    struct test t = *(struct test *)ctx;
    const struct xf_val left = xf_val_text(text), right = t.other;

    return compare(&t, &left, &right);
}

/* Truth of `a cmp b` where either may be missing. */
static int compare_truth(xray_query *q, const struct xf_expr *e, enum xf_cmp cmp, const struct xf_val *a,
                         const struct xf_val *b, bool optional)
{
    struct test t = {.q = q, .e = e, .cmp = cmp == XF_NE ? XF_EQ : cmp};
    int r;

    if (optional)
        return XF_TRUE;
    if (a->kind == XF_UNKNOWN || b->kind == XF_UNKNOWN)
        return XF_MAYBE;
    if (a->kind == XF_MISSING || b->kind == XF_MISSING)
        return XF_FALSE;
    t.id_is_left = xf_alias_of(e->first) == XF_ALIAS_RUN_ID;
    r = compare(&t, a, b);
    return r < 0 ? r : cmp == XF_NE ? !r : r;
}

static int eval_compare(xray_query *q, const struct xf_expr *e)
{
    struct xf_val a, b;
    bool optional_a, optional_b;
    int r = eval_operand(q, e->first, &a, &optional_a);

    if (r == 0)
        r = eval_operand(q, e->first->next, &b, &optional_b);
    return r != 0 ? r : compare_truth(q, e, e->cmp, &a, &b, optional_a || optional_b);
}

/* ---- sets ------------------------------------------------------------------------------ */

static int is_in_set(void *ctx, xray_str text)
{
    const struct test *t = ctx;

    return xf_set_has(t->e->as.set, xf_alias_word(t->e->alias, text));
}

static int eval_in_texts(xray_query *q, const struct xf_expr *e, const struct xf_val *a)
{
    struct test t = {.q = q, .e = e};
    int r = 0;

    if (e->alias == XF_ALIAS_RUN_ID)
        r = xf_set_has_run(e->as.set, q->run);
    else if (a->kind == XF_BOOL)
        r = xf_set_has(e->as.set, xray_s(a->as.b ? "true" : "false"));
    else if (a->kind == XF_TEXT || a->kind == XF_TEXTS)
        r = xf_texts_of_value(q, a, is_in_set, &t);
    return r < 0 ? r : r != e->negated;
}

/* f in (a, b) is f = a or f = b; f not in (a, b) is f != a and f != b. */
static int eval_in_list(xray_query *q, const struct xf_expr *e, const struct xf_val *a)
{
    enum xf_truth all = truth_of(e->negated);

    for (const struct xf_expr *x = e->first->next; x != NULL; x = x->next) {
        struct xf_val b;
        bool optional;
        int r = eval_operand(q, x, &b, &optional);

        if (r == 0)
            r = compare_truth(q, e, e->negated ? XF_NE : XF_EQ, a, &b, optional);
        if (r < 0 || r == (int)truth_of(!e->negated))
            return r;
        if (r == XF_MAYBE)
            all = XF_MAYBE;
    }
    return all;
}

static int eval_in(xray_query *q, const struct xf_expr *e)
{
    struct xf_val a;
    bool optional;
    const int r = eval_operand(q, e->first, &a, &optional);

    if (r != 0)
        return r;
    if (optional)
        return XF_TRUE;
    if (e->as.set == NULL)
        return eval_in_list(q, e, &a);
    if (a.kind == XF_UNKNOWN)
        return XF_MAYBE;
    return a.kind == XF_MISSING ? XF_FALSE : eval_in_texts(q, e, &a);
}

/* ---- text operators ---------------------------------------------------------------------- */

static int match_text(void *ctx, xray_str text)
{
    const struct test *t = ctx;

    return xf_regex_test(t->e->as.regex, text, t->q->err);
}

static int eval_match(xray_query *q, const struct xf_expr *e)
{
    struct test t = {.q = q, .e = e};
    struct xf_val a;
    bool optional;
    int r = eval_operand(q, e->first, &a, &optional);

    if (r != 0)
        return r;
    if (optional)
        return XF_TRUE;
    if (a.kind == XF_UNKNOWN || a.kind == XF_MISSING)
        return a.kind == XF_UNKNOWN ? XF_MAYBE : XF_FALSE;
    r = xf_texts_of_value(q, &a, match_text, &t);
    return r < 0 ? r : r != e->negated;
}

static bool holds_text(const struct xf_expr *e, xray_str text, xray_str part)
{
    return e->op == XF_HAS ? xf_text_contains(text, part) : xf_text_begins(text, part);
}

struct part {
    const struct xf_expr *e;
    xray_str text;
};

static int has_part(void *ctx, xray_str part)
{
    const struct part *p = ctx;

    return holds_text(p->e, p->text, part);
}

/* The texts on the left against those on the right; what is on the right is a text or a set of them. */
static int find_part(void *ctx, xray_str text)
{
    const struct test *t = ctx;
    struct part p = {t->e, text};

    return t->other.kind == XF_TEXT || t->other.kind == XF_TEXTS
               ? xf_texts_of_value(t->q, &t->other, has_part, &p)
               : 0;
}

static int eval_part(xray_query *q, const struct xf_expr *e)
{
    struct test t = {.q = q, .e = e};
    struct xf_val a;
    bool optional_a, optional_b;
    int r = eval_operand(q, e->first, &a, &optional_a);

    if (r == 0)
        r = eval_operand(q, e->first->next, &t.other, &optional_b);
    if (r != 0)
        return r;
    if (optional_a || optional_b)
        return XF_TRUE;
    if (a.kind == XF_UNKNOWN || t.other.kind == XF_UNKNOWN)
        return XF_MAYBE;
    if (a.kind == XF_MISSING || t.other.kind == XF_MISSING)
        return XF_FALSE;
    return xf_texts_of_value(q, &a, find_part, &t);
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* Those of the list that cost so much. */
static int eval_some(xray_query *q, const struct xf_expr *e, unsigned cost, enum xf_truth decides,
                     enum xf_truth all)
{
    for (const struct xf_expr *x = e->first; x != NULL; x = x->next) {
        const int r = x->cost == cost ? xf_eval_truth(q, x) : (int)all;

        if (r < 0 || r == (int)decides)
            return r;
        if (r == XF_MAYBE)
            all = XF_MAYBE;
    }
    return (int)all;
}

/* Truth does not depend on the order, so what needs no block of payload or candidates is asked first: it may
 * decide. */
static int eval_list(xray_query *q, const struct xf_expr *e)
{
    const enum xf_truth decides = truth_of(e->op == XF_OR);
    int all = (int)negate(decides);

    for (unsigned cost = 0; cost <= e->cost && all >= 0 && all != (int)decides; cost++)
        all = eval_some(q, e, cost, decides, (enum xf_truth)all);
    return all;
}

/* A boolean that stands alone. */
static int eval_alone(xray_query *q, const struct xf_expr *e)
{
    struct xf_val v;
    bool optional;
    const int r = eval_operand(q, e, &v, &optional);

    if (r != 0)
        return r;
    if (v.kind == XF_UNKNOWN)
        return XF_MAYBE;
    return truth_of(optional || (v.kind == XF_BOOL && v.as.b));
}

static int eval_condition(xray_query *q, const struct xf_expr *e)
{
    int r;

    switch (e->op) {
    case XF_OR:
    case XF_AND:
        return eval_list(q, e);
    case XF_NOT:
        r = xf_eval_truth(q, e->first);
        return r < 0 ? r : (int)negate((enum xf_truth)r);
    case XF_CMPR:
        return eval_compare(q, e);
    case XF_IN:
        return eval_in(q, e);
    case XF_MATCH:
        return eval_match(q, e);
    case XF_HAS:
    case XF_STARTS:
        return eval_part(q, e);
    case XF_EXISTS:
        return xf_record_exists(q, e->first->as.field);
    default:
        return eval_alone(q, e);
    }
}

int xf_eval_truth(xray_query *q, const struct xf_expr *e)
{
    const int r = eval_condition(q, e);

    return r == XF_MAYBE && q->plan.facts != NULL ? xf_plan_truth(q, e) : r;
}
