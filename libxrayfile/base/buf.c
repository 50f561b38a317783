/* A growable byte buffer (buf.h). */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_CAP 64

bool xf_buf_reserve(xray_buffer *b, size_t extra)
{
    if (b->failed)
        return false;
    if (extra <= b->cap - b->len)
        return true;
    if (extra > SIZE_MAX - b->len) {
        b->failed = true;
        return false;
    }

    /* Doubling keeps the cost of appending byte by byte linear. */
    const size_t need = b->len + extra;
    size_t cap = b->cap > SIZE_MAX / 2 ? need : b->cap * 2;

    if (cap < FIRST_CAP)
        cap = FIRST_CAP;
    if (cap < need)
        cap = need;

    uint8_t *data = (uint8_t *)xf_resize_array(b->data, cap, 1);

    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

uint8_t *xf_buf_extend(xray_buffer *b, size_t n)
{
    if (!xf_buf_reserve(b, n))
        return NULL;
    if (b->data == NULL) { /* n == 0 on an empty buffer: still a valid address */
        static uint8_t nothing;

        return &nothing;
    }

    uint8_t *at = b->data + b->len;

    b->len += n;
    return at;
}

void xf_buf_put(xray_buffer *b, const void *data, size_t n)
{
    if (n == 0 || !xf_buf_reserve(b, n))
        return;
    memcpy(b->data + b->len, data, n);
    b->len += n;
}

void xf_buf_put_u8(xray_buffer *b, uint8_t byte)
{
    if (!xf_buf_reserve(b, 1))
        return;
    b->data[b->len++] = byte;
}

void xf_buf_puts(xray_buffer *b, const char *text)
{
    xf_buf_put(b, text, strlen(text));
}

void xf_buf_printf(xray_buffer *b, const char *format, ...)
{
    va_list args;
    va_list again;

    if (!xf_buf_reserve(b, FIRST_CAP))
        return;
    va_start(args, format);
    va_copy(again, args);

    const size_t room = b->cap - b->len;
    const int n = vsnprintf((char *)b->data + b->len, room, format, args);

    /* vsnprintf needs one byte for its NUL, which is not part of the text. */
    if (n < 0)
        b->failed = true;
    else if ((size_t)n < room)
        b->len += (size_t)n;
    else if (xf_buf_reserve(b, (size_t)n + 1)) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void xray_buffer_free(xray_buffer *buf)
{
    if (buf == NULL)
        return;
    xf_free(buf->data);
    memset(buf, 0, sizeof *buf);
}
