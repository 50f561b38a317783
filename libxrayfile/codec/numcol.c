/* The packed column (numcol.h, spec 5.2). Writing tries the dense forms and keeps the
 * plain one where none is smaller. */
#include "codec/numcol.h"

#include <math.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"

#define MAX_SCALE 9
#define INTEGER_LIMIT 9007199254740992.0 /* 2^53: below it doubles hold every integer */
#define DICT_MAX 256u
#define MAP_COST 44u /* bytes of keys and small members of the dense forms, about */
#define COUNT_MIN 8u /* shorter columns stay plain */

static const double power_of_ten[MAX_SCALE + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/* ---- numbers as integers ---- */

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

/* A double, or any item. */
static inline bool take_item(xray_mp *c, xray_mp_item *item)
{
    uint64_t bits;

    if (c->left < 9 || c->at[0] != 0xcb)
        return xray_mp_next(c, item);
    bits = xf_get_be64(c->at + 1);
    item->type = XRAY_MP_FLOAT;
    memcpy(&item->d, &bits, sizeof bits);
    c->at += 9;
    c->left -= 9;
    return true;
}

/* The values as integers at the least scale that fits them all: 0 if they are integers, 1 to 9 if doubles. What fits a
 * scale fits the next one too unless it grows out of range; so the ones before are taken again, and looked at again.
 * -1 if there is none. */
static int take_integers(const xray_buffer *values, size_t count, int64_t *out)
{
    xray_mp c = xray_mp_over(values->data, values->len);
    int scale = -1, first = -1;

    for (size_t i = 0; i < count; i++) {
        xray_mp_item item;

        if (!take_item(&c, &item))
            return -1;
        if (scale < 0)
            scale = first = item.type == XRAY_MP_INT ? 0 : 1;
        if (item.type != (scale == 0 ? XRAY_MP_INT : XRAY_MP_FLOAT))
            return -1;
        if (scale == 0)
            out[i] = item.i;
        while (scale > 0 && !is_scaled(item.d, scale, &out[i]))
            if (++scale > MAX_SCALE)
                return -1;
    }
    if (scale == first)
        return scale;
    c = xray_mp_over(values->data, values->len);
    for (size_t i = 0; i < count; i++) {
        xray_mp_item item;

        if (!take_item(&c, &item) || !is_scaled(item.d, scale, &out[i]))
            return -1;
    }
    return scale;
}

static uint64_t zigzag(int64_t d)
{
    return (uint64_t)d << 1 ^ (d < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t u)
{
    return (int64_t)(u >> 1 ^ (0 - (u & 1)));
}

static unsigned bits_of(uint64_t u)
{
    return u == 0 ? 0 : 64 - (unsigned)__builtin_clzll(u);
}

static unsigned bytes_of(uint64_t u)
{
    return u == 0 ? 1 : (bits_of(u) + 7) / 8;
}

/* How the integers would best be written. */
struct plan {
    int scale;
    bool delta;
    int64_t base;
    unsigned width;
};

struct survey {
    int64_t min;
    uint64_t range, max_step;
    uint64_t step_bits; /* that the differences take, in all */
};

static struct survey look_at(const int64_t *v, size_t count)
{
    struct survey s = {.min = v[0]};
    int64_t max = v[0];

    for (size_t i = 1; i < count; i++) {
        const uint64_t step = zigzag((int64_t)((uint64_t)v[i] - (uint64_t)v[i - 1]));

        s.max_step = step > s.max_step ? step : s.max_step;
        s.step_bits += bits_of(step);
        s.min = v[i] < s.min ? v[i] : s.min;
        max = v[i] > max ? v[i] : max;
    }
    s.range = (uint64_t)max - (uint64_t)s.min;
    return s;
}

/* Bits that the values take above their minimum. */
static uint64_t value_bits(const int64_t *v, size_t count, int64_t min)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < count; i++)
        bits += bits_of((uint64_t)v[i] - (uint64_t)min);
    return bits;
}

/* Differences pay where they are clearly smaller than the values: sorted scores, ranks. */
static void make_plan(const int64_t *v, size_t count, struct plan *p)
{
    const struct survey s = look_at(v, count);

    p->delta = s.step_bits + count / 2 < value_bits(v, count, s.min);
    p->base = p->delta ? v[0] : s.min;
    p->width = bytes_of(p->delta ? s.max_step : s.range);
}

static void put_planes(const int64_t *v, size_t count, const struct plan *p, xray_buffer *out)
{
    int64_t last = p->base;
    uint8_t *planes;

    xf_mp_map(out, 6);
    xf_mp_cstr(out, "scale");
    xf_mp_int(out, p->scale);
    xf_mp_cstr(out, "delta");
    xf_mp_int(out, p->delta);
    xf_mp_cstr(out, "base");
    xf_mp_int(out, p->base);
    xf_mp_cstr(out, "width");
    xf_mp_int(out, p->width);
    xf_mp_cstr(out, "n");
    xf_mp_uint(out, count);
    xf_mp_cstr(out, "planes");
    xf_mp_bin_header(out, count * p->width);
    planes = xf_buf_extend(out, count * p->width);
    for (size_t i = 0; planes != NULL && i < count; i++) {
        uint64_t u = (uint64_t)v[i] - (uint64_t)last;

        if (p->delta) {
            u = zigzag((int64_t)u);
            last = v[i];
        }
        for (unsigned k = 0; k < p->width; k++)
            planes[k * count + i] = (uint8_t)(u >> 8 * k);
    }
}

/* ---- few distinct values ---- */

struct distinct {
    xray_str values[DICT_MAX];
    uint16_t slots[DICT_MAX * 2]; /* index + 1 */
    uint32_t count;
    size_t bytes;
};

/* Index of the value, added if there is room; DICT_MAX if not. */
static uint32_t distinct_put(struct distinct *d, xray_str value)
{
    uint32_t at = (uint32_t)xf_hash64(value.ptr, value.len, 0) % (DICT_MAX * 2);

    for (; d->slots[at] != 0; at = (at + 1) % (DICT_MAX * 2)) {
        const xray_str known = d->values[d->slots[at] - 1];

        if (known.len == value.len && memcmp(known.ptr, value.ptr, value.len) == 0)
            return d->slots[at] - 1u;
    }
    if (d->count == DICT_MAX)
        return DICT_MAX;
    d->values[d->count] = value;
    d->bytes += value.len;
    d->slots[at] = (uint16_t)(d->count + 1);
    return d->count++;
}

static bool find_distinct(const xray_buffer *values, size_t count, struct distinct *d)
{
    xray_mp c = xray_mp_over(values->data, values->len);

    for (size_t i = 0; i < count; i++) {
        xray_str value;

        if (!xf_mp_take_value(&c, &value) || distinct_put(d, value) == DICT_MAX)
            return false;
    }
    return true;
}

static void put_dict(const xray_buffer *values, size_t count, struct distinct *d, xray_buffer *out)
{
    xray_mp c = xray_mp_over(values->data, values->len);
    uint8_t *at;

    xf_mp_map(out, 2);
    xf_mp_cstr(out, "dict");
    xf_mp_array(out, d->count);
    for (uint32_t i = 0; i < d->count; i++)
        xf_buf_put(out, d->values[i].ptr, d->values[i].len);
    xf_mp_cstr(out, "at");
    xf_mp_bin_header(out, count);
    at = xf_buf_extend(out, count);
    for (size_t i = 0; at != NULL && i < count; i++) {
        xray_str value;

        xf_mp_take_value(&c, &value);
        at[i] = (uint8_t)distinct_put(d, value);
    }
}

/* The form that is smallest; what it needs is in `p` and `d`. */
static enum xf_numcol_form choose(const xray_buffer *values, size_t count, int64_t *integers, struct plan *p,
                                  struct distinct *d)
{
    size_t best = values->len;
    enum xf_numcol_form form = XF_NUMCOL_PLAIN;

    p->scale = take_integers(values, count, integers);
    if (p->scale >= 0) {
        make_plan(integers, count, p);
        if (count * p->width + MAP_COST < best) {
            form = XF_NUMCOL_PLANES;
            best = count * p->width + MAP_COST;
        }
    }
    return find_distinct(values, count, d) && count + d->bytes + MAP_COST / 2 < best ? XF_NUMCOL_DICT : form;
}

void xf_numcol_encode(const xray_buffer *values, size_t count, xray_buffer *out)
{
    struct distinct d = {.count = 0};
    struct plan p = {0};
    enum xf_numcol_form form = XF_NUMCOL_PLAIN;
    int64_t *integers = NULL;

    if (count >= COUNT_MIN) {
        integers = xf_alloc_array(count, sizeof *integers);
        out->failed |= integers == NULL;
        if (integers != NULL)
            form = choose(values, count, integers, &p, &d);
    }
    if (form == XF_NUMCOL_PLANES) {
        put_planes(integers, count, &p, out);
    } else if (form == XF_NUMCOL_DICT) {
        put_dict(values, count, &d, out);
    } else {
        xf_mp_array(out, count);
        xf_buf_put(out, values->data, values->len);
    }
    xf_free(integers);
}

/* ---- reading ---- */

static bool find_int(xray_str map, const char *key, int64_t min, int64_t max, int64_t *out)
{
    xray_str value;
    xray_mp c;

    if (!xf_mp_find(map, key, &value))
        return false;
    c = xray_mp_over(value.ptr, value.len);
    return xf_mp_take_int(&c, out) && *out != XRAY_MISSING && *out >= min && *out <= max;
}

static bool find_bin(xray_str map, const char *key, xray_str *out)
{
    xray_str value;
    xray_mp c;

    if (!xf_mp_find(map, key, &value))
        return false;
    c = xray_mp_over(value.ptr, value.len);
    return xf_mp_take_bin(&c, out);
}

static bool open_planes(struct xf_numcol *c, xray_str column)
{
    int64_t scale, delta, width, n;
    xray_str planes, base;
    xray_mp b;

    if (!find_int(column, "scale", 0, MAX_SCALE, &scale) || !find_int(column, "delta", 0, 1, &delta) ||
        !find_int(column, "width", 1, 8, &width) || !find_int(column, "n", 0, UINT32_MAX, &n) ||
        !xf_mp_find(column, "base", &base) || !find_bin(column, "planes", &planes))
        return false;
    b = xray_mp_over(base.ptr, base.len);
    if (!xf_mp_take_int(&b, &c->last) || (uint64_t)planes.len != (uint64_t)n * (uint64_t)width)
        return false;
    c->form = XF_NUMCOL_PLANES;
    c->scale = (uint8_t)scale;
    c->width = (uint8_t)width;
    c->delta = delta != 0;
    c->bytes = (const uint8_t *)planes.ptr;
    c->left = c->count = (uint32_t)n;
    return true;
}

static bool open_dict(struct xf_numcol *c, xray_str column, struct xf_arena *arena)
{
    xray_str values, at, *dict;
    uint32_t count;
    xray_mp v;

    if (!xf_mp_find(column, "dict", &values) || !find_bin(column, "at", &at) || at.len > UINT32_MAX)
        return false;
    v = xray_mp_over(values.ptr, values.len);
    if (!xf_mp_take_array(&v, &count) || count > DICT_MAX)
        return false;
    dict = xf_arena_alloc(arena, (count + (size_t)1) * sizeof *dict);
    if (dict == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!xf_mp_take_value(&v, &dict[i]))
            return false;
    c->form = XF_NUMCOL_DICT;
    c->dict = dict;
    c->dict_count = count;
    c->bytes = (const uint8_t *)at.ptr;
    c->left = c->count = (uint32_t)at.len;
    return true;
}

bool xf_numcol_open(struct xf_numcol *c, xray_str column, struct xf_arena *arena)
{
    xray_mp_item head;

    *c = (struct xf_numcol){.cursor = xray_mp_over(column.ptr, column.len)};
    if (column.ptr == NULL)
        return true;
    if (xray_mp_next(&c->cursor, &head)) {
        if (head.type == XRAY_MP_ARRAY) {
            c->left = c->count = head.count;
            return true;
        }
        if (head.type == XRAY_MP_MAP && (open_planes(c, column) || open_dict(c, column, arena)))
            return true;
    }
    c->left = 0;
    c->bad = true;
    return false;
}

/* The integer behind the next element of a column of planes. */
static int64_t take_integer(struct xf_numcol *c)
{
    const uint8_t *at = c->bytes + (c->count - c->left);
    uint64_t u = 0;
    int64_t v;

    for (unsigned k = 0; k < c->width; k++)
        u |= (uint64_t)at[(size_t)k * c->count] << 8 * k;
    v = (int64_t)((uint64_t)c->last + (c->delta ? (uint64_t)unzigzag(u) : u));
    if (c->delta)
        c->last = v;
    return v;
}

static bool scaled_double(struct xf_numcol *c, int64_t v, double *out)
{
    if (v >= (int64_t)INTEGER_LIMIT || v <= -(int64_t)INTEGER_LIMIT) {
        c->bad = true;
        return false;
    }
    *out = (double)v / power_of_ten[c->scale];
    return true;
}

/* The integer or double as canonical MessagePack in c->scratch. */
static bool rebuild(struct xf_numcol *c, int64_t v, xray_str *value)
{
    xray_buffer b = {.data = c->scratch, .cap = sizeof c->scratch};
    double d;

    if (c->scale == 0) {
        xf_mp_int(&b, v);
    } else {
        if (!scaled_double(c, v, &d))
            return false;
        xf_mp_double(&b, d);
    }
    *value = xray_strn((const char *)c->scratch, b.len);
    return true;
}

bool xf_numcol_next(struct xf_numcol *c, xray_str *value)
{
    bool good = false;

    if (c->left == 0 || c->bad)
        return false;
    switch (c->form) {
    case XF_NUMCOL_PLAIN:
        good = xf_mp_take_value(&c->cursor, value);
        break;
    case XF_NUMCOL_PLANES:
        good = rebuild(c, take_integer(c), value);
        break;
    case XF_NUMCOL_DICT: {
        const uint8_t at = c->bytes[c->count - c->left];

        good = at < c->dict_count;
        if (good)
            *value = c->dict[at];
        break;
    }
    }
    c->left--;
    c->bad = !good;
    return good;
}

static bool number_of(xray_str value, double *out, bool *nil)
{
    xray_mp c = xray_mp_over(value.ptr, value.len);
    xray_mp_item item;

    if (!xray_mp_next(&c, &item))
        return false;
    *nil = item.type == XRAY_MP_NIL;
    if (item.type == XRAY_MP_FLOAT)
        *out = item.d;
    else if (item.type == XRAY_MP_INT)
        *out = (double)item.i;
    else if (item.type == XRAY_MP_UINT)
        *out = (double)item.u;
    else if (item.type == XRAY_MP_NIL)
        *out = (double)NAN;
    else
        return false;
    return true;
}

bool xf_numcol_next_double(struct xf_numcol *c, double *out, bool *nil)
{
    xray_str value;

    if (c->form == XF_NUMCOL_PLANES && c->scale > 0 && c->left > 0 && !c->bad) { /* the usual case */
        const int64_t v = take_integer(c);

        c->left--;
        *nil = false;
        return scaled_double(c, v, out);
    }
    if (!xf_numcol_next(c, &value))
        return false;
    c->bad = !number_of(value, out, nil);
    return !c->bad;
}
