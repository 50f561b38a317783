/* See cli.h. getopt_long does the scanning; its habit of taking abbreviations,
 * which makes every new option a risk for scripts, is undone here. */
#include "common/cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/out.h"
#include "common/version.h"

enum { MAX_OPTIONS = 64, KEY_COLOR = CLI_LONG + 1000, MAX_NAME = 64 };

static const struct cli_option common_options[] = {
    {KEY_COLOR, "color", "WHEN", "auto (on a terminal, unless NO_COLOR is set), always, never"},
    {'h', "help", NULL, "this page"},
    {'V', "version", NULL, "versions of the tool, the format and the libraries in it"},
    {0, NULL, NULL, NULL},
};

static struct {
    const struct cli_tool *tool;
    int argc;
    char **argv;
    struct cli_option options[MAX_OPTIONS]; /* the tool's, then the common ones */
    size_t option_count;
    struct option long_options[MAX_OPTIONS + 1];
    char short_options[2 * MAX_OPTIONS + 2];
    enum out_color color;
    bool trouble;
    bool skipped;
} cli;

static void add_options(const struct cli_option *options)
{
    size_t shorts = strlen(cli.short_options);

    for (; options->name != NULL && cli.option_count < MAX_OPTIONS; options++) {
        const size_t i = cli.option_count++;

        cli.options[i] = *options;
        cli.long_options[i] = (struct option){
            .name = options->name,
            .has_arg = options->arg != NULL ? required_argument : no_argument,
            .val = options->key,
        };
        if (options->key < CLI_LONG) {
            cli.short_options[shorts++] = (char)options->key;
            if (options->arg != NULL)
                cli.short_options[shorts++] = ':';
        }
    }
}

void cli_start(const struct cli_tool *tool, int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL);
    cli.tool = tool;
    cli.argc = argc;
    cli.argv = argv;
    cli.short_options[0] = ':'; /* a missing argument is told from an unknown option */
    add_options(tool->options);
    add_options(common_options);
    opterr = 0;
}

/* ---- messages ---- */

static void say(const char *subject, const char *format, va_list args)
{
    static bool saying; /* out_flush may fail and come back here */
    struct text line = {0};
    char message[1024];

    if (!saying) {
        saying = true;
        out_flush();
        saying = false;
    }
    vsnprintf(message, sizeof message, format, args);
    text_printf(&line, "%s: ", cli.tool->name);
    if (subject != NULL) {
        text_safe(&line, xray_s(subject), SAFE_LINE);
        text_puts(&line, ": ");
    }
    text_safe(&line, xray_s(message), SAFE_LINE);
    text_puts(&line, "\n");
    fwrite(line.data, 1, line.len, stderr);
    text_free(&line);
}

void cli_say(const char *subject, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(subject, format, args);
    va_end(args);
}

void cli_error(const char *subject, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(subject, format, args);
    va_end(args);
    cli.trouble = true;
}

void cli_hint(const char *format, ...)
{
    struct text line = {0};
    char message[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_puts(&line, "hint: ");
    text_safe(&line, xray_s(message), SAFE_LINE);
    text_puts(&line, "\n");
    fwrite(line.data, 1, line.len, stderr);
    text_free(&line);
}

void cli_skipped(void)
{
    cli.skipped = true;
}

/* Uses no memory of ours: it also reports that there is none. */
void cli_die(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", cli.tool != NULL ? cli.tool->name : "xray");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    exit(EXIT_TROUBLE);
}

static void print_usage(FILE *stream)
{
    for (size_t i = 0; i < 3 && cli.tool->usage[i] != NULL; i++)
        fprintf(stream, "%s %s %s\n", i == 0 ? "usage:" : "      ", cli.tool->name, cli.tool->usage[i]);
}

void cli_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(NULL, format, args);
    va_end(args);
    print_usage(stderr);
    fprintf(stderr, "hint: %s -h shows examples and all options\n", cli.tool->name);
    exit(EXIT_TROUBLE);
}

int cli_finish(bool found)
{
    out_flush();
    /* Some file systems tell of a full disk only here. */
    if (close(STDOUT_FILENO) != 0 && errno != EBADF)
        cli_die("write error: %s", strerror(errno));
    if (cli.trouble)
        return EXIT_TROUBLE;
    if (cli.skipped)
        return EXIT_SKIPPED;
    return found ? EXIT_FOUND : EXIT_NOTHING;
}

/* ---- help ---- */

static void put_option(struct text *t, const struct cli_option *option)
{
    if (option->key < CLI_LONG)
        text_printf(t, "  -%c, --%s", option->key, option->name);
    else
        text_printf(t, "      --%s", option->name);
    if (option->arg != NULL)
        text_printf(t, "=%s", option->arg);
}

/* Appends a help text; its further lines stand below its first. */
static void put_help(struct text *t, size_t indent, const char *help)
{
    while (*help != '\0') {
        const size_t len = strcspn(help, "\n");

        text_put(t, help, len);
        text_puts(t, "\n");
        help += len;
        if (*help == '\n')
            text_fill(t, ' ', indent);
        help += *help == '\n';
    }
}

static void help_options(struct text *t)
{
    struct text cell = {0};
    size_t width = 0;

    for (size_t i = 0; i < cli.option_count; i++) {
        text_reset(&cell);
        put_option(&cell, &cli.options[i]);
        width = cell.len > width ? cell.len : width;
    }
    for (size_t i = 0; i < cli.option_count; i++) {
        const size_t mark = t->len;

        put_option(t, &cli.options[i]);
        text_pad(t, mark, width + 2);
        put_help(t, width + 2, cli.options[i].help);
    }
    text_free(&cell);
}

static void help_examples(struct text *t)
{
    size_t width = 0;

    for (const struct cli_example *e = cli.tool->examples; e->command != NULL; e++)
        width = strlen(e->command) > width ? strlen(e->command) : width;
    for (const struct cli_example *e = cli.tool->examples; e->command != NULL; e++) {
        const size_t mark = t->len;

        text_printf(t, "  %s", e->command);
        text_pad(t, mark, width + 4);
        text_printf(t, "%s\n", e->what);
    }
}

static _Noreturn void help(void)
{
    struct text t = {0};
    const struct cli_tool *tool = cli.tool;

    text_printf(&t, "%s: %s\n\n", tool->name, tool->summary);
    help_examples(&t);
    text_puts(&t, "\n");
    for (size_t i = 0; i < 3 && tool->usage[i] != NULL; i++)
        text_printf(&t, "%s %s %s\n", i == 0 ? "usage:" : "      ", tool->name, tool->usage[i]);
    text_printf(&t, "%s\n\n",
                tool->operands != NULL
                    ? tool->operands
                    : "FILE is a segment, a directory of segments or - (standard input); none: $XRAY_DIR.");
    help_options(&t);
    text_printf(&t, "\nexit status: %s\n",
                tool->statuses != NULL ? tool->statuses
                                       : "0 found, 1 nothing found, 2 error, 3 damaged data was skipped");
    out_text(&t);
    text_free(&t);
    exit(cli_finish(true));
}

static _Noreturn void version(void)
{
    struct text t = {0};

    version_put(&t, cli.tool->name);
    out_text(&t);
    text_free(&t);
    exit(cli_finish(true));
}

/* ---- parsing ---- */

/* Levenshtein's distance, for names shorter than MAX_NAME. */
static size_t distance(const char *a, const char *b)
{
    size_t row[MAX_NAME + 1];
    const size_t b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            const size_t change = corner + (a[i - 1] != b[j - 1]);
            const size_t step = (row[j - 1] < row[j] ? row[j - 1] : row[j]) + 1;

            corner = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[b_len];
}

static const char *nearest_option(const char *name)
{
    const char *best = NULL;
    size_t best_distance = 3;

    if (strlen(name) > MAX_NAME || name[0] == '\0')
        return NULL;
    for (size_t i = 0; i < cli.option_count; i++) {
        const char *candidate = cli.options[i].name;
        const size_t d = strncmp(candidate, name, strlen(name)) == 0 ? 1 : distance(name, candidate);

        if (d < best_distance) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}

static _Noreturn void unknown_option(const char *element)
{
    char name[MAX_NAME + 1] = "";
    const char *equals = strchr(element, '=');
    const size_t len = equals != NULL ? (size_t)(equals - element) : strlen(element);

    if (strncmp(element, "--", 2) != 0) {
        cli_error(NULL, "unknown option -%c", optopt);
    } else {
        snprintf(name, sizeof name, "%.*s", (int)(len - 2), element + 2);
        cli_error(NULL, "unknown option --%s", name);
    }

    const char *near = nearest_option(name);

    if (near != NULL && strcmp(near, name) == 0)
        cli_hint("--%s takes no argument", near);
    else if (near != NULL)
        cli_hint("did you mean --%s?%s", near,
                 strncmp(near, name, strlen(name)) == 0 ? " Options cannot be abbreviated." : "");
    else
        cli_hint("%s -h lists the options", cli.tool->name);
    exit(EXIT_TROUBLE);
}

/* getopt_long takes any unique beginning of a name. `index` is the option it
 * took; the element of argv it took it from must spell it in full. */
static void check_spelling(int index)
{
    const struct option *option = &cli.long_options[index];
    const bool separate = option->has_arg == required_argument && optarg == cli.argv[optind - 1];
    const char *element = cli.argv[optind - (separate ? 2 : 1)];
    const char *name = element + 2;

    if (strcspn(name, "=") != strlen(option->name))
        unknown_option(element);
}

static enum out_color parse_color(const char *when)
{
    if (strcmp(when, "auto") == 0)
        return COLOR_AUTO;
    if (strcmp(when, "always") == 0)
        return COLOR_ALWAYS;
    if (strcmp(when, "never") == 0)
        return COLOR_NEVER;
    cli_usage("--color takes auto, always or never, not '%s'", when);
}

int cli_next(const char **arg)
{
    for (;;) {
        int index = -1;
        const int key = getopt_long(cli.argc, cli.argv, cli.short_options, cli.long_options, &index);

        if (key == -1) {
            out_start(cli.color);
            return 0;
        }
        if (key == ':')
            cli_usage("option %s needs an argument", cli.argv[optind - 1]);
        if (key == '?')
            unknown_option(cli.argv[optind - 1]);
        if (index >= 0)
            check_spelling(index);
        switch (key) {
        case 'h':
            help();
        case 'V':
            version();
        case KEY_COLOR:
            cli.color = parse_color(optarg);
            break;
        default:
            *arg = optarg;
            return key;
        }
    }
}

char **cli_operands(int *count)
{
    *count = cli.argc - optind;
    return cli.argv + optind;
}

uint64_t cli_number(const char *option, const char *text, uint64_t min)
{
    char *end = NULL;

    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < min)
        cli_usage("%s takes a number from %llu up, not '%s'", option, (unsigned long long)min, text);
    return n;
}
