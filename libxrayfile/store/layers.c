/* Maps merged key by key (layers.h). */
#include "store/layers.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/mpwrite.h"
#include "store/resolve.h"

bool xf_layers_take(xray_str *layers, uint32_t *segment, xray_str *value)
{
    const uint8_t *p = (const uint8_t *)layers->ptr;

    if (layers->len < 8 || xf_get_u32(p + 4) > layers->len - 8)
        return false;
    *segment = xf_get_u32(p);
    *value = xray_strn(layers->ptr + 8, xf_get_u32(p + 4));
    *layers = xray_strn(value->ptr + value->len, layers->len - 8 - value->len);
    return true;
}

struct merged {
    xray_buffer bytes;   /* all layers, resolved */
    struct xf_dict keys; /* encoded; their numbers are those of `values` */
    struct xf_slice *values;
    uint32_t value_cap;
    struct xf_slice whole; /* the last layer, if it is not a map */
};

/* Adds the members of the map that starts at `start` in the bytes. */
static bool add_map(struct merged *m, size_t start)
{
    xray_mp c = xray_mp_over(m->bytes.data + start, m->bytes.len - start);
    uint32_t count;

    if (!xf_mp_take_map(&c, &count)) {
        xf_dict_reset(&m->keys);
        m->whole = (struct xf_slice){(uint32_t)start, (uint32_t)(m->bytes.len - start)};
        return true;
    }
    m->whole.len = 0;
    for (uint32_t i = 0; i < count; i++) {
        void *values = m->values;
        xray_str key, value;
        uint32_t number;

        if (!xf_mp_take_value(&c, &key) || !xf_mp_take_value(&c, &value))
            return true; /* cannot be: resolving checked it */
        number = xf_dict_put(&m->keys, key.ptr, key.len);
        if (number == UINT32_MAX || !xf_store_grow(&values, number, &m->value_cap, sizeof *m->values))
            return false;
        m->values = values;
        m->values[number] =
            (struct xf_slice){(uint32_t)((const uint8_t *)value.ptr - m->bytes.data), (uint32_t)value.len};
    }
    return true;
}

static int merge(struct merged *m, struct xray_store *s, xray_str layers, xray_error *err)
{
    uint32_t segment;
    xray_str value;

    while (xf_layers_take(&layers, &segment, &value)) {
        const size_t start = m->bytes.len;
        const int r = xf_resolve(s, segment, value, &m->bytes, err);

        if (r < 0)
            return r;
        if (m->bytes.len > XF_VALUE_MAX)
            return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "value is larger than %u bytes", XF_VALUE_MAX);
        if (!add_map(m, start))
            return xf_fail_memory(err);
    }
    return XRAY_OK;
}

static void put_merged(const struct merged *m, xray_buffer *out)
{
    if (m->whole.len > 0) {
        xf_buf_put(out, m->bytes.data + m->whole.off, m->whole.len);
        return;
    }
    xf_mp_map(out, m->keys.count);
    for (uint32_t i = 0; i < m->keys.count; i++) {
        const xray_str key = xf_dict_get(&m->keys, i);

        xf_buf_put(out, key.ptr, key.len);
        xf_buf_put(out, m->bytes.data + m->values[i].off, m->values[i].len);
    }
}

int xf_layers_resolve(struct xray_store *s, xray_ref ref, xray_buffer *out, xray_error *err)
{
    struct merged m = {.whole = {0, 0}};
    const size_t before = out->len;
    int r = merge(&m, s, xray_strn((const char *)ref.data, ref.len), err);

    if (r >= 0)
        put_merged(&m, out);
    xray_buffer_free(&m.bytes);
    xf_dict_done(&m.keys);
    xf_free(m.values);
    if (r >= 0 && out->failed)
        r = xf_fail_memory(err);
    if (r < 0)
        out->len = before;
    return r;
}
