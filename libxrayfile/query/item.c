/* The one candidate that every hit of a query is about (xray_query_item). */
#include "query/query.h"

static bool is_item(const struct xf_expr *e, xray_str *item)
{
    struct xf_leaf leaf;

    if (e->op != XF_CMPR || e->cmp != XF_EQ || !xf_expr_leaf(e, &leaf) || leaf.negated || leaf.value == NULL ||
        leaf.field->optional || leaf.field->owner != XF_CAND || leaf.field->field->id != XF_F_ID ||
        leaf.field->path_count > 0 || leaf.value->kind != XF_TEXT)
        return false;
    *item = leaf.value->as.text;
    return true;
}

/* Where all must hold, one is enough; `any` of steps or candidates needs one for which its condition holds. */
static bool find(const struct xf_expr *e, xray_str *item)
{
    switch (e->op) {
    case XF_AND:
        for (const struct xf_expr *child = e->first; child != NULL; child = child->next)
            if (find(child, item))
                return true;
        return false;
    case XF_ANY:
        return xf_expr_body(e) != NULL && find(xf_expr_body(e), item);
    default:
        return is_item(e, item);
    }
}

bool xray_query_item(const xray_query *q, xray_str *item)
{
    return find(q->root, item);
}
