/* One flat pass over a body (body_scan.h): items stand one behind the other, whatever they are nested in. */
#include "format/body_scan.h"

#include "base/bytes.h"
#include "codec/mpread.h"
#include "codec/utf8.h"
#include "format/layout.h"

#define MISSING_LEN 25 /* state, length, hash */

static void note(size_t *first, size_t off)
{
    if (*first == 0)
        *first = off;
}

static void scan_reference(const xray_mp_item *item, size_t off, const struct xf_body_regions *r,
                           struct xf_body_scan *out)
{
    const uint8_t *data = (const uint8_t *)item->bytes.ptr;
    const bool is_part = item->ext_type == XF_EXT_PART;
    uint64_t *end = is_part ? &out->part_end : &out->value_end;
    uint64_t count = 1, last;

    if (item->bytes.len != 4 && !(is_part && item->bytes.len == 8)) {
        note(&out->broken, off);
        return;
    }
    if (item->bytes.len == 8) {
        count = xf_get_be32(data + 4);
        if (count < 2)
            note(&out->broken, off);
    }
    if ((off >= r->parts_from && off < r->parts_to) || (!is_part && off >= r->values_from && off < r->values_to))
        note(&out->nested, off);
    last = (uint64_t)xf_get_be32(data) + count;
    if (last > *end)
        *end = last;
}

static void scan_missing(const xray_mp_item *item, size_t off, struct xf_body_scan *out)
{
    const uint8_t *data = (const uint8_t *)item->bytes.ptr;

    if (item->bytes.len != MISSING_LEN || data[0] < XF_NOT_CAPTURED || data[0] > XF_LOST)
        note(&out->broken, off);
}

bool xf_body_scan(xray_str body, const struct xf_body_regions *regions, struct xf_body_scan *out)
{
    xray_mp c = xray_mp_over(body.ptr, body.len);
    const uint8_t *start = c.at;
    xray_mp_item item;

    *out = (struct xf_body_scan){0};
    while (c.left > 0) {
        const uint8_t *at = c.at;
        const size_t off = (size_t)(at - start);

        if (!xray_mp_next(&c, &item))
            return false;
        if (!xf_mp_is_canonical(at, &item))
            note(&out->odd, off);
        if (item.type == XRAY_MP_STR && item.bytes.len > 0 &&
            xf_utf8_valid_len(item.bytes.ptr, item.bytes.len) != item.bytes.len)
            note(&out->text, off);
        if (item.type != XRAY_MP_EXT)
            continue;
        if (item.ext_type == XF_EXT_PART || item.ext_type == XF_EXT_VALUE)
            scan_reference(&item, off, regions, out);
        else if (item.ext_type == XF_EXT_MISSING)
            scan_missing(&item, off, out);
    }
    return true;
}
