/* One zstd frame in, one out (spec 4.4). */
#ifndef XF_CODEC_ZFRAME_H
#define XF_CODEC_ZFRAME_H

#include "xrayfile.h"

struct xf_zframe; /* reusable contexts for both directions */

struct xf_zframe *xf_zframe_new(void);
void xf_zframe_free(struct xf_zframe *z);

/* Appends `raw` as one frame with content size, window <= 8 MiB, no checksum. */
int xf_zframe_encode(struct xf_zframe *z, int level, const void *raw, size_t raw_len, xray_buffer *out,
                     xray_error *err);

/* Replaces *out by the content of `stored`, which must be exactly one frame of
 * exactly raw_len bytes, without dictionary. XRAY_ECORRUPT otherwise, and *out is empty; nothing is
 * allocated beyond raw_len, which the caller has checked against its limit. */
int xf_zframe_decode(struct xf_zframe *z, const void *stored, size_t stored_len, size_t raw_len,
                     xray_buffer *out, xray_error *err);

#endif
