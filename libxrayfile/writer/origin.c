/* Ids and times (origin.h). */
#include "writer/origin.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "os/clock.h"

int64_t xf_origin_now(struct xf_origin *o)
{
    if (!o->fixed)
        return xf_clock_real();
    return (int64_t)((uint64_t)o->options.time_ns + (uint64_t)o->options.tick_ns * o->reads++);
}

int64_t xf_origin_mono(struct xf_origin *o)
{
    if (!o->fixed)
        return xf_clock_mono();
    return (int64_t)((uint64_t)o->options.tick_ns * o->reads);
}

void xf_origin_new_id(struct xf_origin *o, uint8_t out[16])
{
    struct xf_hash128 h;

    if (!o->fixed) {
        xf_random(out, 16);
        return;
    }
    h = xf_hash128(o->options.id, 16, ++o->ids);
    xf_put_be64(out, h.high);
    xf_put_be64(out + 8, h.low);
}
