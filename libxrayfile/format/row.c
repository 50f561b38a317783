/* A row being gathered. Values are appended to one buffer; replaced ones are
 * squeezed out when they outweigh what is left. */
#include "format/row.h"

#include "base/buf.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"

#define WASTE_MIN 4096u

static void squeeze(struct xf_row *r)
{
    xray_buffer kept = {0};

    for (unsigned c = 0; c < XF_ROW_COLUMNS; c++) {
        const uint32_t off = (uint32_t)kept.len;

        if (!xf_row_has(r, c))
            continue;
        xf_buf_put(&kept, r->bytes.data + r->at[c].off, r->at[c].len);
        if (kept.failed) { /* stay as we are: wasteful, but right */
            xray_buffer_free(&kept);
            return;
        }
        r->at[c].off = off;
    }
    xray_buffer_free(&r->bytes);
    r->bytes = kept;
    r->wasted = 0;
}

size_t xf_row_begin(struct xf_row *r)
{
    if (r->wasted > WASTE_MIN && r->wasted > r->bytes.len / 2)
        squeeze(r);
    return r->bytes.len;
}

void xf_row_end(struct xf_row *r, unsigned column, size_t start)
{
    if (r->bytes.failed || r->bytes.len > UINT32_MAX) {
        r->bytes.failed = false;
        r->bytes.len = start;
        return;
    }
    if (xf_row_has(r, column))
        r->wasted += r->at[column].len;
    r->at[column].off = (uint32_t)start;
    r->at[column].len = (uint32_t)(r->bytes.len - start);
    r->present |= UINT64_C(1) << column;
}

void xf_row_put_int(struct xf_row *r, unsigned column, int64_t v)
{
    const size_t start = xf_row_begin(r);

    xf_mp_int(&r->bytes, v);
    xf_row_end(r, column, start);
}

void xf_row_put_bytes(struct xf_row *r, unsigned column, xray_str encoded)
{
    const size_t start = xf_row_begin(r);

    xf_buf_put(&r->bytes, encoded.ptr, encoded.len);
    xf_row_end(r, column, start);
}

void xf_row_unset(struct xf_row *r, unsigned column)
{
    if (xf_row_has(r, column))
        r->wasted += r->at[column].len;
    r->present &= ~(UINT64_C(1) << column);
}

int64_t xf_row_get_int(const struct xf_row *r, unsigned column)
{
    int64_t v = XRAY_MISSING;

    if (xf_row_has(r, column)) {
        const xray_str s = xf_row_get(r, column);
        xray_mp c = xray_mp_over(s.ptr, s.len);

        xf_mp_take_int(&c, &v);
    }
    return v;
}

void xf_row_reset(struct xf_row *r)
{
    xf_buf_reset(&r->bytes);
    r->present = 0;
    r->wasted = 0;
}

void xf_row_done(struct xf_row *r)
{
    xray_buffer_free(&r->bytes);
    r->present = 0;
}
