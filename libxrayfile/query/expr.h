/* A query as a tree. The parser makes it, the checker gives names and types to it,
 * the evaluator and the canonical form walk it. It lives in the query's arena.
 *
 * Leaves that say "field cmp constant" stay recognisable as such (xf_expr_leaf):
 * what summarises many records (an index of blocks) can answer none, some or all
 * for them, and the inner nodes combine these answers as they combine truth. */
#ifndef XF_QUERY_EXPR_H
#define XF_QUERY_EXPR_H

#include "query/field.h"
#include "query/value.h"

enum xf_op {
    /* conditions */
    XF_OR, /* children: two or more */
    XF_AND,
    XF_NOT,    /* one child, as all that follow unless said otherwise */
    XF_CMPR,   /* two children, `cmp` */
    XF_IN,     /* the operand, then the elements (or `set` from a file); may be negated */
    XF_MATCH,  /* `regex`; may be negated */
    XF_HAS,    /* contains: two children */
    XF_STARTS, /* startswith: two children */
    XF_EXISTS,
    XF_ANY, /* quantifiers: no child, or the condition; of `over` */
    XF_ALL,
    XF_NONE,
    XF_SEQ, /* { } -> { }: the conditions; `later` of a child: ->> leads to it */
    /* values */
    XF_COUNT, /* as XF_ANY */
    XF_SUM,   /* the operand, then perhaps the condition; of `over` */
    XF_MIN,
    XF_MAX,
    XF_AVG,
    XF_ADD, /* children: two or more; `inverse` of a child: it is subtracted */
    XF_MUL, /* likewise: it is divided by */
    XF_NEG,
    XF_LEN,
    XF_LOWER,
    XF_ABS,
    XF_FIELD, /* no child */
    XF_CONST, /* no child */
};

/* Equalities that know several spellings (ql 3). */
enum xf_alias { XF_NO_ALIAS, XF_ALIAS_STATUS, XF_ALIAS_TYPE, XF_ALIAS_RUN_ID };

struct xf_member {
    xray_str key;
    int32_t index;
    bool is_index;
    bool quoted;
};

struct xf_field_ref {
    xray_str scope; /* as written, or none */
    xray_str name;
    enum xf_owner owner; /* when checked, as `field` */
    const struct xf_qfield *field;
    const struct xf_member *path;
    uint32_t path_count;
    bool optional; /* f? */
};

struct xf_set { /* of texts, sorted; of XF_IN whose elements are all constant texts */
    xray_str *texts;
    size_t count;
    xray_str file; /* where they are from, or none */
};

/* What a quantifier found, kept for the run or step that it was asked for. */
struct xf_found {
    uint64_t epoch;
    size_t step;
    struct xf_val value;
};

/* What is asked first, where the order changes nothing. */
enum xf_cost {
    XF_COST_RECORD,  /* what stands in the record itself */
    XF_COST_STEPS,   /* all steps of the run */
    XF_COST_PAYLOAD, /* values, which are read from payload blocks */
    XF_COST_EVENTS,  /* candidates blocks */
    XF_COSTS
};

struct xf_expr {
    enum xf_op op;
    enum xf_type type;
    enum xf_cmp cmp;     /* XF_CMPR */
    enum xf_alias alias; /* XF_CMPR with = or !=, XF_IN */
    enum xf_owner over;  /* quantifiers: XF_STEP or XF_CAND */
    bool negated;        /* not in, !~ */
    bool inverse, later; /* what it is for its parent */
    bool bare;           /* XF_CONST: a word without quotes */
    bool quoted;         /* XF_MATCH: the pattern was a string */
    unsigned char cost;  /* enum xf_cost of what it asks for */
    uint32_t off, len;   /* in the text */
    struct xf_expr *first, *next;
    union {
        struct xf_val value;        /* XF_CONST */
        struct xf_field_ref *field; /* XF_FIELD */
        struct xf_set *set;         /* XF_IN, or NULL */
        struct xf_regex *regex;     /* XF_MATCH */
        struct xf_found *found;     /* quantifiers and XF_SEQ */
        xray_buffer *fold;          /* XF_LOWER */
    } as;
};

static inline bool xf_expr_is_quantifier(const struct xf_expr *e)
{
    return e->op == XF_ANY || e->op == XF_ALL || e->op == XF_NONE || (e->op >= XF_COUNT && e->op <= XF_AVG);
}

static inline bool xf_expr_is_condition(const struct xf_expr *e)
{
    return e->op <= XF_SEQ;
}

/* The condition of a quantifier, or NULL: every element. */
static inline const struct xf_expr *xf_expr_body(const struct xf_expr *e)
{
    const bool operand = e->op >= XF_SUM && e->op <= XF_AVG;

    return operand ? e->first->next : e->first;
}

/* A condition on one field and constants. */
struct xf_leaf {
    enum xf_op op; /* XF_CMPR, XF_IN, XF_MATCH, XF_HAS, XF_STARTS, XF_EXISTS; XF_FIELD: a boolean alone */
    enum xf_cmp cmp;
    enum xf_alias alias;
    bool negated;
    const struct xf_field_ref *field;
    const struct xf_val *value;    /* XF_CMPR, XF_HAS, XF_STARTS */
    const struct xf_set *set;      /* XF_IN of texts */
    const struct xf_expr *element; /* XF_IN of other constants: the first; see next */
    const struct xf_regex *regex;
};

/* True if `e` is one; fills *out. */
bool xf_expr_leaf(const struct xf_expr *e, struct xf_leaf *out);

#endif
