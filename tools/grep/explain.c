/* See explain.h. */
#include "grep/explain.h"

#include <inttypes.h>

#include "common/human.h"
#include "common/out.h"

/* Block kinds of the specification, 4.5. */
enum { PAYLOAD = 1, CANDIDATES = 2, SPINE = 3, KINDS = 6 };

static void put_needles(struct text *t, const xray_str *needles, size_t count)
{
    text_puts(t, "pattern:  every match holds ");
    for (size_t i = 0; i < count; i++) {
        text_puts(t, i > 0 ? " or \"" : "\"");
        text_safe(t, needles[i], SAFE_LINE);
        text_puts(t, "\"");
    }
    text_puts(t, "\n");
}

static void put_blocks(struct text *t, const struct grep *g, const xray_str *needles, size_t count)
{
    uint64_t may_hold[KINDS];
    xray_error err;

    if (xray_store_may_hold(g->store, needles, count, may_hold, &err) < 0)
        return;
    text_puts(t, "it may be in ");
    human_count(t, (int64_t)may_hold[PAYLOAD]);
    text_puts(t, " blocks of payload, ");
    human_count(t, (int64_t)may_hold[CANDIDATES]);
    text_puts(t, " of events, ");
    human_count(t, (int64_t)may_hold[SPINE]);
    text_puts(t, " of the spine; blocks that refer to where it is found are read as well\n");
}

/* What is looked for before the pattern itself is tried. */
static void explain_pattern(const struct grep *g)
{
    struct matcher *m = matcher_new(g->settings.patterns, g->settings.pattern_count, &g->settings.matcher);
    struct text t = {0};
    size_t count;
    const xray_str *needles = matcher_needles(m, &count);

    if (count > 0) {
        put_needles(&t, needles, count);
        put_blocks(&t, g, needles, count);
    } else {
        text_puts(&t, "pattern:  there is no text that every match holds: all texts are tried\n");
    }
    out_text(&t);
    text_free(&t);
    matcher_free(m);
}

bool explain_search(const struct grep *g)
{
    const unsigned reads = g->settings.has_pattern ? XRAY_NEEDS_PAYLOAD | XRAY_NEEDS_EVENTS : 0;

    if (!where_explain(&g->settings.selection.where, g->store, reads))
        return false;
    if (g->settings.selection.inverts)
        where_explain(&g->settings.selection.inverse, g->store, reads);
    if (g->settings.has_pattern)
        explain_pattern(g);
    return true;
}
