/* See config.h. */
#include "common/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_switched_off(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--no-config") == 0)
            return true;
    }
    return false;
}

/* The option that a line spells: -x, -xARG, --name, --name=ARG. */
static const struct cli_option *find_option(const struct cli_table *table, const char *line)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct cli_option *o = &table->options[i];
        const size_t len = strlen(o->name);

        if (o->key == CLI_HEADING)
            continue;
        if (line[1] != '-' && o->key == line[1])
            return o;
        if (line[1] == '-' && strncmp(line + 2, o->name, len) == 0 &&
            (line[2 + len] == '\0' || line[2 + len] == '='))
            return o;
    }
    return NULL;
}

static bool wants_argument(const struct cli_option *o, const char *line)
{
    return o->arg != NULL && (line[1] == '-' ? strchr(line, '=') == NULL : line[2] == '\0');
}

struct arguments {
    char **items;
    size_t count, cap;
};

static void add(struct arguments *a, char *item)
{
    a->items = memory_grow(a->items, &a->cap, a->count + 1, sizeof *a->items);
    a->items[a->count++] = item;
}

static char *copy(const char *line)
{
    char *c = memory_new(strlen(line) + 1, 1);

    memcpy(c, line, strlen(line));
    return c;
}

static void read_lines(const struct cli_table *table, FILE *file, const char *path, struct arguments *out)
{
    enum { PASSED, TAKEN, OPEN, OPEN_PASSED } last = PASSED; /* the option before: may an argument follow */
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;

    for (int number = 1; (len = getline(&line, &cap, file)) >= 0; number++) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        if (line[0] != '-' || line[1] == '\0') {
            if (last == TAKEN)
                cli_die("%s:%d: not an option, and the one before takes no argument", path, number);
            if (last == OPEN)
                add(out, copy(line));
            last = last == OPEN ? TAKEN : PASSED;
            continue;
        }

        const struct cli_option *o = find_option(table, line);

        if (o != NULL)
            add(out, copy(line));
        last = o == NULL ? OPEN_PASSED : wants_argument(o, line) ? OPEN : TAKEN;
    }
    if (last == OPEN)
        cli_die("%s: the last option has no argument", path);
    free(line);
}

void config_insert(const struct cli_table *table, int *argc, char ***argv)
{
    const char *path = getenv("XRAY_CONFIG");
    struct arguments all = {0};

    if (path == NULL || path[0] == '\0' || is_switched_off(*argc, *argv))
        return;

    FILE *file = fopen(path, "re");

    if (file == NULL)
        cli_die("XRAY_CONFIG: %s: %s", path, strerror(errno));
    add(&all, (*argv)[0]);
    read_lines(table, file, path, &all);
    fclose(file);
    for (int i = 1; i < *argc; i++)
        add(&all, (*argv)[i]);
    add(&all, NULL);
    *argc = (int)all.count - 1;
    *argv = all.items;
}
