/* The options of the running tool as one table, for those that print it: help.c and complete.c. */
#ifndef COMMON_CLITABLE_H
#define COMMON_CLITABLE_H

#include "common/cli.h"
#include "common/text.h"

enum { CLI_MAX_OPTIONS = 96 };

struct cli_table {
    const struct cli_tool *tool;
    struct cli_option options[CLI_MAX_OPTIONS]; /* headings too */
    size_t count;
};

/* -h: one screen. --help: everything. --help-man: the manual page. */
void help_put_short(struct text *t, const struct cli_table *table);
void help_put_long(struct text *t, const struct cli_table *table);
void help_put_man(struct text *t, const struct cli_table *table);
void help_put_usage(struct text *t, const struct cli_table *table);

/* The script that a shell (bash, zsh, fish) needs to complete the tool's options. False for other shells. */
bool complete_put(struct text *t, const struct cli_table *table, const char *shell);

/* The name nearest to a mistyped one, or NULL. */
const char *help_nearest(const struct cli_table *table, const char *name);

#endif
