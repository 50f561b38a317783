/* UTF-8: well-formedness and cutting at a character. */
#ifndef XF_CODEC_UTF8_H
#define XF_CODEC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Length of the well-formed prefix: == len if all of it is (no overlongs, surrogates, > U+10FFFF). */
size_t xf_utf8_valid_len(const void *text, size_t len);

/* The largest n <= max at which `text` may be cut without splitting a character. */
size_t xf_utf8_cut(const void *text, size_t len, size_t max);

/* Copies the text as well-formed UTF-8 of at most max bytes; returns how many, *cut if it differs. */
size_t xf_utf8_clean(char *out, size_t max, const char *text, size_t len, bool *cut);

/* Decodes the character at text (len > 0): its code point and size, or -1 and size 1 if ill-formed. */
int32_t xf_utf8_next(const uint8_t *text, size_t len, size_t *size);

/* Whether it is all ASCII: what most names are, and soon told of short ones. */
static inline bool xf_is_ascii(const void *text, size_t len)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    const uint8_t *p = (const uint8_t *)text;
    uint64_t seen = 0, word;
    uint8_t last = 0;

    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) {
            memcpy(&word, p + i, 8);
            seen |= word;
        }
        memcpy(&word, p + len - 8, 8);
        return ((seen | word) & high) == 0;
    }
    for (size_t i = 0; i < len; i++)
        last |= p[i];
    return last < 0x80;
}

#endif
