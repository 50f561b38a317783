/* The columns of a candidates body, for cands_read.c alone. */
#ifndef XF_FORMAT_CANDS_TAKE_H
#define XF_FORMAT_CANDS_TAKE_H

#include "format/cands_read.h"

/* Takes the table `cands` / the array `evidence` at *c, which has a column for each of `count` keys. */
bool xf_cands_take_columns(xray_mp *c, struct xf_cands_cursor *cursor, struct xf_arena *arena);
bool xf_cands_take_evidence(xray_mp *c, struct xf_numcol *columns, uint32_t count,
                            struct xf_arena *arena);

/* Moves `start` over all candidates, which must be all that the columns hold; sets c->marks. False if
 * any is malformed, or memory is out. */
bool xf_cands_mark(struct xf_cands *c, struct xf_cands_cursor *start, struct xf_arena *arena,
                   bool *no_memory);

#endif
