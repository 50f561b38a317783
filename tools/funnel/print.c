/* See print.h. */
#include "funnel/print.h"

#include <inttypes.h>

#include "common/human.h"
#include "common/markdown.h"
#include "common/out.h"
#include "common/table.h"
#include "funnel/cells.h"

enum { BAR_COLUMNS = 12 };

enum column {
    STEP, TYPE, BUCKET, BY_1, BY_2,
    RUNS, IN, OUT, DROP, BAR, P50, P95, COST, REASONS, /* of one side */
    RUNS_A, RUNS_B, DROP_A, DROP_B, DIFFERENCE, INTERVAL, /* of two */
    KINDS,
};

static const struct table_column titles[KINDS] = {
    [STEP] = {"step", false, 1},     [TYPE] = {"type", false, 2},     [BUCKET] = {"from", false, 2},
    [BY_1] = {NULL, false, 2},       [BY_2] = {NULL, false, 2},       [RUNS] = {"runs", true, 2},
    [IN] = {"in/run", true, 2},      [OUT] = {"out/run", true, 2},    [DROP] = {"drop", true, 2},
    [BAR] = {"left", false, 2},      [P50] = {"p50", true, 2},        [P95] = {"p95", true, 2},
    [COST] = {"cost", true, 2},      [REASONS] = {"top reasons (exact, all runs)", false, 2, true},
    [RUNS_A] = {"n A", true, 2},     [RUNS_B] = {"n B", true, 2},     [DROP_A] = {"drop A", true, 2},
    [DROP_B] = {"drop B", true, 2},  [DIFFERENCE] = {"A - B", true, 2}, [INTERVAL] = {"95% interval", false, 2},
};

struct view {
    struct board *board;
    const struct print_options *options;
    enum column kinds[TABLE_COLUMNS];
    struct table_column columns[TABLE_COLUMNS];
    int count;
    double widest; /* most candidates per run at any place of the pipeline: a full bar */
    bool rounded;  /* some percentile is not exact */
};

/* ---- cells ---- */

static void put_mean(struct text *t, int64_t sum, const struct runset *runs)
{
    double mean;

    if (tally_mean(sum, runs, &mean))
        human_mean(t, mean);
}

static void put_drop(struct text *t, const struct tally *tally, enum rate_kind kind)
{
    double drop;

    if (tally_drop(tally, kind, &drop))
        cell_drop(t, drop);
}

static void put_bar(struct text *t, const struct tally *tally, double widest)
{
    double mean;

    if (widest > 0 && tally_mean(tally->out, &tally->out_runs, &mean))
        cell_bar(t, mean / widest, BAR_COLUMNS);
}

static void put_quantile(struct text *t, struct tally *tally, double part)
{
    int64_t ns;

    if (!quantiles_get(&tally->durations, part, &ns))
        return;
    if (!quantiles_exact(&tally->durations))
        text_puts(t, "≈");
    human_duration(t, ns);
}

static void put_reasons(struct text *t, const struct tally *tally, uint64_t most)
{
    for (size_t i = 0; i < tally->reason_count && i < most; i++)
        cell_reason(t, i, text_str(&tally->reasons[i].code), tally->reasons[i].count, tally->reason_sum);
    cell_reasons_left(t, tally->reason_count, most);
}

static void put_kind(struct text *t, const struct view *v, struct board_line *line, enum column kind)
{
    const struct board_step *step = &v->board->steps[line->step];
    struct tally *tally = &line->sides[0];

    switch (kind) {
    case STEP:
        text_safe(t, text_str(&step->name), SAFE_LINE);
        break;
    case TYPE:
        out_styled(t, STYLE_DIM, text_str(&step->type));
        break;
    case BUCKET:
        group_put_bucket(t, v->board->grouping, &line->group);
        break;
    case BY_1:
    case BY_2:
        group_put(t, v->board->grouping, &line->group, kind - BY_1);
        break;
    case RUNS:
        human_count(t, (int64_t)tally->runs.count);
        break;
    case IN:
        put_mean(t, tally->in, &tally->in_runs);
        break;
    case OUT:
        put_mean(t, tally->out, &tally->out_runs);
        break;
    case DROP:
    case DROP_A:
        put_drop(t, tally, v->board->rate);
        break;
    case DROP_B:
        put_drop(t, &line->sides[1], v->board->rate);
        break;
    case BAR:
        put_bar(t, tally, v->widest);
        return;
    case P50:
        put_quantile(t, tally, 0.50);
        break;
    case P95:
        put_quantile(t, tally, 0.95);
        break;
    case COST:
        human_money(t, tally->cost);
        break;
    case REASONS:
        put_reasons(t, tally, v->options->reasons);
        return;
    case RUNS_A:
    case RUNS_B:
        human_count(t, (int64_t)line->rates[kind - RUNS_A].runs);
        break;
    case DIFFERENCE:
        cell_difference(t, &line->interval);
        break;
    case INTERVAL:
        cell_interval(t, &line->interval);
        break;
    case KINDS:
        break;
    }
}

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct view *v = ctx;
    const enum column kind = v->kinds[column];
    const size_t mark = t->len;

    put_kind(t, v, &v->board->lines[row], kind);
    if (kind != BAR && kind != REASONS)
        cell_dash(t, mark);
}

/* ---- columns ---- */

static void add_column(struct view *v, enum column kind)
{
    v->columns[v->count] = titles[kind];
    v->kinds[v->count++] = kind;
}

static void choose_columns(struct view *v, const struct board_pipeline *p)
{
    const struct grouping *g = v->board->grouping;
    bool has_cost = false;
    bool has_reasons = false;

    for (size_t i = 0; i < p->line_count; i++) {
        const struct tally *t = &v->board->lines[p->lines[i]].sides[0];

        has_cost = has_cost || t->cost != XRAY_MISSING;
        has_reasons = has_reasons || t->reason_count > 0;
    }
    v->count = 0;
    add_column(v, STEP);
    add_column(v, TYPE);
    if (g->bucket_ns > 0)
        add_column(v, BUCKET);
    for (size_t i = 0; i < g->field_count; i++) {
        add_column(v, i == 0 ? BY_1 : BY_2);
        v->columns[v->count - 1].title = g->fields[i].title;
    }
    if (v->board->compares) {
        for (enum column kind = RUNS_A; kind <= INTERVAL; kind++)
            add_column(v, kind);
        return;
    }
    for (enum column kind = RUNS; kind <= REASONS; kind++) {
        if ((kind == BAR && !v->options->bars) || (kind == COST && !has_cost) ||
            (kind == REASONS && (!has_reasons || v->options->reasons == 0)))
            continue;
        add_column(v, kind);
    }
}

static void look_at_lines(struct view *v, const struct board_pipeline *p)
{
    v->widest = 0;
    for (size_t i = 0; i < p->line_count; i++) {
        const struct tally *t = &v->board->lines[p->lines[i]].sides[0];
        double mean;

        if (tally_mean(t->in, &t->in_runs, &mean) && mean > v->widest)
            v->widest = mean;
        if (tally_mean(t->out, &t->out_runs, &mean) && mean > v->widest)
            v->widest = mean;
        if (!v->board->compares && !quantiles_exact(&t->durations))
            v->rounded = true;
    }
}

/* ---- around the table ---- */

static void put_rate_name(struct text *t, enum rate_kind kind)
{
    text_puts(t, kind == RATE_POOLED ? "drop pooled: 1-Σout/Σin" : "drop mean: average of the runs' own rates");
}

static void put_runs(struct text *t, uint64_t count)
{
    human_count(t, (int64_t)count);
    text_puts(t, count == 1 ? " run" : " runs");
}

static void put_heading(struct text *t, const struct view *v, const struct board_pipeline *p)
{
    if (p->name.len == 0)
        text_puts(t, "(no pipeline)");
    text_safe(t, text_str(&p->name), SAFE_LINE);
    out_style(t, STYLE_NONE);
    text_puts(t, "  ");
    put_runs(t, p->runs[0] + p->runs[1]);
    text_puts(t, " (");
    human_count(t, (int64_t)p->running);
    text_puts(t, " running, ");
    human_count(t, (int64_t)p->abandoned);
    text_puts(t, " abandoned), ");
    put_rate_name(t, v->board->rate);
}

static void put_side(struct text *t, const struct view *v, const struct board_pipeline *p, int side)
{
    text_puts(t, side == 0 ? " A: " : " B: ");
    text_safe(t, xray_s(v->options->sides[side]), SAFE_LINE);
    text_puts(t, ", ");
    put_runs(t, p->runs[side]);
}

/* Where the runs that ended with nothing lost their last candidate, the most frequent place first. */
static void put_empty_runs(struct text *t, const struct board *b, const struct board_pipeline *p)
{
    uint64_t below = UINT64_MAX;
    bool first = true;

    text_puts(t, " ");
    put_runs(t, p->empty);
    text_puts(t, " ended with 0 candidates:");
    for (;;) {
        uint64_t most = 0;

        for (size_t i = 0; i < p->step_count; i++) {
            const uint64_t n = b->steps[p->steps[i]].emptied;

            if (n < below && n > most)
                most = n;
        }
        if (most == 0)
            return;
        for (size_t i = 0; i < p->step_count; i++) {
            const struct board_step *s = &b->steps[p->steps[i]];

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
}

static void put_hidden(struct text *t, const struct board *b, const struct board_pipeline *p)
{
    text_printf(t, " %" PRIu64 " %s of fewer than %" PRIu64 " runs not shown", p->hidden,
                p->hidden == 1 ? "line" : "lines", b->min_runs);
}

static void put_rounded(struct text *t)
{
    text_printf(t, "≈: more than a million values, within %.1f%%", 50.0 / QUANTILE_BUCKETS_PER_DOUBLING);
}

/* ---- text ---- */

static void print_pipeline(struct view *v, const struct board_pipeline *p)
{
    struct table table = {.columns = v->columns, .cell = put_cell, .ctx = v};
    struct text t = {0};

    choose_columns(v, p);
    look_at_lines(v, p);
    table.count = v->count;
    out_style(&t, STYLE_BOLD);
    put_heading(&t, v, p);
    text_puts(&t, "\n");
    for (int side = 0; v->board->compares && side < 2; side++) {
        put_side(&t, v, p, side);
        text_puts(&t, "\n");
    }
    for (size_t i = 0; i < p->line_count; i++)
        table_measure(&table, p->lines[i]);
    if (p->line_count > 0) {
        table_measure_titles(&table, true);
        if (v->kinds[v->count - 1] == REASONS)
            table_fit(&table, v->count - 1, 30);
        table_put_titles(&table, &t);
    }
    for (size_t i = 0; i < p->line_count; i++)
        table_put(&table, p->lines[i], &t);
    if (p->hidden > 0) {
        put_hidden(&t, v->board, p);
        text_puts(&t, "\n");
    }
    if (p->empty > 0 && v->options->whole_runs) {
        put_empty_runs(&t, v->board, p);
        text_puts(&t, "\n");
    }
    out_text(&t);
    text_free(&t);
}

void print_text(struct board *b, const struct print_options *options)
{
    struct view v = {.board = b, .options = options};

    for (size_t i = 0; i < b->pipeline_count; i++) {
        if (i > 0)
            out_put("\n", 1);
        print_pipeline(&v, &b->pipelines[i]);
    }
    if (v.rounded) {
        struct text t = {0};

        put_rounded(&t);
        text_puts(&t, "\n");
        out_text(&t);
        text_free(&t);
    }
}

/* ---- Markdown ---- */

static void put_markdown_row(struct text *t, const struct view *v, size_t row)
{
    struct text cell = {0};

    for (int i = 0; i < v->count; i++) {
        text_reset(&cell);
        put_cell(&cell, v, row, i);
        text_puts(t, i == 0 ? "| " : " | ");
        markdown_literal(t, &cell);
    }
    text_puts(t, " |\n");
    text_free(&cell);
}

/* A line around the table, as a paragraph of its own. */
static void put_paragraph(struct text *t, struct text *line)
{
    struct text plain = {.data = line->data, .len = line->len};

    while (plain.len > 0 && plain.data[0] == ' ') {
        plain.data++;
        plain.len--;
    }
    markdown_literal(t, &plain);
    text_puts(t, "\n\n");
    text_reset(line);
}

static void print_markdown_pipeline(struct view *v, const struct board_pipeline *p)
{
    struct text t = {0};
    struct text line = {0};

    choose_columns(v, p);
    look_at_lines(v, p);
    text_puts(&t, "### ");
    put_heading(&line, v, p);
    put_paragraph(&t, &line);
    for (int side = 0; v->board->compares && side < 2; side++) {
        put_side(&line, v, p, side);
        put_paragraph(&t, &line);
    }
    for (int i = 0; i < v->count; i++) {
        struct text title = {0};

        text_puts(&t, i == 0 ? "| " : " | ");
        text_puts(&title, v->columns[i].title);
        markdown_literal(&t, &title);
        text_free(&title);
    }
    text_puts(&t, " |\n");
    for (int i = 0; i < v->count; i++)
        text_puts(&t, v->columns[i].right ? "|---:" : "|---");
    text_puts(&t, "|\n");
    for (size_t i = 0; i < p->line_count; i++)
        put_markdown_row(&t, v, p->lines[i]);
    text_puts(&t, "\n");
    if (p->hidden > 0) {
        put_hidden(&line, v->board, p);
        put_paragraph(&t, &line);
    }
    if (p->empty > 0 && v->options->whole_runs) {
        put_empty_runs(&line, v->board, p);
        put_paragraph(&t, &line);
    }
    out_text(&t);
    text_free(&line);
    text_free(&t);
}

void print_markdown(struct board *b, const struct print_options *options)
{
    struct print_options plain = *options;
    struct view v = {.board = b, .options = &plain};

    plain.bars = false;
    for (size_t i = 0; i < b->pipeline_count; i++)
        print_markdown_pipeline(&v, &b->pipelines[i]);
    if (v.rounded) {
        struct text t = {0};
        struct text line = {0};

        put_rounded(&line);
        put_paragraph(&t, &line);
        out_text(&t);
        text_free(&line);
        text_free(&t);
    }
}
