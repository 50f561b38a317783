/* What all tools share on the command line: options, help, messages, exit status. */
#ifndef COMMON_CLI_H
#define COMMON_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit status of every tool. */
enum {
    EXIT_FOUND = 0,   /* done; something was found */
    EXIT_NOTHING = 1, /* done; nothing was found */
    EXIT_TROUBLE = 2, /* usage, input or output error, also when some output was printed */
    EXIT_SKIPPED = 3, /* done, but data was damaged and skipped */
};

/* One option: the parser, -h, --help, the manual page, the completions and the spelling check all come from here. */
struct cli_option {
    int key;            /* the letter of the short option, or from CLI_LONG up: it has none; CLI_HEADING */
    const char *name;   /* long name without dashes; NULL ends the table */
    const char *arg;    /* name of its argument in the help; NULL: it takes none */
    const char *help;   /* lines separated by \n; -h shows the first one of the tool's own options */
    const char *values; /* words that the argument can be, separated by spaces; "FILE": files; NULL: other */
};

enum {
    CLI_HEADING = -1, /* no option: `help` is the heading of those that follow, which -h only names */
    CLI_LONG = 256,   /* long options of the tool */
    CLI_WHERE = 512,  /* of common/where.h */
    CLI_ROWS = 576,   /* of common/rows.h */
    CLI_READER = 640, /* of cli_tool.reader */
};

struct cli_example {
    const char *command;
    const char *what;
};

struct cli_tool {
    const char *name;
    const char *summary;
    const char *usage[3];               /* without the name; NULL: no more */
    const struct cli_example *examples; /* a NULL command ends it */
    const struct cli_option *options;   /* what is added to -h, -V, --color, --no-config */
    const char *operands;               /* a line about FILE; NULL: it is what input_open takes */
    const char *statuses;               /* the exit statuses; NULL: found, nothing, error, damaged */
    const char *about;    /* paragraphs separated by an empty line, for --help and the manual page; with NULL the
                           * page in tools/ is written by hand */
    const char *see_also; /* "xray-ls(1), xray-query(7)" */
    bool reader;          /* it reads traces: --tz, --full, --raw-text, --no-pager, --stats, --threads */
    bool pager;           /* its text goes through a pager, on a terminal */
};

/* Begins: resets SIGPIPE (parents may ignore it), and puts what XRAY_CONFIG holds before the arguments. */
void cli_start(const struct cli_tool *tool, int argc, char **argv);

/* The key of the next option, its argument in *arg; 0 when all are read. Help,
 * version and usage errors end the program in here; abbreviations are errors. */
int cli_next(const char **arg);

/* What stands behind the options. */
char **cli_operands(int *count);

/* What the options that all readers have say. --tz, --raw-text and the pager need no asking. */
bool cli_full(void);       /* --full: nothing is folded or cut on a terminal */
void cli_set_full(void);   /* for tools with a --full of their own */
unsigned cli_threads(void); /* --threads, or XRAY_THREADS; 0: as many as are good */
bool cli_stats(void);      /* --stats; input_close prints them */
void cli_no_pager(void);   /* to be called before cli_next returned 0: e.g. because of --follow */
/* What the tool's own name is, for messages. */
const char *cli_name(void);

/* An option's argument as a number, at least `min`. */
uint64_t cli_number(const char *option, const char *text, uint64_t min);

/* Messages: one line "xray-grep: SUBJECT: MESSAGE" (a NULL subject is left out),
 * made safe for a terminal. What stands on stdout so far is written first. */
void cli_say(const char *subject, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, and the exit status will be EXIT_TROUBLE. */
void cli_error(const char *subject, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line "hint: ..." after a message. */
void cli_hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Data was skipped: the exit status will be EXIT_SKIPPED, or EXIT_TROUBLE if that too. */
void cli_skipped(void);

_Noreturn void cli_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes what is left and tells the exit status: trouble, skipped, nothing, found, the first that is true. */
int cli_finish(bool found);

#endif
