/* See human.h. */
#include "common/human.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "common/when.h"

enum { NS_PER_US = 1000, NS_PER_MS = 1000000 };
#define NS_PER_S INT64_C(1000000000)

void human_duration(struct text *t, int64_t ns)
{
    if (ns == XRAY_MISSING)
        return;
    if (ns < 0) {
        text_puts(t, "-");
        ns = -ns;
    }
    /* Each unit ends where the next one's rounding begins. */
    if (ns < NS_PER_US) {
        text_printf(t, "%" PRId64 "ns", ns);
    } else if (ns < NS_PER_MS - NS_PER_US / 2) {
        text_printf(t, "%" PRId64 "µs", (ns + NS_PER_US / 2) / NS_PER_US);
    } else if (ns < NS_PER_S - NS_PER_MS / 2) {
        text_printf(t, "%" PRId64 "ms", (ns + NS_PER_MS / 2) / NS_PER_MS);
    } else if (ns < 60 * NS_PER_S - 5 * NS_PER_MS) {
        const int64_t hundredths = (ns + 5 * NS_PER_MS) / (10 * NS_PER_MS);

        text_printf(t, "%" PRId64 ".%02ds", hundredths / 100, (int)(hundredths % 100));
    } else {
        const int64_t s = ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2);

        if (s < 3600)
            text_printf(t, "%" PRId64 "m%02ds", s / 60, (int)(s % 60));
        else if (s < 24 * 3600)
            text_printf(t, "%" PRId64 "h%02dm", s / 3600, (int)(s / 60 % 60));
        else
            text_printf(t, "%" PRId64 "d%02dh", s / (24 * 3600), (int)(s / 3600 % 24));
    }
}

/* An unsigned number in groups of three digits. */
static void put_grouped(struct text *t, uint64_t n)
{
    char digits[32];
    const int len = snprintf(digits, sizeof digits, "%" PRIu64, n);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text_puts(t, ",");
        text_put(t, &digits[i], 1);
    }
}

void human_count(struct text *t, int64_t n)
{
    if (n == XRAY_MISSING)
        return;
    if (n < 0)
        text_puts(t, "-");
    put_grouped(t, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void human_mean(struct text *t, double mean)
{
    if (fabs(mean) >= 1000 && fabs(mean) < 9e18)
        human_count(t, llround(mean));
    else
        text_printf(t, "%.1f", mean);
}

/* How many of the nine decimals an amount below one unit shows: four, or what
 * three significant digits need. */
static int money_decimals(uint64_t nano)
{
    if (nano >= 1000000000)
        return 2;

    int decimals = 4;

    for (uint64_t limit = 1000000; decimals < 9 && nano < limit; limit /= 10)
        decimals++;
    return decimals;
}

void human_money(struct text *t, int64_t nano)
{
    if (nano == XRAY_MISSING)
        return;

    uint64_t amount = nano < 0 ? 0 - (uint64_t)nano : (uint64_t)nano;
    int decimals = money_decimals(amount);
    uint64_t unit = 1; /* of the last decimal shown */

    for (int i = decimals; i < 9; i++)
        unit *= 10;
    amount = amount / unit + (amount % unit * 2 >= unit);
    /* From here on amount counts the last decimal; trailing zeros go, down to cents. */
    while (decimals > 2 && amount % 10 == 0) {
        amount /= 10;
        decimals--;
    }

    uint64_t one = 1;

    for (int i = 0; i < decimals; i++)
        one *= 10;
    text_puts(t, nano < 0 ? "-$" : "$");
    put_grouped(t, amount / one);
    if (amount != 0)
        text_printf(t, ".%0*" PRIu64, decimals, amount % one);
}

void human_rate(struct text *t, double rate)
{
    text_printf(t, "%.1f%%", rate * 100);
}

void human_size(struct text *t, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 999.95 && unit < 6) {
        size /= 1000;
        unit++;
    }
    text_printf(t, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

void human_time(struct text *t, int64_t ns, int decimals)
{
    when_put(t, ns, decimals);
}

bool rejection_rate(int64_t in, int64_t out, double *rate)
{
    if (in == XRAY_MISSING || out == XRAY_MISSING)
        return false;
    *rate = in == 0 ? 0.0 : 1.0 - (double)out / (double)in;
    return true;
}
