/* See clitable.h: the option table as help and as a manual page. */
#include "common/clitable.h"

#include <string.h>

#include "common/spelling.h"

enum { WIDTH = 100 };

static const char files[] =
    "FILE is a segment, a directory of segments or - (standard input); none: $XRAY_DIR.";
static const char statuses[] = "0 found, 1 nothing found, 2 error, 3 damaged data was skipped";

static const char * or (const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

void help_put_usage(struct text *t, const struct cli_table *table)
{
    for (size_t i = 0; i < 3 && table->tool->usage[i] != NULL; i++)
        text_printf(t, "%s %s %s\n", i == 0 ? "usage:" : "      ", table->tool->name, table->tool->usage[i]);
}

static void put_option(struct text *t, const struct cli_option *option)
{
    if (option->key < CLI_LONG)
        text_printf(t, "  -%c, --%s", option->key, option->name);
    else
        text_printf(t, "      --%s", option->name);
    if (option->arg != NULL)
        text_printf(t, "=%s", option->arg);
}

static size_t option_width(const struct cli_table *table, size_t begin, size_t end)
{
    struct text cell = {0};
    size_t width = 0;

    for (size_t i = begin; i < end; i++) {
        text_reset(&cell);
        if (table->options[i].key != CLI_HEADING)
            put_option(&cell, &table->options[i]);
        width = cell.len > width ? cell.len : width;
    }
    text_free(&cell);
    return width;
}

/* Appends a help text, or its first line; further lines stand below the first. */
static void put_help(struct text *t, size_t indent, const char *help, bool whole)
{
    for (size_t len; *help != '\0'; help += len + (help[len] == '\n')) {
        len = strcspn(help, "\n");
        text_put(t, help, len);
        text_puts(t, "\n");
        if (!whole || help[len] == '\0')
            return;
        text_fill(t, ' ', indent);
    }
}

static void put_options(struct text *t, const struct cli_table *table, size_t begin, size_t end, bool whole)
{
    const size_t width = option_width(table, begin, end);

    for (size_t i = begin; i < end; i++) {
        const size_t mark = t->len;

        if (table->options[i].key == CLI_HEADING) {
            text_printf(t, "\n%s:\n", table->options[i].help);
            continue;
        }
        put_option(t, &table->options[i]);
        text_pad(t, mark, width + 2);
        put_help(t, width + 2, table->options[i].help, whole);
    }
}

static size_t first_heading(const struct cli_table *table)
{
    size_t i = 0;

    while (i < table->count && table->options[i].key != CLI_HEADING)
        i++;
    return i;
}

/* The options under a heading, by their names only: "Choosing: -W --since ...". */
static void put_names(struct text *t, const struct cli_table *table)
{
    size_t line = t->len;

    for (size_t i = first_heading(table); i < table->count; i++) {
        const struct cli_option *o = &table->options[i];
        struct text name = {0};

        if (o->key == CLI_HEADING) {
            text_printf(t, "%s%s:", t->len > line ? "\n" : "", o->help);
            line = t->len - strlen(o->help) - 1;
            continue;
        }
        if (o->key < CLI_LONG)
            text_printf(&name, " -%c%s%s", o->key, o->arg != NULL ? " " : "", or (o->arg, ""));
        else
            text_printf(&name, " --%s%s%s", o->name, o->arg != NULL ? "=" : "", or (o->arg, ""));
        if (t->len - line + name.len > WIDTH) {
            text_puts(t, "\n   ");
            line = t->len - 3;
        }
        text_put(t, name.data, name.len);
        text_free(&name);
    }
    text_puts(t, "\n");
}

static void put_examples(struct text *t, const struct cli_table *table)
{
    size_t width = 0;

    for (const struct cli_example *e = table->tool->examples; e->command != NULL; e++)
        width = strlen(e->command) > width ? strlen(e->command) : width;
    for (const struct cli_example *e = table->tool->examples; e->command != NULL; e++) {
        const size_t mark = t->len;

        text_printf(t, "  %s", e->command);
        text_pad(t, mark, width + 4);
        text_printf(t, "%s\n", e->what);
    }
}

static void put_head(struct text *t, const struct cli_table *table)
{
    text_printf(t, "%s: %s\n\n", table->tool->name, table->tool->summary);
    put_examples(t, table);
    text_puts(t, "\n");
    help_put_usage(t, table);
    text_printf(t, "%s\n\n", or (table->tool->operands, files));
}

void help_put_short(struct text *t, const struct cli_table *table)
{
    const size_t own = first_heading(table);

    put_head(t, table);
    put_options(t, table, 0, own, false);
    if (own < table->count) {
        text_puts(t, "\n");
        put_names(t, table);
        text_puts(t, "\n--help explains all of them.\n");
    }
    text_printf(t, "\nexit status: %s\n", or (table->tool->statuses, statuses));
}

/* Paragraphs, with lines of at most WIDTH columns. */
static void put_wrapped(struct text *t, const char *about)
{
    size_t line = 0;

    for (size_t len; *about != '\0'; about += len) {
        if (*about == '\n' || *about == ' ') {
            len = strspn(about, "\n ");
            if (memchr(about, '\n', len) != NULL) {
                text_puts(t, "\n\n");
                line = 0;
            }
            continue;
        }
        len = strcspn(about, "\n ");
        if (line > 0 && line + 1 + len > WIDTH) {
            text_puts(t, "\n");
            line = 0;
        }
        text_puts(t, line > 0 ? " " : "");
        text_put(t, about, len);
        line += len + (line > 0);
    }
    text_puts(t, "\n");
}

void help_put_long(struct text *t, const struct cli_table *table)
{
    const struct cli_tool *tool = table->tool;

    put_head(t, table);
    if (tool->about != NULL) {
        put_wrapped(t, tool->about);
        text_puts(t, "\n");
    }
    put_options(t, table, 0, table->count, true);
    text_printf(t, "\nexit status: %s\n", or (tool->statuses, statuses));
    if (tool->see_also != NULL)
        text_printf(t, "see also: %s\n", tool->see_also);
}

/* ---- the manual page ---- */

/* Text for roff: no line begins a request, hyphens and backslashes are what they are. */
static void put_roff(struct text *t, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((text[i] == '.' || text[i] == '\'') && (t->len == 0 || t->data[t->len - 1] == '\n'))
            text_puts(t, "\\&");
        if (text[i] == '\\')
            text_puts(t, "\\e");
        else if (text[i] == '-')
            text_puts(t, "\\-");
        else if (text[i] == '\'')
            text_puts(t, "\\(aq");
        else if (text[i] == '~')
            text_puts(t, "\\(ti");
        else if (text[i] == '^')
            text_puts(t, "\\(ha");
        else
            text_put(t, &text[i], 1);
    }
}

static void put_roff_line(struct text *t, const char *text)
{
    put_roff(t, text, strlen(text));
    text_puts(t, "\n");
}

static void put_roff_paragraphs(struct text *t, const char *about)
{
    while (*about != '\0') {
        const char *end = strstr(about, "\n\n");
        const size_t len = end != NULL ? (size_t)(end - about) : strlen(about);

        put_roff(t, about, len);
        text_puts(t, "\n");
        about += len;
        about += strspn(about, "\n");
        if (*about != '\0')
            text_puts(t, ".PP\n");
    }
}

static void put_roff_options(struct text *t, const struct cli_table *table)
{
    text_puts(t, ".SH OPTIONS\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct cli_option *o = &table->options[i];

        if (o->key == CLI_HEADING) {
            text_printf(t, ".SS %s\n", o->help);
            continue;
        }
        text_puts(t, ".TP\n");
        if (o->key < CLI_LONG)
            text_printf(t, "\\fB\\-%c\\fR, ", o->key);
        text_puts(t, "\\fB\\-\\-");
        put_roff(t, o->name, strlen(o->name));
        text_puts(t, "\\fR");
        if (o->arg != NULL)
            text_printf(t, "=\\fI%s\\fR", o->arg);
        text_puts(t, "\n");
        for (const char *line = o->help; *line != '\0';) {
            const size_t len = strcspn(line, "\n");

            put_roff(t, line, len);
            /* The first line is no sentence for -h; here it is followed by some. */
            text_puts(t, line[len] == '\n' && line == o->help ? ".\n" : "\n");
            line += len + (line[len] == '\n');
        }
    }
}

static void put_roff_environment(struct text *t)
{
    text_puts(
        t,
        ".SH ENVIRONMENT\n.TP\n.B XRAY_DIR\nWhat is read where no FILE is given.\n"
        ".TP\n.B XRAY_THREADS\nThreads that read and search, where \\-\\-threads is not given.\n"
        ".TP\n.B XRAY_CONFIG\nA file of options, one per line, that are put before those of the command "
        "line; "
        "lines that begin with # are comments. Options that the tool does not have are passed over.\n"
        ".TP\n.BR XRAY_PAGER \", \" PAGER\nThe pager, used only if standard input and output are terminals; "
        "empty or cat: none.\n"
        ".TP\n.BR NO_COLOR \", \" CLICOLOR_FORCE \", \" FORCE_COLOR\nColours off, on, on.\n"
        ".TP\n.B XRAY_COLORS\nThe colours: pairs as in match=1;31:error=31, of the names "
        "match, error, good, warn, id, dim, bold.\n");
}

void help_put_man(struct text *t, const struct cli_table *table)
{
    const struct cli_tool *tool = table->tool;

    text_puts(t, ".\\\" Made by `make man` from the tool's own tables: change it there.\n.TH ");
    for (const char *c = tool->name; *c != '\0'; c++)
        text_printf(t, "%c", *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    text_printf(t, " 1 2026-11-21 \"xrayfile %s\" \"xrayfile manual\"\n.SH NAME\n%s \\- ", XRAY_VERSION,
                tool->name);
    put_roff_line(t, tool->summary);
    text_puts(t, ".SH SYNOPSIS\n");
    for (size_t i = 0; i < 3 && tool->usage[i] != NULL; i++) {
        text_printf(t, "%s.B %s\n", i > 0 ? ".br\n" : "", tool->name);
        put_roff_line(t, tool->usage[i]);
    }
    text_puts(t, ".SH DESCRIPTION\n");
    put_roff_paragraphs(t, or (tool->about, tool->summary));
    text_puts(t, ".PP\n");
    put_roff_line(t, or (tool->operands, files));
    put_roff_options(t, table);
    text_puts(t, ".SH \"EXIT STATUS\"\n");
    put_roff_line(t, or (tool->statuses, statuses));
    put_roff_environment(t);
    text_puts(t, ".SH EXAMPLES\n");
    for (const struct cli_example *e = tool->examples; e->command != NULL; e++) {
        text_puts(t, ".TP\n.B ");
        put_roff_line(t, e->command);
        put_roff_line(t, e->what);
    }
    if (tool->see_also != NULL) {
        text_puts(t, ".SH \"SEE ALSO\"\n");
        put_roff_line(t, tool->see_also);
    }
}

/* ---- mistyped names ---- */

const char *help_nearest(const struct cli_table *table, const char *name)
{
    const char *best = NULL;
    size_t best_distance = 3;

    if (name[0] == '\0')
        return NULL;
    for (size_t i = 0; i < table->count; i++) {
        const char *candidate = table->options[i].name;
        const size_t d = strncmp(candidate, name, strlen(name)) == 0
                             ? 1
                             : spelling_distance(xray_s(name), xray_s(candidate));

        if (candidate[0] != '\0' && d < best_distance) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}
