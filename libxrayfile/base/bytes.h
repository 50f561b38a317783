/* Fixed-width integers in bytes (spec 1.1). */
#ifndef XF_BASE_BYTES_H
#define XF_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

static inline void xf_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void xf_put_u32(uint8_t *p, uint32_t v)
{
    xf_put_u16(p, (uint16_t)v);
    xf_put_u16(p + 2, (uint16_t)(v >> 16));
}

static inline void xf_put_u64(uint8_t *p, uint64_t v)
{
    xf_put_u32(p, (uint32_t)v);
    xf_put_u32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t xf_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t xf_get_u32(const uint8_t *p)
{
    return xf_get_u16(p) | (uint32_t)xf_get_u16(p + 2) << 16;
}

static inline uint64_t xf_get_u64(const uint8_t *p)
{
    return xf_get_u32(p) | (uint64_t)xf_get_u32(p + 4) << 32;
}

/* Big-endian, for what stands inside MessagePack (spec 6.3, 9.2). */
static inline void xf_put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline void xf_put_be64(uint8_t *p, uint64_t v)
{
    xf_put_be32(p, (uint32_t)(v >> 32));
    xf_put_be32(p + 4, (uint32_t)v);
}

static inline uint32_t xf_get_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t xf_get_be64(const uint8_t *p)
{
    return (uint64_t)xf_get_be32(p) << 32 | xf_get_be32(p + 4);
}

#endif
