/* Sets of grams, the sequences of four bytes that texts hold, in which ASCII letters have no case: a bitmap
 * of their hashes. A text can only stand in one of the texts added if the set has all of its grams. It
 * never says no of what is there; how often it says yes of what is not depends on the text
 * (format-spec/index-file.md, 3.6). */
#ifndef XF_CODEC_GRAMSET_H
#define XF_CODEC_GRAMSET_H

#include "xrayfile.h"

#define XF_GRAM_LEN 4
#define XF_GRAMS_LOG_MIN 10
#define XF_GRAMS_LOG_MAX 18

struct xf_gramset { /* zero: empty */
    uint64_t words[(1u << XF_GRAMS_LOG_MAX) / 64];
};

void xf_gramset_add(struct xf_gramset *g, const void *text, size_t len);

/* Appends the set in as few bits as leave half of them 0: a byte, the logarithm of their number, and the
 * bits. Empties it. */
void xf_gramset_put(struct xf_gramset *g, xray_buffer *out);

/* The bytes that such a set takes; 0: what stands there is none. */
size_t xf_gramset_len(const uint8_t *data, size_t left);

/* May the text stand in one of those added? Always true of one of less than a gram. `data` is a set of
 * xf_gramset_put. */
bool xf_gramset_may_hold(const uint8_t *data, xray_str text);

#endif
