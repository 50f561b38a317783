/* xray-cat: prints runs, oldest first, each with its steps: as text for people,
 * or as the NDJSON of the format's specification, section 13. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/horizon.h"
#include "common/input.h"
#include "common/out.h"
#include "common/runs.h"
#include "common/show.h"

enum { KEY_FULL = CLI_LONG, KEY_STEP, KEY_UPTO, KEY_STATS };

static const struct cli_option option_table[] = {
    {'r', "id", "ID", "only this run: the first 4 or more characters of its id (repeatable)"},
    {'p', "pipeline", "NAME", "only runs of this pipeline; * ? [...] match as in the shell"},
    {KEY_FULL, "full", NULL, "with payload, candidates, decisions and notes"},
    {KEY_STEP, "step", "N", "only step N, in full"},
    {KEY_UPTO, "upto", "N", "what was known when step N began"},
    {'j', "json", NULL, "NDJSON: run, step, cand, decision, note and loss lines"},
    {KEY_STATS, "stats", NULL, "say on stderr what was read"},
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-cat -r 9f3c traces", "one run and its steps"},
    {"xray-cat -r 9f3c --step 3 traces", "everything about its third step"},
    {"xray-cat -r 9f3c --upto 3 --full traces", "what the third step could know"},
    {"xray-cat -p product_search traces", "all runs of a pipeline"},
    {"xray-cat -j traces | jq -c 'select(.kind == \"cand\")'", "for other programs"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-cat",
    .summary = "print runs with their steps, oldest first",
    .usage = {"[-r ID]... [-p PIPELINE] [--full | --step N] [--upto N] [-j] [FILE...]"},
    .examples = examples,
    .options = option_table,
};

struct settings {
    const char **ids;
    size_t id_count;
    size_t id_cap;
    const char *pipeline;
    struct show_options show;
    bool json;
    bool stats;
};

struct cat {
    xray_store *store;
    const struct settings *settings;
    const xray_run_record *runs;
    size_t run_count;
    size_t printed;
};

static void add_id(struct settings *s, const char *id)
{
    s->ids = memory_grow(s->ids, &s->id_cap, s->id_count + 1, sizeof *s->ids);
    s->ids[s->id_count++] = id;
}

static struct settings parse_options(int argc, char **argv)
{
    struct settings s = {0};
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        switch (key) {
        case 'r':
            add_id(&s, arg);
            break;
        case 'p':
            s.pipeline = arg;
            break;
        case KEY_FULL:
            s.show.full = true;
            break;
        case KEY_STEP:
            s.show.step = (int64_t)(cli_number("--step", arg, 1) & INT64_MAX);
            break;
        case KEY_UPTO:
            s.show.upto = (int64_t)(cli_number("--upto", arg, 1) & INT64_MAX);
            break;
        case 'j':
            s.json = true;
            break;
        case KEY_STATS:
            s.stats = true;
            break;
        }
    }
    return s;
}

/* ---- NDJSON ---- */

/* Writes what a call appended to the line, or reports its failure. */
static void write_line(xray_buffer *line, int r, const xray_error *err)
{
    if (r < 0)
        input_failed(err);
    else
        out_put((const char *)line->data, line->len);
    line->len = 0;
    line->failed = false;
}

static void write_events(struct cat *c, xray_trace *trace, int64_t step_number, xray_buffer *line)
{
    const unsigned all = XRAY_EVENT_CANDIDATE | XRAY_EVENT_DECISION | XRAY_EVENT_NOTE;
    const uint8_t *run_id = xray_trace_run(trace)->id;
    xray_events *events = NULL;
    xray_event_record event;
    xray_error err = {0};
    int r = xray_events_open(&events, trace, step_number, all, &err);

    while (r >= 0 && (r = xray_events_next(events, &event, &err)) == 1)
        write_line(line, xray_event_json(c->store, run_id, step_number, &event, line, &err), &err);
    if (r < 0)
        input_failed(&err);
    xray_events_close(events);
}

static void write_run(struct cat *c, xray_trace *trace, const xray_run_record *run,
                      const xray_step_record *steps, size_t count)
{
    const struct show_options *show = &c->settings->show;
    xray_buffer line = {0};
    xray_error err = {0};

    write_line(&line, xray_run_json(c->store, run, &line, &err), &err);
    if (show->step == 0 && show->upto == 0)
        write_events(c, trace, 0, &line);
    for (size_t i = 0; i < count; i++) {
        if (show->step > 0 && steps[i].number != show->step)
            continue;
        write_line(&line, xray_step_json(c->store, &steps[i], &line, &err), &err);
        if (show->upto == 0 || steps[i].ended)
            write_events(c, trace, steps[i].number, &line);
    }
    xray_buffer_free(&line);
}

/* Losses are the store's, not a run's: printed where nothing was chosen. */
static void write_losses(struct cat *c)
{
    xray_scan *scan = NULL;
    xray_scan_record record;
    xray_buffer line = {0};
    xray_error err = {0};
    int r = xray_scan_open(&scan, c->store, XRAY_SCAN_LOSS, &err);

    while (r >= 0 && (r = xray_scan_next(scan, &record, &err)) == 1) {
        write_line(&line, xray_loss_json(record.loss, &line), &err);
        c->printed++;
    }
    if (r < 0)
        input_failed(&err);
    xray_scan_close(scan);
    xray_buffer_free(&line);
}

/* ---- runs ---- */

static void print_records(struct cat *c, xray_trace *trace, const xray_run_record *run,
                          const xray_step_record *steps, size_t count)
{
    if (c->settings->json) {
        write_run(c, trace, run, steps, count);
    } else {
        if (c->printed > 0)
            out_put("\n", 1);
        show_run(c->store, trace, run, steps, count, &c->settings->show);
    }
    c->printed++;
    out_rest();
}

/* Does the run have the step that --step or --upto names? A run that was asked for
 * by its id and has not is an error; others are passed over. */
static bool has_step(const struct cat *c, const xray_run_record *run, int64_t number, size_t count)
{
    struct text id = {0};

    if (number == 0 || (uint64_t)number <= count)
        return true;
    if (c->settings->id_count > 0) {
        runs_put_id(&id, run->id, c->settings->show.id_digits);
        cli_error(NULL, "run %.*s has %zu steps, not %" PRId64, (int)id.len, id.data, count, number);
        text_free(&id);
    }
    return false;
}

static void print_trace(struct cat *c, xray_trace *trace)
{
    const struct show_options *show = &c->settings->show;
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    const xray_run_record *run = xray_trace_run(trace);

    if (!has_step(c, run, show->step, count) || !has_step(c, run, show->upto, count))
        return;
    if (show->upto == 0) {
        print_records(c, trace, run, steps, count);
        return;
    }

    const size_t known = (size_t)show->upto;
    xray_step_record *copies = memory_new(known, sizeof *copies);
    xray_run_record run_copy = *run;

    memcpy(copies, steps, known * sizeof *copies);
    horizon_apply(&run_copy, copies, known);
    print_records(c, trace, &run_copy, copies, known);
    free(copies);
}

static void print_run(struct cat *c, size_t index)
{
    xray_trace *trace = NULL;
    xray_error err = {0};

    if (xray_trace_open(&trace, c->store, index, &err) < 0) {
        input_failed(&err);
        return;
    }
    print_trace(c, trace);
    xray_trace_close(trace);
}

static int compare_indexes(const void *a, const void *b)
{
    const size_t i = *(const size_t *)a;
    const size_t j = *(const size_t *)b;

    return i < j ? -1 : i > j;
}

/* The runs that -r names, each once, in the order of the store. */
static void print_named(struct cat *c)
{
    const struct settings *s = c->settings;
    size_t *indexes = memory_new(s->id_count, sizeof *indexes);
    size_t count = 0;

    for (size_t i = 0; i < s->id_count; i++) {
        if (runs_by_id(c->store, s->ids[i], &indexes[count]))
            count++;
    }
    qsort(indexes, count, sizeof *indexes, compare_indexes);
    for (size_t i = 0; i < count; i++) {
        const size_t run = indexes[i];

        if (i > 0 && run == indexes[i - 1])
            continue;
        if (s->pipeline == NULL || name_matches(s->pipeline, c->runs[run].pipeline))
            print_run(c, run);
    }
    free(indexes);
}

static void print_all(struct cat *c)
{
    const struct settings *s = c->settings;

    for (size_t i = 0; i < c->run_count; i++) {
        if (s->pipeline == NULL || name_matches(s->pipeline, c->runs[i].pipeline))
            print_run(c, i);
    }
    if (s->json && s->pipeline == NULL && s->show.step == 0 && s->show.upto == 0)
        write_losses(c);
}

int main(int argc, char **argv)
{
    struct settings settings = parse_options(argc, argv);
    int count;
    char **paths = cli_operands(&count);
    struct cat c = {.store = input_open(paths, count), .settings = &settings};
    xray_error err = {0};

    if (xray_store_runs(c.store, &c.runs, &c.run_count, &err) < 0) {
        input_failed(&err);
    } else {
        settings.show.id_digits = runs_id_digits(c.runs, c.run_count);
        if (settings.id_count > 0)
            print_named(&c);
        else
            print_all(&c);
    }
    if (settings.stats)
        input_print_stats(c.store);
    free(settings.ids);
    input_close(c.store);
    return cli_finish(c.printed > 0);
}
