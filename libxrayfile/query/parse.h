/* From text to tree (ql 2): syntax only. Names and types are the checker's (check.h). */
#ifndef XF_QUERY_PARSE_H
#define XF_QUERY_PARSE_H

#include "query/expr.h"
#include "codec/regex.h"
#include "query/source.h"

/* Parses the whole text into *out, in the source's arena. Patterns are compiled into `regexes`, files of
 * `in @file` read. Status; the source's error is filled. */
int xf_parse(struct xf_query_source *source, struct xf_regex_env *regexes, struct xf_expr **out);

#endif
