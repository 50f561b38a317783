/* Numbers, texts and booleans in comparisons and arithmetic (ql 4.4 to 4.6). */
#include "query/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- text ---------------------------------------------------------------------- */

int xf_text_compare(xray_str a, xray_str b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int c = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

bool xf_text_is(xray_str a, const char *b)
{
    return xf_text_compare(a, xray_s(b)) == 0;
}

bool xf_text_begins(xray_str a, xray_str b)
{
    return a.len >= b.len && (b.len == 0 || memcmp(a.ptr, b.ptr, b.len) == 0);
}

bool xf_text_contains(xray_str a, xray_str b)
{
    if (b.len == 0)
        return true;
    while (a.len >= b.len) {
        const char *at = memchr(a.ptr, b.ptr[0], a.len - b.len + 1);

        if (at == NULL)
            return false;
        a.len -= (size_t)(at - a.ptr);
        a.ptr = at;
        if (memcmp(at, b.ptr, b.len) == 0)
            return true;
        a.ptr++;
        a.len--;
    }
    return false;
}

/* ---- order --------------------------------------------------------------------- */

enum order { LESS = -1, SAME = 0, MORE = 1, NO_ORDER = 2 };

static enum order order_of(bool less, bool more)
{
    return less ? LESS : more ? MORE : SAME;
}

/* Exact: a conversion of the integer to double could round. */
static enum order order_int_double(int64_t i, double d)
{
    if (isnan(d))
        return NO_ORDER;
    if (d >= 0x1p63)
        return LESS;
    if (d < -0x1p63)
        return MORE;

    const int64_t whole = (int64_t)d;
    const double rest = d - (double)whole;

    if (i != whole)
        return order_of(i < whole, true);
    return order_of(rest > 0, rest < 0);
}

static enum order order_uint_double(uint64_t u, double d)
{
    if (isnan(d))
        return NO_ORDER;
    if (d >= 0x1p64)
        return LESS;
    if (d < 0x1p63)
        return MORE; /* u is above INT64_MAX */

    const uint64_t whole = (uint64_t)d; /* doubles of this size have no fraction */

    return order_of(u<whole, u> whole);
}

static enum order turn(enum order o)
{
    return o == LESS ? MORE : o == MORE ? LESS : o;
}

static enum order order_numbers(const struct xf_val *a, const struct xf_val *b)
{
    if (a->kind == XF_DOUBLE && b->kind == XF_DOUBLE) {
        if (isnan(a->as.d) || isnan(b->as.d))
            return NO_ORDER;
        return order_of(a->as.d<b->as.d, a->as.d> b->as.d);
    }
    if (b->kind == XF_DOUBLE)
        return a->kind == XF_INT ? order_int_double(a->as.i, b->as.d) : order_uint_double(a->as.u, b->as.d);
    if (a->kind == XF_DOUBLE)
        return turn(order_numbers(b, a));
    if (a->kind != b->kind)
        return a->kind == XF_INT ? LESS : MORE; /* every UINT is above every INT */
    if (a->kind == XF_INT)
        return order_of(a->as.i<b->as.i, a->as.i> b->as.i);
    return order_of(a->as.u<b->as.u, a->as.u> b->as.u);
}

static bool word_is(const struct xf_val *text, bool b)
{
    return xf_text_is(text->as.text, b ? "true" : "false");
}

bool xf_val_compare(const struct xf_val *a, enum xf_cmp cmp, const struct xf_val *b)
{
    enum order o = NO_ORDER;

    if (a->kind == XF_BOOL || b->kind == XF_BOOL) { /* equal or not, but without order */
        if (cmp != XF_EQ)
            return false;
        if (a->kind == XF_BOOL && b->kind == XF_BOOL)
            return a->as.b == b->as.b;
        if (a->kind == XF_BOOL)
            return b->kind == XF_TEXT && word_is(b, a->as.b);
        return a->kind == XF_TEXT && word_is(a, b->as.b);
    }
    if (xf_val_is_number(a) && xf_val_is_number(b)) {
        o = order_numbers(a, b);
    } else if (a->kind == XF_TEXT && b->kind == XF_TEXT) {
        const int c = xf_text_compare(a->as.text, b->as.text);

        o = order_of(c<0, c> 0);
    }
    if (o == NO_ORDER)
        return false;
    switch (cmp) {
    case XF_EQ:
        return o == SAME;
    case XF_NE:
        return o != SAME;
    case XF_LT:
        return o == LESS;
    case XF_LE:
        return o != MORE;
    case XF_GT:
        return o == MORE;
    case XF_GE:
        return o != LESS;
    }
    return false;
}

bool xf_val_less(const struct xf_val *a, const struct xf_val *b)
{
    return order_numbers(a, b) == LESS;
}

/* ---- arithmetic ---------------------------------------------------------------- */

static double as_double(const struct xf_val *v)
{
    return v->kind == XF_INT ? (double)v->as.i : v->kind == XF_UINT ? (double)v->as.u : v->as.d;
}

/* False if the result does not fit, or (division) is no integer. */
static bool int_arith(int64_t a, enum xf_arith op, int64_t b, int64_t *out)
{
    switch (op) {
    case XF_PLUS:
        return !__builtin_add_overflow(a, b, out);
    case XF_MINUS:
        return !__builtin_sub_overflow(a, b, out);
    case XF_TIMES:
        return !__builtin_mul_overflow(a, b, out);
    case XF_OVER:
        if ((a == INT64_MIN && b == -1) || a % b != 0)
            return false;
        *out = a / b;
        return true;
    }
    return false;
}

static double double_arith(double a, enum xf_arith op, double b)
{
    switch (op) {
    case XF_PLUS:
        return a + b;
    case XF_MINUS:
        return a - b;
    case XF_TIMES:
        return a * b;
    case XF_OVER:
        return a / b;
    }
    return NAN;
}

struct xf_val xf_val_arith(const struct xf_val *a, enum xf_arith op, const struct xf_val *b)
{
    int64_t i;

    if (a->kind == XF_UNKNOWN || b->kind == XF_UNKNOWN)
        return xf_val_of(XF_UNKNOWN);
    if (!xf_val_is_number(a) || !xf_val_is_number(b))
        return xf_val_of(XF_MISSING);
    if (op == XF_OVER && as_double(b) == 0)
        return xf_val_of(XF_MISSING);
    if (a->kind == XF_INT && b->kind == XF_INT && int_arith(a->as.i, op, b->as.i, &i))
        return xf_val_int(i);
    return xf_val_double(double_arith(as_double(a), op, as_double(b)));
}

struct xf_val xf_val_negate(const struct xf_val *a)
{
    if (a->kind == XF_UNKNOWN)
        return *a;
    if (!xf_val_is_number(a))
        return xf_val_of(XF_MISSING);
    if (a->kind == XF_INT && a->as.i != INT64_MIN)
        return xf_val_int(-a->as.i);
    if (a->kind == XF_UINT && a->as.u == (uint64_t)INT64_MAX + 1)
        return xf_val_int(INT64_MIN);
    return xf_val_double(-as_double(a));
}

struct xf_val xf_val_abs(const struct xf_val *a)
{
    if (a->kind == XF_DOUBLE)
        return xf_val_double(fabs(a->as.d));
    if (a->kind == XF_INT && a->as.i < 0)
        return xf_val_negate(a);
    return xf_val_is_number(a) || a->kind == XF_UNKNOWN ? *a : xf_val_of(XF_MISSING);
}

/* ---- decimals ------------------------------------------------------------------ */

enum { MAX_NUMBER = 1000 };

bool xf_decimal_double(xray_str number, int shift, double *out)
{
    char copy[MAX_NUMBER + 16];
    size_t len = 0, i = 0;
    bool point = false, digits = false;
    long exponent = 0;
    char *end;

    if (number.len == 0 || number.len > MAX_NUMBER)
        return false;
    if (number.ptr[0] == '-')
        copy[len++] = number.ptr[i++];
    for (; i < number.len; i++) {
        const char c = number.ptr[i];

        if (c == '.' && !point) {
            point = true;
        } else if (c >= '0' && c <= '9') {
            copy[len++] = c;
            shift -= point;
            digits = true;
        } else {
            break;
        }
    }
    if (!digits)
        return false;
    if (i < number.len) {
        char text[24];

        if ((number.ptr[i] != 'e' && number.ptr[i] != 'E') || number.len - i - 1 >= sizeof text ||
            number.len - i < 2)
            return false;
        memcpy(text, number.ptr + i + 1, number.len - i - 1);
        text[number.len - i - 1] = '\0';
        exponent = strtol(text, &end, 10);
        if (*end != '\0')
            return false;
        exponent = exponent > 99999 ? 99999 : exponent < -99999 ? -99999 : exponent;
    }
    snprintf(copy + len, sizeof copy - len, "e%ld", exponent + shift);
    *out = strtod(copy, &end);
    return *end == '\0';
}

struct xf_val xf_val_cost(int64_t nano)
{
    if (nano > -(INT64_C(1) << 53) && nano < INT64_C(1) << 53)
        return xf_val_double((double)nano / 1e9); /* both are exact, so it is rounded once */

    char text[40];

    snprintf(text, sizeof text, "%llde-9", (long long)nano);
    return xf_val_double(strtod(text, NULL));
}
