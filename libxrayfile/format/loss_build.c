/* Building a loss body (loss_build.h). */
#include "format/loss_build.h"

#include "codec/mpwrite.h"

void xf_loss_encode(const struct xf_loss_row *rows, size_t count, xray_buffer *out)
{
    xf_mp_map(out, 2);
    xf_mp_cstr(out, "kind");
    xf_mp_cstr(out, "loss");
    xf_mp_cstr(out, "losses");
    xf_mp_map(out, 3);
    xf_mp_cstr(out, "cause");
    xf_mp_array(out, count);
    for (size_t i = 0; i < count; i++)
        xf_mp_cstr(out, rows[i].cause);
    xf_mp_cstr(out, "what");
    xf_mp_array(out, count);
    for (size_t i = 0; i < count; i++)
        xf_mp_cstr(out, rows[i].what);
    xf_mp_cstr(out, "count");
    xf_mp_array(out, count);
    for (size_t i = 0; i < count; i++)
        xf_mp_uint(out, rows[i].count);
}
