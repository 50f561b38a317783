/* The histogram of reasons (reasons.h). */
#include "writer/reasons.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/utf8.h"
#include "format/layout.h"

static bool is_code(const struct xf_reasons *r, uint32_t i, xray_str code)
{
    return r->slots[i].len == code.len && memcmp(r->codes.data + r->slots[i].off, code.ptr, code.len) == 0;
}

/* Codes repeat in runs, so the last one is tried first; there are few of them, so a
 * linear search does for the rest. */
static struct xf_reason_slot *find(struct xf_reasons *r, xray_str code)
{
    if (r->last < r->count && is_code(r, r->last, code))
        return &r->slots[r->last];
    for (uint32_t i = 0; i < r->count; i++)
        if (is_code(r, i, code)) {
            r->last = i;
            return &r->slots[i];
        }
    return NULL;
}

struct xf_reason_slot *xf_reasons_at(struct xf_reasons *r, xray_str given)
{
    char clean[XF_NAME_MAX];
    bool cut;
    struct xf_reason_slot *slot = given.len <= XF_NAME_MAX ? find(r, given) : NULL;
    xray_str code;

    if (slot != NULL) /* what is there is clean */
        return slot;
    code = xray_strn(clean, xf_utf8_clean(clean, sizeof clean, given.ptr, given.len, &cut));
    slot = find(r, code);
    if (slot == NULL && r->count >= XF_REASONS_MAX) {
        code = xray_s("(other)");
        slot = find(r, code);
    }
    if (slot != NULL)
        return slot;
    if (r->count == r->cap) {
        const uint32_t cap = r->cap != 0 ? r->cap * 2 : 8;
        struct xf_reason_slot *more = xf_resize_array(r->slots, cap, sizeof *more);

        if (more == NULL)
            return NULL;
        r->slots = more;
        r->cap = cap;
    }
    r->slots[r->count] = (struct xf_reason_slot){.off = (uint32_t)r->codes.len, .len = (uint32_t)code.len};
    xf_buf_put(&r->codes, code.ptr, code.len);
    if (r->codes.failed) {
        r->codes.failed = false;
        return NULL;
    }
    r->last = r->count;
    return &r->slots[r->count++];
}

void xf_reasons_reset(struct xf_reasons *r)
{
    xf_buf_reset(&r->codes);
    r->count = r->last = 0;
}

void xf_reasons_done(struct xf_reasons *r)
{
    xray_buffer_free(&r->codes);
    xf_free(r->slots);
    *r = (struct xf_reasons){0};
}
