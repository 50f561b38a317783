/* See sheet.h. */
#include "info/sheet.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/rows.h"
#include "common/table.h"

void sheet_add(struct sheet *s)
{
    if (s->count == s->cap)
        s->rows = memory_grow(s->rows, &s->cap, s->count + 1, sizeof *s->rows);
    memset(s->rows[s->count], 0, sizeof *s->rows);
    s->count++;
}

static struct sheet_cell *last_cell(struct sheet *s, int column)
{
    struct sheet_cell *cell = &s->rows[s->count - 1][column];

    cell->there = true;
    return cell;
}

void sheet_word(struct sheet *s, int column, xray_str word)
{
    text_put(&last_cell(s, column)->word, word.ptr, word.len);
}

void sheet_number(struct sheet *s, int column, uint64_t n)
{
    last_cell(s, column)->n = n;
}

void sheet_ratio(struct sheet *s, int column, double ratio)
{
    if (isfinite(ratio))
        last_cell(s, column)->ratio = ratio;
}

/* qsort has no context argument in C11. */
static int sorted_column;

static int compare_rows(const void *a, const void *b)
{
    const struct sheet_cell *x = a, *y = b;
    const uint64_t n = x[sorted_column].n, m = y[sorted_column].n;
    const struct text *s = &x[0].word, *t = &y[0].word;
    const size_t len = s->len < t->len ? s->len : t->len;
    int order = 0;

    if (n != m)
        return n > m ? -1 : 1;
    if (len > 0)
        order = memcmp(s->data, t->data, len);
    return order != 0 ? order : (s->len > t->len) - (s->len < t->len);
}

void sheet_sort(struct sheet *s, int column)
{
    sorted_column = column;
    if (s->count > 0)
        qsort(s->rows, s->count, sizeof *s->rows, compare_rows);
}

/* ---- text ---- */

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct sheet *s = ctx;
    const struct sheet_cell *cell = &s->rows[row][column];

    if (!cell->there)
        return;
    switch (s->columns[column].kind) {
    case SHEET_WORD:
        text_safe(t, text_str(&cell->word), SAFE_LINE);
        break;
    case SHEET_COUNT:
        human_count(t, (int64_t)cell->n);
        break;
    case SHEET_SIZE:
        human_size(t, cell->n);
        break;
    case SHEET_RATIO:
        text_printf(t, "%.2f", cell->ratio);
        break;
    }
}

static void print_text(const struct sheet *s)
{
    struct table_column columns[SHEET_COLUMNS] = {{0}};
    struct table table = {.columns = columns, .count = s->column_count, .cell = put_cell, .ctx = s};
    struct text t = {0};

    for (int i = 0; i < s->column_count; i++)
        columns[i] = (struct table_column){
            .title = s->columns[i].name, .right = s->columns[i].kind != SHEET_WORD, .gap = i == 0 ? 0 : 2};
    for (size_t i = 0; i < s->count; i++)
        table_measure(&table, i);
    table_measure_titles(&table, true);
    table_put_titles(&table, &t);
    for (size_t i = 0; i < s->count; i++) {
        table_put(&table, i, &t);
        out_text(&t);
        text_reset(&t);
    }
    text_free(&t);
}

/* ---- for programs ---- */

static void put_number(struct text *t, enum sheet_kind kind, const struct sheet_cell *cell)
{
    if (kind == SHEET_RATIO)
        text_printf(t, "%.4f", cell->ratio);
    else
        text_printf(t, "%" PRIu64, cell->n);
}

static void put_json(struct text *t, const struct sheet *s, size_t row)
{
    text_puts(t, "{\"kind\":");
    json_string(t, xray_s(s->kind));
    for (int i = 0; i < s->column_count; i++) {
        const struct sheet_cell *cell = &s->rows[row][i];

        if (!cell->there)
            continue;
        if (s->columns[i].kind == SHEET_WORD) {
            text_puts(t, ",");
            json_string(t, xray_s(s->columns[i].name));
            text_puts(t, ":");
            json_string(t, text_str(&cell->word));
        } else {
            text_printf(t, ",\"%s\":", s->columns[i].name);
            put_number(t, s->columns[i].kind, cell);
        }
    }
    text_puts(t, "}\n");
}

static void put_csv(struct text *t, const struct sheet *s, size_t row)
{
    for (int i = 0; i < s->column_count; i++) {
        const struct sheet_cell *cell = &s->rows[row][i];

        text_puts(t, i > 0 ? "," : "");
        if (cell->there && s->columns[i].kind == SHEET_WORD)
            rows_put_csv_field(t, text_str(&cell->word));
        else if (cell->there)
            put_number(t, s->columns[i].kind, cell);
    }
    text_puts(t, "\r\n");
}

static void print_rows(const struct sheet *s, enum sheet_format format)
{
    struct text t = {0};

    for (int i = 0; format == SHEET_CSV && i < s->column_count; i++)
        text_printf(&t, "%s%s%s", i > 0 ? "," : "", s->columns[i].name, i + 1 == s->column_count ? "\r\n" : "");
    for (size_t i = 0; i < s->count; i++) {
        if (format == SHEET_CSV)
            put_csv(&t, s, i);
        else
            put_json(&t, s, i);
        out_text(&t);
        text_reset(&t);
    }
    text_free(&t);
}

void sheet_print(const struct sheet *s, enum sheet_format format)
{
    if (format == SHEET_TEXT)
        print_text(s);
    else
        print_rows(s, format);
}

void sheet_free(struct sheet *s)
{
    for (size_t i = 0; i < s->count; i++)
        for (int k = 0; k < s->column_count; k++)
            text_free(&s->rows[i][k].word);
    free(s->rows);
}
