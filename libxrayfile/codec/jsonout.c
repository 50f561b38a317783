/* MessagePack as JSON (spec 13): strings, and values of every kind. Numbers with
 * a point are in jsondouble.c. */
#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "codec/base64.h"
#include "codec/jsonscan.h"
#include "codec/mpread.h"
#include "codec/utf8.h"

#include <stdlib.h>

/* ---- strings ------------------------------------------------------------------- */

/* Characters that could hide something or reorder what stands around them on a
 * terminal or in a browser: C1 controls, zero-width and invisible ones, line and
 * paragraph separators, bidirectional controls, tags. C0 and DEL are seen to before. */
static bool is_hidden(int32_t point)
{
    return (point >= 0x80 && point <= 0x9f) || point == 0x00ad || point == 0x061c || point == 0x180e ||
           (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
           (point >= 0xe0000 && point <= 0xe007f);
}

/* What follows the backslash for the characters that have a short form, or 0. */
static char short_escape(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void put_escape(uint32_t unit, xray_buffer *out)
{
    static const char hex[] = "0123456789abcdef";
    const char text[6] = {'\\',          'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15],
                          hex[unit & 15]};

    xf_buf_put(out, text, sizeof text);
}

/* Length of the run at the start that stands for itself. */
static size_t open_run(const uint8_t *text, size_t len)
{
    size_t n = 0;

    for (;;) {
        size_t size;

        n += xf_json_plain_run((const char *)text + n, len - n);
        if (n == len || text[n] < 0x80)
            return n;

        const int32_t point = xf_utf8_next(text + n, len - n, &size);

        if (point < 0 || is_hidden(point))
            return n;
        n += size;
    }
}

int xray_json_string(xray_str text, xray_buffer *out)
{
    const uint8_t *p = (const uint8_t *)text.ptr;
    size_t left = text.len;

    xf_buf_put_u8(out, '"');
    while (left > 0) {
        size_t n = open_run(p, left);

        xf_buf_put(out, p, n);
        p += n;
        left -= n;
        if (left == 0)
            break;
        if (short_escape(*p) != 0) {
            const char escape[2] = {'\\', short_escape(*p)};

            xf_buf_put(out, escape, 2);
            n = 1;
        } else {
            const int32_t point = xf_utf8_next(p, left, &n);

            if (point >= 0x10000) { /* a surrogate pair */
                put_escape(0xd800 + (((uint32_t)point - 0x10000) >> 10), out);
                put_escape(0xdc00 + (((uint32_t)point - 0x10000) & 0x3ff), out);
            } else {
                put_escape(point < 0 ? 0xfffd : (uint32_t)point, out);
            }
        }
        p += n;
        left -= n;
    }
    xf_buf_put_u8(out, '"');
    return out->failed ? XRAY_ENOMEM : XRAY_OK;
}

/* ---- values -------------------------------------------------------------------- */

struct print {
    xray_mp in;
    xray_buffer *out;
    xray_buffer keys; /* xray_str each: those of the map at hand */
};

static int print_value(struct print *p, int depth);

static void put_base64(xray_buffer *out, const char *key, xray_str data)
{
    xf_buf_printf(out, "{\"%s\":\"", key);
    xf_base64_encode(data.ptr, data.len, out);
    xf_buf_puts(out, "\"}");
}

static void put_ext(xray_buffer *out, int type, xray_str data)
{
    xf_buf_printf(out, "{\"$ext\":[%d,\"", type);
    xf_base64_encode(data.ptr, data.len, out);
    xf_buf_puts(out, "\"]}");
}

/* ext 3: u8 state, u64 length, 16 bytes of hash. False if it is not that. */
static bool put_missing(xray_buffer *out, xray_str data)
{
    static const char *const states[] = {"not captured", "redacted", "lost"};
    const uint8_t *p = (const uint8_t *)data.ptr;

    if (data.len != 25 || p[0] < 1 || p[0] > 3)
        return false;
    xf_buf_printf(out, "{\"$missing\":[\"%s\",%llu,\"", states[p[0] - 1],
                  (unsigned long long)xf_get_be64(p + 1));
    for (size_t i = 9; i < 25; i++)
        xf_buf_printf(out, "%02x", p[i]);
    xf_buf_puts(out, "\"]}");
    return true;
}

static void print_ext(xray_buffer *out, const xray_mp_item *item)
{
    const xray_str data = item->bytes;

    if (item->ext_type == 3 && put_missing(out, data))
        return;
    if (item->ext_type == 4 && data.len > 0 && xf_json_number_len(data.ptr, data.len) == data.len)
        xf_buf_put(out, data.ptr, data.len);
    else if (item->ext_type == 5 && data.len > 0)
        put_ext(out, (int8_t)data.ptr[0], xray_strn(data.ptr + 1, data.len - 1));
    else if (item->ext_type == 6)
        put_base64(out, "$bstr", data);
    else
        put_ext(out, item->ext_type, data);
}

static void print_text(xray_buffer *out, xray_str text)
{
    if (xf_utf8_valid_len(text.ptr, text.len) == text.len)
        xray_json_string(text, out);
    else
        put_base64(out, "$bstr", text);
}

static void print_int(xray_buffer *out, bool negative, uint64_t magnitude)
{
    char text[24];
    size_t at = sizeof text;

    do {
        text[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (negative)
        text[--at] = '-';
    xf_buf_put(out, text + at, sizeof text - at);
}

static int compare_texts(const void *left, const void *right)
{
    const xray_str *a = (const xray_str *)left;
    const xray_str *b = (const xray_str *)right;
    const size_t n = a->len < b->len ? a->len : b->len;
    const int c = n > 0 ? memcmp(a->ptr, b->ptr, n) : 0;

    return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

static bool has_twins(xray_str *keys, size_t count)
{
    if (count <= 16) {
        for (size_t i = 1; i < count; i++)
            for (size_t j = 0; j < i; j++)
                if (keys[i].len == keys[j].len && memcmp(keys[i].ptr, keys[j].ptr, keys[i].len) == 0)
                    return true;
        return false;
    }
    qsort(keys, count, sizeof *keys, compare_texts);
    for (size_t i = 1; i < count; i++)
        if (compare_texts(&keys[i - 1], &keys[i]) == 0)
            return true;
    return false;
}

/* True if a JSON object can say the map whose pairs follow: text for keys, none
 * twice, not one key alone that begins with '$'. The values are skipped here
 * and printed later; deciding while printing would cost time exponential in depth. */
static bool is_plain_map(struct print *p, uint32_t count)
{
    xray_mp c = p->in;

    xf_buf_reset(&p->keys);
    for (uint32_t i = 0; i < count; i++) {
        xray_str key;

        if (!xf_mp_take_str(&c, &key) || xf_utf8_valid_len(key.ptr, key.len) != key.len || !xray_mp_skip(&c))
            return false; /* also for bad bytes: printing will meet them again */
        if (count == 1 && key.len > 0 && key.ptr[0] == '$')
            return false;
        xf_buf_put(&p->keys, &key, sizeof key);
    }
    if (p->keys.failed) {
        p->out->failed = true;
        return true;
    }
    return count == 0 || !has_twins((xray_str *)(void *)p->keys.data, count);
}

static int print_map(struct print *p, uint32_t count, int depth)
{
    const bool plain = is_plain_map(p, count);
    int status = XRAY_OK;

    xf_buf_puts(p->out, plain ? "{" : "{\"$map\":[");
    for (uint32_t i = 0; i < count && status == XRAY_OK; i++) {
        if (i > 0)
            xf_buf_put_u8(p->out, ',');
        if (!plain)
            xf_buf_put_u8(p->out, '[');
        status = print_value(p, depth + 1);
        xf_buf_put_u8(p->out, plain ? ':' : ',');
        if (status == XRAY_OK)
            status = print_value(p, depth + 1);
        if (!plain)
            xf_buf_put_u8(p->out, ']');
    }
    xf_buf_puts(p->out, plain ? "}" : "]}");
    return status;
}

static int print_array(struct print *p, uint32_t count, int depth)
{
    int status = XRAY_OK;

    xf_buf_put_u8(p->out, '[');
    for (uint32_t i = 0; i < count && status == XRAY_OK; i++) {
        if (i > 0)
            xf_buf_put_u8(p->out, ',');
        status = print_value(p, depth + 1);
    }
    xf_buf_put_u8(p->out, ']');
    return status;
}

/* `depth`: containers open around it. */
static int print_value(struct print *p, int depth)
{
    xray_buffer *out = p->out;
    xray_mp_item item;

    if (!xray_mp_next(&p->in, &item))
        return XRAY_ECORRUPT;
    switch (item.type) {
    case XRAY_MP_NIL:
        xf_buf_put(out, "null", 4);
        return XRAY_OK;
    case XRAY_MP_BOOL:
        xf_buf_puts(out, item.boolean ? "true" : "false");
        return XRAY_OK;
    case XRAY_MP_INT:
        print_int(out, item.i < 0, item.i < 0 ? -(uint64_t)item.i : (uint64_t)item.i);
        return XRAY_OK;
    case XRAY_MP_UINT:
        print_int(out, false, item.u);
        return XRAY_OK;
    case XRAY_MP_FLOAT:
        xray_json_double(item.d, out);
        return XRAY_OK;
    case XRAY_MP_STR:
        print_text(out, item.bytes);
        return XRAY_OK;
    case XRAY_MP_BIN:
        put_base64(out, "$bin", item.bytes);
        return XRAY_OK;
    case XRAY_MP_EXT:
        print_ext(out, &item);
        return XRAY_OK;
    case XRAY_MP_ARRAY:
        return depth < XF_DEPTH_SKIP ? print_array(p, item.count, depth) : XRAY_ELIMIT;
    case XRAY_MP_MAP:
        return depth < XF_DEPTH_SKIP ? print_map(p, item.count, depth) : XRAY_ELIMIT;
    }
    return XRAY_ECORRUPT;
}

int xray_msgpack_json(const uint8_t *data, size_t len, xray_buffer *out, xray_error *err)
{
    struct print p = {.in = xray_mp_over(data, len), .out = out};
    const size_t before = out->len;
    const bool failed_before = out->failed;
    int status = print_value(&p, 0);

    if (status == XRAY_ELIMIT)
        xf_fail(err, status, len - p.in.left, "MessagePack is nested deeper than %d", XF_DEPTH_SKIP);
    else if (status != XRAY_OK)
        xf_fail(err, status, len - p.in.left, "no whole MessagePack value");
    else if (p.in.left > 0)
        status =
            xf_fail(err, XRAY_ECORRUPT, len - p.in.left, "%zu bytes follow the MessagePack value", p.in.left);
    else if (out->failed)
        status = xf_fail_memory(err);
    if (status != XRAY_OK) {
        out->len = before;
        out->failed = failed_before;
    }
    xray_buffer_free(&p.keys);
    return status;
}
