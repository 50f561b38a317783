/* Building a loss body (spec 9.1). */
#ifndef XF_FORMAT_LOSS_BUILD_H
#define XF_FORMAT_LOSS_BUILD_H

#include "xrayfile.h"

/* Rows of losses that wait for a block. All zero at first. */
struct xf_losses {
    xray_buffer rows; /* arrays [cause, what, count, from, to] */
    uint32_t count;
    uint64_t total; /* of what they count */
    bool timed;     /* some row has a time */
};

/* Appends a row; names are cut and made UTF-8, times may be XRAY_MISSING. XRAY_ENOMEM: it is as it was. */
int xf_losses_add(struct xf_losses *l, xray_str cause, xray_str what, uint64_t count, int64_t from_ns, int64_t to_ns);

/* Takes all rows of `from`. XRAY_ENOMEM: both are as they were. */
int xf_losses_take(struct xf_losses *l, struct xf_losses *from);

/* Appends the body of a block with all rows; there may be none. */
void xf_losses_encode(const struct xf_losses *l, xray_buffer *out);

void xf_losses_reset(struct xf_losses *l); /* keeps the memory */
void xf_losses_done(struct xf_losses *l);

/* a + b, or as much as there is. */
static inline uint64_t xf_losses_sum(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

#endif
