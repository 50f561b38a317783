/* What the files of the checker share. */
#ifndef XF_QUERY_CHECKER_H
#define XF_QUERY_CHECKER_H

#include "query/check.h"

struct xf_checker {
    struct xf_query_source *source;
    xray_query *query;
    bool cand_outside_ok; /* --unit=cand */
    bool step_outside;    /* a step is spoken of outside braces */
};

/* Where a name stands. */
struct xf_where {
    bool in_step;     /* inside braces of steps */
    bool cand_ok;     /* a candidate is bound */
    bool optional_ok; /* ? has a meaning */
};

/* All return false when the query is refused. */

/* checkfield.c */
bool xf_check_field(struct xf_checker *c, struct xf_expr *e, struct xf_where w);

/* checktype.c: types of e's operands, which are checked already; makes constants what they are meant to be */
bool xf_check_comparison(struct xf_checker *c, struct xf_expr *e);
bool xf_check_set(struct xf_checker *c, struct xf_expr *e);
bool xf_check_text_operator(struct xf_checker *c, struct xf_expr *e);
bool xf_check_arithmetic(struct xf_checker *c, struct xf_expr *e);
/* `e` stands alone as a condition. */
bool xf_check_condition(struct xf_checker *c, const struct xf_expr *e);

/* For messages: "a number" and so on, and the text of a node cut to fit. */
const char *xf_check_type_name(enum xf_type type);
#define XF_SHOW(c, e) xf_source_show((e)->len), (c)->source->text.ptr + (e)->off

/* Refuses e. */
bool xf_check_refuse(struct xf_checker *c, const struct xf_expr *e, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
