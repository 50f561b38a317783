/* Block headers: spec section 4. */
#include "format/block.h"

#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"

#include <inttypes.h>

static uint64_t header_check(const uint8_t bytes[XF_HEADER_LEN])
{
    return xf_hash64(bytes, XF_H_CHECK, xf_get_u64(bytes + XF_H_SEGMENT));
}

/* The key is the 32 bytes segment, ordinal, pos as they stand in the header: a
 * body can vouch only for the place it was written to. */
uint64_t xf_body_checksum(const struct xf_header *h, const void *stored, size_t len)
{
    uint8_t key[32];

    memcpy(key, h->segment, 16);
    xf_put_u64(key + 16, h->ordinal);
    xf_put_u64(key + 24, h->pos);
    return xf_hash64(stored, len, xf_hash64(key, sizeof key, 0));
}

void xf_header_encode(const struct xf_header *h, uint8_t out[XF_HEADER_LEN])
{
    memset(out, 0, XF_HEADER_LEN);
    xf_put_u32(out + XF_H_MAGIC, XF_SKIP_MAGIC);
    xf_put_u32(out + XF_H_LENGTH, XF_HEADER_REST);
    xf_put_u32(out + XF_H_BLOCK_MAGIC, XF_BLOCK_MAGIC);
    out[XF_H_KIND] = h->kind;
    out[XF_H_FLAGS] = h->flags;
    memcpy(out + XF_H_SEGMENT, h->segment, 16);
    xf_put_u64(out + XF_H_ORDINAL, h->ordinal);
    xf_put_u64(out + XF_H_POS, h->pos);
    xf_put_u32(out + XF_H_STORED_LEN, h->stored_len);
    xf_put_u32(out + XF_H_RAW_LEN, h->raw_len);
    xf_put_u32(out + XF_H_ROWS, h->rows);
    xf_put_u32(out + XF_H_ROWS2, h->rows2);
    xf_put_u64(out + XF_H_FIRST, h->first);
    xf_put_u64(out + XF_H_FIRST2, h->first2);
    xf_put_u64(out + XF_H_TIME_MIN, (uint64_t)h->time_min);
    xf_put_u64(out + XF_H_TIME_MAX, (uint64_t)h->time_max);
    xf_put_u64(out + XF_H_PREV, h->prev);
    xf_put_u64(out + XF_H_BODY, h->body);
    xf_put_u64(out + XF_H_CHECK, header_check(out));
}

uint64_t xf_header_digest(const uint8_t bytes[XF_HEADER_LEN])
{
    return xf_hash64(bytes, XF_HEADER_LEN, 0);
}

static void take_fields(struct xf_header *h, const uint8_t *b)
{
    *h = (struct xf_header){
        .kind = b[XF_H_KIND],
        .flags = b[XF_H_FLAGS],
        .ordinal = xf_get_u64(b + XF_H_ORDINAL),
        .pos = xf_get_u64(b + XF_H_POS),
        .stored_len = xf_get_u32(b + XF_H_STORED_LEN),
        .raw_len = xf_get_u32(b + XF_H_RAW_LEN),
        .rows = xf_get_u32(b + XF_H_ROWS),
        .rows2 = xf_get_u32(b + XF_H_ROWS2),
        .first = xf_get_u64(b + XF_H_FIRST),
        .first2 = xf_get_u64(b + XF_H_FIRST2),
        .time_min = (int64_t)xf_get_u64(b + XF_H_TIME_MIN),
        .time_max = (int64_t)xf_get_u64(b + XF_H_TIME_MAX),
        .prev = xf_get_u64(b + XF_H_PREV),
        .body = xf_get_u64(b + XF_H_BODY),
    };
    memcpy(h->segment, b + XF_H_SEGMENT, 16);
}

int xf_header_decode(struct xf_header *out, const uint8_t bytes[XF_HEADER_LEN], uint64_t pos, xray_error *err)
{
    struct xf_header h;

    if (xf_get_u32(bytes + XF_H_MAGIC) != XF_SKIP_MAGIC || xf_get_u32(bytes + XF_H_LENGTH) != XF_HEADER_REST ||
        xf_get_u32(bytes + XF_H_BLOCK_MAGIC) != XF_BLOCK_MAGIC)
        return xf_fail(err, XRAY_ECORRUPT, pos, "no block starts here");
    if (xf_get_u64(bytes + XF_H_CHECK) != header_check(bytes))
        return xf_fail(err, XRAY_ECORRUPT, pos, "block header checksum does not match");

    take_fields(&h, bytes);
    if (xf_get_u16(bytes + XF_H_ZERO) != 0 || (h.flags & ~XF_FLAG_CRITICAL) != 0)
        return xf_fail(err, XRAY_EUNSUPPORTED, pos, "block header uses flags (%02x) of a newer format", h.flags);
    if (h.stored_len == 0 || h.raw_len == 0)
        return xf_fail(err, XRAY_ECORRUPT, pos, "block says that it is empty");
    if (h.stored_len > XF_BLOCK_MAX || h.raw_len > XF_BLOCK_MAX)
        return xf_fail(err, XRAY_ELIMIT, pos,
                       "block claims %" PRIu32 " bytes stored, %" PRIu32 " raw; the limit is %u", h.stored_len,
                       h.raw_len, XF_BLOCK_MAX);
    if (h.rows > XF_ROWS_MAX || h.rows2 > XF_ROWS_MAX || (h.kind == XF_CANDIDATES && h.rows > XF_CANDIDATES_MAX))
        return xf_fail(err, XRAY_ELIMIT, pos, "block claims %" PRIu32 " and %" PRIu32 " rows, over the limit",
                       h.rows, h.rows2);
    *out = h;
    return XRAY_OK;
}
