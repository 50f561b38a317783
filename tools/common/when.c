/* See when.h. The calendar and the rules of time zones are libc's. */
#include "common/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/cli.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static bool zone_is_utc = true;

/* libc takes any text for a zone and means UTC: so the name must be that of a file of rules. */
bool when_set_zone(const char *name)
{
    const char *directory = getenv("TZDIR");
    char path[512];

    if (strcmp(name, "UTC") == 0 || strcmp(name, "utc") == 0) {
        zone_is_utc = true;
        return true;
    }
    if (strcmp(name, "local") != 0) {
        if (name[0] == '\0' || name[0] == '/' || name[0] == ':' || strstr(name, "..") != NULL ||
            snprintf(path, sizeof path, "%s/%s", directory != NULL ? directory : "/usr/share/zoneinfo",
                     name) >= (int)sizeof path ||
            access(path, R_OK) != 0)
            return false;
        setenv("TZ", name, 1);
    }
    tzset();
    zone_is_utc = false;
    return true;
}

int64_t when_now(void)
{
    static int64_t now = XRAY_MISSING;
    struct timespec ts;

    if (now == XRAY_MISSING) {
        clock_gettime(CLOCK_REALTIME, &ts);
        now = (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
    }
    return now;
}

static time_t seconds_of(int64_t ns)
{
    return (time_t)(ns / SECOND - (ns % SECOND < 0));
}

static int64_t below_second(int64_t ns)
{
    return (ns % SECOND + SECOND) % SECOND;
}

static bool broken_down(time_t seconds, struct tm *tm)
{
    return (zone_is_utc ? gmtime_r(&seconds, tm) : localtime_r(&seconds, tm)) != NULL;
}

/* The other way round. Fields may be out of range: day 0 is the last of the month before. */
static bool to_ns(struct tm tm, int64_t ns, int64_t *out)
{
    tm.tm_isdst = -1;

    const int64_t seconds = zone_is_utc ? timegm(&tm) : mktime(&tm);

    return !__builtin_mul_overflow(seconds, SECOND, out) && !__builtin_add_overflow(*out, ns, out);
}

/* ---- parsing ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Exactly n digits. */
static bool take_digits(const char **at, int n, int *out)
{
    *out = 0;
    for (; n > 0; n--) {
        if (!is_digit(**at))
            return false;
        *out = *out * 10 + (*(*at)++ - '0');
    }
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* Decimals of a second; more than nine are cut. */
static bool take_fraction(const char **at, int64_t *ns)
{
    int64_t unit = SECOND / 10;

    if (!is_digit(**at))
        return false;
    for (*ns = 0; is_digit(**at); unit /= 10)
        *ns += (*(*at)++ - '0') * unit;
    return true;
}

static bool take_clock(const char **at, struct tm *tm, int64_t *ns)
{
    if (!take_digits(at, 2, &tm->tm_hour) || !take_char(at, ':') || !take_digits(at, 2, &tm->tm_min))
        return false;
    if (take_char(at, ':') &&
        (!take_digits(at, 2, &tm->tm_sec) || (take_char(at, '.') && !take_fraction(at, ns))))
        return false;
    return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60; /* 60: a leap second */
}

/* Z or +02:00. */
static bool take_offset(const char **at, int64_t *offset)
{
    const int sign = **at == '-' ? -1 : 1;
    int hours, minutes;

    *offset = 0;
    if (take_char(at, 'Z') || take_char(at, 'z'))
        return true;
    (*at)++;
    if (!take_digits(at, 2, &hours) || !take_char(at, ':') || !take_digits(at, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *offset = sign * (hours * HOUR + minutes * MINUTE);
    return true;
}

static bool is_date(const struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int year = tm->tm_year + 1900;
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return tm->tm_mon >= 0 && tm->tm_mon <= 11 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days[tm->tm_mon] + (tm->tm_mon == 1 && leap);
}

static bool parse_date(const char *at, int64_t *out)
{
    struct tm tm = {0};
    int64_t ns = 0;
    int64_t offset;

    if (!take_digits(&at, 4, &tm.tm_year) || !take_char(&at, '-') || !take_digits(&at, 2, &tm.tm_mon) ||
        !take_char(&at, '-') || !take_digits(&at, 2, &tm.tm_mday))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    if (!is_date(&tm))
        return false;
    if ((take_char(&at, 'T') || take_char(&at, 't') || take_char(&at, ' ')) && !take_clock(&at, &tm, &ns))
        return false;
    if (*at == '\0')
        return to_ns(tm, ns, out);
    if (strchr("Zz+-", *at) == NULL || !take_offset(&at, &offset) || *at != '\0')
        return false;

    const bool zone = zone_is_utc;

    zone_is_utc = true;

    const bool good = to_ns(tm, ns, out) && !__builtin_sub_overflow(*out, offset, out);

    zone_is_utc = zone;
    return good;
}

/* What stands behind the @: seconds, negative ones and decimals too. */
static bool parse_epoch(const char *at, int64_t *out)
{
    const bool negative = take_char(&at, '-');
    int64_t seconds = 0;
    int64_t ns = 0;

    if (!is_digit(*at))
        return false;
    while (is_digit(*at)) {
        if (__builtin_mul_overflow(seconds, 10, &seconds) ||
            __builtin_add_overflow(seconds, *at - '0', &seconds))
            return false;
        at++;
    }
    if (take_char(&at, '.') && !take_fraction(&at, &ns))
        return false;
    if (*at != '\0' || __builtin_mul_overflow(seconds, SECOND, out) || __builtin_add_overflow(*out, ns, out))
        return false;
    if (negative)
        *out = -*out;
    return true;
}

struct span {
    int64_t ns;
    int months;
};

/* One "2h" of "1d2h". */
static bool take_span(const char **at, struct span *span, const char **hint)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ns", 1},     {"us", 1000}, {"ms", 1000000}, {"s", SECOND},
                 {"m", MINUTE}, {"h", HOUR},  {"d", DAY},      {"w", 7 * DAY}};
    int64_t whole = 0;
    int64_t fraction = 0; /* in billionths */
    char unit[4] = "";
    size_t len = 0;

    if (!is_digit(**at))
        return false;
    while (is_digit(**at)) {
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, **at - '0', &whole))
            return false;
        (*at)++;
    }
    if (take_char(at, '.') && !take_fraction(at, &fraction))
        return false;
    while ((**at >= 'a' && **at <= 'z') || (**at >= 'A' && **at <= 'Z')) {
        if (len == sizeof unit - 1)
            return false;
        unit[len++] = *(*at)++;
    }
    if (strcmp(unit, "M") == 0)
        *hint = "M is not taken: months are mo, minutes m";
    if (len == 0)
        *hint = "a number needs a unit: ns us ms s m h d w mo y; seconds since 1970 are written @NUMBER";
    if (strcmp(unit, "mo") == 0 || strcmp(unit, "y") == 0) {
        if (whole > 12000 || fraction != 0)
            return false;
        span->months += (int)whole * (unit[0] == 'y' ? 12 : 1);
        return span->months <= 12000;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t ns;

        if (strcmp(unit, units[i].name) != 0)
            continue;
        return !__builtin_mul_overflow(whole, units[i].ns, &ns) &&
               !__builtin_add_overflow(span->ns, ns, &span->ns) &&
               !__builtin_add_overflow(
                   span->ns, (int64_t)((double)fraction / 1e9 * (double)units[i].ns + 0.5), &span->ns);
    }
    return false;
}

/* The same time of the same day of the month, or its last, that many months before. */
static bool months_before(int64_t ns, int months, int64_t *out)
{
    struct tm tm;

    if (!broken_down(seconds_of(ns), &tm))
        return false;

    const int month = tm.tm_year * 12 + tm.tm_mon - months;

    tm.tm_year = month / 12 - (month % 12 < 0);
    tm.tm_mon = month - tm.tm_year * 12;
    while (tm.tm_mday > 28 && !is_date(&tm))
        tm.tm_mday--;
    return to_ns(tm, below_second(ns), out);
}

static bool parse_past(const char *at, int64_t *out, const char **hint)
{
    struct span span = {0};

    take_char(&at, '-');
    do {
        if (!take_span(&at, &span, hint))
            return false;
    } while (is_digit(*at));
    while (*at == ' ')
        at++;
    if (*at != '\0' && strcmp(at, "ago") != 0)
        return false;
    return months_before(when_now(), span.months, out) && !__builtin_sub_overflow(*out, span.ns, out);
}

static bool midnight(int days, int64_t *out)
{
    struct tm tm;

    if (!broken_down(seconds_of(when_now()), &tm))
        return false;
    tm.tm_mday += days;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    return to_ns(tm, 0, out);
}

bool when_parse(const char *text, int64_t *out, const char **hint)
{
    int64_t ns = 0;
    bool good;

    *hint = "write for instance 2026-08-21, \"2026-08-21 09:14\", 2026-08-21T09:14:03Z, 2h or yesterday";
    if (strcmp(text, "now") == 0) {
        ns = when_now();
        good = true;
    } else if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0) {
        good = midnight(text[0] == 'y' ? -1 : 0, &ns);
    } else if (text[0] == '@') {
        good = parse_epoch(text + 1, &ns);
    } else {
        good = parse_date(text, &ns) || parse_past(text, &ns, hint);
    }
    good = good && ns != XRAY_MISSING;
    if (good)
        *out = ns;
    return good;
}

bool when_parse_duration(const char *text, int64_t *out, const char **hint)
{
    struct span span = {0};
    const char *at = text;

    *hint = "write for instance 250ms, 2s, 1h30m or 1d";
    do {
        if (!take_span(&at, &span, hint))
            return false;
    } while (*at != '\0');
    if (span.months > 0) {
        *hint = "months and years have no one length: write days";
        return false;
    }
    *out = span.ns;
    return true;
}

bool when_parse_size(const char *text, uint64_t *out)
{
    static const char prefixes[] = "kMGTP";
    char *end = NULL;
    const double number = strtod(text, &end);
    double unit = 1;

    if (!is_digit(text[0]) || strpbrk(text, "xX") != NULL)
        return false;

    const char *prefix = *end == 'K' ? prefixes : *end != '\0' ? strchr(prefixes, *end) : NULL;

    if (prefix != NULL) {
        const bool binary = end[1] == 'i';

        for (const char *p = prefixes; p <= prefix; p++)
            unit *= binary ? 1024 : 1000;
        end += binary ? 2 : 1;
    }
    if (*end == 'B')
        end++;
    if (*end != '\0' || !(number * unit < 0x1p63))
        return false;
    *out = (uint64_t)(number * unit + 0.5);
    return true;
}

/* ---- options ---- */

static _Noreturn void refuse(const char *option, const char *what, const char *text, const char *hint)
{
    cli_error(NULL, "%s: '%s' is not a %s", option, text, what);
    cli_hint("%s", hint);
    exit(EXIT_TROUBLE);
}

int64_t when_option(const char *option, const char *text)
{
    const char *hint;
    int64_t ns = 0;

    if (!when_parse(text, &ns, &hint))
        refuse(option, "time", text, hint);
    return ns;
}

int64_t when_option_duration(const char *option, const char *text)
{
    const char *hint;
    int64_t ns = 0;

    if (!when_parse_duration(text, &ns, &hint))
        refuse(option, "duration", text, hint);
    return ns;
}

uint64_t when_option_size(const char *option, const char *text)
{
    uint64_t bytes = 0;

    if (!when_parse_size(text, &bytes))
        refuse(option, "size", text, "write for instance 4096, 10MB (10,000,000) or 10MiB (10,485,760)");
    return bytes;
}

/* ---- printing ---- */

void when_put(struct text *t, int64_t ns, int decimals)
{
    struct tm tm;

    if (ns == XRAY_MISSING || !broken_down(seconds_of(ns), &tm))
        return;
    text_printf(t, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                tm.tm_min, tm.tm_sec);
    if (decimals > 0) {
        char digits[16];

        snprintf(digits, sizeof digits, "%09" PRId64, below_second(ns));
        text_printf(t, ".%.*s", decimals, digits);
    }
    if (zone_is_utc) {
        text_puts(t, "Z");
    } else {
        const long minutes = tm.tm_gmtoff / 60;

        text_printf(t, "%c%02ld:%02ld", minutes < 0 ? '-' : '+', labs(minutes) / 60, labs(minutes) % 60);
    }
}

int64_t when_floor(int64_t ns, int64_t step_ns)
{
    const time_t seconds = seconds_of(ns);
    int64_t offset = 0;
    struct tm tm;

    if (step_ns <= 0)
        return ns;
    if (broken_down(seconds, &tm))
        offset = zone_is_utc ? 0 : tm.tm_gmtoff * SECOND;
    /* Within a zone's offset, slices count from local midnight of 1970-01-01. */
    const int64_t local = ns + offset;
    const int64_t rest = (local % step_ns + step_ns) % step_ns;

    if (step_ns % DAY != 0 || zone_is_utc)
        return ns - rest;

    /* Where clocks were changed in between, midnight has another offset. */
    const time_t begin = seconds_of(local - rest);

    if (gmtime_r(&begin, &tm) == NULL || !to_ns(tm, 0, &offset))
        return ns - rest;
    return offset;
}
