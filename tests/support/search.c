/* See search.h. */
#include "support/search.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct searcher {
    xray_str text;
    bool folded;
};

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool stands_at(const struct searcher *s, const char *at)
{
    for (size_t i = 0; i < s->text.len; i++)
        if (s->folded ? fold(at[i]) != fold(s->text.ptr[i]) : at[i] != s->text.ptr[i])
            return false;
    return true;
}

static size_t find(void *ctx, const uint8_t *data, size_t len)
{
    const struct searcher *s = ctx;

    for (size_t i = 0; i + s->text.len <= len; i++)
        if (stands_at(s, (const char *)data + i))
            return i;
    return len;
}

static bool in_text(void *ctx, xray_str text)
{
    return find(ctx, (const uint8_t *)text.ptr, text.len) < text.len;
}

static int visit(void *ctx, const uint8_t *data, size_t len)
{
    xray_mp c = xray_mp_over(data, len);
    xray_mp_item item;

    while (xray_mp_next(&c, &item))
        if (item.type == XRAY_MP_STR && in_text(ctx, item.bytes))
            return 1;
    return 0;
}

static void tell_run(xray_hits *h, xray_store *s, size_t run, xray_buffer *out)
{
    const xray_step_record *steps;
    xray_trace *t;
    size_t count;

    if (xray_trace_open(&t, s, run, NULL) != XRAY_OK)
        return;
    steps = xray_trace_steps(t, &count);
    xf_buf_printf(out, " events %d:", xray_hits_test_run_events(h, xray_trace_run(t)->id));
    for (size_t i = 0; i < count; i++)
        xf_buf_printf(out, " %d%d%d", xray_hits_test(h, steps[i].input), xray_hits_test(h, steps[i].output),
                      xray_hits_test_events(h, xray_trace_run(t)->id, steps[i].raw_number));
    xf_buf_puts(out, "\n");
    xray_trace_close(t);
}

int search_store(xray_store *s, const char *text, bool folded, xray_buffer *out)
{
    struct searcher searcher = {xray_s(text), folded};
    void *const contexts[] = {&searcher};
    const xray_visitor visitor = {
        .visit = visit,
        .find = find,
        .text = in_text,
        .events = true,
        .needles = &searcher.text,
        .needle_count = 1,
        .contexts = contexts,
        .context_count = 1,
    };
    xray_hits *h;
    uint8_t *known;
    size_t count = 0;
    int r = xray_store_run_count(s, &count, NULL);

    if (r == XRAY_OK)
        r = xray_hits_build(&h, s, &visitor, NULL);
    if (r != XRAY_OK)
        return r;
    known = malloc(count + 1);
    r = xray_hits_runs(h, s, known, NULL);
    for (size_t i = 0; i < count && r == XRAY_OK; i++) {
        xf_buf_printf(out, "%s: run %zu: %d", text, i, known[i]);
        tell_run(h, s, i, out);
    }
    free(known);
    xray_hits_free(h);
    return r;
}
