/* See show.h. A run is a heading and an aligned table of its steps, indented by
 * nesting; what does not fit a cell stands on lines of its own below the step. */
#include "common/show.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/events.h"
#include "common/human.h"
#include "common/out.h"
#include "common/runs.h"
#include "common/table.h"
#include "common/tree.h"
#include "common/value.h"

enum {
    MAX_REASONS = 3, /* in a row of the table */
    MAX_INDENT_DEPTH = 24,
    LINE_COLUMNS = 160, /* of a short line where there is no terminal */
};

struct page {
    xray_store *store;
    xray_trace *trace;
    const xray_run_record *run;
    const xray_step_record *steps;
    const struct tree_line *lines;
    size_t count;
    size_t type_width;
    size_t number_width;
    const struct show_options *options;
};

/* Columns for a short line behind `used` others. */
static size_t line_room(size_t used)
{
    const size_t columns = out_is_terminal() ? out_columns() : LINE_COLUMNS;

    return columns > used + 40 ? columns - used : 40;
}

/* ---- heading ---- */

void show_run_heading(struct text *t, xray_store *store, const xray_run_record *run, int id_digits)
{
    const char *status = runs_status(run->ended, run->abandoned, run->outcome);

    out_style(t, STYLE_BOLD);
    text_puts(t, "run ");
    out_style(t, STYLE_NONE);
    out_style(t, STYLE_ID);
    runs_put_id(t, run->id, id_digits);
    out_style(t, STYLE_NONE);
    if (run->ext_id.len > 0) {
        text_puts(t, " (");
        text_safe(t, run->ext_id, SAFE_LINE);
        text_puts(t, ")");
    }
    text_puts(t, "  ");
    out_style(t, STYLE_BOLD);
    runs_put_pipeline(t, run);
    out_style(t, STYLE_NONE);
    text_puts(t, "  ");
    out_styled(t, runs_status_style(status), xray_s(status));
    if (run->start_ns != XRAY_MISSING) {
        text_puts(t, "  ");
        human_time(t, run->start_ns, 3);
    }
    if (run->duration_ns != XRAY_MISSING) {
        text_puts(t, "  ");
        human_duration(t, run->duration_ns);
    }
    if (run->cost != XRAY_MISSING) {
        text_puts(t, "  ");
        human_money(t, run->cost);
    }
    if (run->tags.data != NULL) {
        text_puts(t, "  tags: ");
        value_pairs(t, store, run->tags);
    }
    text_puts(t, "\n");
}

static void put_label(struct text *t, size_t indent, const char *label)
{
    text_fill(t, ' ', indent);
    text_puts(t, label);
    text_puts(t, " ");
}

static void put_error(struct text *t, xray_store *store, xray_ref error, size_t indent)
{
    if (error.data == NULL)
        return;
    text_fill(t, ' ', indent);
    out_style(t, STYLE_BAD);
    text_puts(t, "error: ");
    value_error(t, store, error, out_is_terminal() && !cli_full() ? line_room(indent + 7) : 0);
    out_style(t, STYLE_NONE);
    text_puts(t, "\n");
}

static void put_name(struct text *t, const char *label, xray_str name)
{
    if (name.len == 0)
        return;
    text_printf(t, "  %s ", label);
    text_safe(t, name, SAFE_LINE);
}

static void put_run_details(struct text *t, const struct page *p)
{
    const xray_run_record *run = p->run;
    const size_t mark = t->len;

    put_name(t, "project", run->project);
    put_name(t, "session", run->session);
    put_name(t, "user", run->user);
    if (run->has_parent_run) {
        text_puts(t, "  parent run ");
        runs_put_id(t, run->parent_run, 32);
    }
    if (t->len > mark)
        text_puts(t, "\n");
    value_block(t, p->store, "input", run->input, 2);
    value_block(t, p->store, "metadata", run->metadata, 2);
    value_block(t, p->store, "attrs", run->attrs, 2);
}

/* ---- the table of steps ---- */

enum column { NUMBER, NAME, STATUS, IN, OUT, RATE, DURATION, COST, REASONS, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [NUMBER] = {NULL, true, 2},   [NAME] = {NULL, false, 1}, [STATUS] = {NULL, false, 2},
    [IN] = {NULL, true, 2},       [OUT] = {NULL, false, 1},  [RATE] = {NULL, true, 2},
    [DURATION] = {NULL, true, 2}, [COST] = {NULL, true, 2},  [REASONS] = {NULL, false, 2, true},
};

static unsigned indent_depth(const struct tree_line *line)
{
    return line->depth < MAX_INDENT_DEPTH ? line->depth : MAX_INDENT_DEPTH;
}

static void put_step_name(struct text *t, const struct page *p, const struct tree_line *line)
{
    const xray_step_record *step = &p->steps[line->step];

    text_fill(t, ' ', 2 * (size_t)indent_depth(line));

    const size_t mark = t->len;

    out_styled(t, STYLE_DIM, step->type);
    if (p->type_width > 0) {
        text_pad(t, mark, p->type_width);
        text_puts(t, " ");
    }
    text_safe(t, step->name, SAFE_LINE);
}

/* The histogram's largest counts; it may be large, so they are picked, not sorted. */
static void put_reasons(struct text *t, const xray_step_record *step)
{
    size_t picked[MAX_REASONS];
    size_t count = 0;

    while (count < MAX_REASONS && count < step->reason_count) {
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < step->reason_count; i++) {
            bool taken = false;

            for (size_t k = 0; k < count; k++)
                taken = taken || picked[k] == i;
            if (!taken && (best == SIZE_MAX || step->reasons[i].count > step->reasons[best].count))
                best = i;
        }
        text_puts(t, count > 0 ? ", " : "reason: ");
        text_safe(t, step->reasons[best].code, SAFE_LINE);
        text_puts(t, " ");
        human_count(t, (int64_t)step->reasons[best].count);
        picked[count++] = best;
    }
    if (step->reason_count > count) {
        out_style(t, STYLE_DIM);
        text_printf(t, " (+%zu more)", step->reason_count - count);
        out_style(t, STYLE_NONE);
    }
}

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct page *p = ctx;
    const struct tree_line *line = &p->lines[row];
    const xray_step_record *step = &p->steps[line->step];
    const char *status = runs_status(step->ended, step->abandoned, step->outcome);
    double rate;

    switch ((enum column)column) {
    case NUMBER:
        text_printf(t, "%" PRId64, step->number);
        break;
    case NAME:
        put_step_name(t, p, line);
        break;
    case STATUS:
        out_styled(t, runs_status_style(status), xray_s(status));
        break;
    case IN:
        human_count(t, step->candidates_in);
        break;
    case OUT:
        if (step->candidates_out != XRAY_MISSING)
            text_puts(t, "→ ");
        else if (step->candidates_in != XRAY_MISSING)
            text_puts(t, "→");
        human_count(t, step->candidates_out);
        break;
    case RATE:
        if (rejection_rate(step->candidates_in, step->candidates_out, &rate))
            human_rate(t, rate);
        break;
    case DURATION:
        human_duration(t, step->duration_ns);
        break;
    case COST:
        human_money(t, step->cost);
        break;
    case REASONS:
        put_reasons(t, step);
        break;
    case COLUMNS:
        break;
    }
}

/* ---- below a step ---- */

static void put_tokens(struct text *t, const xray_step_record *step)
{
    const struct {
        const char *label;
        int64_t count;
    } tokens[] = {
        {"in", step->tokens_in},
        {"cache read", step->tokens_cache_read},
        {"cache write", step->tokens_cache_write},
        {"out", step->tokens_out},
        {"reasoning", step->tokens_reasoning},
        {"total", step->tokens_total},
    };
    bool any = false;

    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        if (tokens[i].count == XRAY_MISSING)
            continue;
        text_puts(t, any ? ", " : "  tokens ");
        human_count(t, tokens[i].count);
        text_printf(t, " %s", tokens[i].label);
        any = true;
    }
}

static void put_flags(struct text *t, uint32_t flags)
{
    if (flags & XRAY_FLAG_TRUNCATED)
        text_puts(t, "  (something was cut to a limit)");
    if (flags & XRAY_FLAG_IMPLICIT)
        text_puts(t, "  (begun implicitly)");
    if (flags & XRAY_FLAG_SAMPLED)
        text_puts(t, "  (candidates are a sample)");
}

/* When a step began: after the run where that is known, else the time. */
static void put_start(struct text *t, const xray_run_record *run, const xray_step_record *step)
{
    if (step->start_ns == XRAY_MISSING || step->start_ns == run->start_ns)
        return;
    if (run->start_ns != XRAY_MISSING && step->start_ns >= run->start_ns) {
        text_puts(t, "  started +");
        human_duration(t, step->start_ns - run->start_ns);
    } else {
        text_puts(t, "  started ");
        human_time(t, step->start_ns, 3);
    }
}

/* One line of what the table has no column for. */
static void put_step_facts(struct text *t, const xray_run_record *run, const xray_step_record *step,
                           size_t indent)
{
    struct text line = {0};

    put_name(&line, "model", step->model);
    put_name(&line, "provider", step->provider);
    put_tokens(&line, step);
    put_start(&line, run, step);
    put_name(&line, "id", step->ext_id);
    put_name(&line, "parent id", step->parent_ext);
    if (step->sequence != XRAY_MISSING)
        text_printf(&line, "  sequence %" PRId64, step->sequence);
    put_flags(&line, step->flags);
    if (line.len > 2) {
        text_fill(t, ' ', indent);
        text_put(t, line.data + 2, line.len - 2);
        text_puts(t, "\n");
    }
    text_free(&line);
}

static void put_step_values(struct text *t, const struct page *p, const xray_step_record *step, size_t indent)
{
    value_block(t, p->store, "params", step->params, indent);
    value_block(t, p->store, "filters", step->filters, indent);
    value_block(t, p->store, "tags", step->tags, indent);
    value_block(t, p->store, "input", step->input, indent);
    value_block(t, p->store, "reasoning", step->reasoning, indent);
    value_block(t, p->store, "output", step->output, indent);
    value_block(t, p->store, "error", step->error, indent);
    value_block(t, p->store, "sampling", step->sampling, indent);
    value_block(t, p->store, "metadata", step->metadata, indent);
    value_block(t, p->store, "attrs", step->attrs, indent);
}

/* Is the step still open at the horizon: nothing that it recorded is known for sure to be before it. */
static bool hides_events(const struct page *p, const xray_step_record *step)
{
    return p->options->upto > 0 && !step->ended;
}

static void show_events(const struct page *p, size_t step, bool full, size_t indent)
{
    const struct show_options *o = p->options;
    const struct events_filter filter = {.wants = o->wants_event, .ctx = o->ctx, .step = step};

    if (!hides_events(p, &p->steps[step]) && !o->outline && !o->headers)
        events_show(p->store, p->trace, p->steps[step].number, full ? EVENTS_FULL : EVENTS_SHORT, indent,
                    o->wants_event != NULL ? &filter : NULL);
}

static void show_step(struct text *t, const struct page *p, const struct table *table, size_t row)
{
    const struct tree_line *line = &p->lines[row];
    const xray_step_record *step = &p->steps[line->step];
    const size_t indent = 3 + p->number_width + 2 * (size_t)indent_depth(line) + 2;
    const bool full = p->options->full || p->options->steps_full;

    table_put(table, row, t);
    if (full) {
        put_step_facts(t, p->run, step, indent);
        put_step_values(t, p, step, indent);
    } else if (!p->options->outline) {
        put_error(t, p->store, step->error, indent);
    }
    out_text(t);
    text_reset(t);
    show_events(p, line->step, full, indent);
}

static void measure(struct page *p, struct table *table)
{
    for (size_t i = 0; i < p->count; i++) {
        struct text cell = {0};

        text_safe(&cell, p->steps[i].type, SAFE_LINE);
        if (cell.len > 0 && text_width(cell.data, cell.len) > p->type_width)
            p->type_width = text_width(cell.data, cell.len);
        text_free(&cell);
    }
    for (size_t i = 0; i < p->count; i++)
        table_measure(table, i);
    table_fit(table, REASONS, 30);
    p->number_width = table->widths[NUMBER];
}

static void show_steps(struct text *t, struct page *p)
{
    struct table table = {.columns = columns, .count = COLUMNS, .cell = put_cell, .ctx = p};
    bool orphaned = false;

    measure(p, &table);
    for (size_t i = 0; i < p->count; i++) {
        if (p->options->steps != NULL && !p->options->steps[p->lines[i].step])
            continue;
        if (p->lines[i].orphaned && !orphaned && !p->options->only_steps)
            text_puts(t, "  (orphaned)\n");
        orphaned = p->lines[i].orphaned;
        show_step(t, p, &table, i);
    }
}

static void show_run_end(struct text *t, const struct page *p)
{
    const bool full = p->options->full;

    if (p->options->upto == 0 && !p->options->headers)
        events_show(p->store, p->trace, 0, full ? EVENTS_FULL : EVENTS_SHORT, 2, NULL);
    if (full) {
        value_block(t, p->store, "output", p->run->output, 2);
        value_block(t, p->store, "error", p->run->error, 2);
        return;
    }
    if (p->run->output.data != NULL) {
        put_label(t, 2, "output:");
        value_line(t, p->store, p->run->output, line_room(10));
        text_puts(t, "\n");
    }
    put_error(t, p->store, p->run->error, 2);
}

void show_run(xray_store *store, xray_trace *trace, const xray_run_record *run, const xray_step_record *steps,
              size_t count, const struct show_options *options)
{
    struct tree_line *lines = memory_new(count, sizeof *lines);
    struct page page = {
        .store = store,
        .trace = trace,
        .run = run,
        .steps = steps,
        .lines = lines,
        .count = count,
        .options = options,
    };
    struct text t = {0};

    tree_order(steps, count, lines);
    show_run_heading(&t, store, run, options->id_digits);
    if (options->full && !options->only_steps)
        put_run_details(&t, &page);
    show_steps(&t, &page);
    out_text(&t);
    text_reset(&t);
    if (!options->only_steps && !options->outline)
        show_run_end(&t, &page);
    out_text(&t);
    text_free(&t);
    free(lines);
}
