/* Building a loss body (spec 9.1). */
#ifndef XF_FORMAT_LOSS_BUILD_H
#define XF_FORMAT_LOSS_BUILD_H

#include "xrayfile.h"

struct xf_loss_row {
    const char *cause, *what;
    uint64_t count;
};

/* Appends the body of the rows, which have no times. */
void xf_loss_encode(const struct xf_loss_row *rows, size_t count, xray_buffer *out);

#endif
