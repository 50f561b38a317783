/* See clitable.h: the option table as a completion script. */
#include "common/clitable.h"

#include <string.h>

/* Text inside of '...', for all three shells: a quote is left out, and so is what zsh takes apart. */
static void put_plain(struct text *t, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("'\\[]:`$\"", text[i]) == NULL)
            text_put(t, &text[i], 1);
    }
}

static void put_first_line(struct text *t, const char *help)
{
    put_plain(t, help, strcspn(help, "\n"));
}

static bool takes_files(const struct cli_option *o)
{
    return o->values != NULL && strcmp(o->values, "FILE") == 0;
}

/* A name that a shell function may have. */
static void put_function(struct text *t, const struct cli_table *table)
{
    text_puts(t, "_");
    for (const char *c = table->tool->name; *c != '\0'; c++)
        text_put(t, *c == '-' ? "_" : c, 1);
}

static void put_bash(struct text *t, const struct cli_table *table)
{
    put_function(t, table);
    text_puts(t, "()\n{\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    # readline breaks words at =\n"
                 "    if [[ $word == = ]]; then word=; fi\n"
                 "    if [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
                 "    case $before in\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct cli_option *o = &table->options[i];

        if (o->key == CLI_HEADING || o->arg == NULL)
            continue;
        text_puts(t, "    ");
        if (o->key < CLI_LONG)
            text_printf(t, "-%c | ", o->key);
        text_printf(t, "--%s) ", o->name);
        if (takes_files(o))
            text_puts(t, "mapfile -t COMPREPLY < <(compgen -f -- \"$word\")");
        else if (o->values != NULL)
            text_printf(t, "mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$word\")", o->values);
        else
            text_puts(t, "COMPREPLY=()");
        text_puts(t, "; return ;;\n");
    }
    text_puts(t, "    esac\n    if [[ $word == -* ]]; then\n        mapfile -t COMPREPLY < <(compgen -W '");
    for (size_t i = 0; i < table->count; i++) {
        const struct cli_option *o = &table->options[i];

        if (o->key == CLI_HEADING)
            continue;
        if (o->key < CLI_LONG)
            text_printf(t, "-%c ", o->key);
        text_printf(t, "--%s%s", o->name, i + 1 < table->count ? " " : "");
    }
    text_puts(
        t,
        "' -- \"$word\")\n    else\n        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n    fi\n}\n");
    text_puts(t, "complete -o filenames -F ");
    put_function(t, table);
    text_printf(t, " %s\n", table->tool->name);
}

static void put_zsh(struct text *t, const struct cli_table *table)
{
    text_printf(t, "#compdef %s\n_arguments -s \\\n", table->tool->name);
    for (size_t i = 0; i < table->count; i++) {
        const struct cli_option *o = &table->options[i];

        if (o->key == CLI_HEADING)
            continue;
        for (int is_long = o->key < CLI_LONG ? 0 : 1; is_long <= 1; is_long++) {
            text_puts(t, "    '*");
            if (is_long)
                text_printf(t, "--%s%s", o->name, o->arg != NULL ? "=" : "");
            else
                text_printf(t, "-%c%s", o->key, o->arg != NULL ? "+" : "");
            text_puts(t, "[");
            put_first_line(t, o->help);
            text_puts(t, "]");
            if (o->arg != NULL)
                text_printf(t, ":%s:%s%s%s", o->arg,
                            takes_files(o)      ? "_files"
                            : o->values != NULL ? "("
                                                : "",
                            o->values != NULL && !takes_files(o) ? o->values : "",
                            o->values != NULL && !takes_files(o) ? ")" : "");
            text_puts(t, "' \\\n");
        }
    }
    text_puts(t, "    '*:file:_files'\n");
}

static void put_fish(struct text *t, const struct cli_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct cli_option *o = &table->options[i];

        if (o->key == CLI_HEADING)
            continue;
        text_printf(t, "complete -c %s", table->tool->name);
        if (o->key < CLI_LONG)
            text_printf(t, " -s %c", o->key);
        text_printf(t, " -l %s", o->name);
        if (o->arg != NULL)
            text_puts(t, takes_files(o) ? " -r" : " -x");
        if (o->values != NULL && !takes_files(o))
            text_printf(t, " -a '%s'", o->values);
        text_puts(t, " -d '");
        put_first_line(t, o->help);
        text_puts(t, "'\n");
    }
}

bool complete_put(struct text *t, const struct cli_table *table, const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        put_bash(t, table);
    else if (strcmp(shell, "zsh") == 0)
        put_zsh(t, table);
    else if (strcmp(shell, "fish") == 0)
        put_fish(t, table);
    else
        return false;
    return true;
}
