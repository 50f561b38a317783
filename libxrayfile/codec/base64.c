/* Base64 (base64.h). */
#include "codec/base64.h"

#include "base/buf.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void xf_base64_encode(const void *data, size_t len, xray_buffer *out)
{
    const uint8_t *p = (const uint8_t *)data;

    if (len > SIZE_MAX / 2) {
        out->failed = true;
        return;
    }

    uint8_t *q = xf_buf_extend(out, (len + 2) / 3 * 4);

    if (q == NULL)
        return;
    for (; len >= 3; len -= 3, p += 3) {
        *q++ = (uint8_t)digits[p[0] >> 2];
        *q++ = (uint8_t)digits[(p[0] & 3) << 4 | p[1] >> 4];
        *q++ = (uint8_t)digits[(p[1] & 15) << 2 | p[2] >> 6];
        *q++ = (uint8_t)digits[p[2] & 63];
    }
    if (len > 0) {
        const uint8_t second = len == 2 ? p[1] : 0;

        *q++ = (uint8_t)digits[p[0] >> 2];
        *q++ = (uint8_t)digits[(p[0] & 3) << 4 | second >> 4];
        *q++ = len == 2 ? (uint8_t)digits[(second & 15) << 2] : (uint8_t)'=';
        *q++ = (uint8_t)'=';
    }
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four digits, of which the last `pad` are '='. False if it is not one. */
static bool decode_group(const char *text, int pad, xray_buffer *out)
{
    uint32_t bits = 0;

    for (int i = 0; i < 4; i++) {
        const int v = i < 4 - pad ? digit_value(text[i]) : 0;

        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
    }
    if ((bits & ((UINT32_C(1) << (8 * pad)) - 1)) != 0)
        return false;

    const uint8_t bytes[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};

    xf_buf_put(out, bytes, (size_t)(3 - pad));
    return true;
}

bool xf_base64_decode(const char *text, size_t len, xray_buffer *out)
{
    const size_t before = out->len;

    if (len % 4 != 0)
        return false;
    for (size_t i = 0; i < len; i += 4) {
        int pad = 0;

        if (i + 4 == len && text[i + 3] == '=')
            pad = text[i + 2] == '=' ? 2 : 1;
        if (!decode_group(text + i, pad, out)) {
            out->len = before;
            return false;
        }
    }
    return true;
}
