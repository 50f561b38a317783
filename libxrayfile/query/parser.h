/* What the files of the parser share. */
#ifndef XF_QUERY_PARSER_H
#define XF_QUERY_PARSER_H

#include "query/lex.h"
#include "query/parse.h"

struct xf_parser {
    struct xf_lex lex;
    struct xf_query_source *source;
    struct xf_regex_env *regexes;
    int depth; /* parentheses, braces, not and minus that are open */
};

/* A new node for what begins at `off`; its end is set when it is known. NULL: memory is out, and said so. */
struct xf_expr *xf_parse_node(struct xf_parser *p, enum xf_op op, size_t off);

/* Sets the end of a node to where the parser stands. */
void xf_parse_end(struct xf_parser *p, struct xf_expr *e);

/* Adds a child behind the others of *tail. */
void xf_parse_add(struct xf_expr ***tail, struct xf_expr *child);

/* One level deeper; false (and said so) beyond ql 2.7. The level that `off` opens. */
bool xf_parse_enter(struct xf_parser *p, size_t off);
static inline void xf_parse_leave(struct xf_parser *p)
{
    p->depth--;
}

/* The closing character of what was opened at `off`. */
bool xf_parse_close(struct xf_parser *p, size_t off, char open, char close);

/* Something else was expected; finds words for what stands here. Returns NULL. */
struct xf_expr *xf_parse_unexpected(struct xf_parser *p, const char *missing);

/* The rules of ql 2. NULL: failed. `right`: bare words are text. */
struct xf_expr *xf_parse_query(struct xf_parser *p);
struct xf_expr *xf_parse_sum(struct xf_parser *p, bool right);
struct xf_expr *xf_parse_prim(struct xf_parser *p, bool right);
struct xf_expr *xf_parse_field(struct xf_parser *p);
struct xf_expr *xf_parse_seq(struct xf_parser *p);
/* The part of a comparison that follows its left operand. */
struct xf_expr *xf_parse_set(struct xf_parser *p, struct xf_expr *operand, bool negated);
struct xf_expr *xf_parse_match(struct xf_parser *p, struct xf_expr *operand, bool negated);

#endif
