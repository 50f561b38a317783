/* Several rows made one (joined.h). */
#include "store/joined.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/mpwrite.h"

#define COMPACT_FROM 4096 /* bytes; smaller ones are not worth it */

static const struct xf_column *columns_of(const struct xf_joined *j, unsigned *count)
{
    *count = j->table == XF_TABLE_RUNS ? (unsigned)XF_RUN_COLUMNS : (unsigned)XF_STEP_COLUMNS;
    return j->table == XF_TABLE_RUNS ? xf_run_columns : xf_step_columns;
}

static bool is_number(enum xf_encoding encoding)
{
    return encoding == XF_ENC_INT || encoding == XF_ENC_RUN || encoding == XF_ENC_DELTA;
}

void xf_joined_begin(struct xf_joined *j)
{
    unsigned count;
    const struct xf_column *columns = columns_of(j, &count);

    if (j->begun)
        return;
    for (unsigned k = 0; k < count; k++)
        if (is_number(columns[k].encoding))
            j->cells[k].i = XRAY_MISSING;
    xf_buf_put_u8(&j->bytes, 0);
    j->begun = true;
}

/* Every slice that is in use, to keep or move it. */
static struct xf_slice *slice_at(struct xf_joined *j, unsigned k, const struct xf_column *columns,
                                 unsigned count)
{
    if (k == count)
        return &j->pipeline;
    if (k == count + 1)
        return &j->version;
    return is_number(columns[k].encoding) ? NULL : &j->cells[k].s;
}

/* Drops the bytes of values that were replaced. */
static void compact(struct xf_joined *j)
{
    xray_buffer fresh = {0};
    unsigned count;
    const struct xf_column *columns = columns_of(j, &count);

    if (!xf_buf_reserve(&fresh, j->live + 1))
        return; /* can wait */
    xf_buf_put_u8(&fresh, 0);
    for (unsigned k = 0; k < count + 2; k++) {
        struct xf_slice *s = slice_at(j, k, columns, count);

        if (s != NULL && s->off != 0) {
            const uint32_t off = (uint32_t)fresh.len;

            xf_buf_put(&fresh, j->bytes.data + s->off, s->len);
            s->off = off;
        }
    }
    xray_buffer_free(&j->bytes);
    j->bytes = fresh;
}

/* Points the slice to what was appended from `start` on. */
static void set_slice(struct xf_joined *j, struct xf_slice *s, size_t start)
{
    if (s->off != 0)
        j->live -= s->len;
    *s = (struct xf_slice){.off = (uint32_t)start, .len = (uint32_t)(j->bytes.len - start)};
    j->live += s->len;
}

static void put_text(struct xf_joined *j, struct xf_slice *s, xray_str text)
{
    const size_t start = j->bytes.len;

    if (text.ptr == NULL)
        return;
    xf_buf_put(&j->bytes, text.ptr, text.len);
    set_slice(j, s, start);
}

/* The histogram with codes in place of indexes: the strings of the block will be gone. */
static void put_reasons(struct xf_joined *j, const struct xf_view *v, struct xf_slice from,
                        struct xf_slice *to)
{
    xray_mp c = xray_mp_over(v->base + from.off, from.len);
    const size_t start = j->bytes.len;
    uint32_t count;
    int64_t index, n;

    if (!xf_mp_take_array(&c, &count))
        return;
    xf_mp_array(&j->bytes, count);
    for (uint32_t i = 0; i < count / 2; i++) {
        if (!xf_mp_take_int(&c, &index) || !xf_mp_take_int(&c, &n))
            break; /* cannot be: checked when decoded */
        xf_mp_str(&j->bytes, v->strings[index].ptr, v->strings[index].len);
        xf_mp_int(&j->bytes, n);
    }
    set_slice(j, to, start);
}

static void put_layer(struct xf_joined *j, int map, xray_str value, uint32_t segment)
{
    xray_buffer *layers = &j->layers[map];
    uint8_t head[8];

    xf_put_u32(head, segment);
    xf_put_u32(head + 4, (uint32_t)value.len);
    xf_buf_put(layers, head, sizeof head);
    xf_buf_put(layers, value.ptr, value.len);
    j->layer_count[map]++;
}

static void put_cell(struct xf_joined *j, const struct xf_view *v, unsigned k, enum xf_encoding encoding)
{
    const int map = j->table == XF_TABLE_RUNS ? xf_view_run_map(k) : xf_view_step_map(k);
    struct xf_slice s;

    if (is_number(encoding)) {
        const int64_t i = xf_view_int(v, k);

        if (i != XRAY_MISSING)
            j->cells[k].i = i;
        return;
    }
    s = xf_view_slice(v, k);
    if (encoding == XF_ENC_NONE || s.off == 0)
        return;
    if (map >= 0) {
        put_layer(j, map, xf_slice_text(v->base, s), v->segment);
    } else if (encoding == XF_ENC_REASONS) {
        put_reasons(j, v, s, &j->cells[k].s);
    } else {
        put_text(j, &j->cells[k].s, xf_slice_text(v->base, s));
        j->segments[k] = v->segment;
    }
}

int xf_joined_add(struct xf_joined *j, const struct xf_view *v)
{
    const unsigned state_column =
        j->table == XF_TABLE_RUNS ? (unsigned)XF_RUN_STATE : (unsigned)XF_STEP_STATE;
    unsigned count;
    const struct xf_column *columns = columns_of(j, &count);

    xf_joined_begin(j);
    for (unsigned k = 0; k < count; k++)
        if (v->columns[k] != NULL)
            put_cell(j, v, k, columns[k].encoding);
    put_text(j, &j->pipeline, v->pipeline);
    put_text(j, &j->version, v->version);
    j->state |= (unsigned)xf_view_int(v, state_column) & (XF_STATE_BEGIN | XF_STATE_END);
    if (j->bytes.len > COMPACT_FROM && j->bytes.len / 4 > j->live)
        compact(j);
    if (j->bytes.failed || j->bytes.len > UINT32_MAX || j->layers[0].failed || j->layers[1].failed ||
        j->layers[2].failed)
        return XRAY_ENOMEM;
    return XRAY_OK;
}

struct xf_view xf_joined_view(struct xf_joined *j)
{
    for (int m = 0; m < XF_MAPS; m++) {
        const xray_buffer *layers = &j->layers[m];

        if (j->layer_count[m] == 0)
            j->maps[m] = (xray_ref){NULL, 0, 0};
        else if (j->layer_count[m] == 1)
            j->maps[m] = (xray_ref){layers->data + 8, layers->len - 8, xf_get_u32(layers->data)};
        else
            j->maps[m] = (xray_ref){layers->data, layers->len, XF_LAYERED};
    }
    return (struct xf_view){
        .cells = j->cells,
        .base = j->bytes.data,
        .pipeline = xf_slice_text(j->bytes.data, j->pipeline),
        .version = xf_slice_text(j->bytes.data, j->version),
        .segments = j->segments,
        .maps = j->maps,
    };
}

void xf_joined_done(struct xf_joined *j)
{
    xray_buffer_free(&j->bytes);
    for (int m = 0; m < XF_MAPS; m++)
        xray_buffer_free(&j->layers[m]);
}
