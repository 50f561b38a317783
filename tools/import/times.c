/* See times.h. */
#include "import/times.h"

#include <math.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000000)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- numbers ---- */

bool integer_parse(xray_str text, int64_t *out)
{
    const bool negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t v = 0;

    if (text.len == negative)
        return false;
    for (size_t i = negative; i < text.len; i++) {
        const unsigned d = (unsigned)(text.ptr[i] - '0');

        if (d > 9 || v > (UINT64_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    if (v > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool double_parse_fast(xray_str text, double *out)
{
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    const bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t i = negative, digits = 0, decimals = 0;
    bool point = false;
    uint64_t v = 0;
    double d;

    for (; i < text.len; i++) {
        if (text.ptr[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(text.ptr[i]))
            return false;
        v = v * 10 + (unsigned)(text.ptr[i] - '0');
        digits += digits > 0 || v > 0;
        decimals += point;
        if (digits > 15 || decimals > 22)
            return false;
    }
    /* Both are exact, so the one rounding of the division is right (Clinger 1990). */
    d = (double)v / powers[decimals];
    *out = negative ? -d : d;
    return true;
}

int64_t nano_from_number(double number)
{
    return fabs(number) < 9.2e9 ? llround(number * 1e9) : XRAY_MISSING;
}

/* The rounding way, for exponents and more than nine decimals. */
static int64_t nano_round(xray_str text)
{
    char copy[64], *end;
    double d;

    if (text.len == 0 || text.len >= sizeof copy)
        return XRAY_MISSING;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    d = strtod(copy, &end);
    return *end == '\0' ? nano_from_number(d) : XRAY_MISSING;
}

int64_t nano_parse(xray_str text)
{
    const bool negative = text.len > 0 && text.ptr[0] == '-';
    int64_t v = 0, unit = SECOND;
    bool point = false;

    if (text.len == negative || !is_digit(text.ptr[negative]))
        return XRAY_MISSING;
    for (size_t i = negative; i < text.len; i++) {
        const char c = text.ptr[i];

        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(c) || (point && unit == 1))
            return nano_round(text);
        if (!point && v > (INT64_MAX / SECOND - (c - '0')) / 10)
            return XRAY_MISSING;
        if (point) {
            unit /= 10;
            v += (c - '0') * unit;
        } else {
            v = v * 10 + (c - '0');
        }
        if (!point && (i + 1 == text.len || text.ptr[i + 1] == '.'))
            v *= SECOND;
    }
    return negative ? -v : v;
}

/* ---- times ---- */

/* 1e11 s is the year 5138, 1e11 ms is 1973. */
int64_t time_from_integer(int64_t number)
{
    const uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    if (size < 100000000000u)
        return size < 9223372036u ? number * SECOND : XRAY_MISSING;
    if (size < 100000000000000u)
        return size < 9223372036854u ? number * 1000000 : XRAY_MISSING;
    if (size < 100000000000000000u)
        return size < 9223372036854775u ? number * 1000 : XRAY_MISSING;
    return number;
}

int64_t time_from_number(double number)
{
    const double size = fabs(number), scale = size < 1e11 ? 1e9 : size < 1e14 ? 1e6 : size < 1e17 ? 1e3 : 1;
    const double ns = number * scale;

    return fabs(ns) < 9.2e18 ? llround(ns) : XRAY_MISSING;
}

/* Reads text from left to right; a part that is not there makes it bad for good. */
struct scan {
    const char *at, *end;
    bool bad;
};

static int64_t take_digits(struct scan *s, int count)
{
    int64_t v = 0;

    for (int i = 0; i < count; i++) {
        if (s->at == s->end || !is_digit(*s->at)) {
            s->bad = true;
            return 0;
        }
        v = v * 10 + (*s->at++ - '0');
    }
    return v;
}

static bool take_char(struct scan *s, const char *any)
{
    if (s->at == s->end || *s->at == '\0' || strchr(any, *s->at) == NULL)
        return false;
    s->at++;
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant's algorithm). */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    int64_t era, of_era, of_year;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    of_era = y - era * 400;
    of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_date(int64_t y, int64_t m, int64_t d)
{
    static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

    return m >= 1 && m <= 12 && d >= 1 && d <= days[m - 1] && (m != 2 || d < 29 || leap);
}

static int64_t take_fraction(struct scan *s)
{
    int64_t ns = 0, unit = SECOND / 10;

    if (!take_char(s, ".,"))
        return 0;
    if (s->at == s->end || !is_digit(*s->at))
        s->bad = true;
    for (; s->at < s->end && is_digit(*s->at); s->at++, unit /= 10)
        ns += (*s->at - '0') * unit; /* digits beyond the ninth count nothing */
    return ns;
}

/* Z, +hh, +hhmm, +hh:mm or nothing, in seconds. */
static int64_t take_offset(struct scan *s)
{
    int64_t hours, minutes = 0;
    bool west;

    if (s->at < s->end && *s->at == ' ')
        s->at++;
    if (s->at == s->end || take_char(s, "Zz"))
        return 0;
    west = *s->at == '-';
    if (!take_char(s, "+-")) {
        s->bad = true;
        return 0;
    }
    hours = take_digits(s, 2);
    if (s->at < s->end) {
        take_char(s, ":");
        minutes = take_digits(s, 2);
    }
    s->bad = s->bad || hours > 23 || minutes > 59;
    return (hours * 3600 + minutes * 60) * (west ? -1 : 1);
}

static int64_t parse_iso(xray_str text)
{
    struct scan s = { text.ptr, text.ptr + text.len, false };
    int64_t y, m, d, seconds, ns = 0;

    y = take_digits(&s, 4);
    s.bad = s.bad || !take_char(&s, "-");
    m = take_digits(&s, 2);
    s.bad = s.bad || !take_char(&s, "-");
    d = take_digits(&s, 2);
    if (s.bad || !is_date(y, m, d))
        return XRAY_MISSING;
    seconds = days_of(y, m, d) * 86400;
    if (s.at < s.end) {
        int64_t hour, minute, second = 0;

        s.bad = !take_char(&s, "Tt ");
        hour = take_digits(&s, 2);
        s.bad = s.bad || !take_char(&s, ":");
        minute = take_digits(&s, 2);
        if (take_char(&s, ":")) {
            second = take_digits(&s, 2);
            ns = take_fraction(&s);
        }
        s.bad = s.bad || hour > 24 || minute > 59 || second > 60;
        seconds += hour * 3600 + minute * 60 + second - take_offset(&s);
    }
    if (s.bad || s.at != s.end || seconds > INT64_MAX / SECOND - 1 || seconds < -(INT64_MAX / SECOND - 1))
        return XRAY_MISSING;
    return seconds * SECOND + ns;
}

int64_t time_parse(xray_str text)
{
    int64_t v;
    double d;

    if (text.len == 0)
        return XRAY_MISSING;
    if (integer_parse(text, &v))
        return time_from_integer(v);
    if (text.len > 10 && text.ptr[4] == '-' && text.ptr[7] == '-')
        return parse_iso(text);
    if (text.len == 10 && text.ptr[4] == '-')
        return parse_iso(text);
    if (memchr(text.ptr, '.', text.len) != NULL && text.len <= 20) {
        const int64_t ns = nano_parse(text); /* seconds with decimals: exact */

        if (ns != XRAY_MISSING && double_parse_fast(text, &d))
            return fabs(d) < 1e11 ? ns : time_from_number(d);
    }
    return XRAY_MISSING;
}
