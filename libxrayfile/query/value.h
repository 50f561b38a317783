/* Values while a query is evaluated (ql 4), and what can be done with two of them. */
#ifndef XF_QUERY_VALUE_H
#define XF_QUERY_VALUE_H

#include "xrayfile.h"

/* Static types, known once names are resolved. */
enum xf_type {
    XF_T_BOOL,
    XF_T_NUM,
    XF_T_DUR,  /* ns */
    XF_T_TIME, /* ns since 1970 */
    XF_T_TEXT,
    XF_T_SET, /* of text */
    XF_T_ANY, /* as it was recorded */
};

enum xf_val_kind {
    XF_MISSING,
    XF_UNKNOWN, /* not to be told from the run's record alone */
    XF_BOOL,
    XF_INT,
    XF_UINT, /* above INT64_MAX */
    XF_DOUBLE,
    XF_TEXT,
    XF_DATA,  /* one MessagePack value that is none of these: a map, an array, binary, an ext */
    XF_TEXTS, /* the texts of a set field of the element at hand */
};

struct xf_val {
    enum xf_val_kind kind;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double d;
        xray_str text; /* TEXT, DATA; borrowed */
        const struct xf_field_ref *set;
    } as;
    xray_buffer *fold; /* DATA, TEXTS: their texts are to be folded to lower case, into this */
};

enum xf_cmp { XF_EQ, XF_NE, XF_LT, XF_LE, XF_GT, XF_GE };

static inline struct xf_val xf_val_of(enum xf_val_kind kind)
{
    return (struct xf_val){.kind = kind};
}

static inline struct xf_val xf_val_bool(bool b)
{
    return (struct xf_val){.kind = XF_BOOL, .as.b = b};
}

static inline struct xf_val xf_val_int(int64_t i)
{
    return (struct xf_val){.kind = XF_INT, .as.i = i};
}

static inline struct xf_val xf_val_double(double d)
{
    return (struct xf_val){.kind = XF_DOUBLE, .as.d = d};
}

static inline struct xf_val xf_val_text(xray_str text)
{
    return (struct xf_val){.kind = XF_TEXT, .as.text = text};
}

static inline bool xf_val_is_number(const struct xf_val *v)
{
    return v->kind == XF_INT || v->kind == XF_UINT || v->kind == XF_DOUBLE;
}

/* < 0, 0, > 0 by bytes. */
int xf_text_compare(xray_str a, xray_str b);
bool xf_text_is(xray_str a, const char *b);
bool xf_text_contains(xray_str a, xray_str b);
bool xf_text_begins(xray_str a, xray_str b);

/* Does `a cmp b` hold for two values that are there and are no sets? XF_NE is not asked here: it is
 * the negation of XF_EQ (ql 4.2). Values that have no order or are of different kinds: false. */
bool xf_val_compare(const struct xf_val *a, enum xf_cmp cmp, const struct xf_val *b);

/* Less than nothing, and nothing is less than NaN. */
bool xf_val_less(const struct xf_val *a, const struct xf_val *b);

/* Arithmetic (ql 4.5). UNKNOWN wins; what is no number gives MISSING. */
enum xf_arith { XF_PLUS, XF_MINUS, XF_TIMES, XF_OVER };
struct xf_val xf_val_arith(const struct xf_val *a, enum xf_arith op, const struct xf_val *b);
struct xf_val xf_val_negate(const struct xf_val *a);
struct xf_val xf_val_abs(const struct xf_val *a);

/* The double nearest to a decimal number (digits, point, exponent) times 10^shift, whatever the locale's
 * point is. False if it is longer than 1,000 characters or no number. */
bool xf_decimal_double(xray_str number, int shift, double *out);

/* Nano-units as a number of units: the double nearest to the exact decimal. */
struct xf_val xf_val_cost(int64_t nano);

#endif
