/* A funnel over many runs as text and as JSON lines, and the cells that the table of
 * one run has in common with it. */
#ifndef COMMON_FUNNELPRINT_H
#define COMMON_FUNNELPRINT_H

#include "common/funnel.h"

/* Print all pipelines, with that many reasons per step. */
void funnel_print(struct funnel *f, uint64_t reasons);
void funnel_print_json(struct funnel *f, uint64_t reasons);

/* A dash in a cell that is empty from `mark` on. */
void funnel_dash(struct text *t, size_t mark);
/* The i-th reason; the first one with its share of the total. */
void funnel_reason(struct text *t, size_t i, xray_str code, uint64_t count, uint64_t total);
/* How many reasons are not shown. */
void funnel_reasons_left(struct text *t, size_t count, uint64_t shown);
/* A rate of rejection; it catches the eye where nearly all is rejected. */
void funnel_drop(struct text *t, double rate);

#endif
