/* A loss body: what a writer had to drop (spec 9.1). */
#ifndef XF_FORMAT_LOSS_READ_H
#define XF_FORMAT_LOSS_READ_H

#include "format/table_read.h"

struct xf_loss {
    xray_str cause, what;
    uint64_t count;
    int64_t from_ns, to_ns;
};

/* Decodes the body, which must outlive the rows; they stand in the arena. XRAY_ECORRUPT, XRAY_ENOMEM. */
int xf_loss_decode(const struct xf_loss **rows, uint32_t *count, xray_str body, struct xf_arena *arena,
                   xray_error *err);

#endif
