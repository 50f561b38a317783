/* Several rows of one run or step made one (spec 7.2): the last value of each
 * column wins, maps are kept in layers to be merged when they are read. Owns all bytes. */
#ifndef XF_STORE_JOINED_H
#define XF_STORE_JOINED_H

#include "store/rowview.h"

/* The `segment` of an xray_ref whose data is layers: [u32 segment, u32 length, bytes] one behind the other,
 * little-endian, oldest first. */
#define XF_LAYERED UINT32_MAX

struct xf_joined { /* a table and all else zero = no row yet */
    enum xf_table table; /* XF_TABLE_RUNS or XF_TABLE_STEPS */
    bool begun;
    unsigned state;      /* bits of all rows */
    union xf_cell cells[XF_STEP_COLUMNS];
    uint32_t segments[XF_STEP_COLUMNS]; /* of values */
    struct xf_slice pipeline, version;
    xray_buffer bytes; /* of the slices; the first byte is not used */
    size_t live;       /* bytes that slices point to */
    xray_buffer layers[XF_MAPS];
    uint32_t layer_count[XF_MAPS];
    xray_ref maps[XF_MAPS];
};

/* Makes it a row in which nothing is set, if it is none yet. */
void xf_joined_begin(struct xf_joined *j);

/* Joins one more row, of a spine block. XRAY_ENOMEM. */
int xf_joined_add(struct xf_joined *j, const struct xf_view *v);

/* The result; valid until the next row is added. */
struct xf_view xf_joined_view(struct xf_joined *j);

void xf_joined_done(struct xf_joined *j);

#endif
