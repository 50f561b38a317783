/* What --explain says (where.h): what was understood, what it rules out, and what would be read. */
#include "common/human.h"
#include "common/input.h"
#include "common/out.h"
#include "common/where.h"
#include "common/when.h"

static void put_list(struct text *t, const char *label, const struct where_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        text_puts(t, i == 0 ? label : " or ");
        text_safe(t, xray_s(l->items[i]), SAFE_LINE);
    }
    if (l->count > 0)
        text_puts(t, "\n");
}

static void put_time(struct text *t, const char *label, int64_t ns)
{
    text_puts(t, label);
    when_put(t, ns, 9);
    text_puts(t, "\n");
}

struct explaining {
    struct text *t;
    size_t runs;
};

static int put_ruled_out(void *ctx, xray_str condition, uint64_t runs)
{
    struct explaining *x = ctx;

    text_puts(x->t, "  ");
    human_count(x->t, (int64_t)runs);
    text_puts(x->t, " of ");
    human_count(x->t, (int64_t)x->runs);
    text_puts(x->t, " runs cannot match: ");
    text_safe(x->t, condition, SAFE_LINE);
    text_puts(x->t, "\n");
    return 0;
}

/* What each condition rules out before any run is opened. */
static void put_plan(struct text *t, const struct where *w, xray_store *store)
{
    struct explaining x = {.t = t};

    if (w->query == NULL || xray_store_run_count(store, &x.runs, NULL) < 0)
        return;
    text_puts(t, "before a run is opened:\n");
    xray_query_explain(w->query, store, put_ruled_out, &x, NULL);
}

static void put_chosen(struct text *t, const struct where *w)
{
    static const char *const units[] = {"run", "run", "step", "cand"};
    xray_buffer canonical = {0};

    if (w->query != NULL && xray_query_canonical(w->query, &canonical) == 0) {
        text_puts(t, "where:    ");
        text_safe(t, xray_strn((const char *)canonical.data, canonical.len), SAFE_LINE);
        text_puts(t, "\n");
    }
    xray_buffer_free(&canonical);
    put_list(t, "pipeline: ", &w->pipelines);
    put_list(t, "type:     ", &w->types);
    put_list(t, "step:     ", &w->steps);
    put_list(t, "run id:   ", &w->ids);
    if (w->status != NULL)
        text_printf(t, "status:   %s\n", w->status);
    if (w->since != NULL)
        put_time(t, "since:    ", w->since_ns);
    if (w->until != NULL)
        put_time(t, "until:    ", w->until_ns);
    text_printf(t, "a hit is: %s\n", units[w->unit]);
}

/* Block kinds of the specification, 4.5. */
enum { PAYLOAD = 1, CANDIDATES = 2, SPINE = 3, KINDS = 6 };

static void put_kind(struct text *t, const xray_store *store, const char *name, int kind, const char *how)
{
    uint64_t blocks = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; i < xray_store_segment_count(store); i++) {
        xray_segment_info info;

        if (xray_store_segment(store, i, &info) == 0) {
            blocks += info.block_count[kind];
            bytes += info.stored_bytes[kind];
        }
    }
    text_printf(t, "%s%s of ", name, how);
    human_count(t, (int64_t)blocks);
    text_puts(t, " blocks, ");
    human_size(t, bytes);
    text_puts(t, "\n");
}

bool where_explain(const struct where *w, xray_store *store, unsigned reads)
{
    struct text t = {0};
    xray_read_stats stats;
    const unsigned needs = reads | (w->query != NULL ? xray_query_needs(w->query) : 0);
    /* The whole spine tells the runs; of the others only what runs in question refer to. */
    const bool narrow = w->query != NULL || !where_is_all(w);
    const char *part = narrow ? "what the runs in question need" : "all";

    if (!w->explain)
        return false;
    put_chosen(&t, w);
    put_plan(&t, w, store);
    text_printf(&t, "segments: %zu", xray_store_segment_count(store));
    xray_store_get_stats(store, &stats);
    text_puts(&t, stats.segments_skipped > 0 ? "; " : "");
    input_put_left_out(&t, store);
    text_puts(&t, "\n");
    put_kind(&t, store, "spine:    ", SPINE, "all");
    put_kind(&t, store, "payload:  ", PAYLOAD, (needs & XRAY_NEEDS_PAYLOAD) != 0 ? part : "none");
    put_kind(&t, store, "events:   ", CANDIDATES, (needs & XRAY_NEEDS_EVENTS) != 0 ? part : "none");
    out_text(&t);
    text_free(&t);
    return true;
}
