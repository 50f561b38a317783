/* One span, read by otlp.c, and what becomes of it. */
#ifndef IMPORT_SPAN_H
#define IMPORT_SPAN_H

#include "import/attrs.h"

/* What stands around a span. */
struct span_level {
    uint32_t resource, scope; /* nodes, or 0 */
};

struct span {
    uint32_t node;
    struct fields fields;
    xray_str trace, id, parent;
    int64_t start_ns, end_ns;
    int code;         /* status: 0 unset, 1 ok, 2 error */
    uint32_t message; /* of the status, or 0 */
    uint32_t resource, scope;
};

void span_put(struct import *im, struct span *s);

/* A time in the ways spans write it. */
int64_t span_time(struct import *im, uint32_t node, bool nanoseconds);

/* span_events.c: what happened in it. Returns how many events there are; *error: an exception was among them.
 */
uint32_t span_events_put(struct import *im, const struct scope *sc, uint32_t array, uint32_t skip,
                         bool *error);

/* span_docs.c: documents as candidates. */
void span_docs_put(struct import *im, const struct scope *sc, const struct span_attr *found,
                   const struct span_attr *reranker_in, const struct span_attr *reranker_out);

#endif
