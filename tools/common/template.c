/* See template.h. A template is a list of parts; brackets do not nest. */
#include "common/template.h"

#include <stdlib.h>

#include "common/cli.h"

struct part {
    enum { LITERAL, FIELD, REPEAT } kind;
    struct text text;          /* LITERAL */
    struct named_field *field; /* FIELD */
    size_t len;                /* REPEAT: of the parts that follow */
};

struct template
{
    struct part *parts;
    size_t count, cap;
};

static struct part *add_part(struct template *t)
{
    t->parts = memory_grow(t->parts, &t->cap, t->count + 1, sizeof *t->parts);
    t->parts[t->count] = (struct part){0};
    return &t->parts[t->count++];
}

static _Noreturn void refuse(const char *message)
{
    cli_error(NULL, "--template: %s", message);
    cli_hint(
        "{run.id} is a field, [...] is repeated for each step; \\{ \\[ \\] \\\\ \\t \\n are what they say");
    exit(EXIT_TROUBLE);
}

static void add_char(struct template *t, bool *literal, char c)
{
    if (!*literal)
        add_part(t)->kind = LITERAL;
    *literal = true;
    text_put(&t->parts[t->count - 1].text, &c, 1);
}

static char unescape(char c)
{
    switch (c) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case '0':
        return '\0';
    case '\0':
        refuse("a backslash at the end");
    default:
        return c;
    }
}

/* From the brace on; returns the place behind the closing one. */
static const char *add_field(struct template *t, const char *at, unsigned owners, const struct field_own *own)
{
    const char *end = at + 1;
    bool quoted = false;

    while (*end != '\0' && (quoted || *end != '}')) {
        quoted = quoted != (*end == '"');
        end++;
    }
    if (*end == '\0')
        refuse("a { without its }");

    struct part *part = add_part(t);

    part->kind = FIELD;
    part->field = memory_new(1, sizeof *part->field);
    field_parse(part->field, "--template", xray_strn(at + 1, (size_t)(end - at - 1)), owners, own);
    return end + 1;
}

struct template *template_parse(const char *text, unsigned owners, const struct field_own *own)
{
    struct template *t = memory_new(1, sizeof *t);
    size_t repeat = SIZE_MAX; /* index of the part that the open bracket is */
    bool literal = false;

    while (*text != '\0') {
        if (*text == '\\') {
            add_char(t, &literal, unescape(text[1]));
            text += 2;
        } else if (*text == '{') {
            text = add_field(t, text, repeat != SIZE_MAX ? owners | FIELD_OF_STEP : owners, own);
            literal = false;
        } else if (*text == '[') {
            if (repeat != SIZE_MAX)
                refuse("a [ inside of brackets");
            repeat = t->count;
            add_part(t)->kind = REPEAT;
            literal = false;
            text++;
        } else if (*text == ']') {
            if (repeat == SIZE_MAX)
                refuse("a ] without its [");
            t->parts[repeat].len = t->count - repeat - 1;
            repeat = SIZE_MAX;
            literal = false;
            text++;
        } else {
            add_char(t, &literal, *text++);
        }
    }
    if (repeat != SIZE_MAX)
        refuse("a [ without its ]");
    return t;
}

void template_free(struct template *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++) {
        text_free(&t->parts[i].text);
        if (t->parts[i].field != NULL)
            field_free(t->parts[i].field);
        free(t->parts[i].field);
    }
    free(t->parts);
    free(t);
}

unsigned template_needs(const struct template *t)
{
    unsigned needs = 0;

    for (size_t i = 0; i < t->count; i++) {
        if (t->parts[i].kind == FIELD)
            needs |= field_needs(t->parts[i].field);
        if (t->parts[i].kind == REPEAT)
            needs |= XRAY_NEEDS_STEPS;
    }
    return needs;
}

static void put_parts(struct text *out, const struct part *parts, size_t count, const struct record *r,
                      struct cell *cell)
{
    struct text plain = {0};

    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == LITERAL) {
            text_put(out, parts[i].text.data, parts[i].text.len);
        } else {
            text_reset(&plain);
            field_get(parts[i].field, r, cell);
            cell_put_plain(&plain, cell);
            text_safe(out, text_str(&plain), SAFE_LINE);
        }
    }
    text_free(&plain);
}

static void put_repeated(struct text *out, const struct part *part, const struct record *r, struct cell *cell,
                         template_step shows, void *ctx)
{
    struct record inner = *r;
    size_t count = 0;
    const xray_step_record *steps = r->trace != NULL ? xray_trace_steps(r->trace, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        inner.step = &steps[i];
        if (shows == NULL || shows(ctx, r, i))
            put_parts(out, part + 1, part->len, &inner, cell);
    }
}

void template_put(struct text *out, const struct template *t, const struct record *r, template_step shows,
                  void *ctx)
{
    struct cell cell = {0};

    for (size_t i = 0; i < t->count; i++) {
        if (t->parts[i].kind == REPEAT) {
            put_repeated(out, &t->parts[i], r, &cell, shows, ctx);
            i += t->parts[i].len;
        } else {
            put_parts(out, &t->parts[i], 1, r, &cell);
        }
    }
    cell_free(&cell);
}
