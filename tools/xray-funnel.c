/* xray-funnel: how many candidates each step lets through, and why the others fell:
 * over all runs of a pipeline, or in one run. Reads the spine only. */
#include "common/cli.h"
#include "common/funnelprint.h"
#include "common/funnelrun.h"
#include "common/input.h"
#include "common/runs.h"

enum { KEY_RUN = CLI_LONG, KEY_FORMAT, KEY_REASONS, KEY_STATS };

static const struct cli_option option_table[] = {
    {'p', "pipeline", "NAME", "only this pipeline; * ? [...] match as in the shell"},
    {KEY_RUN, "run", "ID", "one run: the first 4 or more characters of its id"},
    {KEY_REASONS, "reasons", "N", "the N most frequent reasons of rejection per step (3)"},
    {KEY_FORMAT, "format", "FORMAT", "text, or ndjson: one JSON object per line"},
    {'j', "json", NULL, "the same as --format=ndjson"},
    {KEY_STATS, "stats", NULL, "say on stderr what was read"},
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-funnel traces", "all pipelines, all runs"},
    {"xray-funnel -p competitor_selection traces", "one pipeline"},
    {"xray-funnel --run 9f3c traces", "one run, step by step"},
    {"xray-funnel --reasons 10 traces", "more of the reasons"},
    {"xray-funnel -j traces | jq 'select(.drop > 0.9)'", "steps that reject nearly all"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-funnel",
    .summary = "candidates in and out of each step, and why they were rejected",
    .usage = {"[-p PIPELINE | --run ID] [--reasons N] [--format FORMAT] [FILE...]"},
    .examples = examples,
    .options = option_table,
};

struct settings {
    const char *pipeline;
    const char *run;
    uint64_t reasons;
    bool json;
    bool stats;
};

static struct settings parse_options(int argc, char **argv)
{
    struct settings s = {.reasons = 3};
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        switch (key) {
        case 'p':
            s.pipeline = arg;
            break;
        case KEY_RUN:
            s.run = arg;
            break;
        case KEY_REASONS:
            s.reasons = cli_number("--reasons", arg, 0);
            break;
        case KEY_FORMAT:
            if (strcmp(arg, "text") != 0 && strcmp(arg, "ndjson") != 0)
                cli_usage("--format takes text or ndjson, not '%s'", arg);
            s.json = strcmp(arg, "ndjson") == 0;
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

static bool funnel_runs(xray_store *store, const struct settings *settings)
{
    struct funnel f = {.pattern = settings->pipeline};
    xray_scan *scan = NULL;
    xray_scan_record record;
    xray_error err = {0};
    int r = xray_scan_open(&scan, store, XRAY_SCAN_RUN | XRAY_SCAN_STEP, &err);

    while (r >= 0 && (r = xray_scan_next(scan, &record, &err)) == 1) {
        if (record.kind == XRAY_SCAN_RUN)
            funnel_add_run(&f, record.run);
        else
            funnel_add_step(&f, record.step);
    }
    if (r < 0)
        input_failed(&err);
    xray_scan_close(scan);
    funnel_finish(&f);
    if (settings->json)
        funnel_print_json(&f, settings->reasons);
    else
        funnel_print(&f, settings->reasons);

    const bool found = f.pipeline_count > 0;

    funnel_free(&f);
    return found;
}

static bool funnel_one_run(xray_store *store, const struct settings *settings)
{
    const xray_run_record *runs;
    xray_trace *trace = NULL;
    xray_error err = {0};
    size_t count, index;

    if (!runs_by_id(store, settings->run, &index))
        return false;
    if (xray_store_runs(store, &runs, &count, &err) < 0 || xray_trace_open(&trace, store, index, &err) < 0) {
        input_failed(&err);
        return false;
    }
    if (settings->json)
        funnel_run_print_json(trace, settings->reasons);
    else
        funnel_run_print(store, trace, settings->reasons, runs_id_digits(runs, count));
    xray_trace_close(trace);
    return true;
}

int main(int argc, char **argv)
{
    const struct settings settings = parse_options(argc, argv);
    int count;
    char **paths = cli_operands(&count);
    xray_store *store = input_open(paths, count);
    const bool found =
        settings.run != NULL ? funnel_one_run(store, &settings) : funnel_runs(store, &settings);

    if (settings.stats)
        input_print_stats(store);
    input_close(store);
    return cli_finish(found);
}
