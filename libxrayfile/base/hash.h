/* Named uses of xxHash (spec 1.3). The only file that sees its header. */
#ifndef XF_BASE_HASH_H
#define XF_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct xf_hash128 {
    uint64_t high;
    uint64_t low;
};

static inline uint64_t xf_hash64(const void *data, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, len, seed);
}

static inline struct xf_hash128 xf_hash128(const void *data, size_t len, uint64_t seed)
{
    const XXH128_hash_t h = XXH3_128bits_withSeed(data, len, seed);

    return (struct xf_hash128){ .high = h.high64, .low = h.low64 };
}

/* The checksum that zstd frames use (spec 3.1). */
static inline uint32_t xf_zstd_checksum(const void *data, size_t len)
{
    return (uint32_t)XXH64(data, len, 0);
}

#endif
