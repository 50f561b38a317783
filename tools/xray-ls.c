/* xray-ls: lists runs, newest first.
 *
 * One pass over the spine finds the runs, a second one counts their steps;
 * payload and candidates are never read. What is kept per listed run is about
 * a hundred bytes beside the library's record of it; lines are made and printed one at a time. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/input.h"
#include "common/out.h"
#include "common/runs.h"
#include "common/table.h"

enum { KEY_STATUS = CLI_LONG, KEY_NO_HEADER, KEY_STATS };

static const struct cli_option option_table[] = {
    {'n', "max-count", "N", "at most N runs"},
    {'p', "pipeline", "NAME", "runs of this pipeline; * ? [...] match as in the shell"},
    {KEY_STATUS, "status", "S", "running, abandoned, success, failure, partial, ended"},
    {'j', "json", NULL, "one JSON object per line"},
    {KEY_NO_HEADER, "no-header", NULL, "leave out the line of column names"},
    {KEY_STATS, "stats", NULL, "say on stderr what was read"},
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-ls traces", "all runs, newest first"},
    {"xray-ls -n 20 traces", "the last twenty"},
    {"xray-ls -p 'competitor_*' --status failure traces", "what failed in these pipelines"},
    {"xray-ls --status running traces", "what is going on"},
    {"xray-ls -j traces | jq -r .run", "ids for scripts"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-ls",
    .summary = "list runs, newest first",
    .usage = {"[-n N] [-p PIPELINE] [--status S] [-j] [FILE...]"},
    .examples = examples,
    .options = option_table,
};

struct settings {
    uint64_t max_count;
    const char *pipeline;
    const char *status;
    bool json;
    bool header;
    bool stats;
};

/* What the steps of a run say about it. */
struct summary {
    uint32_t steps;
    struct step_place first, last; /* steps that in and out are of */
    int64_t in, out;
};

struct list {
    xray_store *store;
    const struct settings *settings;
    const xray_run_record *runs;
    size_t run_count;
    size_t *chosen; /* indexes of the runs to print, in the order of output */
    size_t chosen_count;
    struct summary *summaries; /* one for each of these */
    int id_digits;
};

static struct settings parse_options(int argc, char **argv)
{
    struct settings s = {.max_count = UINT64_MAX, .header = true};
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        switch (key) {
        case 'n':
            s.max_count = cli_number("-n", arg, 0);
            break;
        case 'p':
            s.pipeline = arg;
            break;
        case KEY_STATUS:
            s.status = runs_parse_status(arg);
            break;
        case 'j':
            s.json = true;
            break;
        case KEY_NO_HEADER:
            s.header = false;
            break;
        case KEY_STATS:
            s.stats = true;
            break;
        }
    }
    return s;
}

static bool is_wanted(const struct settings *s, const xray_run_record *run)
{
    if (s->pipeline != NULL && !name_matches(s->pipeline, run->pipeline))
        return false;
    return s->status == NULL || strcmp(s->status, runs_status(run->ended, run->abandoned, run->outcome)) == 0;
}

/* qsort has no context argument in C11. */
static const xray_run_record *sorted_runs;

/* Newest first; runs without a time after those that have one, the last to appear first. */
static int compare_runs(const void *a, const void *b)
{
    const size_t i = *(const size_t *)a;
    const size_t j = *(const size_t *)b;
    const int64_t start_i = sorted_runs[i].start_ns;
    const int64_t start_j = sorted_runs[j].start_ns;

    if (start_i != start_j)
        return start_i > start_j ? -1 : 1; /* XRAY_MISSING is the least of all */
    return i > j ? -1 : i < j;
}

static void choose_runs(struct list *l)
{
    l->chosen = memory_new(l->run_count, sizeof *l->chosen);
    for (size_t i = 0; i < l->run_count; i++) {
        if (is_wanted(l->settings, &l->runs[i]))
            l->chosen[l->chosen_count++] = i;
    }
    sorted_runs = l->runs;
    qsort(l->chosen, l->chosen_count, sizeof *l->chosen, compare_runs);
    if (l->chosen_count > l->settings->max_count)
        l->chosen_count = (size_t)l->settings->max_count;
}

static void add_step(struct summary *s, const xray_step_record *step)
{
    const int64_t first = step->candidates_in != XRAY_MISSING ? step->candidates_in : step->candidates_out;
    const struct step_place place = step_place_of(step);

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

static int count_steps(struct list *l, xray_error *err)
{
    struct idmap numbers = {0};
    xray_scan *scan = NULL;
    xray_scan_record record;

    l->summaries = memory_new(l->chosen_count, sizeof *l->summaries);
    for (size_t i = 0; i < l->chosen_count; i++) {
        bool added;

        l->summaries[i].in = l->summaries[i].out = XRAY_MISSING;
        idmap_put(&numbers, l->runs[l->chosen[i]].id, &added);
    }

    int r = xray_scan_open(&scan, l->store, XRAY_SCAN_STEP, err);

    while (r == 0 && (r = xray_scan_next(scan, &record, err)) == 1) {
        size_t number;

        r = 0;
        if (idmap_find(&numbers, record.step->run_id, &number))
            add_step(&l->summaries[number], record.step);
    }
    xray_scan_close(scan);
    idmap_free(&numbers);
    return r;
}

/* ---- output ---- */

/* The run's line of spec 13, without what only the payload knows, and with
 * what this list adds. */
static void print_json(struct list *l, size_t row, struct text *t)
{
    const struct summary *s = &l->summaries[row];
    const xray_run_record *run = &l->runs[l->chosen[row]];
    xray_buffer line = {0};
    xray_error err = {0};

    if (xray_run_json(l->store, run, &line, &err) < 0) {
        input_failed(&err);
    } else {
        size_t len = line.len;

        while (len > 0 && (line.data[len - 1] == '\n' || line.data[len - 1] == '}'))
            len--;
        text_reset(t);
        text_put(t, (const char *)line.data, len);
        if (!run->ended)
            text_printf(t, ",\"abandoned\":%s", run->abandoned ? "true" : "false");
        text_printf(t, ",\"steps\":%" PRIu32, s->steps);
        if (s->in != XRAY_MISSING)
            text_printf(t, ",\"candidates_in\":%" PRId64, s->in);
        if (s->out != XRAY_MISSING)
            text_printf(t, ",\"candidates_out\":%" PRId64, s->out);
        text_puts(t, "}\n");
        out_text(t);
    }
    xray_buffer_free(&line);
}

enum column { TIME, ID, PIPELINE, STATUS, STEPS, IN, OUT, COST, DURATION, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [TIME] = {"TIME", false, 0},     [ID] = {"ID", false, 2},      [PIPELINE] = {"PIPELINE", false, 2},
    [STATUS] = {"STATUS", false, 2}, [STEPS] = {"STEPS", true, 2}, [IN] = {"IN", true, 2},
    [OUT] = {"→ OUT", false, 1},     [COST] = {"COST", true, 2},   [DURATION] = {"DURATION", true, 2},
};

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct list *l = ctx;
    const xray_run_record *run = &l->runs[l->chosen[row]];
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

static void print_table(const struct list *l)
{
    struct table table = {.columns = columns, .count = COLUMNS, .cell = put_cell, .ctx = l};
    struct text t = {0};

    for (size_t i = 0; i < l->chosen_count; i++)
        table_measure(&table, i);
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
        table_put(&table, i, &t);
        out_text(&t);
    }
    text_free(&t);
}

static void print_list(struct list *l)
{
    struct text t = {0};

    if (!l->settings->json)
        print_table(l);
    for (size_t i = 0; l->settings->json && i < l->chosen_count; i++)
        print_json(l, i, &t);
    text_free(&t);
}

int main(int argc, char **argv)
{
    const struct settings settings = parse_options(argc, argv);
    int count;
    char **paths = cli_operands(&count);
    struct list l = {.store = input_open(paths, count), .settings = &settings};
    xray_error err = {0};

    int r = xray_store_runs(l.store, &l.runs, &l.run_count, &err);

    if (r >= 0) {
        choose_runs(&l);
        r = count_steps(&l, &err);
    }
    if (r < 0) {
        input_failed(&err);
    } else {
        l.id_digits = runs_id_digits(l.runs, l.run_count);
        print_list(&l);
    }
    if (settings.stats)
        input_print_stats(l.store);
    free(l.summaries);
    free(l.chosen);
    input_close(l.store);
    return cli_finish(l.chosen_count > 0);
}
