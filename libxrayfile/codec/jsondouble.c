/* A double in the fewest digits that read back the same, laid out as Python's
 * repr does (spec 13; public header, xray_json_double). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "xrayfile.h"

#define MAX_DIGITS 17 /* enough for every double */

/* The number 0.DIGITS * 10^point. */
struct decimal {
    char digits[MAX_DIGITS + 1];
    int count;
    int point;
};

/* ---- finding the digits ---------------------------------------------------------- */

/* Most numbers of traces are short decimals such as 0.87 or 129.0: v / 10^k with
 * v below 10^15. A decimal of at most 15 digits that rounds to a given normal
 * double is the only one, so the first k that fits gives the shortest form. */
static bool find_short(double d, struct decimal *dec)
{
    double power = 1;

    if (d < 1e-4 || d >= 1e15)
        return false;
    for (int k = 0; k <= 9; k++, power *= 10) {
        const double product = d * power;

        if (product >= 1e15)
            return false;

        const int64_t v = (int64_t)(product + 0.5);

        if ((double)v / power == d) {
            dec->count = snprintf(dec->digits, sizeof dec->digits, "%lld", (long long)v);
            dec->point = dec->count - k;
            return true;
        }
    }
    return false;
}

/* Digits and exponent out of what "%e" printed, whatever the locale's point is. */
static void read_digits(const char *text, struct decimal *dec)
{
    dec->count = 0;
    for (; *text != 'e'; text++)
        if (*text >= '0' && *text <= '9')
            dec->digits[dec->count++] = *text;
    dec->point = atoi(text + 1) + 1;
}

/* Adds one unit of the last digit to what "%e" printed; false if a carry goes through all. */
static bool step_up(char *text)
{
    char *p = strchr(text, 'e');

    while (p-- > text) {
        if (*p < '0' || *p > '9')
            continue;
        if (*p != '9') {
            ++*p;
            return true;
        }
        *p = '0';
    }
    return false;
}

/* Tries more and more digits. At a power of two the doubles below are closer than those
 * above, so there the nearest decimal may miss where the next one up hits. */
static void find_long(double d, struct decimal *dec)
{
    const bool subnormal = d < 2.2250738585072014e-308;
    int exponent;
    const bool power_of_two = frexp(d, &exponent) == 0.5;
    char text[40];

    /* For a normal double, 15 digits that read back are the shortest form with
     * zeros behind it; a subnormal one may need as few as one. */
    for (int n = subnormal ? 1 : 15; n <= MAX_DIGITS; n++) {
        snprintf(text, sizeof text, "%.*e", n - 1, d);
        if (strtod(text, NULL) == d)
            break;
        if (power_of_two && step_up(text) && strtod(text, NULL) == d)
            break;
    }
    read_digits(text, dec);
}

/* ---- layout ------------------------------------------------------------------------ */

static void put_zeros(xray_buffer *out, int count)
{
    for (int i = 0; i < count; i++)
        xf_buf_put_u8(out, '0');
}

static void put_exponent(const struct decimal *dec, xray_buffer *out)
{
    const int exponent = dec->point - 1;

    xf_buf_put_u8(out, (uint8_t)dec->digits[0]);
    if (dec->count > 1) {
        xf_buf_put_u8(out, '.');
        xf_buf_put(out, dec->digits + 1, (size_t)dec->count - 1);
    }
    xf_buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
}

static void put_decimal(const struct decimal *dec, xray_buffer *out)
{
    const int exponent = dec->point - 1;

    if (exponent < -4 || exponent >= 16) {
        put_exponent(dec, out);
    } else if (dec->point <= 0) {
        xf_buf_put(out, "0.", 2);
        put_zeros(out, -dec->point);
        xf_buf_put(out, dec->digits, (size_t)dec->count);
    } else if (dec->point >= dec->count) {
        xf_buf_put(out, dec->digits, (size_t)dec->count);
        put_zeros(out, dec->point - dec->count);
        xf_buf_put(out, ".0", 2);
    } else {
        xf_buf_put(out, dec->digits, (size_t)dec->point);
        xf_buf_put_u8(out, '.');
        xf_buf_put(out, dec->digits + dec->point, (size_t)(dec->count - dec->point));
    }
}

int xray_json_double(double d, xray_buffer *out)
{
    struct decimal dec;

    if (isnan(d)) {
        xf_buf_puts(out, "{\"$f\":\"nan\"}");
    } else if (isinf(d)) {
        xf_buf_puts(out, d < 0 ? "{\"$f\":\"-inf\"}" : "{\"$f\":\"inf\"}");
    } else {
        if (signbit(d))
            xf_buf_put_u8(out, '-');
        if (d == 0) {
            xf_buf_put(out, "0.0", 3);
        } else {
            if (!find_short(fabs(d), &dec))
                find_long(fabs(d), &dec);
            while (dec.count > 1 && dec.digits[dec.count - 1] == '0')
                dec.count--;
            put_decimal(&dec, out);
        }
    }
    return out->failed ? XRAY_ENOMEM : XRAY_OK;
}
