/* See jsonline.h. */
#include "common/jsonline.h"

#include <inttypes.h>

void json_string(struct text *t, xray_str text)
{
    xray_buffer quoted = {0};

    if (xray_json_string(text, &quoted) == 0)
        text_put(t, (const char *)quoted.data, quoted.len);
    else
        text_puts(t, "\"\"");
    xray_buffer_free(&quoted);
}

void json_member(struct text *t, const char *name, xray_str text)
{
    if (text.len == 0)
        return;
    text_printf(t, ",\"%s\":", name);
    json_string(t, text);
}

void json_count(struct text *t, const char *name, int64_t n)
{
    if (n != XRAY_MISSING)
        text_printf(t, ",\"%s\":%" PRId64, name, n);
}

void json_rate(struct text *t, const char *name, double rate)
{
    xray_buffer number = {0};

    if (xray_json_double(rate, &number) == 0)
        text_printf(t, ",\"%s\":%.*s", name, (int)number.len, (const char *)number.data);
    xray_buffer_free(&number);
}

void json_put_cost(struct text *t, int64_t nano)
{
    enum { UNIT = 1000000000, DECIMALS = 9 };

    const uint64_t amount = nano < 0 ? 0 - (uint64_t)nano : (uint64_t)nano;
    uint64_t rest = amount % UNIT;
    int decimals = DECIMALS;

    text_printf(t, "%s%" PRIu64, nano < 0 ? "-" : "", amount / UNIT);
    if (rest == 0)
        return;
    for (; rest % 10 == 0; rest /= 10)
        decimals--;
    text_printf(t, ".%0*" PRIu64, decimals, rest);
}

void json_cost(struct text *t, const char *name, int64_t nano)
{
    if (nano == XRAY_MISSING)
        return;
    text_printf(t, ",\"%s\":", name);
    json_put_cost(t, nano);
}
