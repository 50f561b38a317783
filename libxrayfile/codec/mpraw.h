/* Canonical MessagePack (spec 1.2) into room that is there already: what mpwrite.h does, for the one record that is
 * written a million times a second. Each returns where the next byte goes. */
#ifndef XF_CODEC_MPRAW_H
#define XF_CODEC_MPRAW_H

#include "base/bytes.h"
#include "xrayfile.h"

#define XF_MPRAW_NUMBER 9 /* bytes of a number at most, and of the head of a str, array or map */

static inline uint8_t *xf_mpraw_byte(uint8_t *p, unsigned byte)
{
    *p = (uint8_t)byte;
    return p + 1;
}

static inline uint8_t *xf_mpraw_nil(uint8_t *p)
{
    return xf_mpraw_byte(p, 0xc0);
}

static inline uint8_t *xf_mpraw_be16(uint8_t *p, unsigned head, uint16_t v)
{
    const uint8_t bytes[3] = {(uint8_t)head, (uint8_t)(v >> 8), (uint8_t)v};

    memcpy(p, bytes, sizeof bytes);
    return p + sizeof bytes;
}

static inline uint8_t *xf_mpraw_be32(uint8_t *p, unsigned head, uint32_t v)
{
    *p = (uint8_t)head;
    xf_put_be32(p + 1, v);
    return p + 5;
}

static inline uint8_t *xf_mpraw_be64(uint8_t *p, unsigned head, uint64_t v)
{
    *p = (uint8_t)head;
    xf_put_be64(p + 1, v);
    return p + 9;
}

static inline uint8_t *xf_mpraw_uint(uint8_t *p, uint64_t v)
{
    if (v < 0x80)
        return xf_mpraw_byte(p, (unsigned)v);
    if (v <= UINT8_MAX)
        return xf_mpraw_byte(xf_mpraw_byte(p, 0xcc), (unsigned)v);
    if (v <= UINT16_MAX)
        return xf_mpraw_be16(p, 0xcd, (uint16_t)v);
    return v <= UINT32_MAX ? xf_mpraw_be32(p, 0xce, (uint32_t)v) : xf_mpraw_be64(p, 0xcf, v);
}

static inline uint8_t *xf_mpraw_int(uint8_t *p, int64_t v)
{
    if (v >= 0)
        return xf_mpraw_uint(p, (uint64_t)v);
    if (v >= -32)
        return xf_mpraw_byte(p, (unsigned)(v & 0xff));
    if (v >= INT8_MIN)
        return xf_mpraw_byte(xf_mpraw_byte(p, 0xd0), (unsigned)(v & 0xff));
    if (v >= INT16_MIN)
        return xf_mpraw_be16(p, 0xd1, (uint16_t)v);
    return v >= INT32_MIN ? xf_mpraw_be32(p, 0xd2, (uint32_t)v) : xf_mpraw_be64(p, 0xd3, (uint64_t)v);
}

static inline uint8_t *xf_mpraw_double(uint8_t *p, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return xf_mpraw_be64(p, 0xcb, bits);
}

static inline uint8_t *xf_mpraw_bool(uint8_t *p, bool v)
{
    return xf_mpraw_byte(p, v ? 0xc3 : 0xc2);
}

static inline uint8_t *xf_mpraw_array(uint8_t *p, uint32_t count)
{
    if (count < 16)
        return xf_mpraw_byte(p, 0x90 | count);
    return count <= UINT16_MAX ? xf_mpraw_be16(p, 0xdc, (uint16_t)count) : xf_mpraw_be32(p, 0xdd, count);
}

static inline uint8_t *xf_mpraw_map(uint8_t *p, uint32_t count)
{
    if (count < 16)
        return xf_mpraw_byte(p, 0x80 | count);
    return count <= UINT16_MAX ? xf_mpraw_be16(p, 0xde, (uint16_t)count) : xf_mpraw_be32(p, 0xdf, count);
}

/* Text that is known to be UTF-8. */
static inline uint8_t *xf_mpraw_str(uint8_t *p, xray_str s)
{
    if (s.len < 32)
        p = xf_mpraw_byte(p, 0xa0 | (unsigned)s.len);
    else if (s.len <= UINT8_MAX)
        p = xf_mpraw_byte(xf_mpraw_byte(p, 0xd9), (unsigned)s.len);
    else if (s.len <= UINT16_MAX)
        p = xf_mpraw_be16(p, 0xda, (uint16_t)s.len);
    else
        p = xf_mpraw_be32(p, 0xdb, (uint32_t)s.len);
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    return p + s.len;
}

#endif
