/* See table.h. */
#include "common/table.h"

#include "common/out.h"

static void widen(struct table *table, int column, const struct text *cell)
{
    const size_t width = cell->len > 0 ? text_width(cell->data, cell->len) : 0;

    if (width > table->widths[column])
        table->widths[column] = width;
}

void table_measure_titles(struct table *table, bool hide_empty)
{
    for (int c = 0; c < table->count; c++) {
        struct text title = { 0 };

        if (hide_empty && table->widths[c] == 0)
            continue;
        text_puts(&title, table->columns[c].title);
        widen(table, c, &title);
        text_free(&title);
    }
}

void table_measure(struct table *table, size_t row)
{
    struct text cell = { 0 };

    for (int c = 0; c < table->count; c++) {
        text_reset(&cell);
        table->cell(&cell, table->ctx, row, c);
        widen(table, c, &cell);
    }
    text_free(&cell);
}

void table_fit(struct table *table, int column, size_t least)
{
    size_t total = 0;

    if (!out_is_terminal())
        return;
    for (int c = 0; c < table->count; c++) {
        if (table->widths[c] > 0)
            total += table->columns[c].gap + table->widths[c];
    }
    if (total <= out_columns() || table->widths[column] <= least)
        return;

    const size_t over = total - out_columns();

    table->widths[column] = table->widths[column] > least + over ? table->widths[column] - over : least;
}

static void put_aligned(const struct table *table, int column, size_t mark, struct text *t)
{
    const size_t width = table->widths[column];

    if (t->len > mark && text_width(t->data + mark, t->len - mark) > width)
        text_cut(t, mark, width);
    if (table->columns[column].right)
        text_pad_left(t, mark, width);
    else
        text_pad(t, mark, width);
}

static void put_line(const struct table *table, bool titles, size_t row, struct text *t)
{
    for (int c = 0; c < table->count; c++) {
        if (table->widths[c] == 0)
            continue;
        text_fill(t, ' ', table->columns[c].gap);

        const size_t mark = t->len;

        if (titles)
            text_puts(t, table->columns[c].title);
        else
            table->cell(t, table->ctx, row, c);
        put_aligned(table, c, mark, t);
    }
    while (t->len > 0 && t->data[t->len - 1] == ' ')
        t->len--;
    text_puts(t, "\n");
}

void table_put_titles(const struct table *table, struct text *t)
{
    put_line(table, true, 0, t);
}

void table_put(const struct table *table, size_t row, struct text *t)
{
    put_line(table, false, row, t);
}
