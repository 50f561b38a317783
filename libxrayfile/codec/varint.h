/* Integers of 7 bits a byte, the lowest first (LEB128), and a cursor over them that
 * never leaves its bytes: the columns of an index (format-spec/index-file.md, 1.3). */
#ifndef XF_CODEC_VARINT_H
#define XF_CODEC_VARINT_H

#include "base/buf.h"
#include "base/bytes.h"

static inline void xf_varint_put(xray_buffer *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    xf_buf_put(b, bytes, n);
}

/* Signed: small ones of either sign are short. */
static inline void xf_varint_put_int(xray_buffer *b, int64_t v)
{
    xf_varint_put(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

struct xf_varints {
    const uint8_t *at;
    size_t left;
    bool bad; /* sticky: the bytes stop early, or are not well formed */
};

static inline struct xf_varints xf_varints_over(const void *data, size_t len)
{
    return (struct xf_varints){.at = (const uint8_t *)data, .left = len};
}

static inline uint64_t xf_varint_take(struct xf_varints *c)
{
    uint64_t v = 0;

    if (c->left > 0 && *c->at < 0x80) { /* as most are */
        c->left--;
        return *c->at++;
    }
    for (unsigned shift = 0; c->left > 0 && shift < 64; shift += 7) {
        const uint8_t byte = *c->at++;

        c->left--;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    c->bad = true;
    return 0;
}

static inline int64_t xf_varint_take_int(struct xf_varints *c)
{
    const uint64_t v = xf_varint_take(c);

    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

/* Passes over so many of them: eight bytes at a time, in which each that is below 0x80 ends one. A longer one is taken. */
static inline void xf_varints_skip(struct xf_varints *c, uint32_t count)
{
    struct xf_varints v = *c;

    while (count >= 8 && v.left >= 8 && !v.bad) {
        const uint64_t ends = ~xf_get_u64(v.at) & UINT64_C(0x8080808080808080);

        if (ends == 0) {
            xf_varint_take(&v);
            count--;
            continue;
        }

        const unsigned len = 8 - (unsigned)__builtin_clzll(ends) / 8;

        v.at += len;
        v.left -= len;
        count -= (uint32_t)__builtin_popcountll(ends);
    }
    for (; count > 0 && !v.bad; count--)
        xf_varint_take(&v);
    *c = v;
}

/* A number of things of at least `size` bytes each that follow: never more than can. */
static inline uint32_t xf_varint_take_count(struct xf_varints *c, size_t size)
{
    const uint64_t n = xf_varint_take(c);

    if (n > UINT32_MAX - 1 || n > c->left / size) {
        c->bad = true;
        return 0;
    }
    return (uint32_t)n;
}

/* n bytes, borrowed; NULL if there are not as many. */
static inline const uint8_t *xf_varints_bytes(struct xf_varints *c, size_t n)
{
    const uint8_t *at = c->at;

    if (c->bad || n > c->left) {
        c->bad = true;
        return NULL;
    }
    c->at += n;
    c->left -= n;
    return at;
}

static inline xray_str xf_varint_take_text(struct xf_varints *c)
{
    const uint32_t len = xf_varint_take_count(c, 1);
    const uint8_t *at = xf_varints_bytes(c, len);

    return at != NULL ? xray_strn((const char *)at, len) : xray_strn(NULL, 0);
}

static inline void xf_varint_put_text(xray_buffer *b, xray_str text)
{
    xf_varint_put(b, text.len);
    xf_buf_put(b, text.ptr, text.len);
}

#endif
