/* See fields.h: cells. */
#include <inttypes.h>

#include "common/fields.h"
#include "common/fieldtable.h"
#include "common/jsonline.h"
#include "common/when.h"

void cell_free(struct cell *c)
{
    text_free(&c->text);
    text_free(&c->json);
}

void cell_clear(struct cell *c)
{
    c->kind = CELL_MISSING;
    text_reset(&c->text);
    text_reset(&c->json);
}

void cell_set_text(struct cell *c, xray_str text)
{
    cell_clear(c);
    if (text.len == 0)
        return;
    c->kind = CELL_TEXT;
    text_put(&c->text, text.ptr, text.len);
}

void cell_set_int(struct cell *c, enum cell_kind kind, int64_t n)
{
    cell_clear(c);
    c->kind = n == XRAY_MISSING ? CELL_MISSING : kind;
    c->n = n;
}

void cell_set_double(struct cell *c, double d)
{
    cell_clear(c);
    c->kind = CELL_DOUBLE;
    c->d = d;
}

static void put_double(struct text *t, double d)
{
    xray_buffer number = {0};

    if (xray_json_double(d, &number) == 0)
        text_put(t, (const char *)number.data, number.len);
    xray_buffer_free(&number);
}

void cell_put_plain(struct text *t, const struct cell *c)
{
    switch (c->kind) {
    case CELL_MISSING:
        break;
    case CELL_TEXT:
    case CELL_JSON:
        text_put(t, c->text.data, c->text.len);
        break;
    case CELL_INT:
    case CELL_DURATION:
        text_printf(t, "%" PRId64, c->n);
        break;
    case CELL_TIME:
        when_put(t, c->n, 9);
        break;
    case CELL_COST:
        json_put_cost(t, c->n);
        break;
    case CELL_DOUBLE:
        put_double(t, c->d);
        break;
    case CELL_BOOL:
        text_puts(t, c->n != 0 ? "true" : "false");
        break;
    }
}

void cell_put_json(struct text *t, const struct cell *c)
{
    switch (c->kind) {
    case CELL_MISSING:
        text_puts(t, "null");
        break;
    case CELL_TEXT:
        json_string(t, text_str(&c->text));
        break;
    case CELL_JSON:
        text_put(t, c->json.data, c->json.len);
        break;
    case CELL_TIME:
    case CELL_DURATION:
        text_printf(t, "\"%" PRId64 "\"", c->n);
        break;
    case CELL_INT:
    case CELL_COST:
    case CELL_DOUBLE:
    case CELL_BOOL:
        cell_put_plain(t, c);
        break;
    }
}
