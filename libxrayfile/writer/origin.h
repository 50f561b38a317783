/* Where a writer's ids and times come from: the machine, or xray_fixed. */
#ifndef XF_WRITER_ORIGIN_H
#define XF_WRITER_ORIGIN_H

#include "xrayfile.h"

struct xf_origin {
    bool fixed;
    xray_fixed options;
    uint64_t reads, ids; /* fixed ones given out; guarded by xf_sync_lock, as all of a synchronous writer */
};

int64_t xf_origin_now(struct xf_origin *o);  /* wall clock, or the fixed one */
int64_t xf_origin_mono(struct xf_origin *o); /* monotonic, or the fixed one */
void xf_origin_new_id(struct xf_origin *o, uint8_t out[16]);

#endif
