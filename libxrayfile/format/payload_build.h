/* Building payload blocks: values go in, skeletons with references come out, and
 * each part is kept once (spec 6). */
#ifndef XF_FORMAT_PAYLOAD_BUILD_H
#define XF_FORMAT_PAYLOAD_BUILD_H

#include "xrayfile.h"

struct xf_payload_build {
    xray_buffer part_lens, parts;   /* MessagePack elements of the body's arrays */
    xray_buffer value_lens, values;
    uint32_t part_count, value_count; /* in this block */
    uint64_t first_part, first_value; /* numbers of the first of them */
    uint64_t secret;                  /* seeds the identity of parts; never written */
    struct xf_part_table *table;      /* known parts of this segment, bounded */
    xray_buffer skeleton;             /* scratch */
    uint64_t part_bytes, deduped_bytes;
};

void xf_payload_init(struct xf_payload_build *p, uint64_t secret);
void xf_payload_done(struct xf_payload_build *p);

/* Forgets all parts: references do not reach beyond a segment. */
void xf_payload_new_segment(struct xf_payload_build *p);

/* Appends to *out what stands for the canonical value `data` in a column: the value itself,
 * a skeleton, or ext 2. XRAY_ENOMEM, XRAY_ELIMIT (ordinals used up: begin a new segment). */
int xf_payload_store(struct xf_payload_build *p, const void *data, size_t len, xray_buffer *out);

/* Bytes that the body would have, roughly. */
static inline size_t xf_payload_size(const struct xf_payload_build *p)
{
    return p->parts.len + p->values.len + p->part_lens.len + p->value_lens.len;
}

/* Appends the body and empties the builder for the next block. */
int xf_payload_finish(struct xf_payload_build *p, xray_buffer *body);

#endif
