/* See cells.h. */
#include "funnel/cells.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "common/human.h"
#include "common/out.h"

void cell_dash(struct text *t, size_t mark)
{
    if (t->len == mark)
        text_puts(t, "-");
}

void cell_reason(struct text *t, size_t i, xray_str code, uint64_t count, uint64_t total)
{
    text_puts(t, i > 0 ? "  " : "");
    text_safe(t, code, SAFE_LINE);
    text_puts(t, " ");
    human_count(t, (int64_t)count);
    if (i == 0 && total > 0 && count < total)
        text_printf(t, " (%.0f%%)", 100.0 * (double)count / (double)total);
}

void cell_reasons_left(struct text *t, size_t count, uint64_t shown)
{
    if (count <= shown || shown == 0)
        return;
    out_style(t, STYLE_DIM);
    text_printf(t, "  (+%" PRIu64 " more)", count - shown);
    out_style(t, STYLE_NONE);
}

void cell_drop(struct text *t, double rate)
{
    if (rate >= 0.9)
        out_style(t, STYLE_WARN);
    human_rate(t, rate);
    if (rate >= 0.9)
        out_style(t, STYLE_NONE);
}

/* A difference of rates, in percentage points; what rounds to nothing has no sign. */
static void put_points(struct text *t, double difference, int decimals)
{
    const double unit = decimals == 2 ? 0.01 : 0.1;
    const double points = round(100 * difference / unit) * unit;

    text_printf(t, points == 0 ? "%.*f" : "%+.*f", decimals, points == 0 ? 0.0 : points);
}

/* A narrow interval, and the difference in it, is told in hundredths. */
static int point_decimals(const struct interval *i)
{
    return i->kind == INTERVAL_GIVEN && i->high - i->low < 0.02 ? 2 : 1;
}

void cell_difference(struct text *t, const struct interval *i)
{
    if (i->kind == INTERVAL_NONE)
        return;
    put_points(t, i->difference, point_decimals(i));
    text_puts(t, "pp");
}

/* A difference that chance alone hardly makes catches the eye. */
void cell_interval(struct text *t, const struct interval *i)
{
    const bool clear = i->kind == INTERVAL_GIVEN && (i->low > 0 || i->high < 0);

    switch (i->kind) {
    case INTERVAL_NONE:
        break;
    case INTERVAL_TOO_FEW:
        text_printf(t, "n<%d", INTERVAL_LEAST_RUNS);
        break;
    case INTERVAL_NO_SPREAD:
        text_puts(t, "no spread");
        break;
    case INTERVAL_GIVEN:
        if (clear)
            out_style(t, STYLE_WARN);
        put_points(t, i->low, point_decimals(i));
        text_puts(t, " to ");
        put_points(t, i->high, point_decimals(i));
        text_puts(t, "pp");
        if (clear)
            out_style(t, STYLE_NONE);
        break;
    }
}

void cell_bar(struct text *t, double part, int columns)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

    if (!(part > 0))
        return;

    long count = lround((part < 1 ? part : 1) * columns * 8);

    for (count = count < 1 ? 1 : count; count >= 8; count -= 8)
        text_puts(t, "█");
    text_puts(t, eighths[count]);
}

bool cell_bars_shown(void)
{
    return out_is_unicode();
}
