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

/* A column as it stands, nothing expanded. */
struct xf_idcol {
    enum { XF_IDCOL_PLAIN, XF_IDCOL_UUID, XF_IDCOL_HEX, XF_IDCOL_DECIMAL } form;
    xray_str prefix; /* of all ids; plain: none */
    int64_t digits;  /* hex: of each id; decimal: least number of digits */
    uint32_t count;  /* plain: elements in data */
    xray_str data;   /* plain: what follows the array's header; decimal: an array of differences */
};

/* Finds its parts, which point into `column`. XRAY_ECORRUPT. */
int xf_idcol_open(xray_str column, struct xf_idcol *out, xray_error *err);

/* Does the column hold `id`? 1, 0, or XRAY_ECORRUPT where it is found to be malformed; only xf_idcol_decode
 * looks at all of it. Allocates nothing: the id is packed as the column is, and compared so. */
int xf_idcol_find(xray_str column, xray_str id);

#endif
