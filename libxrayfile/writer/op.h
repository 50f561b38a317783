/* Operations: how a call travels from the front end to the back end. Private to one process, so
 * numbers are in host order; each is padded to a multiple of 8 bytes. Texts are a u32 length and the bytes. */
#ifndef XF_WRITER_OP_H
#define XF_WRITER_OP_H

#include "xrayfile.h"

enum xf_op_kind { XF_OP_RUN_BEGIN = 1, XF_OP_STEP_BEGIN, XF_OP_SET, XF_OP_SET_INT, XF_OP_ADD, XF_OP_CANDIDATE, XF_OP_PLAIN_CANDIDATE, XF_OP_REASON_COUNT, XF_OP_EVENT, XF_OP_VALUE_LOST };

struct xf_op {
    uint32_t len; /* of all of it */
    uint8_t kind;
    uint8_t a; /* field; verdict; table */
    uint16_t b; /* of a plain candidate: pieces of evidence */
};

/* ---- writing: into reserved room, which the size functions measured ---- */

static inline size_t xf_op_text_size(xray_str s)
{
    return 4 + s.len;
}

static inline uint8_t *xf_op_put(uint8_t *p, const void *data, size_t len)
{
    if (len > 0)
        memcpy(p, data, len);
    return p + len;
}

static inline uint8_t *xf_op_put_u32(uint8_t *p, uint32_t v)
{
    return xf_op_put(p, &v, 4);
}

static inline uint8_t *xf_op_put_i64(uint8_t *p, int64_t v)
{
    return xf_op_put(p, &v, 8);
}

static inline uint8_t *xf_op_put_double(uint8_t *p, double v)
{
    return xf_op_put(p, &v, 8);
}

static inline uint8_t *xf_op_put_text(uint8_t *p, xray_str s)
{
    return xf_op_put(xf_op_put_u32(p, (uint32_t)s.len), s.ptr, s.len);
}

static inline bool xf_op_is_bytes(enum xray_value_kind kind)
{
    return kind == XRAY_VALUE_TEXT || kind == XRAY_VALUE_BIN || kind == XRAY_VALUE_JSON || kind == XRAY_VALUE_MSGPACK;
}

/* A name of at most XF_OP_NAME_MAX bytes: a u16 and the bytes. Most are short, and two moves that overlap
 * are cheaper than a call. */
#define XF_OP_NAME_MAX UINT16_MAX

static inline uint8_t *xf_op_put_name(uint8_t *p, xray_str s)
{
    const uint16_t len = (uint16_t)s.len;

    p = xf_op_put(p, &len, 2);
    if (s.len - 8 <= 8) {
        memcpy(p, s.ptr, 8);
        memcpy(p + s.len - 8, s.ptr + s.len - 8, 8);
    } else if (s.len - 4 < 4) {
        memcpy(p, s.ptr, 4);
        memcpy(p + s.len - 4, s.ptr + s.len - 4, 4);
    } else if (s.len > 0) {
        memcpy(p, s.ptr, s.len);
    }
    return p + s.len;
}

/* Text at NULL is "none". */
static inline bool xf_op_has_bytes(const xray_value *v)
{
    return xf_op_is_bytes(v->kind) && (v->kind != XRAY_VALUE_TEXT || v->as.bytes.ptr != NULL);
}

static inline size_t xf_op_value_size(const xray_value *v)
{
    return xf_op_has_bytes(v) ? 5 + v->as.bytes.len : 9;
}

/* Trees are packed before they come here: a json-c object must not be read later. */
static inline uint8_t *xf_op_put_value(uint8_t *p, const xray_value *v)
{
    if (xf_op_has_bytes(v)) {
        *p = (uint8_t)v->kind;
        return xf_op_put_text(p + 1, v->as.bytes);
    }
    *p = xf_op_is_bytes(v->kind) ? XRAY_VALUE_NIL : (uint8_t)v->kind;
    return xf_op_put_i64(p + 1, v->kind == XRAY_VALUE_BOOL ? v->as.boolean : v->as.i);
}

/* ---- reading: the same process wrote it, so nothing is checked ---- */

struct xf_op_reader {
    const uint8_t *at;
};

static inline void xf_op_take(struct xf_op_reader *r, void *out, size_t len)
{
    memcpy(out, r->at, len);
    r->at += len;
}

static inline uint32_t xf_op_take_u32(struct xf_op_reader *r)
{
    uint32_t v;

    xf_op_take(r, &v, 4);
    return v;
}

static inline int64_t xf_op_take_i64(struct xf_op_reader *r)
{
    int64_t v;

    xf_op_take(r, &v, 8);
    return v;
}

static inline double xf_op_take_double(struct xf_op_reader *r)
{
    double v;

    xf_op_take(r, &v, 8);
    return v;
}

static inline xray_str xf_op_take_text(struct xf_op_reader *r)
{
    const uint32_t len = xf_op_take_u32(r);
    const xray_str s = xray_strn((const char *)r->at, len);

    r->at += len;
    return s;
}

static inline xray_str xf_op_take_name(struct xf_op_reader *r)
{
    uint16_t len;
    xray_str s;

    xf_op_take(r, &len, 2);
    s = xray_strn((const char *)r->at, len);
    r->at += len;
    return s;
}

static inline xray_value xf_op_take_value(struct xf_op_reader *r)
{
    xray_value v = xray_nil();

    v.kind = (enum xray_value_kind)*r->at++;
    if (xf_op_is_bytes(v.kind))
        v.as.bytes = xf_op_take_text(r);
    else if (v.kind == XRAY_VALUE_BOOL)
        v.as.boolean = xf_op_take_i64(r) != 0;
    else
        v.as.i = xf_op_take_i64(r);
    return v;
}

#endif
