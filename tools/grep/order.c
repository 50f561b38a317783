/* See order.h. */
#include "grep/order.h"

#include <stdlib.h>

#include "common/cli.h"

void order_begin(struct order *o, const char *key, enum xray_unit unit, uint64_t top)
{
    const unsigned owners = unit == XRAY_UNIT_RUN    ? FIELD_OF_RUN
                            : unit == XRAY_UNIT_STEP ? FIELD_OF_RUN | FIELD_OF_STEP
                                                     : FIELD_OF_RUN | FIELD_OF_STEP | FIELD_OF_CAND;
    const char *colon = strrchr(key, ':');
    size_t len = strlen(key);

    if (colon != NULL && (strcmp(colon, ":desc") == 0 || strcmp(colon, ":asc") == 0)) {
        o->descending = strcmp(colon, ":desc") == 0;
        len = (size_t)(colon - key);
    }
    field_parse(&o->field, "--sort", xray_strn(key, len), owners, NULL);
    o->top = top;
}

void order_free(struct order *o)
{
    for (size_t i = 0; i < o->count; i++)
        free(o->hits[i].text);
    free(o->hits);
    if (o->field.title != NULL)
        field_free(&o->field);
    cell_free(&o->cell);
}

static void set_key(struct order_hit *hit, const struct cell *cell)
{
    struct text copy = {0};

    hit->kind = KEY_OF_NUMBER;
    switch (cell->kind) {
    case CELL_INT:
    case CELL_TIME:
    case CELL_DURATION:
    case CELL_COST:
    case CELL_BOOL:
        hit->number = (long double)cell->n;
        break;
    case CELL_DOUBLE:
        hit->number = (long double)cell->d;
        break;
    case CELL_TEXT:
    case CELL_JSON:
        hit->kind = KEY_OF_TEXT;
        text_put(&copy, cell->text.data, cell->text.len);
        hit->text = copy.data;
        hit->text_len = copy.len;
        break;
    case CELL_MISSING:
        hit->kind = KEY_OF_NOTHING;
        break;
    }
    if (hit->number != hit->number) /* NaN has no place among numbers */
        hit->kind = KEY_OF_NOTHING;
}

static int compare_keys(const struct order_hit *a, const struct order_hit *b)
{
    if (a->kind == KEY_OF_NUMBER)
        return a->number < b->number ? -1 : a->number > b->number;

    const size_t len = a->text_len < b->text_len ? a->text_len : b->text_len;
    const int r = len > 0 ? memcmp(a->text, b->text, len) : 0;

    return r != 0 ? r : a->text_len < b->text_len ? -1 : a->text_len > b->text_len;
}

/* qsort has no context argument in C11. */
static bool sort_descending;

/* Numbers, then texts, then what has no such field, whatever the direction; equals as they were found. */
static int compare_hits(const void *x, const void *y)
{
    const struct order_hit *a = x;
    const struct order_hit *b = y;

    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;

    const int r = a->kind != KEY_OF_NOTHING ? compare_keys(a, b) : 0;

    if (r != 0)
        return (r < 0) != sort_descending ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void order_finish(struct order *o)
{
    sort_descending = o->descending;
    qsort(o->hits, o->count, sizeof *o->hits, compare_hits);
    while (o->count > o->top)
        free(o->hits[--o->count].text);
}

void order_add(struct order *o, const struct record *record, size_t run, int64_t step, uint64_t event)
{
    struct order_hit hit = {.run = run, .step = step, .event = event, .seq = o->seq++};

    field_get(&o->field, record, &o->cell);
    set_key(&hit, &o->cell);
    o->hits = memory_grow(o->hits, &o->cap, o->count + 1, sizeof *o->hits);
    o->hits[o->count++] = hit;
    /* Now and then what will never be printed is dropped, so that memory is bounded by `top`. */
    if (o->count >= 4096 && o->count / 4 > o->top)
        order_finish(o);
}
