/* Aligned columns without keeping the rows: every row is made twice, once to
 * measure it and once to print it. */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include "common/text.h"

enum { TABLE_COLUMNS = 16 };

struct table_column {
    const char *title; /* may be NULL where no titles are printed */
    bool right;        /* aligned to the right */
    size_t gap;        /* spaces before it */
    bool wrap;         /* the last column: what is too wide goes on below instead of being cut */
};

/* Appends one cell; it may hold out_style sequences. */
typedef void (*table_cell)(struct text *t, const void *ctx, size_t row, int column);

struct table {
    const struct table_column *columns;
    int count;
    table_cell cell;
    const void *ctx;
    size_t widths[TABLE_COLUMNS]; /* 0: the column is empty and left out */
    bool below;                   /* the wrapped column stands on lines of its own */
};

/* Makes room for a row. */
void table_measure(struct table *table, size_t row);
/* Makes room for the titles; where `hide_empty`, only of columns that rows have made room for. */
void table_measure_titles(struct table *table, bool hide_empty);

/* On a terminal that is too narrow, `column` gives way, down to `least`; a wrapped one
 * that would get less goes below the others. */
void table_fit(struct table *table, int column, size_t least);

/* Append a line. */
void table_put_titles(const struct table *table, struct text *t);
void table_put(const struct table *table, size_t row, struct text *t);

#endif
