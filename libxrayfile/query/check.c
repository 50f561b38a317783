/* Checking a parsed query from the leaves up (check.h). The tree is at most as deep as the
 * parser lets it be, so recursion is bounded. */
#include "query/checker.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

bool xf_check_refuse(struct xf_checker *c, const struct xf_expr *e, const char *hint, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    xf_source_fail(c->source, XRAY_ESYNTAX, e->off, e->len, hint, "%s", text);
    return false;
}

static bool check(struct xf_checker *c, struct xf_expr *e, struct xf_where w);

static bool check_children(struct xf_checker *c, struct xf_expr *e, struct xf_where w)
{
    for (struct xf_expr *x = e->first; x != NULL; x = x->next)
        if (!check(c, x, w))
            return false;
    return true;
}

/* The children are conditions. */
static bool check_conditions(struct xf_checker *c, struct xf_expr *first, struct xf_where w)
{
    w.optional_ok = true; /* for a boolean that stands alone */
    for (struct xf_expr *x = first; x != NULL; x = x->next)
        if (!check(c, x, w) || !xf_check_condition(c, x))
            return false;
    return true;
}

static bool make_found(struct xf_checker *c, struct xf_expr *e)
{
    e->as.found = xf_arena_alloc(c->source->arena, sizeof *e->as.found);
    if (e->as.found == NULL)
        xf_source_fail_memory(c->source);
    return e->as.found != NULL;
}

/* ---- quantifiers ----------------------------------------------------------------- */

/* What names mean inside the braces of e, which stands at w. */
static struct xf_where inside(struct xf_checker *c, const struct xf_expr *e, struct xf_where w)
{
    if (e->over == XF_CAND && !w.in_step)
        c->step_outside = true; /* the candidates of this step */
    return (struct xf_where){
        .in_step = w.in_step || e->over == XF_STEP,
        .cand_ok = e->over == XF_CAND,
    };
}

static bool check_operand(struct xf_checker *c, const struct xf_expr *e, struct xf_expr *operand,
                          struct xf_where w)
{
    if (!check(c, operand, w))
        return false;
    if (operand->type == XF_T_NUM || operand->type == XF_T_DUR || operand->type == XF_T_ANY ||
        (operand->type == XF_T_TIME && (e->op == XF_MIN || e->op == XF_MAX)))
        return true;
    return xf_check_refuse(c, operand, NULL, "numbers are needed here, '%.*s' is %s", XF_SHOW(c, operand),
                           xf_check_type_name(operand->type));
}

static bool check_quantifier(struct xf_checker *c, struct xf_expr *e, struct xf_where w)
{
    const struct xf_where in = inside(c, e, w);
    const bool truth = xf_expr_is_condition(e);

    c->query->needs |= XRAY_NEEDS_STEPS | (e->over == XF_CAND ? XRAY_NEEDS_EVENTS : 0);
    e->type = truth ? XF_T_BOOL : XF_T_NUM;
    if (truth || e->op == XF_COUNT)
        return check_conditions(c, e->first, in) && make_found(c, e);
    if (!check_operand(c, e, e->first, in))
        return false;
    e->type = e->first->type == XF_T_ANY ? XF_T_NUM : e->first->type;
    return check_conditions(c, e->first->next, in) && make_found(c, e);
}

/* {A} alone is any{A}. */
static bool check_seq(struct xf_checker *c, struct xf_expr *e)
{
    const struct xf_where in = {.in_step = true};

    if (e->first->next == NULL)
        e->op = XF_ANY;
    e->over = XF_STEP;
    e->type = XF_T_BOOL;
    c->query->needs |= XRAY_NEEDS_STEPS;
    return check_conditions(c, e->first, in) && make_found(c, e);
}

/* ---- functions ------------------------------------------------------------------- */

static bool check_exists(struct xf_checker *c, struct xf_expr *e, struct xf_where w)
{
    w.optional_ok = false;
    if (e->first->op != XF_FIELD)
        return xf_check_refuse(c, e->first, "write for instance exists(step.error)",
                               "exists(f) tests a field");
    e->type = XF_T_BOOL;
    return check(c, e->first, w);
}

static bool check_lower(struct xf_checker *c, struct xf_expr *e)
{
    struct xf_fold *fold = xf_alloc(sizeof *fold);

    if (fold == NULL) {
        xf_source_fail_memory(c->source);
        return false;
    }
    fold->next = c->query->folds;
    c->query->folds = fold;
    e->as.fold = &fold->buffer;
    e->type = e->first->type;
    return true;
}

static bool check_function(struct xf_checker *c, struct xf_expr *e, struct xf_where w)
{
    struct xf_expr *argument = e->first;

    if (!check(c, argument, w))
        return false;

    const bool text = argument->type == XF_T_TEXT || argument->type == XF_T_SET || argument->type == XF_T_ANY;
    const bool number =
        argument->type == XF_T_NUM || argument->type == XF_T_DUR || argument->type == XF_T_ANY;
    const char *name = e->op == XF_LEN ? "len" : e->op == XF_LOWER ? "lower" : "abs";

    if (e->op == XF_ABS ? !number : !text)
        return xf_check_refuse(c, argument, NULL, "%s(f) needs %s, '%.*s' is %s", name,
                               e->op == XF_ABS ? "a number" : "text or a recorded value",
                               XF_SHOW(c, argument), xf_check_type_name(argument->type));
    if (e->op == XF_LOWER)
        return check_lower(c, e);
    e->type = e->op == XF_LEN || argument->type == XF_T_ANY ? XF_T_NUM : argument->type;
    return true;
}

/* ---- the tree -------------------------------------------------------------------- */

static bool check(struct xf_checker *c, struct xf_expr *e, struct xf_where w)
{
    struct xf_where operands = w;

    operands.optional_ok = true;
    switch (e->op) {
    case XF_OR:
    case XF_AND:
    case XF_NOT:
        e->type = XF_T_BOOL;
        return check_conditions(c, e->first, w);
    case XF_CMPR:
        e->type = XF_T_BOOL;
        return check_children(c, e, operands) && xf_check_comparison(c, e);
    case XF_IN:
        e->type = XF_T_BOOL;
        return check_children(c, e, operands) && xf_check_set(c, e);
    case XF_MATCH:
    case XF_HAS:
    case XF_STARTS:
        e->type = XF_T_BOOL;
        return check_children(c, e, operands) && xf_check_text_operator(c, e);
    case XF_EXISTS:
        return check_exists(c, e, w);
    case XF_ANY:
    case XF_ALL:
    case XF_NONE:
    case XF_COUNT:
    case XF_SUM:
    case XF_MIN:
    case XF_MAX:
    case XF_AVG:
        return check_quantifier(c, e, w);
    case XF_SEQ:
        return check_seq(c, e);
    case XF_ADD:
    case XF_MUL:
    case XF_NEG:
        return check_children(c, e, w) && xf_check_arithmetic(c, e);
    case XF_LEN:
    case XF_LOWER:
    case XF_ABS:
        return check_function(c, e, w);
    case XF_FIELD:
        return xf_check_field(c, e, w);
    case XF_CONST:
        return true;
    }
    return false;
}

/* The hit is to be the run, but steps are spoken of: some step of it. */
static bool wrap_in_any(struct xf_checker *c)
{
    struct xf_expr *e = xf_arena_alloc(c->source->arena, sizeof *e);

    if (e == NULL) {
        xf_source_fail_memory(c->source);
        return false;
    }
    *e = (struct xf_expr){.op = XF_ANY, .type = XF_T_BOOL, .over = XF_STEP, .first = c->query->root};
    e->len = c->query->root->len;
    c->query->root = e;
    return make_found(c, e);
}

/* Of a whole expression: that of the dearest thing in it. */
static void add_costs(struct xf_expr *e)
{
    if (e->op == XF_SEQ || xf_expr_is_quantifier(e))
        e->cost = e->over == XF_CAND ? XF_COST_EVENTS : XF_COST_STEPS;
    for (struct xf_expr *x = e->first; x != NULL; x = x->next) {
        add_costs(x);
        if (x->cost > e->cost)
            e->cost = x->cost;
    }
}

int xf_check(struct xf_query_source *source, xray_query *q, enum xray_unit unit)
{
    struct xf_checker c = {.source = source, .query = q};
    const struct xf_where outside = {.cand_ok = unit == XRAY_UNIT_CAND};

    if (!check_conditions(&c, q->root, outside))
        return source->status;
    if (unit == XRAY_UNIT_AUTO)
        unit = c.step_outside ? XRAY_UNIT_STEP : XRAY_UNIT_RUN;
    else if (unit == XRAY_UNIT_RUN && c.step_outside && !wrap_in_any(&c))
        return source->status;
    q->unit = unit;
    add_costs(q->root);
    if (unit != XRAY_UNIT_RUN)
        q->needs |= XRAY_NEEDS_STEPS;
    if (unit == XRAY_UNIT_CAND)
        q->needs |= XRAY_NEEDS_EVENTS;
    return XRAY_OK;
}
