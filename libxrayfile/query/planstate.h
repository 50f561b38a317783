/* What a query remembers of the index that it asks (plan.h). */
#ifndef XF_QUERY_PLANSTATE_H
#define XF_QUERY_PLANSTATE_H

#include "query/expr.h"
#include "store/facts.h"

struct xf_plan_leaf { /* what a leaf says of each set of texts, found out once per segment */
    const struct xf_expr *e;
    uint8_t *sets; /* by number: 0 not asked, 1 no member makes it true, 2 one may */
};

struct xf_plan {
    const struct xf_facts *facts; /* NULL: none are known */
    uint32_t run;                 /* its number in them */
    uint64_t serial;              /* of the facts that the leaves were asked about */
    struct xf_plan_leaf *leaves;
    uint32_t leaf_count, leaf_cap;
    const struct xf_field_ref *probed; /* this field has this value now */
    struct xf_val probe;
};

#endif
