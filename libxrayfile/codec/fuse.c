/* Binary fuse filters (fuse.h): three places of the array give a key's fingerprint by xor. */
#include "codec/fuse.h"

#include <math.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"

enum { HEAD_LEN = 16 };

struct shape { /* follows from the number of keys and the bits */
    uint32_t segment_len; /* a power of two */
    uint32_t segments;    /* from which the first of the three places is taken */
    uint32_t slots;
    unsigned bits;
};

/* The parameters of section 4 of the paper for three places. */
static struct shape shape_of(uint32_t keys, unsigned bits)
{
    struct shape s = {.segment_len = 4, .bits = bits};
    double factor = 2;

    if (keys > 1) {
        const double n = keys;

        s.segment_len = 1u << (unsigned)floor(log(n) / log(3.33) + 2.25);
        factor = fmax(1.125, 0.875 + 0.25 * log(1e6) / log(n));
    }
    if (s.segment_len > 1u << 18)
        s.segment_len = 1u << 18;

    const uint32_t capacity = (uint32_t)(keys * factor);
    const uint32_t all = (capacity + s.segment_len - 1) / s.segment_len;

    s.segments = all > 2 ? all - 2 : 1;
    s.slots = (s.segments + 2) * s.segment_len;
    return s;
}

static size_t array_len(const struct shape *s)
{
    return ((size_t)s->slots * s->bits + 7) / 8;
}

size_t xf_fuse_len(uint32_t keys, unsigned bits)
{
    const struct shape s = shape_of(keys, bits);

    return HEAD_LEN + array_len(&s);
}

static uint64_t mix(uint64_t key, uint64_t seed)
{
    uint64_t h = key + seed;

    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static void places_of(const struct shape *s, uint64_t h, uint32_t at[3])
{
    const uint64_t range = (uint64_t)s->segments * s->segment_len;
    const uint32_t mask = s->segment_len - 1;

    at[0] = (uint32_t)((h >> 32) * range >> 32);
    at[1] = (at[0] + s->segment_len) ^ ((uint32_t)(h >> 18) & mask);
    at[2] = (at[0] + 2 * s->segment_len) ^ ((uint32_t)h & mask);
}

static uint32_t fingerprint(const struct shape *s, uint64_t h)
{
    return (uint32_t)(h ^ h >> 32) & ((1u << s->bits) - 1);
}

/* ---- building ---- */

struct slot { /* the keys that have a place here, by xor */
    uint64_t keys;
    uint32_t count;
};

/* Takes keys off that stand alone in a place, until none is left. `order` gets them and their places. */
static bool peel(const struct shape *s, uint64_t seed, struct slot *slots, uint32_t *stack, uint64_t *order,
                 uint32_t *order_at, uint32_t count)
{
    uint32_t top = 0, done = 0;
    uint32_t at[3];

    for (uint32_t i = 0; i < s->slots; i++)
        if (slots[i].count == 1)
            stack[top++] = i;
    while (top > 0) {
        const uint32_t i = stack[--top];
        uint64_t key;

        if (slots[i].count != 1)
            continue;
        key = slots[i].keys;
        order[done] = key;
        order_at[done++] = i;
        places_of(s, mix(key, seed), at);
        for (int k = 0; k < 3; k++) {
            slots[at[k]].keys ^= key;
            if (--slots[at[k]].count == 1)
                stack[top++] = at[k];
        }
    }
    return done == count;
}

static uint32_t get_bits(const uint8_t *array, unsigned bits, uint32_t i)
{
    const uint64_t bit = (uint64_t)i * bits;
    uint32_t v = 0;

    for (unsigned k = 0; k * 8 < bits + (bit & 7); k++)
        v |= (uint32_t)array[(bit >> 3) + k] << 8 * k;
    return v >> (bit & 7) & ((1u << bits) - 1);
}

/* The place must be zero. */
static void put_bits(uint8_t *array, unsigned bits, uint32_t i, uint32_t v)
{
    const uint64_t bit = (uint64_t)i * bits;

    v <<= bit & 7;
    for (unsigned k = 0; k * 8 < bits + (bit & 7); k++)
        array[(bit >> 3) + k] |= (uint8_t)(v >> 8 * k);
}

static void fill_array(const struct shape *s, uint64_t seed, const uint64_t *order, const uint32_t *order_at,
                       uint32_t count, uint8_t *array)
{
    for (uint32_t i = count; i-- > 0;) {
        const uint64_t h = mix(order[i], seed);
        uint32_t v = fingerprint(s, h);
        uint32_t at[3];

        places_of(s, h, at);
        for (int k = 0; k < 3; k++)
            v ^= get_bits(array, s->bits, at[k]); /* its own place is still 0 */
        put_bits(array, s->bits, order_at[i], v);
    }
}

/* Finds a seed under which all keys peel. */
static bool find_seed(const struct shape *s, const uint64_t *keys, uint32_t count, struct slot *slots,
                      uint32_t *stack, uint64_t *order, uint32_t *order_at, unsigned tries, uint64_t *seed)
{
    for (uint64_t try = 1; try <= tries; try++) {
        *seed = try * UINT64_C(0x9E3779B97F4A7C15);
        memset(slots, 0, s->slots * sizeof *slots);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t at[3];

            places_of(s, mix(keys[i], *seed), at);
            for (int k = 0; k < 3; k++) {
                slots[at[k]].keys ^= keys[i];
                slots[at[k]].count++;
            }
        }
        if (peel(s, *seed, slots, stack, order, order_at, count))
            return true;
    }
    return false;
}

int xf_fuse_build(const uint64_t *keys, uint32_t count, unsigned bits, unsigned tries, xray_buffer *out)
{
    const struct shape s = shape_of(count, bits);
    struct slot *slots = xf_alloc_array(s.slots, sizeof *slots);
    uint32_t *stack = xf_alloc_array((size_t)s.slots + 3 * (size_t)count, sizeof *stack);
    uint64_t *order = xf_alloc_array(count, sizeof *order);
    uint32_t *order_at = xf_alloc_array(count, sizeof *order_at);
    uint64_t seed = 0;
    int r = XRAY_ENOMEM;

    if (slots != NULL && stack != NULL && order != NULL && order_at != NULL) {
        r = find_seed(&s, keys, count, slots, stack, order, order_at, tries, &seed);
        if (r == 1) {
            uint8_t *p = xf_buf_extend(out, HEAD_LEN + array_len(&s));

            if (p == NULL) {
                r = XRAY_ENOMEM;
            } else {
                memset(p, 0, HEAD_LEN + array_len(&s));
                xf_put_u32(p, count);
                xf_put_u32(p + 4, bits);
                xf_put_u64(p + 8, seed);
                fill_array(&s, seed, order, order_at, count, p + HEAD_LEN);
            }
        }
    }
    xf_free(slots);
    xf_free(stack);
    xf_free(order);
    xf_free(order_at);
    return r;
}

/* ---- asking ---- */

bool xf_fuse_may_hold(const uint8_t *data, size_t len, uint64_t key)
{
    struct shape s;
    uint32_t at[3], v, count, bits;
    uint64_t h;

    if (len < HEAD_LEN)
        return true;
    count = xf_get_u32(data);
    bits = xf_get_u32(data + 4);
    if (count > XF_FUSE_KEYS_MAX || bits < 1 || bits > XF_FUSE_BITS_MAX)
        return true;
    s = shape_of(count, bits);
    if (len != HEAD_LEN + array_len(&s))
        return true;
    if (count == 0)
        return false;
    h = mix(key, xf_get_u64(data + 8));
    places_of(&s, h, at);
    v = fingerprint(&s, h);
    for (int k = 0; k < 3; k++)
        v ^= get_bits(data + HEAD_LEN, bits, at[k]);
    return v == 0;
}
