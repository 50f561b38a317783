/* UTF-8 (utf8.h). */
#include "codec/utf8.h"

#include <string.h>

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

int32_t xf_utf8_next(const uint8_t *text, size_t len, size_t *size)
{
    const uint8_t c = text[0];

    *size = 1;
    if (c < 0x80)
        return c;
    if (c < 0xc2 || c > 0xf4)
        return -1;
    if (len < 2 || !is_tail(text[1]))
        return -1;
    if (c < 0xe0) {
        *size = 2;
        return (c & 0x1f) << 6 | (text[1] & 0x3f);
    }
    if (len < 3 || !is_tail(text[2]))
        return -1;
    if (c < 0xf0) {
        const int32_t point = (c & 0x0f) << 12 | (text[1] & 0x3f) << 6 | (text[2] & 0x3f);

        if (point < 0x800 || (point >= 0xd800 && point <= 0xdfff))
            return -1;
        *size = 3;
        return point;
    }
    if (len < 4 || !is_tail(text[3]))
        return -1;

    const int32_t point =
        (c & 0x07) << 18 | (text[1] & 0x3f) << 12 | (text[2] & 0x3f) << 6 | (text[3] & 0x3f);

    if (point < 0x10000 || point > 0x10ffff)
        return -1;
    *size = 4;
    return point;
}

/* Length of the run of ASCII at the start, eight bytes at a time. */
static size_t ascii_run(const uint8_t *text, size_t len)
{
    size_t n = 0;

    while (len - n >= 8) {
        uint64_t word;

        memcpy(&word, text + n, 8);
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        n += 8;
    }
    while (n < len && text[n] < 0x80)
        n++;
    return n;
}

size_t xf_utf8_valid_len(const void *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t n = 0;

    while (n < len) {
        size_t size;

        if (p[n] < 0x80) {
            n += ascii_run(p + n, len - n);
        } else {
            if (xf_utf8_next(p + n, len - n, &size) < 0)
                break;
            n += size;
        }
    }
    return n;
}

size_t xf_utf8_cut(const void *text, size_t len, size_t max)
{
    const uint8_t *p = (const uint8_t *)text;

    if (len <= max)
        return len;

    /* A character has at most three bytes after its first; more of them are not UTF-8. */
    for (size_t back = 0; back <= 3 && back <= max; back++) {
        if (!is_tail(p[max - back]))
            return max - back;
    }
    return max;
}

size_t xf_utf8_clean(char *out, size_t max, const char *text, size_t len, bool *cut)
{
    size_t n = 0;

    if (xf_utf8_valid_len(text, len) == len) {
        n = len <= max ? len : xf_utf8_cut(text, len, max);
        if (n > 0)
            memcpy(out, text, n);
        *cut = n != len;
        return n;
    }
    *cut = true;
    for (size_t i = 0; i < len && n < max; i++) { /* what is not ASCII in such a text cannot be trusted */
        const char c = text[i];

        out[n++] = (unsigned char)c < 0x80 ? c : '?';
    }
    return n;
}
