/* Whole MessagePack values from applications: checking them, and copying them in
 * canonical form (mpread.h; spec 1.2, 6.3). The order of items is that of the
 * bytes, so one flat loop does it; the stack only knows where containers end. */
#include "codec/mpread.h"

#include "base/fail.h"
#include "codec/mpwrite.h"
#include "codec/utf8.h"

static int clamp_depth(int max_depth)
{
    return max_depth < 0 ? 0 : max_depth > XF_DEPTH_READ ? XF_DEPTH_READ : max_depth;
}

bool xf_mp_check(const void *data, size_t len, int max_depth, bool utf8)
{
    xray_mp c = xray_mp_over(data, len);
    size_t waiting[XF_DEPTH_READ];
    size_t todo = 1;
    int depth = 0;

    max_depth = clamp_depth(max_depth);
    for (;;) {
        xray_mp_item item;

        while (todo == 0) {
            if (depth == 0)
                return c.left == 0;
            todo = waiting[--depth];
        }
        todo--;
        if (!xray_mp_next(&c, &item))
            return false;
        if (item.type == XRAY_MP_STR) {
            if (utf8 && xf_utf8_valid_len(item.bytes.ptr, item.bytes.len) != item.bytes.len)
                return false;
        } else if (item.type == XRAY_MP_ARRAY || item.type == XRAY_MP_MAP) {
            if (depth == max_depth)
                return false;
            waiting[depth++] = todo;
            todo = item.type == XRAY_MP_MAP ? 2 * (size_t)item.count : item.count;
        }
    }
}

/* The shortest form of the item alone; of a container, of its header. */
static void put_item(xray_buffer *out, const xray_mp_item *item)
{
    switch (item->type) {
    case XRAY_MP_NIL:
        xf_mp_nil(out);
        break;
    case XRAY_MP_BOOL:
        xf_mp_bool(out, item->boolean);
        break;
    case XRAY_MP_INT:
        xf_mp_int(out, item->i);
        break;
    case XRAY_MP_UINT:
        xf_mp_uint(out, item->u);
        break;
    case XRAY_MP_FLOAT:
        xf_mp_double(out, item->d);
        break;
    case XRAY_MP_STR:
        xf_mp_text(out, item->bytes.ptr, item->bytes.len);
        break;
    case XRAY_MP_BIN:
        xf_mp_bin(out, item->bytes.ptr, item->bytes.len);
        break;
    case XRAY_MP_EXT:
        if (item->ext_type >= 0 && item->ext_type <= 31)
            xf_mp_ext_quoted(out, item->ext_type, item->bytes.ptr, item->bytes.len);
        else
            xf_mp_ext(out, item->ext_type, item->bytes.ptr, item->bytes.len);
        break;
    case XRAY_MP_ARRAY:
        xf_mp_array(out, item->count);
        break;
    case XRAY_MP_MAP:
        xf_mp_map(out, item->count);
        break;
    }
}

static int canonize(xray_mp *c, const uint8_t *start, int max_depth, xray_buffer *out, xray_error *err)
{
    size_t waiting[XF_DEPTH_READ];
    size_t todo = 1;
    int depth = 0;

    for (;;) {
        const uint64_t pos = (uint64_t)(c->at - start);
        xray_mp_item item;

        while (todo == 0 && depth > 0)
            todo = waiting[--depth];
        if (todo == 0)
            break;
        todo--;
        if (c->left == 0)
            return xf_fail(err, XRAY_ECORRUPT, pos, "MessagePack ends inside a value");
        if (!xray_mp_next(c, &item))
            return xf_fail(err, XRAY_ECORRUPT, pos, "no whole MessagePack item here (first byte %02x)",
                           c->at[0]);
        if (item.type == XRAY_MP_ARRAY || item.type == XRAY_MP_MAP) {
            if (depth == max_depth)
                return xf_fail(err, XRAY_ELIMIT, pos, "MessagePack is nested deeper than %d", max_depth);
            waiting[depth++] = todo;
            todo = item.type == XRAY_MP_MAP ? 2 * (size_t)item.count : item.count;
        }
        put_item(out, &item);
    }
    if (c->left > 0)
        return xf_fail(err, XRAY_ECORRUPT, (uint64_t)(c->at - start),
                       "%zu bytes follow the MessagePack value", c->left);
    return out->failed ? xf_fail_memory(err) : XRAY_OK;
}

int xf_mp_canonize(const void *data, size_t len, int max_depth, xray_buffer *out, xray_error *err)
{
    xray_mp c = xray_mp_over(data, len);
    const size_t before = out->len;
    const bool failed_before = out->failed;
    const int status = canonize(&c, c.at, clamp_depth(max_depth), out, err);

    if (status != XRAY_OK) {
        out->len = before;
        out->failed = failed_before;
    }
    return status;
}

static bool is_fixext_len(size_t len)
{
    return len == 1 || len == 2 || len == 4 || len == 8 || len == 16;
}

bool xf_mp_is_canonical(const uint8_t *p, const xray_mp_item *item)
{
    const size_t len = item->bytes.len;

    switch (*p) {
    case 0xca: return false; /* float32 */
    case 0xcc: return item->i > 0x7f;
    case 0xcd: return item->i > 0xff;
    case 0xce: return item->i > 0xffff;
    case 0xcf: return item->type == XRAY_MP_UINT || item->i > 0xffffffff;
    case 0xd0: return item->i < -32;
    case 0xd1: return item->i < INT8_MIN;
    case 0xd2: return item->i < INT16_MIN;
    case 0xd3: return item->i < INT32_MIN;
    case 0xd9: return len > 31;
    case 0xc5: case 0xda: return len > 0xff;
    case 0xc6: case 0xdb: return len > 0xffff;
    case 0xc7: return !is_fixext_len(len);
    case 0xc8: return len > 0xff;
    case 0xc9: return len > 0xffff;
    case 0xdc: case 0xde: return item->count > 15;
    case 0xdd: case 0xdf: return item->count > 0xffff;
    default: return true;
    }
}
