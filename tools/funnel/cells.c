/* See cells.h. */
#include "funnel/cells.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

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

/* The first of these that is set names the character set, as setlocale(3) has it. */
static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        const char *dot;

        if (value == NULL || value[0] == '\0')
            continue;
        dot = strchr(value, '.');
        return dot != NULL && (strncasecmp(dot, ".UTF-8", 6) == 0 || strncasecmp(dot, ".UTF8", 5) == 0);
    }
    return false;
}

bool cell_bars_shown(void)
{
    return out_is_terminal() && is_utf8();
}
