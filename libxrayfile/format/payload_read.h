/* A payload body: where each part and each value stands (spec 6.2). */
#ifndef XF_FORMAT_PAYLOAD_READ_H
#define XF_FORMAT_PAYLOAD_READ_H

#include "base/arena.h"
#include "codec/mpread.h"

struct xf_payload {
    const uint8_t *body;
    const uint32_t *parts;  /* part_count + 1 offsets in the body */
    const uint32_t *values; /* value_count + 1 */
    uint32_t part_count, value_count;
};

/* Decodes the body, which must outlive *out. Each part and value is one value of MessagePack then.
 * XRAY_ECORRUPT, XRAY_ENOMEM. */
int xf_payload_decode(struct xf_payload *out, xray_str body, struct xf_arena *arena, xray_error *err);

static inline xray_str xf_payload_part(const struct xf_payload *p, uint32_t i)
{
    return xray_strn((const char *)p->body + p->parts[i], p->parts[i + 1] - p->parts[i]);
}

static inline xray_str xf_payload_value(const struct xf_payload *p, uint32_t i)
{
    return xray_strn((const char *)p->body + p->values[i], p->values[i + 1] - p->values[i]);
}

#endif
