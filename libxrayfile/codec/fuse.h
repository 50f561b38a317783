/* Binary fuse filters: sets of 64-bit keys in about 9/8 bits per bit of fingerprint
 * and key, no false negatives (Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than
 * Xor Filters", ACM Journal of Experimental Algorithmics 27, 2022). With b bits a key that is
 * not in the set is taken for one with probability 2^-b. */
#ifndef XF_CODEC_FUSE_H
#define XF_CODEC_FUSE_H

#include "xrayfile.h"

#define XF_FUSE_KEYS_MAX (1u << 21)
#define XF_FUSE_BITS_MAX 16

/* Bytes of a filter of so many keys and bits. */
size_t xf_fuse_len(uint32_t keys, unsigned bits);

/* Appends a filter of `count` distinct keys to *out. 1, 0: no seed of `tries` works (of keys that are not distinct,
 * none does; otherwise one in two or better), XRAY_ENOMEM. */
int xf_fuse_build(const uint64_t *keys, uint32_t count, unsigned bits, unsigned tries, xray_buffer *out);

/* The keys of the filter may hold `key`. `data` of any content is safe; a filter that is malformed
 * holds everything. */
bool xf_fuse_may_hold(const uint8_t *data, size_t len, uint64_t key);

#endif
