/* UTF-8: well-formedness and cutting at a character. */
#ifndef XF_CODEC_UTF8_H
#define XF_CODEC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed prefix: == len if all of it is (no overlongs, surrogates, > U+10FFFF). */
size_t xf_utf8_valid_len(const void *text, size_t len);

/* The largest n <= max at which `text` may be cut without splitting a character. */
size_t xf_utf8_cut(const void *text, size_t len, size_t max);

/* Decodes the character at text (len > 0): its code point and size, or -1 and size 1 if ill-formed. */
int32_t xf_utf8_next(const uint8_t *text, size_t len, size_t *size);

#endif
