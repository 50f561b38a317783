/* What the index of a segment says of a query before a run is opened: the same tree, the same evaluator. Where a leaf
 * asks for a field of steps, the facts of the run's steps stand in for them: it is false if no step can make
 * it true, else not known; the inner nodes combine these as they combine truth. */
#ifndef XF_QUERY_PLAN_H
#define XF_QUERY_PLAN_H

#include "query/query.h"

/* Truth of a leaf of which the run's record alone says MAYBE: FALSE or MAYBE. */
int xf_plan_truth(xray_query *q, const struct xf_expr *e);

/* The same of `contains` and `startswith` on recorded values. */
int xf_plan_contains(xray_query *q, const struct xf_expr *e, const struct xf_leaf *leaf);

void xf_plan_forget_texts(struct xf_plan *p);
void xf_plan_done(struct xf_plan *p);

#endif
