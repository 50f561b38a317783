/* Which values go together (ql 4), and what a constant is meant to be beside a field. */
#include "query/checker.h"

#include <math.h>

#include "query/alias.h"
#include "query/time.h"

const char *xf_check_type_name(enum xf_type type)
{
    switch (type) {
    case XF_T_BOOL:
        return "a condition";
    case XF_T_NUM:
        return "a number";
    case XF_T_DUR:
        return "a duration";
    case XF_T_TIME:
        return "a time";
    case XF_T_TEXT:
        return "text";
    case XF_T_SET:
        return "a set of texts";
    case XF_T_ANY:
        return "a recorded value";
    }
    return "";
}

static bool is_const(const struct xf_expr *e, enum xf_type type)
{
    return e->op == XF_CONST && e->type == type;
}

/* ---- what a text is beside a time, a condition ------------------------------------- */

static bool make_time(struct xf_checker *c, struct xf_expr *e)
{
    const xray_str text = e->as.value.as.text;
    const char *hint;
    int64_t ns;

    if (!xf_time_parse(text, c->source->now_ns, &ns, &hint))
        return xf_check_refuse(c, e, hint, "'%.*s' is no time", xf_source_show(text.len), text.ptr);
    e->type = XF_T_TIME;
    e->as.value = xf_val_int(ns);
    return true;
}

static bool make_bool(struct xf_checker *c, struct xf_expr *e)
{
    const bool yes = xf_text_is(e->as.value.as.text, "true");

    if (!yes && !xf_text_is(e->as.value.as.text, "false"))
        return xf_check_refuse(c, e, "write true or false", "'%.*s' is neither true nor false",
                               xf_source_show(e->as.value.as.text.len), e->as.value.as.text.ptr);
    e->type = XF_T_BOOL;
    e->as.value = xf_val_bool(yes);
    return true;
}

static bool adapt(struct xf_checker *c, const struct xf_expr *to, struct xf_expr *e)
{
    if (is_const(e, XF_T_TEXT) && to->type == XF_T_TIME)
        return make_time(c, e);
    if (is_const(e, XF_T_TEXT) && to->type == XF_T_BOOL)
        return make_bool(c, e);
    return true;
}

/* ---- pairs --------------------------------------------------------------------------- */

static bool is_textual(enum xf_type t)
{
    return t == XF_T_TEXT || t == XF_T_SET || t == XF_T_ANY;
}

static bool go_together(enum xf_type a, enum xf_type b)
{
    if (a == b || (is_textual(a) && is_textual(b)))
        return true;
    if (b == XF_T_ANY)
        return a == XF_T_NUM || a == XF_T_BOOL;
    return a == XF_T_ANY && (b == XF_T_NUM || b == XF_T_BOOL);
}

/* What to write instead of two operands that do not go together. */
static const char *advise(struct xf_checker *c, const struct xf_expr *a, const struct xf_expr *b,
                          char hint[256])
{
    enum xf_owner bare;

    if (a->type == XF_T_DUR && is_const(b, XF_T_NUM))
        return xf_source_hint(hint, "write %.*ss, or another of ns us ms s m h d", XF_SHOW(c, b));
    if (a->type == XF_T_DUR && b->type == XF_T_ANY)
        return "recorded values have no unit: compare them with a number";
    if (a->type == XF_T_DUR && b->type == XF_T_NUM)
        return "multiply a number by a duration: 2 * 1s";
    if (a->type == XF_T_TIME && b->type == XF_T_DUR)
        return xf_source_hint(hint, "a time before now is written \"%.*s ago\"", XF_SHOW(c, b));
    if (a->type == XF_T_TIME)
        return "times are quoted: \"2026-08-01\", \"2026-08-01T12:30:00Z\", \"2h ago\"";
    if (a->type == XF_T_NUM && b->op == XF_CONST && b->bare &&
        xf_field_owners(b->as.value.as.text, &bare) != 0)
        return bare != XF_NOBODY
                   ? xf_source_hint(hint, "a field is written with its scope: %s.%.*s", xf_owner_name(bare),
                                    XF_SHOW(c, b))
                   : xf_source_hint(hint, "a field is written with its scope: run.%.*s", XF_SHOW(c, b));
    if (a->type == XF_T_TEXT && is_const(b, XF_T_NUM))
        return xf_source_hint(hint, "write \"%.*s\"", XF_SHOW(c, b));
    return NULL;
}

static bool check_pair(struct xf_checker *c, struct xf_expr *a, struct xf_expr *b)
{
    char hint[256];
    const char *advice;

    if (!adapt(c, a, b) || !adapt(c, b, a))
        return false;
    if (go_together(a->type, b->type))
        return true;
    advice = advise(c, a, b, hint);
    if (advice == NULL)
        advice = advise(c, b, a, hint);
    if ((a->type == XF_T_DUR && is_const(b, XF_T_NUM)) || (b->type == XF_T_DUR && is_const(a, XF_T_NUM)))
        return xf_check_refuse(c, b->type == XF_T_DUR ? a : b, advice,
                               "a duration is compared with a bare number");
    return xf_check_refuse(c, b, advice, "'%.*s' is %s, '%.*s' is %s", XF_SHOW(c, a),
                           xf_check_type_name(a->type), XF_SHOW(c, b), xf_check_type_name(b->type));
}

static void use_alias(struct xf_expr *e, enum xf_alias alias)
{
    if (is_const(e, XF_T_TEXT))
        e->as.value.as.text = xf_alias_word(alias, e->as.value.as.text);
}

/* ---- comparisons --------------------------------------------------------------------- */

/* Constants go to the right, so that leaves look alike. */
static void turn_round(struct xf_expr *e)
{
    static const enum xf_cmp turned[] = {
        [XF_EQ] = XF_EQ, [XF_NE] = XF_NE, [XF_LT] = XF_GT, [XF_LE] = XF_GE, [XF_GT] = XF_LT, [XF_GE] = XF_LE};
    struct xf_expr *left = e->first, *right = left->next;

    if (left->op != XF_CONST || right->op == XF_CONST)
        return;
    e->first = right;
    right->next = left;
    left->next = NULL;
    e->cmp = turned[e->cmp];
}

bool xf_check_comparison(struct xf_checker *c, struct xf_expr *e)
{
    struct xf_expr *left = e->first, *right = left->next;

    if (!check_pair(c, left, right))
        return false;
    if (e->cmp == XF_EQ || e->cmp == XF_NE) {
        e->alias = xf_alias_of(left) != XF_NO_ALIAS ? xf_alias_of(left) : xf_alias_of(right);
        use_alias(left, e->alias);
        use_alias(right, e->alias);
    } else if (left->type == XF_T_BOOL || right->type == XF_T_BOOL) {
        return xf_check_refuse(c, e, "compare it with = or !=", "conditions have no order");
    }
    turn_round(e);
    return true;
}

/* Elements that are all constant texts become one sorted set. */
static bool make_set(struct xf_checker *c, struct xf_expr *e)
{
    struct xf_arena *arena = c->source->arena;
    struct xf_set *set;
    size_t count = 0;

    if (!is_textual(e->first->type))
        return true;
    for (const struct xf_expr *x = e->first->next; x != NULL; x = x->next, count++)
        if (!is_const(x, XF_T_TEXT))
            return true;
    set = xf_arena_alloc(arena, sizeof *set);
    if (set != NULL)
        set->texts = xf_arena_alloc(arena, count * sizeof *set->texts);
    if (set == NULL || set->texts == NULL) {
        xf_source_fail_memory(c->source);
        return false;
    }
    for (const struct xf_expr *x = e->first->next; x != NULL; x = x->next)
        set->texts[set->count++] = x->as.value.as.text;
    e->as.set = set;
    return true;
}

bool xf_check_set(struct xf_checker *c, struct xf_expr *e)
{
    struct xf_expr *operand = e->first;

    e->alias = xf_alias_of(operand);
    if (e->as.set != NULL) {
        if (!is_textual(operand->type))
            return xf_check_refuse(c, operand, "the lines of a file are text", "'%.*s' is %s",
                                   XF_SHOW(c, operand), xf_check_type_name(operand->type));
    } else {
        for (struct xf_expr *x = operand->next; x != NULL; x = x->next) {
            if (!check_pair(c, operand, x))
                return false;
            use_alias(x, e->alias);
        }
        if (!make_set(c, e))
            return false;
    }
    if (e->as.set != NULL && !xf_set_sort(e->as.set, e->alias, c->source->arena)) {
        xf_source_fail_memory(c->source);
        return false;
    }
    return true;
}

bool xf_check_text_operator(struct xf_checker *c, struct xf_expr *e)
{
    const char *name = e->op == XF_MATCH ? (e->negated ? "!~" : "~")
                       : e->op == XF_HAS ? "contains"
                                         : "startswith";
    const struct xf_expr *left = e->first, *right = left->next;
    char hint[256];

    if (!is_textual(left->type))
        return xf_check_refuse(c, left, NULL, "'%s' needs text, '%.*s' is %s", name, XF_SHOW(c, left),
                               xf_check_type_name(left->type));
    if (right != NULL && !is_textual(right->type))
        return xf_check_refuse(
            c, right,
            right->op == XF_CONST ? xf_source_hint(hint, "write \"%.*s\"", XF_SHOW(c, right)) : NULL,
            "'%s' needs text, '%.*s' is %s", name, XF_SHOW(c, right), xf_check_type_name(right->type));
    return true;
}

bool xf_check_condition(struct xf_checker *c, const struct xf_expr *e)
{
    if (e->type == XF_T_BOOL || (e->type == XF_T_ANY && e->op == XF_FIELD))
        return true;
    return xf_check_refuse(c, e,
                           e->op == XF_FIELD   ? "compare it, or write exists(f)"
                           : e->op == XF_CONST ? "a condition is for instance step.type = filter"
                                               : "compare it: ... > 0",
                           "'%.*s' is %s, not a condition", XF_SHOW(c, e), xf_check_type_name(e->type));
}

/* ---- arithmetic ---------------------------------------------------------------------- */

/* The type of `a op b`, or false. */
static bool result_type(enum xf_type a, enum xf_arith op, enum xf_type b, enum xf_type *out)
{
    a = a == XF_T_ANY ? XF_T_NUM : a;
    b = b == XF_T_ANY ? XF_T_NUM : b;
    *out = a;
    switch (op) {
    case XF_PLUS:
        if (a == XF_T_DUR && b == XF_T_TIME)
            *out = XF_T_TIME;
        return (a == b && a != XF_T_TIME) || (a == XF_T_TIME && b == XF_T_DUR) ||
               (a == XF_T_DUR && b == XF_T_TIME);
    case XF_MINUS:
        if (a == XF_T_TIME && b == XF_T_TIME)
            *out = XF_T_DUR;
        return a == b || (a == XF_T_TIME && b == XF_T_DUR);
    case XF_TIMES:
        if (b == XF_T_DUR)
            *out = XF_T_DUR;
        return (a == XF_T_NUM && b == XF_T_NUM) || (a == XF_T_DUR && b == XF_T_NUM) ||
               (a == XF_T_NUM && b == XF_T_DUR);
    case XF_OVER:
        if (a == XF_T_DUR && b == XF_T_DUR)
            *out = XF_T_NUM;
        return (a == XF_T_NUM && b == XF_T_NUM) || (a == XF_T_DUR && b == XF_T_NUM) ||
               (a == XF_T_DUR && b == XF_T_DUR);
    }
    return false;
}

static bool is_quantity(enum xf_type t)
{
    return t == XF_T_NUM || t == XF_T_DUR || t == XF_T_TIME || t == XF_T_ANY;
}

static enum xf_arith operator_of(const struct xf_expr *e, const struct xf_expr *child)
{
    return e->op == XF_ADD ? (child->inverse ? XF_MINUS : XF_PLUS) : (child->inverse ? XF_OVER : XF_TIMES);
}

static bool refuse_operand(struct xf_checker *c, const struct xf_expr *e, const struct xf_expr *child,
                           bool minus)
{
    const bool key =
        minus && e->op == XF_ADD && e->first->op == XF_FIELD && e->first->as.field->path_count > 0;

    return xf_check_refuse(c, child, key ? "a key with '-' is quoted: tags.\"user-tier\"" : NULL,
                           "arithmetic needs numbers, '%.*s' is %s", XF_SHOW(c, child),
                           xf_check_type_name(child->type));
}

/* Constants are reckoned now, where the result is a constant that can be written down. */
static void fold_constants(struct xf_expr *e)
{
    struct xf_val sum;

    for (const struct xf_expr *x = e->first; x != NULL; x = x->next)
        if (x->op != XF_CONST)
            return;
    sum = e->first->as.value;
    if (e->op == XF_NEG)
        sum = xf_val_negate(&sum);
    else
        for (const struct xf_expr *x = e->first->next; x != NULL; x = x->next)
            sum = xf_val_arith(&sum, operator_of(e, x), &x->as.value);
    if (!xf_val_is_number(&sum) || (sum.kind == XF_DOUBLE && (e->type != XF_T_NUM || !isfinite(sum.as.d))))
        return;
    e->op = XF_CONST;
    e->first = NULL;
    e->as.value = sum;
}

bool xf_check_arithmetic(struct xf_checker *c, struct xf_expr *e)
{
    char hint[256];

    for (const struct xf_expr *x = e->first; x != NULL; x = x->next)
        if (!is_quantity(x->type))
            return refuse_operand(c, e, x,
                                  x->inverse || (x == e->first && x->next != NULL && x->next->inverse));
    e->type = e->first->type == XF_T_ANY ? XF_T_NUM : e->first->type;
    if (e->op == XF_NEG && e->type == XF_T_TIME)
        return xf_check_refuse(c, e, NULL, "a time has no sign");
    for (struct xf_expr *x = e->first->next; x != NULL; x = x->next) {
        const enum xf_arith op = operator_of(e, x);
        const enum xf_type left = e->type;

        if (!result_type(left, op, x->type, &e->type))
            return xf_check_refuse(c, x,
                                   is_const(x, XF_T_NUM) && left == XF_T_DUR
                                       ? xf_source_hint(hint, "write %.*ss", XF_SHOW(c, x))
                                       : NULL,
                                   "'%c' cannot join %s and %s", "+-*/"[op], xf_check_type_name(left),
                                   xf_check_type_name(x->type));
    }
    fold_constants(e);
    return true;
}
