/* The id column (spec 8.3): candidate ids in the densest of four forms. */
#ifndef XF_CODEC_IDCOL_H
#define XF_CODEC_IDCOL_H

#include "base/arena.h"
#include "xrayfile.h"

/* Appends the column for ids[0..count). */
void xf_idcol_encode(const xray_str *ids, size_t count, xray_buffer *out);

/* Decodes it: *ids points to *count strings, either into `column` or into the arena.
 * XRAY_ECORRUPT, XRAY_ENOMEM. The total text is at most 64 MiB (XRAY_ELIMIT). */
int xf_idcol_decode(xray_str column, struct xf_arena *arena, const xray_str **ids, uint32_t *count,
                    xray_error *err);

#endif
