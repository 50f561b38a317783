/* See cli.h. getopt_long does the scanning; its habit of taking abbreviations,
 * which makes every new option a risk for scripts, is undone here. */
#include "common/cli.h"

#include <errno.h>
#include <getopt.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/input.h"
#include "common/out.h"
#include "common/progress.h"
#include "common/version.h"
#include "common/when.h"

enum { MAX_NAME = 64, MAX_THREADS = 64 };

enum {
    KEY_TZ = CLI_READER,
    KEY_READER_FULL,
    KEY_RAW_TEXT,
    KEY_NO_PAGER,
    KEY_UNTRUSTED,
    KEY_READER_STATS,
    KEY_READER_INDEX,
    KEY_COLOR,
    KEY_NO_CONFIG,
    KEY_COMPLETE,
    KEY_HELP,
};

static const struct cli_option heading[] = {
    {CLI_HEADING, "", NULL, "Common options"},
    {0, NULL, NULL, NULL},
};

static const struct cli_option reader_options[] = {
    {KEY_TZ, "tz", "ZONE",
     "local, UTC (the default) or a name as Europe/Berlin\n"
     "It holds for times that are printed and for times on the command line that have no offset, but not "
     "inside\n"
     "of expressions, where such times are UTC.",
     "local UTC"},
    {KEY_READER_FULL, "full", NULL, "fold and cut nothing on a terminal"},
    {KEY_RAW_TEXT, "raw-text", NULL,
     "print text as it was recorded\nOtherwise control, bidirectional and zero-width characters appear as "
     "\\x1b or "
     "\\u{202e}.\nWhat a trace holds can then make a terminal do things."},
    {KEY_READER_INDEX, "index", "WHEN",
     "auto (the indexes beside segments, where they can be trusted), never, require\n"
     "What is printed is the same; with require a segment without an index is an error. See xray-index(1).",
     "auto never require"},
    {KEY_UNTRUSTED, "untrusted", NULL,
     "for files of strangers: give up every right but to read\n"
     "Before a byte of them is looked at (of standard input: after it was copied), the tool gives up for good to open for "
     "writing, to\n"
     "run programs, to use the network, to signal or trace others and to make code, and bounds its memory. No index is "
     "used and no\n"
     "pager. What is printed is the same. Where the kernel cannot do this it is an error."},
    {KEY_READER_STATS, "stats", NULL, "say on standard error what was read"},
    {'@', "threads", "N",
     "threads that read and search; 1: no more than one\nOtherwise as many as there are processors, up to 8. What is "
     "printed is the same with any number. XRAY_THREADS\nis taken where the option is not given."},
    {0, NULL, NULL, NULL},
};

static const struct cli_option pager_options[] = {
    {KEY_NO_PAGER, "no-pager", NULL, "print to the terminal itself"},
    {0, NULL, NULL, NULL},
};

static const struct cli_option common_options[] = {
    {KEY_COLOR, "color", "WHEN", "auto (on a terminal, unless NO_COLOR is set), always, never",
     "auto always never"},
    {KEY_NO_CONFIG, "no-config", NULL, "do not read the file that XRAY_CONFIG names"},
    {KEY_COMPLETE, "complete", "SHELL", "print the completion script for bash, zsh or fish", "bash zsh fish"},
    {'h', "help", NULL, "-h: help on one screen; --help: all of it"},
    {'V', "version", NULL, "versions of the tool, the format and the libraries in it"},
    {0, NULL, NULL, NULL},
};

static struct {
    struct cli_table table; /* the tool's options, then the common ones */
    int argc;
    char **argv;
    struct option long_options[CLI_MAX_OPTIONS + 1];
    size_t long_count;
    char short_options[2 * CLI_MAX_OPTIONS + 2];
    enum out_color color;
    bool full;
    bool stats;
    unsigned threads; /* 0: not said */
    bool no_pager;
    bool trouble;
    bool skipped;
} cli;

static bool has_option(const char *name)
{
    for (size_t i = 0; i < cli.table.count; i++) {
        if (strcmp(cli.table.options[i].name, name) == 0)
            return true;
    }
    return false;
}

static void add_to_parser(const struct cli_option *option)
{
    const size_t shorts = strlen(cli.short_options);

    cli.long_options[cli.long_count++] = (struct option){
        .name = option->name,
        .has_arg = option->arg != NULL ? required_argument : no_argument,
        .val = option->key == 'h' ? KEY_HELP : option->key, /* --help says more than -h */
    };
    if (option->key < CLI_LONG) {
        cli.short_options[shorts] = (char)option->key;
        cli.short_options[shorts + 1] = option->arg != NULL ? ':' : '\0';
    }
}

/* What the tool has itself stays. */
static void add_options(const struct cli_option *options)
{
    for (; options->name != NULL && cli.table.count < CLI_MAX_OPTIONS; options++) {
        if (options->key != CLI_HEADING && has_option(options->name))
            continue;
        cli.table.options[cli.table.count++] = *options;
        if (options->key != CLI_HEADING)
            add_to_parser(options);
    }
}

static _Noreturn void print_man(void)
{
    struct text t = {0};

    help_put_man(&t, &cli.table);
    out_text(&t);
    text_free(&t);
    exit(cli_finish(true));
}

/* Large blocks of memory go back to the system as they are freed. By itself glibc raises the size of what counts as large with each
 * one that is freed, and then keeps decoded blocks in pieces: 40 MB of 300 with a million runs. */
static void keep_memory_small(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
}

void cli_start(const struct cli_tool *tool, int argc, char **argv)
{
    keep_memory_small();
    signal(SIGPIPE, SIG_DFL);
    cli.table.tool = tool;
    cli.short_options[0] = ':'; /* a missing argument is told from an unknown option */
    add_options(tool->options);
    add_options(heading);
    if (tool->reader)
        add_options(reader_options);
    if (tool->pager)
        add_options(pager_options);
    add_options(common_options);
    if (argc == 2 && strcmp(argv[1], "--help-man") == 0)
        print_man();
    config_insert(&cli.table, &argc, &argv);
    cli.argc = argc;
    cli.argv = argv;
    opterr = 0;
}

bool cli_full(void)
{
    return cli.full;
}

void cli_set_full(void)
{
    cli.full = true;
}

static unsigned take_threads(const char *option, const char *text)
{
    const uint64_t n = cli_number(option, text, 1);

    return n < MAX_THREADS ? (unsigned)n : MAX_THREADS;
}

unsigned cli_threads(void)
{
    const char *text = getenv("XRAY_THREADS");

    if (cli.threads == 0 && text != NULL && text[0] != '\0')
        cli.threads = take_threads("XRAY_THREADS", text);
    return cli.threads;
}

bool cli_stats(void)
{
    return cli.stats;
}

void cli_no_pager(void)
{
    cli.no_pager = true;
}

const char *cli_name(void)
{
    return cli.table.tool != NULL ? cli.table.tool->name : "xray";
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
    progress_hide();
    vsnprintf(message, sizeof message, format, args);
    text_printf(&line, "%s: ", cli_name());
    if (subject != NULL) {
        text_escape(&line, xray_s(subject), SAFE_LINE);
        text_puts(&line, ": ");
    }
    text_escape(&line, xray_s(message), SAFE_LINE);
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
    text_escape(&line, xray_s(message), SAFE_LINE);
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

    progress_hide();
    fprintf(stderr, "%s: ", cli_name());
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    exit(EXIT_TROUBLE);
}

void cli_usage(const char *format, ...)
{
    struct text usage = {0};
    va_list args;

    va_start(args, format);
    say(NULL, format, args);
    va_end(args);
    help_put_usage(&usage, &cli.table);
    fwrite(usage.data, 1, usage.len, stderr);
    fprintf(stderr, "hint: %s -h shows examples and all options\n", cli_name());
    exit(EXIT_TROUBLE);
}

int cli_finish(bool found)
{
    out_flush();
    progress_hide();
    /* Some file systems tell of a full disk only here. */
    if (close(STDOUT_FILENO) != 0 && errno != EBADF)
        cli_die("write error: %s", strerror(errno));
    if (cli.trouble)
        return EXIT_TROUBLE;
    if (cli.skipped)
        return EXIT_SKIPPED;
    return found ? EXIT_FOUND : EXIT_NOTHING;
}

/* ---- what ends at once ---- */

static _Noreturn void print_and_exit(struct text *t)
{
    out_text(t);
    text_free(t);
    exit(cli_finish(true));
}

static _Noreturn void help(bool all)
{
    struct text t = {0};

    if (all)
        help_put_long(&t, &cli.table);
    else
        help_put_short(&t, &cli.table);
    out_start(cli.color);
    if (all && !cli.no_pager)
        out_use_pager();
    print_and_exit(&t);
}

static _Noreturn void complete(const char *shell)
{
    struct text t = {0};

    if (!complete_put(&t, &cli.table, shell))
        cli_usage("--complete takes bash, zsh or fish, not '%s'", shell);
    print_and_exit(&t);
}

static _Noreturn void version(void)
{
    struct text t = {0};

    version_put(&t, cli_name());
    print_and_exit(&t);
}

/* ---- parsing ---- */

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

    const char *near = help_nearest(&cli.table, name);

    if (near != NULL && strcmp(near, name) == 0)
        cli_hint("--%s takes no argument", near);
    else if (near != NULL)
        cli_hint("did you mean --%s?%s", near,
                 strncmp(near, name, strlen(name)) == 0 ? " Options cannot be abbreviated." : "");
    else
        cli_hint("%s -h lists the options", cli_name());
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

static enum xray_index_mode parse_index(const char *arg)
{
    if (strcmp(arg, "auto") == 0)
        return XRAY_INDEX_AUTO;
    if (strcmp(arg, "never") == 0)
        return XRAY_INDEX_NEVER;
    if (strcmp(arg, "require") == 0)
        return XRAY_INDEX_REQUIRE;
    cli_usage("--index takes auto, never or require, not '%s'", arg);
}

/* Takes an option that tools have in common; false: it is the tool's. */
static bool take_common(int key)
{
    switch (key) {
    case 'h':
    case KEY_HELP:
        help(key == KEY_HELP);
    case 'V':
        version();
    case KEY_COMPLETE:
        complete(optarg);
    case KEY_COLOR:
        cli.color = parse_color(optarg);
        return true;
    case KEY_TZ:
        if (!when_set_zone(optarg))
            cli_usage("--tz: there is no time zone '%s' here", optarg);
        return true;
    case KEY_READER_FULL:
        cli.full = true;
        return true;
    case KEY_RAW_TEXT:
        text_set_raw();
        return true;
    case KEY_UNTRUSTED: /* a pager is a program */
        cli.no_pager = true;
        input_set_untrusted();
        return true;
    case KEY_NO_PAGER:
        cli.no_pager = true;
        return true;
    case KEY_READER_INDEX:
        input_set_index(parse_index(optarg));
        return true;
    case KEY_READER_STATS:
        cli.stats = true;
        return true;
    case '@':
        cli.threads = take_threads("--threads", optarg);
        return true;
    case KEY_NO_CONFIG:
        return true; /* see config_insert */
    default:
        return false;
    }
}

int cli_next(const char **arg)
{
    for (;;) {
        int index = -1;
        const int key = getopt_long(cli.argc, cli.argv, cli.short_options, cli.long_options, &index);

        if (key == -1) {
            out_start(cli.color);
            if (cli.table.tool->pager && !cli.no_pager)
                out_use_pager();
            return 0;
        }
        if (key == ':')
            cli_usage("option %s needs an argument", cli.argv[optind - 1]);
        if (key == '?')
            unknown_option(cli.argv[optind - 1]);
        if (index >= 0)
            check_spelling(index);
        if (!take_common(key)) {
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
