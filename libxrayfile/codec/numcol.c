/* The num column (numcol.h, spec 5.2): {"scale": k, "v": [integers or nil]}, or
 * the plain values. */
#include "codec/numcol.h"

#include <math.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"

#define MAX_SCALE 9
#define INTEGER_LIMIT 9007199254740992.0 /* 2^53: below it doubles hold every integer */

static const double power_of_ten[MAX_SCALE + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/* True if v / 10^scale is exactly d, with v in range. A negative zero is not. */
static bool is_scaled(double d, int scale, int64_t *v)
{
    const double product = d * power_of_ten[scale];

    if (!(fabs(product) < INTEGER_LIMIT - 1)) /* also refuses NaN */
        return false;
    *v = (int64_t)product; /* then to the nearest: adding 0.5 first would itself round */
    if (fabs(product - (double)*v) >= 0.5)
        *v += product < 0 ? -1 : 1;
    return (double)*v / power_of_ten[scale] == d && !(d == 0 && signbit(d));
}

/* The least scale that fits all values, or 0. What fits a scale fits the next
 * one too unless it grows out of range; encode_scaled looks again. */
static int find_scale(const xray_buffer *values, size_t count)
{
    xray_mp c = xray_mp_over(values->data, values->len);
    int scale = 1;
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        xray_mp_item item;
        int64_t v;

        if (!xray_mp_next(&c, &item))
            return 0;
        if (item.type == XRAY_MP_NIL)
            continue;
        if (item.type != XRAY_MP_FLOAT)
            return 0;
        while (!is_scaled(item.d, scale, &v))
            if (++scale > MAX_SCALE)
                return 0;
        any = true;
    }
    return any ? scale : 0;
}

static bool encode_scaled(const xray_buffer *values, size_t count, int scale, xray_buffer *out)
{
    xray_mp c = xray_mp_over(values->data, values->len);
    const size_t before = out->len;

    xf_mp_map(out, 2);
    xf_mp_cstr(out, "scale");
    xf_mp_int(out, scale);
    xf_mp_cstr(out, "v");
    xf_mp_array(out, count);
    for (size_t i = 0; i < count; i++) {
        xray_mp_item item;
        int64_t v = 0;

        if (!xray_mp_next(&c, &item))
            return false;
        if (item.type == XRAY_MP_NIL) {
            xf_mp_nil(out);
        } else if (is_scaled(item.d, scale, &v)) {
            xf_mp_int(out, v);
        } else {
            out->len = before;
            return false;
        }
    }
    return true;
}

void xf_numcol_encode(const xray_buffer *values, size_t count, xray_buffer *out)
{
    const int scale = find_scale(values, count);

    if (scale > 0 && encode_scaled(values, count, scale, out))
        return;
    xf_mp_array(out, count);
    xf_buf_put(out, values->data, values->len);
}

static bool open_scaled(struct xf_numcol *c, xray_str column)
{
    xray_str part;
    int64_t scale;

    if (!xf_mp_find(column, "scale", &part))
        return false;
    c->cursor = xray_mp_over(part.ptr, part.len);
    if (!xf_mp_take_int(&c->cursor, &scale) || scale < 1 || scale > MAX_SCALE)
        return false;
    if (!xf_mp_find(column, "v", &part))
        return false;
    c->scale = (int)scale;
    c->cursor = xray_mp_over(part.ptr, part.len);
    return xf_mp_take_array(&c->cursor, &c->left);
}

bool xf_numcol_open(struct xf_numcol *c, xray_str column)
{
    xray_mp_item head;

    *c = (struct xf_numcol){.cursor = xray_mp_over(column.ptr, column.len)};
    if (column.ptr == NULL)
        return true;
    if (xray_mp_next(&c->cursor, &head)) {
        if (head.type == XRAY_MP_ARRAY) {
            c->left = head.count;
            return true;
        }
        if (head.type == XRAY_MP_MAP && open_scaled(c, column))
            return true;
    }
    c->left = 0;
    c->cursor.bad = true;
    return false;
}

/* Takes a scaled element: NAN for nil, which no scaled number is. */
static bool take_scaled(struct xf_numcol *c, double *out)
{
    int64_t v;

    if (!xf_mp_take_int(&c->cursor, &v))
        return false;
    if (v != XRAY_MISSING && fabs((double)v) >= INTEGER_LIMIT) {
        c->cursor.bad = true;
        return false;
    }
    *out = v == XRAY_MISSING ? (double)NAN : (double)v / power_of_ten[c->scale];
    return true;
}

static xray_str put_double(uint8_t scratch[9], double d)
{
    uint64_t bits;

    if (isnan(d)) {
        scratch[0] = 0xc0;
        return xray_strn((const char *)scratch, 1);
    }
    memcpy(&bits, &d, sizeof bits);
    scratch[0] = 0xcb;
    xf_put_be64(scratch + 1, bits);
    return xray_strn((const char *)scratch, 9);
}

bool xf_numcol_next(struct xf_numcol *c, xray_str *value)
{
    double d;

    if (c->left == 0 || c->cursor.bad)
        return false;
    c->left--;
    if (c->scale == 0)
        return xf_mp_take_value(&c->cursor, value);
    if (!take_scaled(c, &d))
        return false;
    *value = put_double(c->scratch, d);
    return true;
}

bool xf_numcol_next_double(struct xf_numcol *c, double *out)
{
    xray_mp_item item;

    if (c->left == 0 || c->cursor.bad)
        return false;
    c->left--;
    if (c->scale > 0)
        return take_scaled(c, out);
    if (!xray_mp_next(&c->cursor, &item)) {
        c->cursor.bad = true;
        return false;
    }
    if (item.type == XRAY_MP_FLOAT)
        *out = item.d;
    else if (item.type == XRAY_MP_INT)
        *out = (double)item.i;
    else if (item.type == XRAY_MP_UINT)
        *out = (double)item.u;
    else if (item.type == XRAY_MP_NIL)
        *out = (double)NAN;
    else
        c->cursor.bad = true;
    return !c->cursor.bad;
}
