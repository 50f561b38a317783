/* Base64 (RFC 4648, section 4), with padding. */
#ifndef XF_CODEC_BASE64_H
#define XF_CODEC_BASE64_H

#include "xrayfile.h"

void xf_base64_encode(const void *data, size_t len, xray_buffer *out);

/* Appends what `text` stands for. False, with nothing appended, unless `text` is what
 * xf_base64_encode would write: padded, no spaces, unused bits zero. */
bool xf_base64_decode(const char *text, size_t len, xray_buffer *out);

#endif
