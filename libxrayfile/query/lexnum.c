/* Tokens: numbers and their units (lex.h, ql 2.3). */
#include "query/lex.h"

#include <math.h>

#include "query/time.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return xf_lex_is_name_start(c) && c != '_';
}

/* Digits, decimals, exponent. */
static xray_str take_digits(struct xf_lex *l)
{
    const size_t start = l->at;

    while (is_digit(xf_lex_peek(l, 0)))
        l->at++;
    if (xf_lex_peek(l, 0) == '.' && is_digit(xf_lex_peek(l, 1)))
        for (l->at++; is_digit(xf_lex_peek(l, 0));)
            l->at++;
    if (xf_lex_peek(l, 0) == 'e' || xf_lex_peek(l, 0) == 'E') {
        const char sign = xf_lex_peek(l, 1);
        const size_t n = sign == '+' || sign == '-' ? 2 : 1;

        if (is_digit(xf_lex_peek(l, n)))
            for (l->at += n; is_digit(xf_lex_peek(l, 0));)
                l->at++;
    }
    return xray_strn(l->text + start, l->at - start);
}

static xray_str take_letters(struct xf_lex *l)
{
    const size_t start = l->at;

    while (is_letter(xf_lex_peek(l, 0)))
        l->at++;
    return xray_strn(l->text + start, l->at - start);
}

/* Bytes in a unit of a size, or 0. */
static int64_t unit_bytes(xray_str unit)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"kB", 1000},     {"MB", 1000000},  {"GB", 1000000000},
                 {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (xf_text_is(unit, units[i].name))
            return units[i].bytes;
    return 0;
}

static int fail_unit(struct xf_lex *l, size_t at, xray_str unit)
{
    static const struct {
        const char *unit;
        const char *hint;
    } hints[] = {
        {"M", "months are mo, minutes m, megabytes MB"},
        {"mo", "a month has no fixed length: write days, or compare with a time such as \"3mo ago\""},
        {"y", "a year has no fixed length: write 365d, or compare with a time such as \"1y ago\""},
        {"w", "write 7d"},
        {"min", "minutes are m"},
        {"mins", "minutes are m"},
        {"sec", "seconds are s"},
        {"secs", "seconds are s"},
        {"hr", "hours are h"},
        {"hrs", "hours are h"},
        {"k", "write kB (1000 bytes), KiB (1024), or the zeros"},
        {"K", "write kB (1000 bytes), KiB (1024), or the zeros"},
        {"G", "write GB (of 1000) or GiB (of 1024)"},
        {"KB", "write kB (1000 bytes) or KiB (1024)"},
        {"kb", "write kB (1000 bytes) or KiB (1024)"},
        {"mb", "write MB (of 1000) or MiB (of 1024)"},
        {"gb", "write GB (of 1000) or GiB (of 1024)"},
        {"B", "write the number alone"},
    };
    const char *hint = "units are ns us ms s m h d, kB MB GB KiB MiB GiB, %";

    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (xf_text_is(unit, hints[i].unit))
            hint = hints[i].hint;
    return xf_source_fail(l->source, XRAY_ESYNTAX, at, unit.len, hint, "there is no unit '%.*s'",
                          xf_source_show(unit.len), unit.ptr);
}

/* What begins with a digit but is no number: an id, a version, a date. */
static int fail_text(struct xf_lex *l, size_t start)
{
    char hint[256];
    size_t end = start;

    while (end < l->len && xf_lex_is_word(l->text[end]))
        end++;
    return xf_source_fail(l->source, XRAY_ESYNTAX, start, end - start,
                          xf_source_hint(hint, "text that begins with a digit is quoted: \"%.*s\"",
                                         xf_source_show(end - start), l->text + start),
                          "'%.*s' is no number", xf_source_show(end - start), l->text + start);
}

/* The rest of "1h30m" behind its first unit. */
static int take_duration(struct xf_lex *l, size_t start, xray_str number, int64_t unit_ns,
                         struct xf_val *value)
{
    int64_t sum = 0, ns;

    for (;;) {
        if (!xf_duration_scale(number, unit_ns, &ns) || __builtin_add_overflow(sum, ns, &sum))
            return xf_source_fail(l->source, XRAY_ESYNTAX, start, l->at - start, "the longest is 106751d",
                                  "the duration is too long");
        if (!is_digit(xf_lex_peek(l, 0)))
            break;
        number = take_digits(l);

        unit_ns = xf_unit_ns(take_letters(l));
        if (unit_ns == 0)
            return fail_text(l, start);
    }
    *value = xf_val_int(sum);
    return XRAY_OK;
}

/* Integers stay integers, up to UINT64_MAX. */
static bool plain_number(xray_str number, struct xf_val *value)
{
    uint64_t u = 0;
    double d;
    size_t i = 0;

    for (; i < number.len && is_digit(number.ptr[i]); i++)
        if (__builtin_mul_overflow(u, 10, &u) ||
            __builtin_add_overflow(u, (uint64_t)(number.ptr[i] - '0'), &u))
            break;
    if (i == number.len) {
        *value = xf_val_int((int64_t)u);
        if (u > INT64_MAX)
            *value = (struct xf_val){.kind = XF_UINT, .as.u = u};
        return true;
    }
    if (!xf_decimal_double(number, 0, &d) || isinf(d))
        return false;
    *value = xf_val_double(d);
    return true;
}

static int take_unit(struct xf_lex *l, size_t start, xray_str number, struct xf_val *value,
                     enum xf_type *type)
{
    const size_t at = l->at;
    const xray_str unit = take_letters(l);
    const int64_t ns = xf_unit_ns(unit), bytes = unit_bytes(unit);
    int64_t size;

    if (ns > 0) {
        *type = XF_T_DUR;
        return take_duration(l, start, number, ns, value);
    }
    if (xf_lex_is_name(xf_lex_peek(l, 0)) || unit.len == 0)
        return fail_text(l, start);
    if (bytes == 0)
        return fail_unit(l, at, unit);
    if (!xf_duration_scale(number, bytes, &size))
        return xf_source_fail(l->source, XRAY_ESYNTAX, start, l->at - start, NULL, "the size is too large");
    *value = xf_val_int(size);
    return XRAY_OK;
}

int xf_lex_number(struct xf_lex *l, struct xf_val *value, enum xf_type *type)
{
    const size_t start = l->at;
    const xray_str number = take_digits(l);
    double d;
    int status = XRAY_OK;

    *type = XF_T_NUM;
    if (xf_lex_take(l, "%")) {
        if (!xf_decimal_double(number, -2, &d) || isinf(d))
            return xf_source_fail(l->source, XRAY_ESYNTAX, start, l->at - start, NULL,
                                  "the number is too large");
        *value = xf_val_double(d);
    } else if (xf_lex_name(l) > 0) {
        status = take_unit(l, start, number, value, type);
    } else if (!plain_number(number, value)) {
        return xf_source_fail(l->source, XRAY_ESYNTAX, start, l->at - start, NULL, "the number is too large");
    }
    if (status != XRAY_OK)
        return status;

    /* 1.2.3, 2026-08-01, 12:30 */
    const char c = xf_lex_peek(l, 0);
    const bool date = c == '-' && number.len == 4 && is_digit(xf_lex_peek(l, 1)) &&
                      is_digit(xf_lex_peek(l, 2)) && xf_lex_peek(l, 3) == '-';

    if (c == '.' || c == ':' || c == '@' || xf_lex_is_name(c) || date)
        return fail_text(l, start);
    return XRAY_OK;
}
