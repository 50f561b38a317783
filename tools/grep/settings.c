/* See settings.h. */
#include "grep/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cli.h"
#include "grep/hitprint.h"
#include "grep/search.h"

enum {
    KEY_IN = CLI_LONG,
    KEY_COUNT_RUNS,
    KEY_LIST_RUNS,
    KEY_MAX_RUNS,
    KEY_ANCESTORS,
    KEY_CHILDREN,
    KEY_UNIT,
    KEY_SORT,
    KEY_TOP,
    KEY_MAX_COLUMNS,
};

static const struct cli_option option_table[] = {
    {'e', "regexp", "PATTERN", "look for this; repeatable, any may match\nAll operands are FILEs then."},
    {'f', "file", "FILE", "patterns from FILE, one per line\nAn empty line matches everything.", "FILE"},
    {'F', "fixed-strings", NULL, "patterns are plain text"},
    {'i', "ignore-case", NULL, "upper and lower case are the same"},
    {KEY_IN, "in", "FIELDS",
     "only these fields: output,reason,cand.text\n"
     "input output reasoning error metadata tags filters params sampling attrs name type model provider id\n"
     "reason cand decision note run. cand: candidates with reasons and evidence; run: text of the run itself."},
    {'v', "invert-match", NULL,
     "what does not match\nTurns round the PATTERN; where there is none, the expression of -W."},
    {KEY_UNIT, "unit", "UNIT", "what one hit is: step, run or cand\nWithout it: a step, or a run where -W speaks of runs only.",
     "step run cand"},
    {'c', "count", NULL, "print only how many hits there are"},
    {KEY_COUNT_RUNS, "count-runs", NULL, "print only how many runs have hits"},
    {'l', "files-with-matches", NULL, "print only the segments that hold hits"},
    {'L', "files-without-match", NULL, "print only the segments that hold none"},
    {KEY_LIST_RUNS, "list-runs", NULL, "print only the ids of runs that have hits"},
    {'o', "only-matching", NULL, "print only the text that matches, each match on a line"},
    {'q', "quiet", NULL, "print nothing; exit status 0 at the first hit, even after errors"},
    {'m', "max-count", "N", "stop after N hits"},
    {KEY_MAX_RUNS, "max-runs", "N", "stop after N runs that have hits"},
    {CLI_HEADING, "", NULL, "More"},
    {'S', "smart-case", NULL, "the same, for patterns without upper-case letters"},
    {'w', "word-regexp", NULL, "only whole words match"},
    {'x', "line-regexp", NULL, "only whole lines of a text match"},
    {'A', "after-context", "N", "with the N steps after each hit, of the same run"},
    {'B', "before-context", "N", "with the N steps before"},
    {'C', "context", "N", "both; -A and -B say otherwise for their side"},
    {'R', "run", NULL, "with all steps of the run"},
    {KEY_ANCESTORS, "ancestors", NULL, "with the steps around the hit: its parent, the parent of that"},
    {KEY_CHILDREN, "children", NULL, "with the steps inside the hit, and inside of these"},
    {KEY_SORT, "sort", "KEY[:desc]", "order hits by a field: step.duration:desc\nHits without the field come last."},
    {KEY_TOP, "top", "N", "the first N of that order"},
    {KEY_MAX_COLUMNS, "max-columns", "N",
     "cut texts to N columns; 0: never\nA cut is marked by an ellipsis, in JSON by \"truncated\":true. Text shows 100\n"
     "columns of a match and what stands around it; other formats cut nothing unless asked to."},
    WHERE_OPTIONS,
    ROWS_OPTIONS,
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-grep 'refund|chargeback' traces", "steps with either word in any text"},
    {"xray-grep -i --in output -C2 sorry traces", "in outputs, with the steps around"},
    {"xray-grep -W 'step.type = filter and rejection_rate > 90%' traces", "by fields"},
    {"xray-grep -F --in cand B07X -p 'shop*' --since 2d traces", "where candidate B07X was seen"},
    {"xray-grep -o 'sku-\\d{4}' traces | sort | uniq -c", "what matched, counted"},
    {NULL, NULL},
};

static const char about[] =
    "PATTERN is a Perl-compatible regular expression (PCRE2, UTF-8); ^ and $ match at line ends. It is looked for in all text "
    "of every step: each string, key and number inside input, output, reasoning, error, metadata, tags, filters, "
    "parameters, sampling and attributes; its name, type, model, provider, id and reasons; its candidates with reasons and "
    "evidence, decisions and notes. The text of a run itself (its ids, input, output, error, metadata, tags and attributes) "
    "counts as its step 0. A match never reaches from one string into another. A pattern that is too expensive for a "
    "text is an error, never a silent miss.\n\n"
    "The expression of -W is about fields; xray-query(7) describes it. PATTERN and expression must hold for the same "
    "step. With -e, -f, -W or --where-file all operands are FILEs: a pattern beside -W is given by -e.\n\n"
    "A hit is a step, unless --unit says otherwise; without a pattern, an expression that speaks of runs only finds runs. "
    "With --unit=run a run is one hit if any of its steps is; with --unit=cand the candidates are hits, each by its own text.\n\n"
    "Text: a heading for each run, then for each field that matches a line RUN/STEP:NAME: FIELD: TEXT with the first match, "
    "and how many more there are in it. Steps that are printed beside hits have RUN/STEP-NAME: instead, and what is known of them in "
    "few words, as have hits of an expression alone. Lines -- stand where steps were left out. A step is printed once, "
    "however many hits it is near to, and never a step of another run. All this is the same on a terminal and in a pipe.\n\n"
    "ndjson: one object per hit or step, {\"v\":1,\"kind\":K,\"run\":{...},\"step\":{...},\"hits\":[{\"field\":\"output\","
    "\"path\":\".selected[0]\",\"start\":0,\"end\":4,\"text\":\"B07X\"}]}. K is match, context, run (a run that is a hit) or, with "
    "--stats as the last line, summary: it has the counts, and complete is true if all that was asked for was read and searched to its end. start "
    "and end count bytes in the string that the path names; item names the candidate, decision or note of a match in one; "
    "cand is the candidate with --unit=cand. Programs must ignore keys and kinds that they do not know.\n\n"
    "line, csv, tsv, template: one row per match. Beside the fields of xray-query(7) there are kind (match or context), hit.field, "
    "hit.item, hit.path, hit.start, hit.end and hit.text.";

static const struct cli_tool tool = {
    .name = "xray-grep",
    .about = about,
    .see_also = "xray-ls(1), xray-cat(1), xray-funnel(1), xray-query(7), pcre2pattern(3)",
    .statuses = "0 if there was a hit, 1 if there was none, 2 error, 3 damaged data was skipped; -q: 0 at the first hit",
    .summary = "find steps by their text (Perl-compatible regular expressions) and by their fields",
    .usage = {"[OPTIONS] PATTERN [FILE...]", "[OPTIONS] -e PATTERN|-f FILE|-W EXPR [FILE...]"},
    .examples = examples,
    .options = option_table,
    .reader = true,
    .pager = true,
};

/* ---- patterns ---- */

static void add_pattern(struct settings *s, xray_str pattern)
{
    s->patterns = memory_grow(s->patterns, &s->pattern_cap, s->pattern_count + 1, sizeof *s->patterns);
    s->patterns[s->pattern_count++] = pattern;
    s->has_pattern = true;
}

static struct text read_file(const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    struct text t = {0};
    char part[4096];
    size_t n;

    if (file == NULL)
        cli_die("-f: %s: %s", path, strerror(errno));
    while ((n = fread(part, 1, sizeof part, file)) > 0)
        text_put(&t, part, n);
    if (ferror(file))
        cli_die("-f: %s: %s", path, strerror(errno));
    if (file != stdin)
        fclose(file);
    return t;
}

/* One pattern per line, as grep has it: an empty line is a pattern that matches everything. */
static void add_file(struct settings *s, const char *path)
{
    s->files = memory_grow(s->files, &s->file_cap, s->file_count + 1, sizeof *s->files);
    s->files[s->file_count] = read_file(path);

    const struct text *t = &s->files[s->file_count++];

    for (size_t at = 0; at < t->len;) {
        const char *newline = memchr(t->data + at, '\n', t->len - at);
        const size_t end = newline != NULL ? (size_t)(newline - t->data) : t->len;
        const bool returns = end > at && t->data[end - 1] == '\r';

        add_pattern(s, xray_strn(t->data + at, end - at - returns));
        at = end + 1;
    }
    s->has_pattern = true;
}

/* ---- options ---- */

/* -q holds whatever else is given; of the others the last one. */
static void set_output(struct settings *s, enum output output)
{
    if (s->output != OUTPUT_NONE)
        s->output = output;
}

struct given { /* what must be known beside the settings */
    bool before, after;
    uint64_t both;
    bool top;
};

static void take_pattern_option(struct settings *s, int key, const char *arg)
{
    switch (key) {
    case 'e':
        add_pattern(s, xray_s(arg));
        break;
    case 'f':
        add_file(s, arg);
        break;
    case 'F':
        s->matcher.literal = true;
        break;
    case 'i':
        s->matcher.letters = CASE_FOLDED;
        break;
    case 'S':
        s->matcher.letters = CASE_SMART;
        break;
    case 'w':
        s->matcher.word = true;
        break;
    case 'x':
        s->matcher.line = true;
        break;
    case 'v':
        s->invert = true;
        break;
    case KEY_IN:
        s->fields = fields_parse(arg);
        break;
    }
}

static void take_output_option(struct settings *s, int key, const char *arg)
{
    switch (key) {
    case 'c':
        set_output(s, OUTPUT_COUNT);
        break;
    case KEY_COUNT_RUNS:
        set_output(s, OUTPUT_COUNT_RUNS);
        break;
    case 'l':
        set_output(s, OUTPUT_FILES);
        break;
    case 'L':
        set_output(s, OUTPUT_OTHER_FILES);
        break;
    case KEY_LIST_RUNS:
        set_output(s, OUTPUT_RUNS);
        break;
    case 'o':
        set_output(s, OUTPUT_ONLY);
        break;
    case 'q':
        s->output = OUTPUT_NONE;
        break;
    case 'm':
        s->max_count = cli_number("-m", arg, 0);
        break;
    case KEY_MAX_RUNS:
        s->max_runs = cli_number("--max-runs", arg, 0);
        break;
    case KEY_UNIT:
        s->unit = where_parse_unit(arg);
        break;
    case KEY_SORT:
        s->sort = arg;
        break;
    case KEY_MAX_COLUMNS:
        s->max_columns = (size_t)(cli_number("--max-columns", arg, 0) & (SIZE_MAX >> 8));
        s->has_max_columns = true;
        break;
    }
}

static void take_context_option(struct settings *s, struct given *given, int key, const char *arg)
{
    switch (key) {
    case 'A':
        s->context.after = cli_number("-A", arg, 0);
        given->after = true;
        break;
    case 'B':
        s->context.before = cli_number("-B", arg, 0);
        given->before = true;
        break;
    case 'C':
        given->both = cli_number("-C", arg, 0);
        break;
    case 'R':
        s->context.whole_run = true;
        break;
    case KEY_ANCESTORS:
        s->context.ancestors = true;
        break;
    case KEY_CHILDREN:
        s->context.children = true;
        break;
    case KEY_TOP:
        s->top = cli_number("--top", arg, 0);
        given->top = true;
        break;
    }
}

/* ---- all ---- */

bool settings_prints_hits(const struct settings *s)
{
    return s->output == OUTPUT_HITS || s->output == OUTPUT_ONLY;
}

bool settings_has_context(const struct settings *s)
{
    const struct context *c = &s->context;

    return c->before > 0 || c->after > 0 || c->whole_run || c->ancestors || c->children;
}

static void check(const struct settings *s, const struct given *given)
{
    if (s->output == OUTPUT_ONLY && !s->has_pattern)
        cli_usage("-o needs a PATTERN: there is no text that matches an expression");
    if (given->top && s->sort == NULL)
        cli_usage("--top needs --sort: the first N of which order?");
    if (s->sort != NULL && settings_has_context(s))
        cli_usage("--sort orders hits; it cannot be combined with options that print other steps of their run");
}

/* With a pattern a hit is a step unless --unit says otherwise: an expression about the run then
 * is a condition on the run of the step. */
static void decide_unit(struct settings *s)
{
    const bool whole = !s->has_pattern || s->unit == XRAY_UNIT_CAND;

    selection_parse(&s->selection, whole ? s->unit : XRAY_UNIT_AUTO, s->invert && !s->has_pattern);
    if (s->unit == XRAY_UNIT_AUTO)
        s->unit = s->has_pattern ? XRAY_UNIT_STEP : s->selection.unit;
    if (s->unit == XRAY_UNIT_AUTO)
        s->unit = XRAY_UNIT_STEP;
}

void settings_read(struct settings *s, int argc, char **argv, char ***paths, int *count)
{
    struct given given = {0};
    const char *arg = NULL;

    *s = (struct settings){.fields = FIELDS_ALL, .max_count = UINT64_MAX, .max_runs = UINT64_MAX, .top = UINT64_MAX};
    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        if (where_option(&s->selection.where, key, arg) || rows_option(&s->rows, key, arg))
            continue;
        take_pattern_option(s, key, arg);
        take_output_option(s, key, arg);
        take_context_option(s, &given, key, arg);
    }
    s->context.before = given.before ? s->context.before : given.both;
    s->context.after = given.after ? s->context.after : given.both;
    *paths = cli_operands(count);
    if (!s->has_pattern && !selection_has_expression(&s->selection)) {
        if (*count == 0)
            cli_usage("no PATTERN given");
        add_pattern(s, xray_s((*paths)[0]));
        (*paths)++;
        (*count)--;
    }
    check(s, &given);
    decide_unit(s);
    s->null = s->rows.null;
    s->rows.null = s->null && settings_prints_hits(s);
    rows_begin(&s->rows, hitprint_rows(s), s->unit);
}

void settings_free(struct settings *s)
{
    selection_free(&s->selection);
    for (size_t i = 0; i < s->file_count; i++)
        text_free(&s->files[i]);
    free(s->files);
    free(s->patterns);
}
