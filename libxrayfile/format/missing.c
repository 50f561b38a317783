/* Marks of what is not there (missing.h). */
#include "format/missing.h"

#include "base/bytes.h"
#include "codec/mpwrite.h"

void xf_missing_put(xray_buffer *b, enum xf_missing state, uint64_t len, struct xf_hash128 h)
{
    uint8_t mark[25];

    mark[0] = (uint8_t)state;
    xf_put_be64(mark + 1, len);
    xf_put_be64(mark + 9, h.high);
    xf_put_be64(mark + 17, h.low);
    xf_mp_ext(b, XF_EXT_MISSING, mark, sizeof mark);
}
