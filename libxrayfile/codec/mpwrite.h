/* Canonical MessagePack into a buffer (spec 1.2), packed by msgpack-c. */
#ifndef XF_CODEC_MPWRITE_H
#define XF_CODEC_MPWRITE_H

#include "xrayfile.h"

void xf_mp_nil(xray_buffer *b);
void xf_mp_bool(xray_buffer *b, bool v);
void xf_mp_int(xray_buffer *b, int64_t v);
void xf_mp_uint(xray_buffer *b, uint64_t v);
void xf_mp_double(xray_buffer *b, double v); /* always float64 */
void xf_mp_str(xray_buffer *b, const void *text, size_t len);
void xf_mp_cstr(xray_buffer *b, const char *text);
void xf_mp_bin(xray_buffer *b, const void *data, size_t len);
void xf_mp_bin_header(xray_buffer *b, size_t len); /* the caller appends the bytes */
void xf_mp_ext(xray_buffer *b, int8_t type, const void *data, size_t len);
void xf_mp_ext_quoted(xray_buffer *b, int8_t type, const void *data, size_t len); /* as ext 5 (spec 6.3) */
void xf_mp_array(xray_buffer *b, size_t count);
void xf_mp_map(xray_buffer *b, size_t count);

/* Puts the header of an array or map before what was appended since `start`: for those who know the count only when
 * they are done. False (and failed) when memory is out. */
bool xf_mp_insert_header(xray_buffer *b, size_t start, size_t count, bool map);

/* Text as str if it is UTF-8, as ext 6 if not (spec 6.3). */
void xf_mp_text(xray_buffer *b, const void *text, size_t len);

#endif
