/* See settings.h. */
#include "grep/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cli.h"
#include "grep/hitrow.h"
#include "grep/options.h"
#include "grep/search.h"

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
        cli_usage(
            "--sort orders hits; it cannot be combined with options that print other steps of their run");
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

    *s = (struct settings){
        .fields = FIELDS_ALL, .max_count = UINT64_MAX, .max_runs = UINT64_MAX, .top = UINT64_MAX};
    cli_start(&grep_tool, argc, argv);
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
    rows_begin(&s->rows, hitrow_tool(s), s->unit);
}

void settings_free(struct settings *s)
{
    selection_free(&s->selection);
    for (size_t i = 0; i < s->file_count; i++)
        text_free(&s->files[i]);
    free(s->files);
    free(s->patterns);
}
