/* A column being built: its elements as MessagePack, one behind the other (spec 5.1). */
#ifndef XF_FORMAT_COLUMN_BUILD_H
#define XF_FORMAT_COLUMN_BUILD_H

#include "base/dict.h"

struct xf_column_build {
    xray_buffer bytes;
    uint32_t count;
};

void xf_column_put_any_int(struct xf_column_build *c, int64_t v);

/* XRAY_MISSING: nil. Most are small, and have room. */
static inline void xf_column_put_int(struct xf_column_build *c, int64_t v)
{
    if (v < 0 || v > 127 || c->bytes.len == c->bytes.cap) {
        xf_column_put_any_int(c, v);
        return;
    }
    c->bytes.data[c->bytes.len++] = (uint8_t)v;
    c->count++;
}

void xf_column_put(struct xf_column_build *c, xray_str encoded);
void xf_column_pad(struct xf_column_build *c, uint32_t rows); /* nil for rows before that lack it */
void xf_column_reset(struct xf_column_build *c);

/* Appends the member `name`: the plain array of the elements. */
void xf_column_write(const struct xf_column_build *c, const char *name, xray_buffer *body);

/* Appends the member `name`: the array of a dictionary's strings. */
void xf_column_write_dict(const struct xf_dict *d, const char *name, xray_buffer *body);

#endif
