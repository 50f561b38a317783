/* xray-ls: lists runs, newest first.
 *
 * One pass over the spine finds the runs, a second one counts their steps; payload and
 * candidates are read only of runs of which an expression or a field asks for them. What is kept per listed
 * run is about fifty bytes beside what the library keeps; lines are made and printed one at a time.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/input.h"
#include "common/narrow.h"
#include "common/out.h"
#include "common/progress.h"
#include "common/rows.h"
#include "common/runs.h"
#include "common/table.h"
#include "common/where.h"

enum { KEY_NO_HEADER = CLI_LONG, KEY_FIRST, KEY_LAST, KEY_REVERSE };

static const struct cli_option option_table[] = {
    {'n', "max-count", "N", "at most N runs, of those that are chosen"},
    {KEY_LAST, "last", "N", "the same as -n"},
    {KEY_FIRST, "first", "N", "only the N oldest of the runs that are chosen"},
    {KEY_REVERSE, "reverse", NULL, "oldest first"},
    {KEY_NO_HEADER, "no-header", NULL, "leave out the line of column names"},
    WHERE_OPTIONS,
    ROWS_OPTIONS,
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-ls -n 20 traces", "the last twenty runs"},
    {"xray-ls -p 'competitor_*' --status failure traces", "what failed in these pipelines"},
    {"xray-ls --since 2h --status running traces", "what was begun lately and is going on"},
    {"xray-ls -W 'any{step.type = filter and candidates_out = 0}' traces",
     "runs with a filter that left nothing"},
    {"xray-ls --fields run.id,run.start,tags.tier --format csv traces", "for a spreadsheet"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-ls",
    .summary = "list the runs in decision traces, newest first",
    .usage = {"[-n N] [-p PIPELINE] [--status S] [--since TIME] [-W EXPR] [-j] [FILE...]"},
    .examples = examples,
    .options = option_table,
    .about = "Prints one line per run: when it began, its id, pipeline and version, status, number of steps, "
             "candidates "
             "into the first and out of the last step that counted them, cost and duration. Runs without a "
             "time come "
             "after those that have one, the last to appear first.\n\n"
             "As many digits of the id are shown (at least 8) as tell all runs of the store apart; the other "
             "tools take "
             "them, or the first 4 or more of them.\n\n"
             "A run without an end is running while its writer lives, and abandoned after. A run whose end "
             "carries no "
             "status is ended.\n\n"
             "With -j each line is the run's line of the trace file specification, section 13, without what "
             "stands in "
             "the payload, and with steps, candidates_in, candidates_out and, for a run without an end, "
             "abandoned. "
             "Beside the fields of runs there are the fields candidates_in and candidates_out.",
    .see_also = "xray-cat(1), xray-grep(1), xray-funnel(1), xray-query(7), xrayfile(5)",
    .reader = true,
    .pager = true,
};

struct settings {
    uint64_t max_count;
    bool oldest;  /* these, not the newest */
    bool reverse; /* oldest first */
    bool header;
    struct where where;
    struct rows rows;
};

/* What the steps of a run say about it. */
struct summary {
    struct step_place first, last; /* steps that in and out are of */
    int64_t in, out;
    uint32_t steps;
};

struct list {
    xray_store *store;
    struct settings *settings;
    size_t run_count;
    uint32_t *chosen; /* indexes of the runs to print, in the order of output */
    size_t chosen_count;
    struct summary *summaries; /* one for each of these */
    struct idmap writers;
    int id_digits;
    xray_run_record run; /* of the row of the table that is being made */
};

static void parse_options(struct settings *s, int argc, char **argv)
{
    const char *arg = NULL;

    *s = (struct settings){.max_count = UINT64_MAX, .header = true};
    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        if (where_option(&s->where, key, arg) || rows_option(&s->rows, key, arg))
            continue;
        switch (key) {
        case 'n':
        case KEY_LAST:
            s->max_count = cli_number(key == 'n' ? "-n" : "--last", arg, 0);
            s->oldest = false;
            break;
        case KEY_FIRST:
            s->max_count = cli_number("--first", arg, 0);
            s->oldest = true;
            break;
        case KEY_REVERSE:
            s->reverse = true;
            break;
        case KEY_NO_HEADER:
            s->header = false;
            s->rows.no_header = true;
            break;
        }
    }
}

struct start {
    int64_t ns;
    uint32_t run;
};

/* Newest first; runs without a time after those that have one, the last to appear first. */
static int compare_runs(const void *a, const void *b)
{
    const struct start *x = a;
    const struct start *y = b;

    if (x->ns != y->ns)
        return x->ns > y->ns ? -1 : 1; /* XRAY_MISSING is the least of all */
    return x->run > y->run ? -1 : x->run < y->run;
}

/* Is the run wanted? Its trace is opened only if records do not tell. */
static bool is_wanted(struct list *l, struct sieve *sieve, size_t index)
{
    xray_run_record run;
    xray_trace *trace = NULL;
    xray_error err = {0};

    runs_record(l->store, index, &run);

    const enum where_answer answer = sieve_test(sieve, index, &run);

    if (answer != WHERE_OPEN)
        return answer == WHERE_YES;
    if (xray_trace_open(&trace, l->store, index, &err) < 0) {
        input_failed(&err);
        return false;
    }

    const bool wanted = where_run(&l->settings->where, l->store, trace);

    xray_trace_close(trace);
    sieve_opened(sieve, wanted);
    return wanted;
}

/* All runs, in the order of output. */
static uint32_t *sort_runs(const struct list *l)
{
    struct start *starts = memory_new(l->run_count, sizeof *starts);
    uint32_t *order = memory_new(l->run_count, sizeof *order);

    for (size_t i = 0; i < l->run_count; i++) {
        xray_run_record run;

        runs_record(l->store, i, &run);
        starts[i] = (struct start){run.start_ns, (uint32_t)i};
    }
    qsort(starts, l->run_count, sizeof *starts, compare_runs);
    for (size_t i = 0; i < l->run_count; i++)
        order[i] = starts[i].run;
    free(starts);
    return order;
}

static void reverse(uint32_t *runs, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const uint32_t run = runs[i];

        runs[i] = runs[count - 1 - i];
        runs[count - 1 - i] = run;
    }
}

/* Filters first, then counts. */
static void choose_runs(struct list *l)
{
    struct sieve sieve = {.where = &l->settings->where, .store = l->store, .count = l->run_count};
    uint32_t *order = sort_runs(l);

    if (l->settings->oldest)
        reverse(order, l->run_count);
    for (size_t i = 0; i < l->run_count && l->chosen_count < l->settings->max_count; i++) {
        progress_show("runs tested", i, l->run_count);
        if (is_wanted(l, &sieve, order[i]))
            order[l->chosen_count++] = order[i];
    }
    sieve_free(&sieve);
    if (l->settings->oldest != l->settings->reverse)
        reverse(order, l->chosen_count);
    l->chosen = order;
}

static void add_step(struct list *l, struct summary *s, const xray_step_record *step)
{
    const int64_t first = step->candidates_in != XRAY_MISSING ? step->candidates_in : step->candidates_out;
    const struct step_place place = step_place_of(&l->writers, step);

    s->steps++;
    if (first != XRAY_MISSING && (s->in == XRAY_MISSING || step_place_before(&place, &s->first))) {
        s->in = first;
        s->first = place;
    }
    if (step->candidates_out != XRAY_MISSING &&
        (s->out == XRAY_MISSING || !step_place_before(&place, &s->last))) {
        s->out = step->candidates_out;
        s->last = place;
    }
}

/* Only blocks that have steps of the chosen runs are read. */
static int narrow_scan(const struct list *l, xray_scan *scan, xray_error *err)
{
    if (l->chosen_count == l->run_count)
        return 0;

    size_t *runs = memory_new(l->chosen_count, sizeof *runs);

    for (size_t i = 0; i < l->chosen_count; i++)
        runs[i] = l->chosen[i];

    const int r = xray_scan_only(scan, runs, l->chosen_count, err);

    free(runs);
    return r;
}

static int count_steps(struct list *l, xray_error *err)
{
    uint32_t *rows = memory_new(l->run_count, sizeof *rows); /* 1 + the row of each run; 0: it is not listed */
    xray_scan *scan = NULL;
    xray_scan_record record;

    l->summaries = memory_new(l->chosen_count, sizeof *l->summaries);
    for (size_t i = 0; i < l->chosen_count; i++) {
        l->summaries[i].in = l->summaries[i].out = XRAY_MISSING;
        rows[l->chosen[i]] = (uint32_t)i + 1;
    }

    int r = xray_scan_open(&scan, l->store, XRAY_SCAN_STEP, err);

    if (r == 0)
        r = narrow_scan(l, scan, err);
    if (r == 0)
        xray_scan_without(scan, XRAY_STEP_VALUES | XRAY_STEP_IDS | XRAY_STEP_REASONS);
    while (r == 0 && (r = xray_scan_next(scan, &record, err)) == 1) {
        size_t run;

        r = 0;
        if (xray_store_run_index(l->store, record.step->run_id, &run, NULL) == 1 && rows[run] > 0)
            add_step(l, &l->summaries[rows[run] - 1], record.step);
    }
    xray_scan_close(scan);
    free(rows);
    idmap_free(&l->writers);
    return r;
}

/* ---- output ---- */

/* The run's line of spec 13, without what only the payload knows, and with
 * what this list adds. */
static void print_json(struct list *l, size_t row)
{
    const struct summary *s = &l->summaries[row];
    xray_run_record run;
    struct text object = {0};
    struct text *t = &object;
    xray_buffer line = {0};
    xray_error err = {0};

    runs_record(l->store, l->chosen[row], &run);
    if (xray_run_json(l->store, &run, &line, &err) < 0) {
        input_failed(&err);
    } else {
        size_t len = line.len;

        while (len > 0 && (line.data[len - 1] == '\n' || line.data[len - 1] == '}'))
            len--;
        text_put(t, (const char *)line.data, len);
        if (!run.ended)
            text_printf(t, ",\"abandoned\":%s", run.abandoned ? "true" : "false");
        text_printf(t, ",\"steps\":%" PRIu32, s->steps);
        if (s->in != XRAY_MISSING)
            text_printf(t, ",\"candidates_in\":%" PRId64, s->in);
        if (s->out != XRAY_MISSING)
            text_printf(t, ",\"candidates_out\":%" PRId64, s->out);
        text_puts(t, "}");
        rows_put_json(&l->settings->rows, t->data, t->len);
    }
    text_free(&object);
    xray_buffer_free(&line);
}

/* ---- rows of fields ---- */

/* What a step of the list counts, as fields. */
static void get_in(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_INT, ((const struct summary *)r->own)->in);
}

static void get_out(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_INT, ((const struct summary *)r->own)->out);
}

static const struct field_own own_fields[] = {
    {"candidates_in", get_in},
    {"candidates_out", get_out},
    {NULL, NULL},
};

static const struct rows_tool rows_tool = {
    .formats = 1u << ROWS_TEXT | 1u << ROWS_LINE | 1u << ROWS_NDJSON | 1u << ROWS_JSON | 1u << ROWS_CSV |
               1u << ROWS_TSV | 1u << ROWS_TEMPLATE,
    .defaults = {[XRAY_UNIT_RUN] =
                     "run.start,run.id,run.pipeline,run.version,run.status,run.steps,candidates_in,"
                     "candidates_out,run.cost,run.duration"},
    .own = own_fields,
};

/* Values, and steps for the brackets of a template, need the trace. */
static void print_row(struct list *l, size_t row)
{
    struct rows *rows = &l->settings->rows;
    xray_run_record run;
    struct record record = {.store = l->store, .run = &run};
    xray_trace *trace = NULL;
    xray_error err = {0};

    runs_record(l->store, l->chosen[row], &run);

    record.own = &l->summaries[row];
    record.step_count = l->summaries[row].steps;
    if (rows_needs(rows) != 0) {
        if (xray_trace_open(&trace, l->store, l->chosen[row], &err) < 0) {
            input_failed(&err);
            return;
        }
        record.trace = trace;
        record.run = xray_trace_run(trace);
    }
    rows_put(rows, &record);
    xray_trace_close(trace);
}

/* ---- the table ---- */

enum column { TIME, ID, PIPELINE, STATUS, STEPS, IN, OUT, COST, DURATION, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [TIME] = {"TIME", false, 0},     [ID] = {"ID", false, 2},      [PIPELINE] = {"PIPELINE", false, 2},
    [STATUS] = {"STATUS", false, 2}, [STEPS] = {"STEPS", true, 2}, [IN] = {"IN", true, 2},
    [OUT] = {"→ OUT", false, 1},     [COST] = {"COST", true, 2},   [DURATION] = {"DURATION", true, 2},
};

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct list *l = ctx;
    const xray_run_record *run = &l->run;
    const struct summary *s = &l->summaries[row];
    const char *status = runs_status(run->ended, run->abandoned, run->outcome);

    switch ((enum column)column) {
    case TIME:
        if (run->start_ns == XRAY_MISSING)
            text_puts(t, "-");
        human_time(t, run->start_ns, 0);
        break;
    case ID:
        out_style(t, STYLE_ID);
        runs_put_id(t, run->id, l->id_digits);
        out_style(t, STYLE_NONE);
        break;
    case PIPELINE:
        runs_put_pipeline(t, run);
        break;
    case STATUS:
        out_styled(t, runs_status_style(status), xray_s(status));
        break;
    case STEPS:
        human_count(t, s->steps);
        break;
    case IN:
        human_count(t, s->in);
        break;
    case OUT:
        if (s->out != XRAY_MISSING)
            text_puts(t, "→ ");
        human_count(t, s->out);
        break;
    case COST:
        human_money(t, run->cost);
        break;
    case DURATION:
        human_duration(t, run->duration_ns);
        break;
    case COLUMNS:
        break;
    }
}

static void print_table(struct list *l)
{
    struct table table = {.columns = columns, .count = COLUMNS, .cell = put_cell, .ctx = l};
    struct text t = {0};

    for (size_t i = 0; i < l->chosen_count; i++) {
        runs_record(l->store, l->chosen[i], &l->run);
        table_measure(&table, i);
    }
    if (l->settings->header) {
        table_measure_titles(&table, false);
        table_fit(&table, PIPELINE, 12);
        table_put_titles(&table, &t);
    } else {
        table_fit(&table, PIPELINE, 12);
    }
    out_text(&t);
    for (size_t i = 0; i < l->chosen_count; i++) {
        text_reset(&t);
        runs_record(l->store, l->chosen[i], &l->run);
        table_put(&table, i, &t);
        out_text(&t);
    }
    text_free(&t);
}

static void print_list(struct list *l)
{
    l->id_digits = runs_id_digits(l->store);
    if (l->settings->rows.format == ROWS_TEXT)
        print_table(l);
    for (size_t i = 0; l->settings->rows.format != ROWS_TEXT && i < l->chosen_count; i++) {
        if (rows_has_fields(&l->settings->rows))
            print_row(l, i);
        else
            print_json(l, i);
    }
    rows_end(&l->settings->rows);
}

static void list_runs(struct list *l)
{
    xray_error err = {0};
    int r = xray_store_run_count(l->store, &l->run_count, &err);

    if (r >= 0) {
        where_bind(&l->settings->where, l->store);
        choose_runs(l);
        r = count_steps(l, &err);
    }
    if (r < 0)
        input_failed(&err);
    else
        print_list(l);
    free(l->summaries);
    free(l->chosen);
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct list l = {.settings = &settings};
    int count;

    parse_options(&settings, argc, argv);

    char **paths = cli_operands(&count);

    where_parse(&settings.where, XRAY_UNIT_RUN);
    rows_begin(&settings.rows, &rows_tool, XRAY_UNIT_RUN);
    where_narrow(&settings.where);
    l.store = input_open(paths, count);

    const bool explained = where_explain(&settings.where, l.store, 0);

    if (!explained)
        list_runs(&l);
    where_free(&settings.where);
    input_close(l.store);
    return cli_finish(explained || l.chosen_count > 0);
}
