/* Building a loss body (loss_build.h). */
#include "format/loss_build.h"

#include "base/buf.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "codec/utf8.h"
#include "format/layout.h"

enum { COLUMNS = 5, UNTIMED_COLUMNS = 3 };

static void put_name(xray_buffer *b, xray_str text)
{
    char clean[XF_NAME_MAX];
    bool cut;

    xf_mp_str(b, clean, xf_utf8_clean(clean, sizeof clean, text.ptr, text.len, &cut));
}

static void put_time(xray_buffer *b, int64_t ns)
{
    if (ns == XRAY_MISSING)
        xf_mp_nil(b);
    else
        xf_mp_int(b, ns);
}

static int take_back(xray_buffer *b, size_t len)
{
    b->len = len;
    b->failed = false;
    return XRAY_ENOMEM;
}

int xf_losses_add(struct xf_losses *l, xray_str cause, xray_str what, uint64_t count, int64_t from_ns, int64_t to_ns)
{
    const size_t before = l->rows.len;

    xf_mp_array(&l->rows, COLUMNS);
    put_name(&l->rows, cause);
    put_name(&l->rows, what);
    xf_mp_uint(&l->rows, count);
    put_time(&l->rows, from_ns);
    put_time(&l->rows, to_ns);
    if (l->rows.failed)
        return take_back(&l->rows, before);
    l->timed |= from_ns != XRAY_MISSING || to_ns != XRAY_MISSING;
    l->count++;
    l->total = xf_losses_sum(l->total, count);
    return XRAY_OK;
}

int xf_losses_take(struct xf_losses *l, struct xf_losses *from)
{
    const size_t before = l->rows.len;

    xf_buf_put(&l->rows, from->rows.data, from->rows.len);
    if (l->rows.failed)
        return take_back(&l->rows, before);
    l->timed |= from->timed;
    l->count += from->count;
    l->total = xf_losses_sum(l->total, from->total);
    xf_losses_reset(from);
    return XRAY_OK;
}

/* Rows wait as arrays; the block wants columns. */
void xf_losses_encode(const struct xf_losses *l, xray_buffer *out)
{
    static const char *const names[COLUMNS] = {"cause", "what", "count", "from", "to"};
    const uint32_t columns = l->timed ? COLUMNS : UNTIMED_COLUMNS;

    xf_mp_map(out, 2);
    xf_mp_cstr(out, "kind");
    xf_mp_cstr(out, "loss");
    xf_mp_cstr(out, "losses");
    xf_mp_map(out, columns);
    for (uint32_t column = 0; column < columns; column++) {
        xray_mp c = xray_mp_over(l->rows.data, l->rows.len);

        xf_mp_cstr(out, names[column]);
        xf_mp_array(out, l->count);
        for (uint32_t row = 0; row < l->count; row++) {
            uint32_t members;
            xray_str cell;

            xf_mp_take_array(&c, &members);
            for (uint32_t i = 0; i < COLUMNS; i++) {
                xf_mp_take_value(&c, &cell);
                if (i == column)
                    xf_buf_put(out, cell.ptr, cell.len);
            }
        }
    }
}

void xf_losses_reset(struct xf_losses *l)
{
    xf_buf_reset(&l->rows);
    l->count = 0;
    l->total = 0;
    l->timed = false;
}

void xf_losses_done(struct xf_losses *l)
{
    xray_buffer_free(&l->rows);
    *l = (struct xf_losses){0};
}
