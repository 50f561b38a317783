/* Leaves of the tree (expr.h). */
#include "query/expr.h"

static bool all_constant(const struct xf_expr *e)
{
    for (; e != NULL; e = e->next)
        if (e->op != XF_CONST)
            return false;
    return true;
}

bool xf_expr_leaf(const struct xf_expr *e, struct xf_leaf *out)
{
    const struct xf_expr *operand = e->op == XF_FIELD ? e : e->first;

    switch (e->op) {
    case XF_CMPR:
    case XF_IN:
    case XF_MATCH:
    case XF_HAS:
    case XF_STARTS:
    case XF_EXISTS:
        if (operand->op != XF_FIELD || !all_constant(operand->next))
            return false;
        break;
    case XF_FIELD:
        if (e->type != XF_T_BOOL)
            return false;
        break;
    default:
        return false;
    }
    *out = (struct xf_leaf){
        .op = e->op,
        .cmp = e->cmp,
        .alias = e->alias,
        .negated = e->negated,
        .field = operand->as.field,
    };
    if (e->op == XF_CMPR || e->op == XF_HAS || e->op == XF_STARTS)
        out->value = &operand->next->as.value;
    if (e->op == XF_IN) {
        out->set = e->as.set;
        out->element = operand->next;
    }
    if (e->op == XF_MATCH)
        out->regex = e->as.regex;
    return true;
}
