/* Columns being built (spec 5.1). */
#include "format/column_build.h"

#include "base/buf.h"
#include "codec/mpwrite.h"

void xf_column_put_any_int(struct xf_column_build *c, int64_t v)
{
    if (v == XRAY_MISSING)
        xf_mp_nil(&c->bytes);
    else
        xf_mp_int(&c->bytes, v);
    c->count++;
}

void xf_column_put(struct xf_column_build *c, xray_str encoded)
{
    xf_buf_put(&c->bytes, encoded.ptr, encoded.len);
    c->count++;
}

void xf_column_pad(struct xf_column_build *c, uint32_t rows)
{
    while (c->count < rows) {
        xf_buf_put_u8(&c->bytes, 0xc0);
        c->count++;
    }
}

void xf_column_reset(struct xf_column_build *c)
{
    xf_buf_reset(&c->bytes);
    c->count = 0;
}

void xf_column_write(const struct xf_column_build *c, const char *name, xray_buffer *body)
{
    xf_mp_cstr(body, name);
    xf_mp_array(body, c->count);
    xf_buf_put(body, c->bytes.data, c->bytes.len);
    body->failed |= c->bytes.failed; /* memory was out for some of it: there must be no block */
}

void xf_column_write_dict(const struct xf_dict *d, const char *name, xray_buffer *body)
{
    xf_mp_cstr(body, name);
    xf_mp_array(body, d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        const xray_str s = xf_dict_get(d, i);

        xf_mp_str(body, s.ptr, s.len);
    }
    body->failed |= d->bytes.failed;
}
