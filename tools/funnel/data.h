/* The board for programs: JSON objects, or rows of named fields. */
#ifndef FUNNEL_DATA_H
#define FUNNEL_DATA_H

#include "common/rows.h"
#include "funnel/board.h"

/* What rows_begin is to be given; valid until data_end. The names of the fields depend on --by. */
const struct rows_tool *data_rows(struct board *board, uint64_t reasons);

/* Prints all lines in the format that `rows` has, which is not text. */
void data_print(struct board *board, struct rows *rows);
void data_end(void);

#endif
