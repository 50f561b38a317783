/* xray-funnel: how many candidates each step lets through, and why the others fell: over all runs,
 * in groups of them, in two sets of them side by side, or in one run. Reads the spine, and more
 * only where an expression or a field asks for it. */
#include "common/cli.h"
#include "common/input.h"
#include "common/rows.h"
#include "common/runs.h"
#include "common/when.h"
#include "common/where.h"
#include "funnel/assert.h"
#include "funnel/cells.h"
#include "funnel/data.h"
#include "funnel/onerun.h"
#include "funnel/print.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEY_RUN = CLI_LONG, KEY_BY, KEY_BUCKET, KEY_REASONS, KEY_RATE, KEY_ORDER, KEY_MIN_RUNS, KEY_COMPARE,
       KEY_BASELINE, KEY_ASSERT };

enum { EXIT_ASSERT = 4 };

static const struct cli_option option_table[] = {
    {KEY_BY, "by", "FIELD", "a line for each value of this field: version, model, tags.tier\n"
     "A field of runs or steps, as in xray-query(7). Can be given twice."},
    {KEY_BUCKET, "bucket", "LENGTH", "a line for each slice of time in which runs began: 1h, 1d"},
    {KEY_REASONS, "reasons", "N", "the N most frequent reasons of rejection per step (3; 10 without N)"},
    {KEY_RATE, "rate", "KIND", "drop over all runs: pooled (1-Σout/Σin), or mean of the runs' own rates",
     "pooled mean"},
    {KEY_COMPARE, "compare", "EXPR", "runs for which EXPR holds against the rest"},
    {KEY_BASELINE, "baseline", "STORE", "against the runs of another store"},
    {KEY_ASSERT, "assert", "CONDITION", "'filter_price.rejection_rate < 95%'; if not, exit status 4\n"
     "STEP.FIELD, one of < <= > >= = !=, and a value. Can be repeated.\n"
     "Fields: rejection_rate in out rejected runs p50 p95 cost."},
    {KEY_ORDER, "order", "ORDER", "of the steps: seen (as they run), name, rate", "seen name rate"},
    {KEY_MIN_RUNS, "min-runs", "N", "leave out lines of fewer runs"},
    {KEY_RUN, "run", "ID", "one run, step by step; the same as -r with one ID and none of the above"},
    WHERE_OPTIONS,
    ROWS_OPTIONS,
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-funnel -p competitor_selection traces", "one pipeline: where do candidates go?"},
    {"xray-funnel -r 9f3c traces", "one run, step by step"},
    {"xray-funnel --by version --bucket 1d --since 7d traces", "since when, and in which version?"},
    {"xray-funnel --compare 'version = \"1.4\"' traces", "did 1.4 change anything?"},
    {"xray-funnel --assert 'filter_price.rejection_rate < 95%' traces", "a gate for CI"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-funnel",
    .summary = "candidates in and out of each step, and why they were rejected",
    .usage = {"[-W EXPR] [--by FIELD] [--bucket LENGTH] [--assert CONDITION] [OPTION...] [FILE...]",
              "--compare EXPR | --baseline STORE [OPTION...] [FILE...]", "--run ID [OPTION...] [FILE...]"},
    .examples = examples,
    .options = option_table,
    .statuses = "0 found, 1 nothing found, 2 error, 3 damaged data was skipped, 4 an --assert failed",
    .reader = true,
};

static struct settings {
    struct where where;
    struct rows rows;
    struct grouping grouping;
    struct asserts asserts;
    xray_query *compare;
    const char *compare_text;
    const char *baseline;
    uint64_t reasons, min_runs;
    enum rate_kind rate;
    enum board_order order;
    bool one_run; /* --run */
    bool many;    /* an option that makes sense for many runs only */
} settings = {.reasons = 3};

/* ---- options ---- */

/* The argument of --reasons may be left out, which getopt knows only as --reasons=N: gives a bare --reasons
 * its number before the options are parsed. */
static void complete_reasons(int argc, char **argv)
{
    static char complete[] = "--reasons=10";

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const bool followed = i + 1 < argc && argv[i + 1][0] >= '0' && argv[i + 1][0] <= '9' &&
                              strspn(argv[i + 1], "0123456789") == strlen(argv[i + 1]);

        if (strcmp(argv[i], "--reasons") == 0 && !followed)
            argv[i] = complete;
    }
}

static int one_of(const char *option, const char *arg, const char *const *names, int count)
{
    struct text list = {0};

    for (int i = 0; i < count; i++) {
        if (strcmp(arg, names[i]) == 0) {
            text_free(&list);
            return i;
        }
        text_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    cli_usage("%s takes one of %.*s, not '%s'", option, (int)list.len, list.data, arg);
}

static xray_query *parse_compare(const char *text)
{
    const xray_query_options options = {.unit = XRAY_UNIT_RUN, .now_ns = when_now()};
    xray_query_error error = {0};
    xray_query *query = NULL;
    char subject[64];

    if (xray_query_parse(&query, xray_s(text), &options, &error) == 0)
        return query;
    snprintf(subject, sizeof subject, "--compare:%d:%d", error.line, error.column);
    cli_error(subject, "%s", error.message);
    if (error.hint[0] != '\0')
        cli_hint("%s", error.hint);
    exit(EXIT_TROUBLE);
}

static void take_option(struct settings *s, int key, const char *arg)
{
    static const char *const rates[] = {[RATE_POOLED] = "pooled", [RATE_MEAN] = "mean"};
    static const char *const orders[] = {[ORDER_SEEN] = "seen", [ORDER_NAME] = "name", [ORDER_RATE] = "rate"};

    s->many = s->many || (key != KEY_RUN && key != KEY_REASONS);
    switch (key) {
    case KEY_BY:
        grouping_add_field(&s->grouping, arg);
        break;
    case KEY_BUCKET:
        grouping_set_bucket(&s->grouping, arg);
        break;
    case KEY_REASONS:
        s->reasons = cli_number("--reasons", arg, 0);
        break;
    case KEY_RATE:
        s->rate = (enum rate_kind)one_of("--rate", arg, rates, 2);
        break;
    case KEY_COMPARE:
        s->compare_text = arg;
        break;
    case KEY_BASELINE:
        s->baseline = arg;
        break;
    case KEY_ASSERT:
        asserts_add(&s->asserts, arg);
        break;
    case KEY_ORDER:
        s->order = (enum board_order)one_of("--order", arg, orders, 3);
        break;
    case KEY_MIN_RUNS:
        s->min_runs = cli_number("--min-runs", arg, 0);
        break;
    case KEY_RUN:
        s->one_run = true;
        where_option(&s->where, 'r', arg);
        break;
    }
}

static void parse_options(struct settings *s, int argc, char **argv)
{
    const char *arg = NULL;

    complete_reasons(argc, argv);
    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        if (!where_option(&s->where, key, arg) && !rows_option(&s->rows, key, arg))
            take_option(s, key, arg);
    }
    where_parse(&s->where, XRAY_UNIT_AUTO);
    if (s->compare_text != NULL)
        s->compare = parse_compare(s->compare_text);
    if (s->compare != NULL && s->baseline != NULL)
        cli_usage("--compare and --baseline exclude each other");
    if (s->baseline != NULL && where_has_ids(&s->where))
        cli_usage("-r and --baseline exclude each other: the ids are those of one store");
    if (s->one_run && (s->many || s->where.ids.count > 1))
        cli_usage("--run takes one run and no groups, comparisons or conditions; -r takes them");
    s->one_run = s->one_run || (s->where.ids.count == 1 && !s->many);
}

/* ---- one run ---- */

static bool print_one(xray_store *store, xray_trace *trace, int digits)
{
    struct onerun one = {.store = store, .trace = trace, .reasons = settings.reasons};
    size_t count;
    bool found = true;

    one.steps = xray_trace_steps(trace, &count);

    size_t *chosen = memory_new(count, sizeof *chosen);

    for (size_t i = 0; i < count; i++) {
        if (where_step(&settings.where, store, trace, i))
            chosen[one.count++] = i;
    }
    one.chosen = chosen;
    if (one.count == 0 && !where_run(&settings.where, store, trace))
        found = false;
    else if (settings.rows.format == ROWS_TEXT)
        onerun_print(&one, digits);
    else
        onerun_print_rows(&one, &settings.rows);
    free(chosen);
    return found;
}

static bool funnel_of_run(xray_store *store)
{
    xray_run_record run;
    xray_trace *trace = NULL;
    xray_error err = {0};
    size_t run_count, id_count;
    const size_t *ids = where_runs(&settings.where, &id_count);

    if (id_count == 0)
        return false;
    if (!runs_count(store, &run_count))
        return false;
    runs_record(store, ids[0], &run);
    if (where_test_run(&settings.where, ids[0], &run) == WHERE_NO)
        return false;
    if (xray_trace_open(&trace, store, ids[0], &err) < 0) {
        input_failed(&err);
        return false;
    }

    const bool found = print_one(store, trace, runs_id_digits(store));

    xray_trace_close(trace);
    return found;
}

/* ---- many runs ---- */

static void print_board(struct board *board, char **paths)
{
    const struct print_options options = {
        .reasons = settings.reasons,
        .sides = {settings.compare_text != NULL ? settings.compare_text : paths[0] != NULL ? paths[0] : "XRAY_DIR",
                  settings.compare_text != NULL ? "the other runs" : settings.baseline},
        .whole_runs = !where_has_steps(&settings.where),
        .bars = cell_bars_shown(),
    };

    if (settings.rows.format == ROWS_TEXT)
        print_text(board, &options);
    else if (settings.rows.format == ROWS_MARKDOWN)
        print_markdown(board, &options);
    else
        data_print(board, &settings.rows);
}

/* The runs of the other store are numbered after those of the first. */
static bool feed_baseline(const struct feed *first, xray_store *store, xray_store *baseline)
{
    struct feed feed = *first;
    size_t count;

    if (!runs_count(store, &count))
        return false;
    feed.store = baseline;
    feed.first_number = count;
    feed.side = 1;
    return feed_read(&feed);
}

/* Returns whether there was anything to show; *hold tells whether all conditions are met. */
static bool funnel_of_runs(struct board *board, xray_store *store, xray_store *baseline, char **paths, bool *hold)
{
    const struct feed feed = {
        .store = store,
        .where = &settings.where,
        .grouping = &settings.grouping,
        .compare = settings.compare,
        .take_run = board_take_run,
        .take_step = board_take_step,
        .take_sum = board_takes_sums(board) ? board_take_sum : NULL,
        .ctx = board,
    };

    if (!feed_read(&feed) || (baseline != NULL && !feed_baseline(&feed, store, baseline)))
        return false;
    board_finish(board);
    print_board(board, paths);
    *hold = asserts_hold(&settings.asserts, board, &feed);
    return board->pipeline_count > 0;
}

/* ---- main ---- */

static unsigned needs_of_groups(void)
{
    unsigned needs = 0;

    for (size_t i = 0; i < settings.grouping.field_count; i++)
        needs |= field_needs(&settings.grouping.fields[i]);
    return needs;
}

int main(int argc, char **argv)
{
    struct board board = {.grouping = &settings.grouping};
    bool hold = true;
    bool found = false;
    int count;

    parse_options(&settings, argc, argv);
    board.rate = settings.rate;
    board.order = settings.order;
    board.min_runs = settings.min_runs;
    board.compares = settings.compare != NULL || settings.baseline != NULL;
    rows_begin(&settings.rows, settings.one_run ? &onerun_rows : data_rows(&board, settings.reasons), XRAY_UNIT_STEP);

    char **paths = cli_operands(&count);

    if (settings.baseline == NULL)
        where_narrow(&settings.where);

    xray_store *store = input_open(paths, count);
    xray_store *baseline = settings.baseline != NULL ? input_open((char *[]){(char *)settings.baseline}, 1) : NULL;

    if (where_explain(&settings.where, store, needs_of_groups() | (settings.compare != NULL
                                                                       ? xray_query_needs(settings.compare)
                                                                       : 0)))
        found = true;
    else if (where_bind(&settings.where, store))
        found = settings.one_run ? funnel_of_run(store)
                                 : funnel_of_runs(&board, store, baseline, paths, &hold);
    rows_end(&settings.rows);
    board_free(&board);
    data_end();
    input_close(store);
    if (baseline != NULL)
        input_close(baseline);
    asserts_free(&settings.asserts);
    xray_query_free(settings.compare);
    grouping_free(&settings.grouping);
    where_free(&settings.where);

    const int status = cli_finish(found);

    return !hold && (status == EXIT_FOUND || status == EXIT_NOTHING) ? EXIT_ASSERT : status;
}
