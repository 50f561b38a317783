/* Work on JSON text that is known to be well formed (jsontext.h). So nothing
 * here looks for errors; the bounds are kept all the same. Both functions run
 * for rare texts only. */
#include "codec/jsontext.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/dict.h"
#include "base/fail.h"
#include "codec/jsonscan.h"

/* Length of the string token at `at`, both quotes included. */
static size_t string_len(const char *text, size_t len, size_t at)
{
    size_t end = at + 1;

    while (end < len && text[end] != '"')
        end += text[end] == '\\' ? 2 : 1;
    return end < len ? end + 1 - at : len - at;
}

/* ---- rewriting -------------------------------------------------------------- */

static void rewrite_string(const char *token, size_t len, xray_buffer *out)
{
    static const uint8_t nul[2] = {XF_JSON_NUL_1, XF_JSON_NUL_2};
    size_t done = 0;

    for (size_t i = 0; i + 1 < len;) {
        if (token[i] != '\\') {
            i++;
        } else if (len - i >= 6 && memcmp(token + i, "\\u0000", 6) == 0) {
            xf_buf_put(out, token + done, i - done);
            xf_buf_put(out, nul, sizeof nul);
            i += 6;
            done = i;
        } else {
            i += 2;
        }
    }
    xf_buf_put(out, token + done, len - done);
}

void xf_json_rewrite(const char *text, size_t len, xray_buffer *out)
{
    for (size_t at = 0; at < len;) {
        const char c = text[at];
        size_t n = 1;

        if (c == '"') {
            n = string_len(text, len, at);
            rewrite_string(text + at, n, out);
        } else if ((c >= '0' && c <= '9') || c == '-') {
            n = xf_json_number_len(text + at, len - at);
            if (n == 0)
                n = 1; /* the sign of -Infinity */
            const bool big = xf_json_is_big_integer(text + at, n);
            if (big) {
                xf_buf_put_u8(out, '"');
                xf_buf_put_u8(out, XF_JSON_NUMBER);
            }
            xf_buf_put(out, text + at, n);
            if (big)
                xf_buf_put_u8(out, '"');
        } else {
            xf_buf_put_u8(out, (uint8_t)c);
        }
        at += n;
    }
}

/* ---- duplicate keys ---------------------------------------------------------- */

static void put_utf8(xray_buffer *out, uint32_t point)
{
    if (point < 0x80) {
        xf_buf_put_u8(out, (uint8_t)point);
        return;
    }
    if (point < 0x800) {
        xf_buf_put_u8(out, (uint8_t)(0xc0 | point >> 6));
    } else {
        if (point < 0x10000) {
            xf_buf_put_u8(out, (uint8_t)(0xe0 | point >> 12));
        } else {
            xf_buf_put_u8(out, (uint8_t)(0xf0 | point >> 18));
            xf_buf_put_u8(out, (uint8_t)(0x80 | (point >> 12 & 0x3f)));
        }
        xf_buf_put_u8(out, (uint8_t)(0x80 | (point >> 6 & 0x3f)));
    }
    xf_buf_put_u8(out, (uint8_t)(0x80 | (point & 0x3f)));
}

static uint32_t code_unit(const char *escape)
{
    const char digits[5] = {escape[2], escape[3], escape[4], escape[5], '\0'};

    return (uint32_t)strtoul(digits, NULL, 16);
}

/* Appends what the escape at `p` stands for and returns its length. */
static size_t decode_escape(const char *p, size_t left, xray_buffer *out)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";

    if (p[1] != 'u' || left < 6) {
        const char *known = memchr(from, p[1], sizeof from - 1);

        xf_buf_put_u8(out, (uint8_t)(known != NULL ? to[known - from] : p[1]));
        return 2;
    }

    const uint32_t unit = code_unit(p);

    if (unit >= 0xd800 && unit <= 0xdbff && left >= 12) {
        put_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (code_unit(p + 6) - 0xdc00));
        return 12;
    }
    put_utf8(out, unit);
    return 6;
}

/* Appends what a string token stands for. */
static void decode_string(const char *token, size_t len, xray_buffer *out)
{
    for (size_t i = 1; i + 1 < len;) {
        if (token[i] == '\\') {
            i += decode_escape(token + i, len - 1 - i, out);
        } else {
            xf_buf_put_u8(out, (uint8_t)token[i]);
            i++;
        }
    }
}

/* Keys seen, each behind the number of its object. */
struct keys {
    struct xf_dict seen;
    xray_buffer key;
    uint32_t objects[XF_JSON_DEPTH]; /* number of each open object; 0 for arrays */
    uint32_t object_count;
    int depth;
};

/* 0: new; XRAY_ESYNTAX: seen before; XRAY_ENOMEM. */
static int add_key(struct keys *k, const char *token, size_t len)
{
    uint8_t object[4];
    const uint32_t count = k->seen.count;

    xf_buf_reset(&k->key);
    xf_put_u32(object, k->objects[k->depth - 1]);
    xf_buf_put(&k->key, object, sizeof object);
    decode_string(token, len, &k->key);
    if (k->key.failed || xf_dict_put(&k->seen, k->key.data, k->key.len) == UINT32_MAX)
        return XRAY_ENOMEM;
    return k->seen.count == count ? XRAY_ESYNTAX : XRAY_OK;
}

static int find_duplicate(struct keys *k, const char *text, size_t len, xray_error *err)
{
    bool key = false; /* the next string is one */

    for (size_t at = 0; at < len;) {
        const char c = text[at];
        size_t n = 1;

        if (c == '{' || c == '[') {
            if (k->depth == XF_JSON_DEPTH)
                break;
            k->objects[k->depth++] = c == '{' ? ++k->object_count : 0;
            key = c == '{';
        } else if ((c == '}' || c == ']') && k->depth > 0) {
            k->depth--;
            key = false;
        } else if (c == ',' && k->depth > 0) {
            key = k->objects[k->depth - 1] != 0;
        } else if (c == '"') {
            n = string_len(text, len, at);

            const int status = key ? add_key(k, text + at, n) : XRAY_OK;

            if (status == XRAY_ENOMEM)
                return xf_fail_memory(err);
            if (status != XRAY_OK)
                return xf_fail(err, status, at, "the key %.*s stands twice in one object",
                               n < 100 ? (int)n : 100, text + at);
            key = false;
        }
        at += n;
    }
    return XRAY_OK;
}

int xf_json_find_duplicate(const char *text, size_t len, xray_error *err)
{
    struct keys k = {.depth = 0};
    const int status = find_duplicate(&k, text, len, err);

    xf_dict_done(&k.seen);
    xray_buffer_free(&k.key);
    return status;
}
