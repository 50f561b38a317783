/* Names, scopes and types of a parsed query (ql 1, 3, 4): refuses what means nothing, and makes plain
 * what was meant. */
#ifndef XF_QUERY_CHECK_H
#define XF_QUERY_CHECK_H

#include "query/query.h"
#include "query/source.h"

/* Checks q->root, sets unit and needs. Status; the source's error is filled. */
int xf_check(struct xf_query_source *source, xray_query *q, enum xray_unit unit);

#endif
