/* A histogram of rejection reasons: few codes, in the order of first use (spec 7.4, 11). */
#ifndef XF_WRITER_REASONS_H
#define XF_WRITER_REASONS_H

#include "xrayfile.h"

struct xf_reason_slot {
    uint32_t off, len; /* of the code in `codes` */
    int64_t count;
};

struct xf_reasons { /* all zero at first */
    xray_buffer codes;
    struct xf_reason_slot *slots;
    uint32_t count, cap, last;
};

/* The entry of a code, new if need be; after 256 of them all others share one. NULL: memory is out. */
struct xf_reason_slot *xf_reasons_at(struct xf_reasons *r, xray_str code);

static inline xray_str xf_reasons_code(const struct xf_reasons *r, uint32_t i)
{
    return xray_strn((const char *)r->codes.data + r->slots[i].off, r->slots[i].len);
}

void xf_reasons_reset(struct xf_reasons *r); /* keeps the memory */
void xf_reasons_done(struct xf_reasons *r);

#endif
