/* Test cases as text (cases.h). */
#include "support/cases.h"

#include "support/check.h"

#include <stdlib.h>
#include <string.h>

const char *case_value(const struct test_case *c, const char *key)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->keys[i], key) == 0)
            return c->values[i];
    return "";
}

/* Splits the line in place. */
static void add_line(struct test_case *c, char *line)
{
    char *value = line + strcspn(line, " ");

    if (!CHECK(c->count < CASE_LINES))
        return;
    if (*value != '\0')
        *value++ = '\0';
    value += strspn(value, " ");
    c->keys[c->count] = line;
    c->values[c->count++] = value;
}

static size_t finish(struct test_case *c, void (*run)(const struct test_case *c))
{
    const size_t n = c->count > 0;

    if (n > 0) {
        check_context("case of line %d", c->line);
        run(c);
    }
    *c = (struct test_case){0};
    return n;
}

size_t cases_run(const char *path, void (*run)(const struct test_case *c))
{
    size_t count = 0, len;
    char *text = check_read_file(path, &len);
    struct test_case c = {0};
    int number = 0;

    if (!CHECK(text != NULL))
        return 0;
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        number++;
        if (line[0] == '#')
            continue;
        if (line[0] == '\0') {
            count += finish(&c, run);
            continue;
        }
        if (c.count == 0)
            c.line = number;
        add_line(&c, line);
    }
    count += finish(&c, run);
    check_context(NULL);
    free(text);
    return count;
}
