/* See settings.h. */
#include "cat/settings.h"

enum {
    KEY_FULL = CLI_LONG,
    KEY_UPTO,
    KEY_FIRST,
    KEY_LAST,
    KEY_REVERSE,
    KEY_CURSOR,
    KEY_UNIT,
    KEY_OUTLINE,
    KEY_HEADERS,
};

static const struct cli_option option_table[] = {
    {KEY_FULL, "full", NULL,
     "with payload, candidates, decisions and notes\nNothing is then cut or folded on a terminal."},
    {KEY_OUTLINE, "outline", NULL, "only a heading per run and a line per step"},
    {KEY_HEADERS, "headers-only", NULL,
     "nothing of the payload\nWith -j, too: run and step lines without values, and no candidates, decisions "
     "and notes."},
    {KEY_UPTO, "upto", "N",
     "what was known when step N began\n"
     "The steps before it that had ended, the inputs of those that had not, and nothing of what came later."},
    {KEY_UNIT, "unit", "UNIT",
     "run, step or cand: what is chosen and what a row is\n"
     "Without it this follows from the expression, -t and -s: those that speak of steps choose steps,\n"
     "and only these are printed below their run; --unit=run prints the whole runs that have such a step.\n"
     "With -j --unit=X only lines of this kind are printed.",
     "run step cand"},
    {KEY_FIRST, "first", "N", "only the first N of the runs that are chosen"},
    {KEY_LAST, "last", "N", "only the last N of them"},
    {KEY_REVERSE, "reverse", NULL, "newest first"},
    {'f', "follow", NULL,
     "go on: print runs and steps as they are completed\n"
     "Runs are printed when they have ended or were abandoned; with -j, and where steps are chosen, each "
     "step\n"
     "is printed when it has ended. --last=N begins with the last N runs that are complete, --last=0 with "
     "none."},
    {KEY_CURSOR, "cursor-file", "FILE",
     "print what was completed since the last time; FILE remembers\n"
     "FILE is written anew (and renamed) after the output has been written. What is not complete is not "
     "printed.",
     "FILE"},
    WHERE_OPTIONS,
    ROWS_OPTIONS,
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-cat --last 3 traces", "the last three runs and their steps"},
    {"xray-cat -r 9f3c -s 3 traces", "everything about the third step of a run"},
    {"xray-cat -r 9f3c --upto 3 --full traces", "what the third step could know"},
    {"xray-cat -W 'step.type = filter and rejection_rate > 90%' traces", "steps that rejected nearly all"},
    {"xray-cat -j traces | jq -c 'select(.kind == \"cand\")'", "for other programs"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-cat",
    .summary = "print the runs in decision traces with their steps, oldest first",
    .usage = {"[-r ID]... [-s STEP]... [-W EXPR] [--last N] [--full] [--upto N] [-j] [FILE...]"},
    .examples = examples,
    .options = option_table,
    .about = "Prints runs, oldest first, each as a heading and its steps, indented by nesting: number, type, "
             "name, status, "
             "candidates in and out, the part that was rejected, duration, cost, the most frequent reasons. "
             "Below a step "
             "stand its error and its decisions, below the run its output, each cut to a line. Steps that "
             "name a parent "
             "which is not in the run stand under (orphaned).\n\n"
             "-s shows the steps of this name or number in full. An id given by -r that is unknown or "
             "ambiguous is an "
             "error.\n\n"
             "With -j the output is NDJSON as the trace file specification, section 13, describes it: run, "
             "step, cand, "
             "decision, note and, where nothing was chosen, loss lines. xray-import(1) reads it back without "
             "loss. "
             "--format=json is the same as one array, --format=msgpack the same as MessagePack maps, one "
             "behind the other. "
             "csv, tsv, line and templates have one row per run, or per step or candidate if --unit or the "
             "expression "
             "says so.\n\n"
             "Control, bidirectional and zero-width characters in traces are shown as \\x1b or \\u{202e}. "
             "Only on a "
             "terminal are long texts folded, at a mark that says so; elsewhere --full prints them whole.\n\n"
             "xray-cat -f ends by a signal; what it printed is then remembered by the cursor file.",
    .see_also = "xray-ls(1), xray-grep(1), xray-funnel(1), xray-import(1), xray-query(7), xrayfile(5)",
    .reader = true,
    .pager = true,
};

static const struct rows_tool default_rows = {
    .formats = 1u << ROWS_TEXT | 1u << ROWS_LINE | 1u << ROWS_NDJSON | 1u << ROWS_JSON | 1u << ROWS_CSV |
               1u << ROWS_TSV | 1u << ROWS_MSGPACK | 1u << ROWS_TEMPLATE,
    .defaults =
        {
            [XRAY_UNIT_RUN] =
                "run.id,run.start,run.pipeline,run.version,run.status,run.steps,run.cost,run.duration",
            [XRAY_UNIT_STEP] = "run.id,step.number,step.name,step.type,step.status,step.candidates_in,"
                               "step.candidates_out,step.rejection_rate,step.cost,step.duration",
            [XRAY_UNIT_CAND] = "run.id,step.number,step.name,cand.id,cand.verdict,cand.reason,cand.score,"
                               "cand.threshold",
        },
};

static bool take_option(struct settings *s, int key, const char *arg)
{
    switch (key) {
    case KEY_FULL:
        s->full = true;
        cli_set_full();
        return true;
    case KEY_OUTLINE:
        s->outline = true;
        return true;
    case KEY_HEADERS:
        s->headers = true;
        return true;
    case KEY_UPTO:
        s->upto = (int64_t)(cli_number("--upto", arg, 1) & INT64_MAX);
        return true;
    case KEY_UNIT:
        s->unit = where_parse_unit(arg);
        s->has_unit = true;
        return true;
    case KEY_FIRST:
        s->first = cli_number("--first", arg, 0);
        return true;
    case KEY_LAST:
        s->last = cli_number("--last", arg, 0);
        return true;
    case KEY_REVERSE:
        s->reverse = true;
        return true;
    case 'f':
        s->follow = true;
        cli_no_pager();
        return true;
    case KEY_CURSOR:
        s->cursor = arg;
        return true;
    default:
        return where_option(&s->where, key, arg) || rows_option(&s->rows, key, arg);
    }
}

static void check_options(const struct settings *s)
{
    if (s->first != UINT64_MAX && s->last != UINT64_MAX)
        cli_usage("--first and --last exclude each other");
    if (s->full && (s->outline || s->headers))
        cli_usage("--full, --outline and --headers-only exclude each other");
    if (!s->follow && s->cursor == NULL)
        return;
    if (s->reverse || s->first != UINT64_MAX)
        cli_usage("--follow and --cursor-file go forward: not with --reverse or --first");
    if (s->upto > 0)
        cli_usage("--follow and --cursor-file do not go with --upto");
    if (s->rows.format == ROWS_JSON && s->follow)
        cli_usage("an array does not end with --follow: take --format=ndjson");
}

void settings_parse(struct settings *s, int argc, char **argv)
{
    const char *arg = NULL;

    *s = (struct settings){.first = UINT64_MAX, .last = UINT64_MAX};
    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;)
        take_option(s, key, arg);
    check_options(s);
    where_parse(&s->where, s->unit);
    s->unit = where_unit(&s->where) != XRAY_UNIT_AUTO ? where_unit(&s->where) : XRAY_UNIT_RUN;
    s->rows_tool = default_rows;
    rows_begin(&s->rows, &s->rows_tool, s->unit);
}

bool settings_streams(const struct settings *s)
{
    return s->rows.format != ROWS_TEXT && !rows_has_fields(&s->rows) && !s->has_unit;
}
