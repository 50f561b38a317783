/* Members of recorded values (ql 3.1). */
#include "codec/mpread.h"
#include "query/query.h"

enum { EXT_MISSING = 3, EXT_NUMBER = 4, EXT_NOT_UTF8 = 6 }; /* spec 6.3 */

static struct xf_val value_of_ext(const xray_mp_item *item, xray_str data)
{
    double d;

    if (item->ext_type == EXT_MISSING)
        return xf_val_of(XF_MISSING);
    if (item->ext_type == EXT_NOT_UTF8)
        return xf_val_text(item->bytes);
    if (item->ext_type == EXT_NUMBER && xf_decimal_double(item->bytes, 0, &d))
        return xf_val_double(d);
    return (struct xf_val){.kind = XF_DATA, .as.text = data};
}

struct xf_val xf_path_value(xray_str data)
{
    xray_mp c = xray_mp_over(data.ptr, data.len);
    xray_mp_item item;

    if (!xray_mp_next(&c, &item))
        return xf_val_of(XF_MISSING);
    switch (item.type) {
    case XRAY_MP_NIL:
        return xf_val_of(XF_MISSING);
    case XRAY_MP_BOOL:
        return xf_val_bool(item.boolean);
    case XRAY_MP_INT:
        return xf_val_int(item.i);
    case XRAY_MP_UINT:
        return (struct xf_val){.kind = XF_UINT, .as.u = item.u};
    case XRAY_MP_FLOAT:
        return xf_val_double(item.d);
    case XRAY_MP_STR:
        return xf_val_text(item.bytes);
    case XRAY_MP_EXT:
        return value_of_ext(&item, data);
    case XRAY_MP_BIN:
    case XRAY_MP_ARRAY:
    case XRAY_MP_MAP:
        break;
    }
    return (struct xf_val){.kind = XF_DATA, .as.text = data};
}

/* Is `key` the names path[0..n) joined by dots? */
static bool is_joined(xray_str key, const struct xf_member *path, uint32_t n)
{
    size_t at = 0;

    for (uint32_t i = 0; i < n; i++) {
        const xray_str name = path[i].key;

        if (i > 0 && (at == key.len || key.ptr[at++] != '.'))
            return false;
        if (key.len - at < name.len || (name.len > 0 && memcmp(key.ptr + at, name.ptr, name.len) != 0))
            return false;
        at += name.len;
    }
    return at == key.len;
}

/* The first member of the map whose key is the first n names. */
static bool find_member(xray_mp c, uint32_t count, const struct xf_member *path, uint32_t n, xray_str *value)
{
    for (uint32_t i = 0; i < count; i++) {
        xray_mp here = c;
        xray_str key;
        const bool same = xf_mp_take_str(&here, &key) && is_joined(key, path, n);

        if (!xray_mp_skip(&c))
            return false;
        if (same)
            return xf_mp_take_value(&c, value);
        if (!xray_mp_skip(&c))
            return false;
    }
    return false;
}

static bool find_element(xray_mp c, uint32_t count, int32_t index, xray_str *value)
{
    const int64_t at = index < 0 ? (int64_t)count + index : index;

    if (at < 0 || at >= count)
        return false;
    for (int64_t i = 0; i < at; i++)
        if (!xray_mp_skip(&c))
            return false;
    return xf_mp_take_value(&c, value);
}

/* Member by member; where that leads nowhere, names joined by dots may be one key. The recursion is as
 * deep as the path is long. */
struct xf_val xf_path_get(xray_str data, const struct xf_member *path, uint32_t count)
{
    struct xf_val v = xf_val_of(XF_MISSING);
    xray_mp c = xray_mp_over(data.ptr, data.len);
    xray_mp_item item;
    xray_str value;

    if (count == 0)
        return xf_path_value(data);
    if (!xray_mp_next(&c, &item))
        return v;
    if (path[0].is_index)
        return item.type == XRAY_MP_ARRAY && find_element(c, item.count, path[0].index, &value)
                   ? xf_path_get(value, path + 1, count - 1)
                   : v;
    if (item.type != XRAY_MP_MAP)
        return v;
    for (uint32_t n = 1; n <= count && v.kind == XF_MISSING; n++) {
        if (n > 1 && (path[n - 1].is_index || path[n - 1].quoted || path[0].quoted))
            break;
        if (find_member(c, item.count, path, n, &value))
            v = xf_path_get(value, path + n, count - n);
    }
    return v;
}
