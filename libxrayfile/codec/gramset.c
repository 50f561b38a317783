/* See gramset.h. */
#include "codec/gramset.h"

#include <string.h>

#include "base/buf.h"

enum { WORDS = (1 << XF_GRAMS_LOG_MAX) / 64 };

static uint32_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20u : byte;
}

/* The gram that ends with this byte, after the one that ended a byte before. */
static uint32_t next_gram(uint32_t gram, uint8_t byte)
{
    return gram >> 8 | lower(byte) << 24;
}

static uint32_t hash_of(uint32_t gram)
{
    return gram * UINT32_C(0x9E3779B1);
}

void xf_gramset_add(struct xf_gramset *g, const void *text, size_t len)
{
    const uint8_t *p = text;
    uint32_t gram = 0;

    for (size_t i = 0; i < len; i++) {
        gram = next_gram(gram, p[i]);
        if (i + 1 >= XF_GRAM_LEN) {
            const uint32_t bit = hash_of(gram) >> (32 - XF_GRAMS_LOG_MAX);

            g->words[bit / 64] |= UINT64_C(1) << bit % 64;
        }
    }
}

static uint32_t count_bits(const uint64_t *words, size_t count)
{
    uint32_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += (uint32_t)__builtin_popcountll(words[i]);
    return n;
}

/* Each two neighbouring bits become one, as they do where a hash loses its last bit. */
static uint64_t halve(uint64_t x)
{
    x = (x | x >> 1) & UINT64_C(0x5555555555555555);
    x = (x | x >> 1) & UINT64_C(0x3333333333333333);
    x = (x | x >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    x = (x | x >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (x | x >> 16) & UINT32_MAX;
}

void xf_gramset_put(struct xf_gramset *g, xray_buffer *out)
{
    uint64_t half[WORDS / 2];
    unsigned log = XF_GRAMS_LOG_MAX;
    size_t words = WORDS;

    for (; log > XF_GRAMS_LOG_MIN; log--, words /= 2) {
        for (size_t i = 0; i < words / 2; i++)
            half[i] = halve(g->words[2 * i]) | halve(g->words[2 * i + 1]) << 32;
        if (count_bits(half, words / 2) > 1u << (log - 2))
            break;
        memcpy(g->words, half, words / 2 * sizeof *half);
    }
    xf_buf_put_u8(out, (uint8_t)log);
    for (size_t i = 0; i < words; i++)
        for (unsigned shift = 0; shift < 64; shift += 8)
            xf_buf_put_u8(out, (uint8_t)(g->words[i] >> shift));
    memset(g, 0, sizeof *g);
}

size_t xf_gramset_len(const uint8_t *data, size_t left)
{
    size_t len;

    if (left == 0 || data[0] < XF_GRAMS_LOG_MIN || data[0] > XF_GRAMS_LOG_MAX)
        return 0;
    len = 1 + ((size_t)1 << data[0]) / 8;
    return len <= left ? len : 0;
}

bool xf_gramset_may_hold(const uint8_t *data, xray_str text)
{
    const unsigned shift = 32u - data[0];
    uint32_t gram = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint32_t bit;

        gram = next_gram(gram, (uint8_t)text.ptr[i]);
        bit = hash_of(gram) >> shift;
        if (i + 1 >= XF_GRAM_LEN && (data[1 + bit / 8] >> bit % 8 & 1) == 0)
            return false;
    }
    return true;
}
