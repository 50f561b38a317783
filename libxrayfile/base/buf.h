/* A growable byte buffer over the public xray_buffer. Appending to a buffer
 * whose allocation failed does nothing, so callers check `failed` once at the end. */
#ifndef XF_BASE_BUF_H
#define XF_BASE_BUF_H

#include "xrayfile.h"

/* Room for `extra` more bytes. False (and failed) when memory is out. */
bool xf_buf_reserve(xray_buffer *b, size_t extra);

/* Appends n uninitialised bytes and returns where they are, or NULL. */
uint8_t *xf_buf_extend(xray_buffer *b, size_t n);

void xf_buf_put(xray_buffer *b, const void *data, size_t n);
void xf_buf_put_u8(xray_buffer *b, uint8_t byte);
void xf_buf_puts(xray_buffer *b, const char *text);
void xf_buf_printf(xray_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Empties it and forgets a failure; keeps the memory. */
static inline void xf_buf_reset(xray_buffer *b)
{
    b->len = 0;
    b->failed = false;
}

#endif
