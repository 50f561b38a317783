/* Reading MessagePack from outside: xray_mp (public) and what decoding tables needs. */
#ifndef XF_CODEC_MPREAD_H
#define XF_CODEC_MPREAD_H

#include "base/bytes.h"
#include "xrayfile.h"

#define XF_DEPTH_READ 64  /* spec 11: of one value */
#define XF_DEPTH_SKIP 68  /* in a body, where a value stands up to four levels down */
#define XF_DEPTH_WRITE 32

/* Takes the header of a map / an array; false (cursor bad) if something else stands there. */
bool xf_mp_take_map(xray_mp *c, uint32_t *count);
bool xf_mp_take_array(xray_mp *c, uint32_t *count);
bool xf_mp_take_str(xray_mp *c, xray_str *out);
bool xf_mp_take_bin(xray_mp *c, xray_str *out);
bool xf_mp_take_int(xray_mp *c, int64_t *out); /* nil gives XRAY_MISSING */

/* Takes the next text, or ext, whatever stands before it and in whatever it is nested. False if there is none, or (c->bad)
 * the rest is malformed. For going through bodies: many times faster than item by item. */
enum { XF_MP_TEXTS = 1, XF_MP_EXTS = 2 };
bool xf_mp_next_of(xray_mp *c, unsigned kinds, xray_mp_item *item);

/* The same as xf_mp_take_int, for innermost loops. */
static inline bool xf_mp_take_int_here(xray_mp *c, int64_t *out)
{
    const uint8_t *p = c->at;
    size_t len = 1;

    if (c->bad || c->left < 9)
        return xf_mp_take_int(c, out);
    switch (*p) {
    case 0xc0:
        *out = XRAY_MISSING;
        break;
    case 0xcc:
        *out = p[1];
        len = 2;
        break;
    case 0xcd:
        *out = p[1] << 8 | p[2];
        len = 3;
        break;
    case 0xce:
        *out = xf_get_be32(p + 1);
        len = 5;
        break;
    case 0xd0:
        *out = (int8_t)p[1];
        len = 2;
        break;
    case 0xd1:
        *out = (int16_t)(p[1] << 8 | p[2]);
        len = 3;
        break;
    case 0xd2:
        *out = (int32_t)xf_get_be32(p + 1);
        len = 5;
        break;
    case 0xd3:
        *out = (int64_t)xf_get_be64(p + 1);
        len = 9;
        break;
    default:
        if (*p >= 0x80 && *p < 0xe0) /* also uint 64, which need not fit */
            return xf_mp_take_int(c, out);
        *out = (int8_t)*p;
        break;
    }
    c->at += len;
    c->left -= len;
    return true;
}

/* Skips one value that must keep to the depth of a value, as xray_mp_skip does not. */
bool xf_mp_skip_value(xray_mp *c);

/* Takes one whole value and gives its bytes. */
bool xf_mp_take_value(xray_mp *c, xray_str *out);

/* In the map that starts at `map`: a cursor over the value of `key` (the first one), or false. */
bool xf_mp_find(xray_str map, const char *key, xray_str *value);

/* Checks that `data` is exactly one well-formed value (depth <= max_depth; strings are UTF-8 if utf8). */
bool xf_mp_check(const void *data, size_t len, int max_depth, bool utf8);

/* Whether the item whose first byte is at `p` is in its shortest form (spec 1.2). */
bool xf_mp_is_canonical(const uint8_t *p, const xray_mp_item *item);

/* Appends the one value in `data` in canonical form; ext types 0..31 are quoted as ext 5, strings that are not
 * UTF-8 become ext 6 (spec 6.3). XRAY_ECORRUPT (err->pos), XRAY_ELIMIT (depth). */
int xf_mp_canonize(const void *data, size_t len, int max_depth, xray_buffer *out, xray_error *err);

#endif
