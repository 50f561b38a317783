/* The canonical form of a checked query (ql 6). */
#ifndef XF_QUERY_CANON_H
#define XF_QUERY_CANON_H

#include "query/expr.h"

/* Appends it. Returns how deep it is nested, as the parser counts. */
int xf_canon_print(const struct xf_expr *e, xray_buffer *out);

#endif
