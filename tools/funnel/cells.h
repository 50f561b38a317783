/* What the tables of the funnel have in common. */
#ifndef FUNNEL_CELLS_H
#define FUNNEL_CELLS_H

#include "common/text.h"
#include "funnel/interval.h"

/* A dash in a cell that is empty from `mark` on. */
void cell_dash(struct text *t, size_t mark);
/* The i-th reason; the first one with its share of the total. */
void cell_reason(struct text *t, size_t i, xray_str code, uint64_t count, uint64_t total);
/* How many reasons are not shown. */
void cell_reasons_left(struct text *t, size_t count, uint64_t shown);
/* A rate of rejection; it catches the eye where nearly all is rejected. */
void cell_drop(struct text *t, double rate);

/* The difference of two rates in percentage points, and its interval or why there is none. */
void cell_difference(struct text *t, const struct interval *i);
void cell_interval(struct text *t, const struct interval *i);

/* A bar of up to `columns` columns, in eighths of a column; anything above 0 shows. */
void cell_bar(struct text *t, double part, int columns);
/* Bars are for terminals that show UTF-8. */
bool cell_bars_shown(void);

#endif
