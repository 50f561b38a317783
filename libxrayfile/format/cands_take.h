/* The columns of a candidates body, for cands_read.c alone. */
#ifndef XF_FORMAT_CANDS_TAKE_H
#define XF_FORMAT_CANDS_TAKE_H

#include "format/cands_read.h"

/* Sets *cursor to the first candidate. `table` is `cands`, `evidence` the array of columns; either may be absent. */
bool xf_cands_open(const struct xf_cands *c, xray_str table, xray_str evidence, struct xf_cands_cursor *cursor);

/* Goes through all candidates from `start`, sets c->marks. False if any is malformed or memory is out. */
bool xf_cands_mark(struct xf_cands *c, const struct xf_cands_cursor *start, struct xf_arena *arena, bool *no_memory);

#endif
