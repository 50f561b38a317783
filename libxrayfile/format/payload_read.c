/* A payload body (payload_read.h). */
#include "format/payload_read.h"

#include "codec/mpread.h"

#include "base/fail.h"
#include "format/layout.h"

/* One of the two pairs of arrays: lengths, and the elements they are of. */
struct pair {
    uint32_t *offsets; /* first lengths, then offsets */
    uint32_t count;
    bool have_lengths, have_elements;
};

static bool take_lengths(xray_mp *c, struct pair *p, struct xf_arena *arena, bool *no_memory)
{
    uint32_t count;

    if (!xf_mp_take_array(c, &count) || count > XF_ROWS_MAX)
        return false;
    p->offsets = xf_arena_alloc(arena, ((size_t)count + 1) * sizeof *p->offsets);
    if (p->offsets == NULL) {
        *no_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t len;

        if (!xf_mp_take_int(c, &len) || len <= 0 || len > XF_BLOCK_MAX)
            return false;
        p->offsets[i] = (uint32_t)len;
    }
    p->count = count;
    p->have_lengths = true;
    return true;
}

/* Each element must be as long as its length says. */
static bool take_elements(xray_mp *c, struct pair *p, const uint8_t *body)
{
    uint32_t count;

    if (!p->have_lengths || !xf_mp_take_array(c, &count) || count != p->count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = c->at;

        if (!xf_mp_skip_value(c) || (size_t)(c->at - at) != p->offsets[i])
            return false;
        p->offsets[i] = (uint32_t)(at - body);
    }
    p->offsets[count] = (uint32_t)(c->at - body);
    p->have_elements = true;
    return true;
}

static bool is_key(xray_str key, const char *name)
{
    return strlen(name) == key.len && memcmp(key.ptr, name, key.len) == 0;
}

static bool take_member(xray_mp *c, xray_str key, struct pair *parts, struct pair *values,
                        const uint8_t *body, struct xf_arena *arena, bool *no_memory)
{
    if (is_key(key, "part_len") && !parts->have_lengths)
        return take_lengths(c, parts, arena, no_memory);
    if (is_key(key, "parts") && !parts->have_elements)
        return take_elements(c, parts, body);
    if (is_key(key, "value_len") && !values->have_lengths)
        return take_lengths(c, values, arena, no_memory);
    if (is_key(key, "values") && !values->have_elements)
        return take_elements(c, values, body);
    return xray_mp_skip(c);
}

int xf_payload_decode(struct xf_payload *out, xray_str body, struct xf_arena *arena, xray_error *err)
{
    xray_mp c = xray_mp_over(body.ptr, body.len);
    struct pair parts = {0}, values = {0};
    bool no_memory = false;
    uint32_t pairs;
    xray_str key;
    bool good = xf_mp_take_map(&c, &pairs);

    for (uint32_t i = 0; good && i < pairs; i++)
        good = xf_mp_take_str(&c, &key) &&
               take_member(&c, key, &parts, &values, (const uint8_t *)body.ptr, arena, &no_memory);
    if (no_memory)
        return xf_fail_memory(err);
    if (!good || c.left > 0 || parts.have_lengths != parts.have_elements ||
        values.have_lengths != values.have_elements)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "payload lengths contradict its bytes");
    *out = (struct xf_payload){
        .body = (const uint8_t *)body.ptr,
        .parts = parts.offsets,
        .values = values.offsets,
        .part_count = parts.count,
        .value_count = values.count,
    };
    return XRAY_OK;
}
