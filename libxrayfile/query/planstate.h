/* What a query remembers of the index that it asks (plan.h). */
#ifndef XF_QUERY_PLANSTATE_H
#define XF_QUERY_PLANSTATE_H

#include "query/expr.h"
#include "store/facts.h"

struct xf_plan_leaf { /* what a leaf says of each set of texts, found out once per segment */
    const struct xf_expr *e;
    uint8_t *sets; /* by number: 0 not asked, 1 no member makes it true, 2 one may */
};

struct xf_plan_text { /* in which runs the text of a leaf may stand */
    const struct xf_expr *e;
    uint8_t *runs; /* as of xray_hits_runs; NULL: not known */
};

struct xf_plan {
    struct xray_store *store;
    uint32_t run_index;
    const struct xf_facts *facts; /* NULL: none are known */
    uint32_t run;                 /* its number in them */
    uint64_t serial;              /* of the facts that the leaves were asked about */
    struct xf_plan_leaf *leaves;
    uint32_t leaf_count, leaf_cap;
    const struct xray_store *text_store; /* with the number of its list of runs: what the texts were asked about */
    uint64_t text_list;
    struct xf_plan_text *texts;
    uint32_t text_count, text_cap;
    const struct xf_field_ref *probed; /* this field has this value now */
    struct xf_val probe;
};

#endif
