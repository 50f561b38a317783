/* See table.h. */
#include "common/table.h"

#include "common/out.h"

enum { BELOW_INDENT = 4 };

static void widen(struct table *table, int column, const struct text *cell)
{
    const size_t width = cell->len > 0 ? text_width(cell->data, cell->len) : 0;

    if (width > table->widths[column])
        table->widths[column] = width;
}

void table_measure_titles(struct table *table, bool hide_empty)
{
    for (int c = 0; c < table->count; c++) {
        struct text title = {0};

        if (hide_empty && table->widths[c] == 0)
            continue;
        text_puts(&title, table->columns[c].title);
        widen(table, c, &title);
        text_free(&title);
    }
}

void table_measure(struct table *table, size_t row)
{
    struct text cell = {0};

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

    if (table->widths[column] >= least + over) {
        table->widths[column] -= over;
    } else if (table->columns[column].wrap && out_columns() > BELOW_INDENT + least) {
        table->below = true;
        table->widths[column] = out_columns() - BELOW_INDENT;
    } else {
        table->widths[column] = least;
    }
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

/* Where to break a text so that the first part takes at most `width` columns: behind the last
 * double space or comma that allows it, else behind a space, else anywhere. */
static size_t break_point(const char *data, size_t len, size_t width)
{
    size_t at = 0;
    size_t space = 0;
    size_t gap = 0;

    while (at < len) {
        size_t next = at + 1;

        while (next < len && ((unsigned char)data[next] & 0xC0) == 0x80)
            next++;
        if (data[at] != ' ' && text_width(data, next) > width)
            return gap > 0 ? gap : space > 0 ? space : at > 0 ? at : next;
        if (data[at] == ' ')
            space = next;
        if (data[at] == ' ' && at > 0 && (data[at - 1] == ' ' || data[at - 1] == ','))
            gap = next;
        at = next;
    }
    return len;
}

/* Puts the cell that begins at `mark` into lines below each other. */
static void wrap_cell(const struct table *table, int column, size_t mark, size_t indent, struct text *t)
{
    const size_t width = table->widths[column];
    struct text cell = {0};
    size_t at = 0;

    if (t->len == mark || text_width(t->data + mark, t->len - mark) <= width)
        return;
    text_put(&cell, t->data + mark, t->len - mark);
    t->len = mark;
    while (at < cell.len) {
        const size_t len = break_point(cell.data + at, cell.len - at, width);

        if (at > 0) {
            while (t->data[t->len - 1] == ' ')
                t->len--;
            text_puts(t, "\n");
            text_fill(t, ' ', indent);
        }
        text_put(t, cell.data + at, len);
        at += len;
    }
    text_free(&cell);
}

static void trim_right(struct text *t, size_t begin)
{
    while (t->len > begin && t->data[t->len - 1] == ' ')
        t->len--;
}

/* The last column, of free text. */
static void put_wrapped(const struct table *table, bool titles, size_t row, size_t begin, struct text *t)
{
    const int column = table->count - 1;
    size_t indent = BELOW_INDENT;

    if (table->below) {
        trim_right(t, begin);
        text_puts(t, "\n");
        text_fill(t, ' ', BELOW_INDENT);
    } else {
        text_fill(t, ' ', table->columns[column].gap);
        indent = text_width(t->data + begin, t->len - begin);
    }

    const size_t mark = t->len;

    if (titles)
        text_puts(t, table->columns[column].title);
    else
        table->cell(t, table->ctx, row, column);
    if (t->len == mark && table->below)
        t->len = mark - BELOW_INDENT - 1; /* nothing goes below */
    else
        wrap_cell(table, column, mark, indent, t);
}

static void put_line(const struct table *table, bool titles, size_t row, struct text *t)
{
    const size_t begin = t->len;

    for (int c = 0; c < table->count; c++) {
        if (table->widths[c] == 0)
            continue;
        if (table->columns[c].wrap) {
            put_wrapped(table, titles, row, begin, t);
            continue;
        }
        text_fill(t, ' ', table->columns[c].gap);

        const size_t mark = t->len;

        if (titles)
            text_puts(t, table->columns[c].title);
        else
            table->cell(t, table->ctx, row, c);
        put_aligned(table, c, mark, t);
    }
    trim_right(t, begin);
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
