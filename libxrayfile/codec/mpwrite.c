/* Canonical MessagePack (mpwrite.h). The only file that sees msgpack-c. The
 * packer is two pointers on the stack, so the compiler sees through it and no
 * call allocates anything but room in the buffer. */
#include "codec/mpwrite.h"

#include <msgpack/pack.h>

#include "base/buf.h"
#include "codec/utf8.h"

static int append(void *ctx, const char *data, size_t n)
{
    xray_buffer *b = (xray_buffer *)ctx;

    if (n <= b->cap - b->len && !b->failed && n > 0) {
        memcpy(b->data + b->len, data, n);
        b->len += n;
    } else {
        xf_buf_put(b, data, n);
    }
    return 0; /* failure is kept in the buffer */
}

static inline msgpack_packer packer_over(xray_buffer *b)
{
    return (msgpack_packer){.data = b, .callback = append};
}

/* MessagePack lengths have 32 bits. Nothing that long gets past the limits of
 * the spec (section 11), so it is treated like memory that cannot be had. */
static bool is_too_long(xray_buffer *b, size_t len)
{
    if (len <= UINT32_MAX)
        return false;
    b->failed = true;
    return true;
}

void xf_mp_nil(xray_buffer *b)
{
    msgpack_packer pk = packer_over(b);

    msgpack_pack_nil(&pk);
}

void xf_mp_bool(xray_buffer *b, bool v)
{
    msgpack_packer pk = packer_over(b);

    if (v)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void xf_mp_int(xray_buffer *b, int64_t v)
{
    msgpack_packer pk = packer_over(b);

    msgpack_pack_int64(&pk, v);
}

void xf_mp_uint(xray_buffer *b, uint64_t v)
{
    msgpack_packer pk = packer_over(b);

    msgpack_pack_uint64(&pk, v);
}

void xf_mp_double(xray_buffer *b, double v)
{
    msgpack_packer pk = packer_over(b);

    msgpack_pack_double(&pk, v);
}

void xf_mp_str(xray_buffer *b, const void *text, size_t len)
{
    msgpack_packer pk = packer_over(b);

    if (is_too_long(b, len))
        return;
    msgpack_pack_str(&pk, len);
    append(b, (const char *)text, len);
}

void xf_mp_cstr(xray_buffer *b, const char *text)
{
    xf_mp_str(b, text, strlen(text));
}

void xf_mp_bin_header(xray_buffer *b, size_t len)
{
    msgpack_packer pk = packer_over(b);

    if (!is_too_long(b, len))
        msgpack_pack_bin(&pk, len);
}

void xf_mp_bin(xray_buffer *b, const void *data, size_t len)
{
    xf_mp_bin_header(b, len);
    if (!b->failed)
        append(b, (const char *)data, len);
}

void xf_mp_ext(xray_buffer *b, int8_t type, const void *data, size_t len)
{
    msgpack_packer pk = packer_over(b);

    if (is_too_long(b, len))
        return;
    msgpack_pack_ext(&pk, len, type);
    append(b, (const char *)data, len);
}

void xf_mp_ext_quoted(xray_buffer *b, int8_t type, const void *data, size_t len)
{
    msgpack_packer pk = packer_over(b);
    const char first = (char)type;

    if (is_too_long(b, len) || is_too_long(b, len + 1))
        return;
    msgpack_pack_ext(&pk, len + 1, 5);
    append(b, &first, 1);
    append(b, (const char *)data, len);
}

void xf_mp_array(xray_buffer *b, size_t count)
{
    msgpack_packer pk = packer_over(b);

    if (!is_too_long(b, count))
        msgpack_pack_array(&pk, count);
}

void xf_mp_map(xray_buffer *b, size_t count)
{
    msgpack_packer pk = packer_over(b);

    if (!is_too_long(b, count))
        msgpack_pack_map(&pk, count);
}

void xf_mp_text(xray_buffer *b, const void *text, size_t len)
{
    if (xf_utf8_valid_len(text, len) == len)
        xf_mp_str(b, text, len);
    else
        xf_mp_ext(b, 6, text, len);
}

bool xf_mp_insert_header(xray_buffer *b, size_t start, size_t count, bool map)
{
    uint8_t bytes[5];
    xray_buffer header = {.data = bytes, .cap = sizeof bytes};
    const size_t body = b->len - start;

    if (map)
        xf_mp_map(&header, count);
    else
        xf_mp_array(&header, count);
    if (xf_buf_extend(b, header.len) == NULL)
        return false;
    memmove(b->data + start + header.len, b->data + start, body);
    memcpy(b->data + start, bytes, header.len);
    return true;
}
