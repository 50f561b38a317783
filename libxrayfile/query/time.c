/* Times and durations as text (time.h). Locale and time zone of the process play no part. */
#include "query/time.h"

#include <math.h>

#include "base/buf.h"
#include "query/value.h"

#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- durations ----------------------------------------------------------------- */

int64_t xf_unit_ns(xray_str unit)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ns", 1},          {"us", 1000},         {"ms", 1000000}, {"s", SECOND},
                 {"m", 60 * SECOND}, {"h", 3600 * SECOND}, {"d", DAY}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (xf_text_is(unit, units[i].name))
            return units[i].ns;
    return 0;
}

bool xf_duration_scale(xray_str number, int64_t unit_ns, int64_t *out)
{
    size_t digits = 0;
    int64_t whole = 0;
    double rest = 0;

    while (digits < number.len && is_digit(number.ptr[digits])) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, number.ptr[digits] - '0', &whole))
            return false;
        digits++;
    }
    if (digits == 0)
        return false;
    if (memchr(number.ptr, 'e', number.len) != NULL || memchr(number.ptr, 'E', number.len) != NULL) {
        if (!xf_decimal_double(number, 0, &rest) || !(rest * (double)unit_ns < 0x1p63))
            return false;
        *out = llround(rest * (double)unit_ns);
        return true;
    }
    /* The whole part exactly; what is behind the point is below one unit, which a double counts exactly. */
    if (digits < number.len &&
        !xf_decimal_double(xray_strn(number.ptr + digits, number.len - digits), 0, &rest))
        return false;
    return !__builtin_mul_overflow(whole, unit_ns, out) &&
           !__builtin_add_overflow(*out, llround(rest * (double)unit_ns), out);
}

/* ---- the calendar -------------------------------------------------------------- */

/* Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years that begin in
 * March. */
static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;

    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t in_era = year - era * 400;
    const int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;

    const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const int64_t in_era = days - era * 146097;
    const int64_t years = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const int64_t in_year = in_era - (365 * years + years / 4 - years / 100);
    const int64_t m = (5 * in_year + 2) / 153;

    *day = (int)(in_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = years + era * 400 + (*month <= 2);
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static int64_t floor_day(int64_t time_ns)
{
    return time_ns / DAY - (time_ns % DAY < 0);
}

/* What has passed of the day: 0 .. DAY - 1. */
static int64_t time_of_day(int64_t time_ns)
{
    const int64_t rest = time_ns % DAY;

    return rest < 0 ? rest + DAY : rest;
}

/* The same day of the month, or its last, that many months before. */
static bool months_before(int64_t time_ns, int64_t months, int64_t *out)
{
    const int64_t days = floor_day(time_ns);
    int64_t year;
    int month, day;

    if (months > 12 * 600)
        return false;
    date_from_days(days, &year, &month, &day);

    const int64_t count = year * 12 + month - 1 - months;

    year = count / 12;
    month = (int)(count % 12) + 1;
    if (day > days_in_month(year, month))
        day = days_in_month(year, month);
    return !__builtin_mul_overflow(days_from_date(year, month, day), DAY, out) &&
           !__builtin_add_overflow(*out, time_of_day(time_ns), out);
}

/* ---- taking a text apart ------------------------------------------------------- */

struct text {
    const char *at;
    size_t left;
};

static bool take_char(struct text *t, const char *any_of)
{
    if (t->left == 0 || t->at[0] == '\0' || strchr(any_of, t->at[0]) == NULL)
        return false;
    t->at++;
    t->left--;
    return true;
}

/* Exactly n digits. */
static bool take_digits(struct text *t, int n, int *out)
{
    *out = 0;
    for (; n > 0; n--) {
        if (t->left == 0 || !is_digit(t->at[0]))
            return false;
        *out = *out * 10 + (t->at[0] - '0');
        t->at++;
        t->left--;
    }
    return true;
}

/* Decimals of a second; more than nine are cut. */
static bool take_fraction(struct text *t, int64_t *ns)
{
    int64_t unit = SECOND / 10;

    if (t->left == 0 || !is_digit(t->at[0]))
        return false;
    for (*ns = 0; t->left > 0 && is_digit(t->at[0]); t->at++, t->left--) {
        *ns += (t->at[0] - '0') * unit;
        unit /= 10;
    }
    return true;
}

static bool take_clock(struct text *t, int64_t *seconds, int64_t *ns)
{
    int hour, minute, second = 0;

    if (!take_digits(t, 2, &hour) || !take_char(t, ":") || !take_digits(t, 2, &minute))
        return false;
    if (take_char(t, ":")) {
        if (!take_digits(t, 2, &second) || (take_char(t, ".") && !take_fraction(t, ns)))
            return false;
    }
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second */
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

static bool take_offset(struct text *t, int64_t *seconds)
{
    const bool negative = t->left > 0 && t->at[0] == '-';
    int hour, minute;

    if (take_char(t, "Zz"))
        return true;
    if (!take_char(t, "+-"))
        return true; /* none: UTC */
    if (!take_digits(t, 2, &hour) || !take_char(t, ":") || !take_digits(t, 2, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *seconds = (hour * 3600 + minute * 60) * (negative ? -1 : 1);
    return true;
}

static bool parse_date(struct text t, int64_t *out, const char **hint)
{
    int year, month, day;
    int64_t seconds = 0, offset = 0, ns = 0;

    if (!take_digits(&t, 4, &year) || !take_char(&t, "-") || !take_digits(&t, 2, &month) ||
        !take_char(&t, "-") || !take_digits(&t, 2, &day) || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    if (take_char(&t, "Tt ") && (!take_clock(&t, &seconds, &ns) || !take_offset(&t, &offset)))
        return false;
    seconds += days_from_date(year, month, day) * 86400 - offset;
    if (t.left > 0)
        return false;
    if (__builtin_mul_overflow(seconds, SECOND, out) || __builtin_add_overflow(*out, ns, out)) {
        *hint = "times lie between 1677-09-22 and 2262-04-11";
        return false;
    }
    return true;
}

/* @seconds, negative ones and decimals too. */
static bool parse_epoch(struct text t, int64_t *out)
{
    const bool negative = take_char(&t, "-");
    int64_t seconds = 0, ns = 0;

    if (t.left == 0 || !is_digit(t.at[0]))
        return false;
    for (; t.left > 0 && is_digit(t.at[0]); t.at++, t.left--)
        if (__builtin_mul_overflow(seconds, 10, &seconds) ||
            __builtin_add_overflow(seconds, t.at[0] - '0', &seconds))
            return false;
    if (take_char(&t, ".") && !take_fraction(&t, &ns))
        return false;
    if (t.left > 0 || __builtin_mul_overflow(seconds, SECOND, out) || __builtin_add_overflow(*out, ns, out))
        return false;
    if (negative)
        *out = -*out;
    return true;
}

/* One "2h" of "1h30m ago", taken off *time_ns. */
static bool take_span(struct text *t, int64_t *time_ns, const char **hint)
{
    struct text start = *t;
    xray_str number, unit;
    int64_t ns;

    while (t->left > 0 && (is_digit(t->at[0]) || t->at[0] == '.')) {
        t->at++;
        t->left--;
    }
    number = xray_strn(start.at, (size_t)(t->at - start.at));
    if (number.len == 0)
        return false;
    start = *t;
    while (t->left > 0 && ((t->at[0] >= 'a' && t->at[0] <= 'z') || (t->at[0] >= 'A' && t->at[0] <= 'Z'))) {
        t->at++;
        t->left--;
    }
    unit = xray_strn(start.at, (size_t)(t->at - start.at));
    if (xf_text_is(unit, "M"))
        *hint = "months are mo, minutes m";
    if (xf_text_is(unit, "mo") || xf_text_is(unit, "y"))
        return xf_duration_scale(number, xf_text_is(unit, "y") ? 12 : 1, &ns) &&
               months_before(*time_ns, ns, time_ns);

    const int64_t unit_ns = xf_text_is(unit, "w") ? 7 * DAY : xf_unit_ns(unit);

    return unit_ns > 0 && xf_duration_scale(number, unit_ns, &ns) &&
           !__builtin_sub_overflow(*time_ns, ns, time_ns);
}

static bool parse_past(struct text t, int64_t now_ns, int64_t *out, const char **hint)
{
    take_char(&t, "-");
    *out = now_ns;
    while (t.left > 0 && t.at[0] != ' ')
        if (!take_span(&t, out, hint))
            return false;
    return t.left == 0 || xf_text_is(xray_strn(t.at, t.left), " ago");
}

bool xf_time_parse(xray_str text, int64_t now_ns, int64_t *out, const char **hint)
{
    struct text t = {text.ptr, text.len};
    int64_t ns = 0;
    bool good;

    *hint = "write for instance \"2026-08-01\", \"2026-08-01T12:30:00Z\", \"2h ago\" or \"yesterday\"";
    if (text.len == 0)
        return false;
    if (xf_text_is(text, "now")) {
        ns = now_ns;
        good = true;
    } else if (xf_text_is(text, "today") || xf_text_is(text, "yesterday")) {
        good = !__builtin_mul_overflow(floor_day(now_ns) - (text.ptr[0] == 'y'), DAY, &ns);
    } else if (take_char(&t, "@")) {
        good = parse_epoch(t, &ns);
    } else {
        good = parse_date(t, &ns, hint) || parse_past(t, now_ns, &ns, hint);
    }
    if (good && ns != XRAY_MISSING)
        *out = ns;
    return good && ns != XRAY_MISSING;
}

void xf_time_print(int64_t time_ns, xray_buffer *out)
{
    const int64_t days = floor_day(time_ns);
    const int64_t rest = time_of_day(time_ns);
    const int64_t seconds = rest / SECOND;
    const int64_t ns = rest % SECOND;
    int64_t year;
    int month, day;

    date_from_days(days, &year, &month, &day);
    xf_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, month, day, (int)(seconds / 3600),
                  (int)(seconds / 60 % 60), (int)(seconds % 60));
    if (ns % 1000 != 0)
        xf_buf_printf(out, ".%09d", (int)ns);
    else if (ns % 1000000 != 0)
        xf_buf_printf(out, ".%06d", (int)(ns / 1000));
    else if (ns != 0)
        xf_buf_printf(out, ".%03d", (int)(ns / 1000000));
    xf_buf_puts(out, "Z");
}
