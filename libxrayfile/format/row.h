/* One row of `runs` or `steps` while it is being gathered: a MessagePack value per
 * column, in any order of setting (spec 7). */
#ifndef XF_FORMAT_ROW_H
#define XF_FORMAT_ROW_H

#include "format/layout.h"
#include "xrayfile.h"

#define XF_ROW_COLUMNS XF_STEP_COLUMNS

_Static_assert((int)XF_RUN_COLUMNS <= (int)XF_STEP_COLUMNS, "one row type serves both");
_Static_assert((int)XF_STEP_COLUMNS <= 64, "one bit per column");

struct xf_row {
    xray_buffer bytes;
    uint64_t present; /* bit per column */
    struct {
        uint32_t off;
        uint32_t len;
    } at[XF_ROW_COLUMNS];
    uint32_t wasted; /* bytes of values that were replaced */
};

static inline bool xf_row_has(const struct xf_row *r, unsigned column)
{
    return (r->present >> column & 1) != 0;
}

static inline xray_str xf_row_get(const struct xf_row *r, unsigned column)
{
    return xray_strn((const char *)r->bytes.data + r->at[column].off, r->at[column].len);
}

/* Setting: begin, append one value to r->bytes, end. An end after a failed append leaves the old value. */
size_t xf_row_begin(struct xf_row *r);
void xf_row_end(struct xf_row *r, unsigned column, size_t start);

void xf_row_put_int(struct xf_row *r, unsigned column, int64_t v);
void xf_row_put_bytes(struct xf_row *r, unsigned column, xray_str encoded);
void xf_row_unset(struct xf_row *r, unsigned column);
int64_t xf_row_get_int(const struct xf_row *r, unsigned column); /* XRAY_MISSING if absent */

void xf_row_reset(struct xf_row *r);
void xf_row_done(struct xf_row *r);

#endif
