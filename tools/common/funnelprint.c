/* See funnelprint.h. */
#include "common/funnelprint.h"

#include <inttypes.h>

#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/table.h"

/* ---- cells ---- */

void funnel_dash(struct text *t, size_t mark)
{
    if (t->len == mark)
        text_puts(t, "-");
}

void funnel_reason(struct text *t, size_t i, xray_str code, uint64_t count, uint64_t total)
{
    text_puts(t, i > 0 ? "  " : "");
    text_safe(t, code, SAFE_LINE);
    text_puts(t, " ");
    human_count(t, (int64_t)count);
    if (i == 0 && total > 0 && count < total)
        text_printf(t, " (%.0f%%)", 100.0 * (double)count / (double)total);
}

void funnel_reasons_left(struct text *t, size_t count, uint64_t shown)
{
    if (count <= shown || shown == 0)
        return;
    out_style(t, STYLE_DIM);
    text_printf(t, "  (+%" PRIu64 " more)", count - shown);
    out_style(t, STYLE_NONE);
}

/* A rate that catches the eye where nearly all is rejected. */
void funnel_drop(struct text *t, double rate)
{
    if (rate >= 0.9)
        out_style(t, STYLE_WARN);
    human_rate(t, rate);
    if (rate >= 0.9)
        out_style(t, STYLE_NONE);
}

/* ---- text ---- */

struct view {
    uint64_t reasons;
    struct funnel *funnel;
    bool has_cost; /* some step has; else the column is left out */
    bool rounded;  /* some quantile is not exact */
};

enum column { STEP, TYPE, RUNS, IN, OUT, DROP, P50, P95, COST, REASONS, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [STEP] = {"step", false, 1},  [TYPE] = {"type", false, 2},
    [RUNS] = {"runs", true, 2},   [IN] = {"in/run", true, 2},
    [OUT] = {"out/run", true, 2}, [DROP] = {"drop", true, 2},
    [P50] = {"p50", true, 2},     [P95] = {"p95", true, 2},
    [COST] = {"cost", true, 2},   [REASONS] = {"top reasons (exact, all runs)", false, 2, true},
};

static void put_mean(struct text *t, int64_t sum, const struct runset *runs)
{
    if (sum != XRAY_MISSING && runs->count > 0)
        human_mean(t, (double)sum / (double)runs->count);
}

static void put_quantile(struct text *t, struct funnel_step *s, double part)
{
    int64_t ns;

    if (!quantiles_get(&s->durations, part, &ns))
        return;
    if (!quantiles_exact(&s->durations))
        text_puts(t, "≈");
    human_duration(t, ns);
}

static void put_top_reasons(struct text *t, const struct funnel_step *s, uint64_t most)
{
    for (size_t i = 0; i < s->reason_count && i < most; i++)
        funnel_reason(t, i, text_str(&s->reasons[i].code), s->reasons[i].count, s->rejected);
    funnel_reasons_left(t, s->reason_count, most);
}

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct view *v = ctx;
    struct funnel_step *s = &v->funnel->steps[row];
    const size_t mark = t->len;

    switch ((enum column)column) {
    case STEP:
        text_safe(t, text_str(&s->name), SAFE_LINE);
        break;
    case TYPE:
        out_styled(t, STYLE_DIM, text_str(&s->type));
        break;
    case RUNS:
        human_count(t, (int64_t)s->runs.count);
        break;
    case IN:
        put_mean(t, s->in, &s->in_runs);
        break;
    case OUT:
        put_mean(t, s->out, &s->out_runs);
        break;
    case DROP:
        if (s->both)
            funnel_drop(t, s->both_in == 0 ? 0.0 : 1.0 - (double)s->both_out / (double)s->both_in);
        break;
    case P50:
        put_quantile(t, s, 0.50);
        break;
    case P95:
        put_quantile(t, s, 0.95);
        break;
    case COST:
        human_money(t, s->cost);
        if (!v->has_cost)
            return;
        break;
    case REASONS:
        put_top_reasons(t, s, v->reasons);
        return;
    case COLUMNS:
        break;
    }
    funnel_dash(t, mark);
}

static void put_pipeline_heading(struct text *t, const struct funnel_pipeline *p)
{
    out_style(t, STYLE_BOLD);
    if (p->name.len == 0)
        text_puts(t, "(no pipeline)");
    text_safe(t, text_str(&p->name), SAFE_LINE);
    out_style(t, STYLE_NONE);
    text_puts(t, "  ");
    human_count(t, (int64_t)p->runs);
    text_puts(t, p->runs == 1 ? " run (" : " runs (");
    human_count(t, (int64_t)p->running);
    text_puts(t, " running, ");
    human_count(t, (int64_t)p->abandoned);
    text_puts(t, " abandoned), drop pooled over runs\n");
}

/* Where the runs that ended with nothing lost their last candidate, the most frequent place first. */
static void put_empty_runs(struct text *t, const struct funnel *f, const struct funnel_pipeline *p)
{
    uint64_t below = UINT64_MAX;
    bool first = true;

    if (p->empty == 0)
        return;
    text_puts(t, " ");
    human_count(t, (int64_t)p->empty);
    text_puts(t, p->empty == 1 ? " run ended with 0 candidates:" : " runs ended with 0 candidates:");
    for (;;) {
        uint64_t most = 0;

        for (size_t i = 0; i < p->step_count; i++) {
            const uint64_t n = f->steps[p->steps[i]].emptied;

            if (n < below && n > most)
                most = n;
        }
        if (most == 0)
            break;
        for (size_t i = 0; i < p->step_count; i++) {
            const struct funnel_step *s = &f->steps[p->steps[i]];

            if (s->emptied != most)
                continue;
            text_puts(t, first ? " " : ", ");
            human_count(t, (int64_t)most);
            text_puts(t, " at ");
            text_safe(t, text_str(&s->name), SAFE_LINE);
            first = false;
        }
        below = most;
    }
    text_puts(t, "\n");
}

static void print_pipeline(struct view *v, const struct funnel_pipeline *p)
{
    struct table table = {.columns = columns, .count = COLUMNS, .cell = put_cell, .ctx = v};
    struct text t = {0};

    v->has_cost = false;
    for (size_t i = 0; i < p->step_count; i++)
        v->has_cost = v->has_cost || v->funnel->steps[p->steps[i]].cost != XRAY_MISSING;
    for (size_t i = 0; i < p->step_count; i++) {
        table_measure(&table, p->steps[i]);
        v->rounded = v->rounded || !quantiles_exact(&v->funnel->steps[p->steps[i]].durations);
    }
    put_pipeline_heading(&t, p);
    if (p->step_count > 0) {
        table_measure_titles(&table, true);
        table_fit(&table, REASONS, 30);
        table_put_titles(&table, &t);
    }
    for (size_t i = 0; i < p->step_count; i++)
        table_put(&table, p->steps[i], &t);
    put_empty_runs(&t, v->funnel, p);
    out_text(&t);
    text_free(&t);
}

void funnel_print(struct funnel *f, uint64_t reasons)
{
    struct view view = {.reasons = reasons, .funnel = f};
    struct view *v = &view;

    for (size_t i = 0; i < v->funnel->pipeline_count; i++) {
        if (i > 0)
            out_put("\n", 1);
        print_pipeline(v, &v->funnel->pipelines[i]);
    }
    if (v->rounded) {
        struct text t = {0};

        text_printf(&t, "≈: more than a million values, within %.1f%%\n",
                    50.0 / QUANTILE_BUCKETS_PER_DOUBLING);
        out_text(&t);
        text_free(&t);
    }
}

/* ---- JSON ---- */

static void put_pipeline_json(struct text *t, const struct funnel *f, const struct funnel_pipeline *p)
{
    text_puts(t, "{\"v\":1,\"kind\":\"pipeline\"");
    json_member(t, "pipeline", text_str(&p->name));
    text_printf(t, ",\"runs\":%" PRIu64 ",\"running\":%" PRIu64 ",\"abandoned\":%" PRIu64, p->runs,
                p->running, p->abandoned);
    text_printf(t, ",\"ended_empty\":%" PRIu64 ",\"emptied_at\":{", p->empty);
    const char *separator = "";

    for (size_t i = 0; i < p->step_count; i++) {
        const struct funnel_step *s = &f->steps[p->steps[i]];

        if (s->emptied == 0)
            continue;
        text_puts(t, separator);
        json_string(t, text_str(&s->name));
        text_printf(t, ":%" PRIu64, s->emptied);
        separator = ",";
    }
    text_puts(t, "}}\n");
}

static void put_step_json(struct text *t, const struct funnel_pipeline *p, struct funnel_step *s,
                          uint64_t most)
{
    int64_t ns;

    text_puts(t, "{\"v\":1,\"kind\":\"step\"");
    json_member(t, "pipeline", text_str(&p->name));
    json_member(t, "name", text_str(&s->name));
    json_member(t, "type", text_str(&s->type));
    text_printf(t, ",\"runs\":%" PRIu64 ",\"steps\":%" PRIu64, s->runs.count, s->steps);
    json_count(t, "candidates_in", s->in);
    json_count(t, "candidates_out", s->out);
    if (s->both)
        json_rate(t, "drop", s->both_in == 0 ? 0.0 : 1.0 - (double)s->both_out / (double)s->both_in);
    if (quantiles_get(&s->durations, 0.50, &ns))
        text_printf(t, ",\"p50\":\"%" PRId64 "\"", ns);
    if (quantiles_get(&s->durations, 0.95, &ns))
        text_printf(t, ",\"p95\":\"%" PRId64 "\"", ns);
    if (!quantiles_exact(&s->durations))
        text_printf(t, ",\"quantile_error\":%g", 0.5 / QUANTILE_BUCKETS_PER_DOUBLING);
    json_cost(t, "cost", s->cost);
    text_puts(t, ",\"reasons\":{");
    for (size_t i = 0; i < s->reason_count && i < most; i++) {
        text_puts(t, i > 0 ? "," : "");
        json_string(t, text_str(&s->reasons[i].code));
        text_printf(t, ":%" PRIu64, s->reasons[i].count);
    }
    text_printf(t, "},\"rejected\":%" PRIu64 "}\n", s->rejected);
}

void funnel_print_json(struct funnel *f, uint64_t reasons)
{
    struct text t = {0};

    for (size_t i = 0; i < f->pipeline_count; i++) {
        const struct funnel_pipeline *p = &f->pipelines[i];

        put_pipeline_json(&t, f, p);
        for (size_t k = 0; k < p->step_count; k++)
            put_step_json(&t, p, &f->steps[p->steps[k]], reasons);
        out_text(&t);
        text_reset(&t);
    }
    text_free(&t);
}
