/* References to what is not there yet (references.h). */
#include "format/references.h"

#include "base/bytes.h"
#include "codec/mpread.h"
#include "format/layout.h"

#define NOTHING UINT32_MAX /* writers end a segment before they give this number */

/* Where the ordinal of an ext of ours would stand if one began here; 0: none does. */
static size_t ordinal_off(const uint8_t *p, size_t left)
{
    size_t type;

    switch (*p) {
    case 0xd6: case 0xd7: type = 1; break; /* fixext 4, 8 */
    case 0xc7: type = 2; break;
    case 0xc8: type = 3; break;
    case 0xc9: type = 5; break;
    default: return 0;
    }
    if (left < type + 1 + 4 || (p[type] != XF_EXT_PART && p[type] != XF_EXT_VALUE))
        return 0;
    return type + 1;
}

/* Whether any bytes look like such a reference. Sound files have none, save by chance in a text, and
 * this is many times faster than going through the values. */
static bool is_suspicious(const uint8_t *body, size_t len, uint64_t part_limit, uint64_t value_limit)
{
    for (size_t i = 0; i < len; i++) {
        const size_t off = body[i] >= 0xc7 && body[i] <= 0xd7 ? ordinal_off(body + i, len - i) : 0;

        if (off != 0 &&
            xf_get_be32(body + i + off) >= (body[i + off - 1] == XF_EXT_PART ? part_limit : value_limit))
            return true;
    }
    return false;
}

/* Of a range, the first part decides: a range that begins before the limit and reaches over it, with the
 * parts beyond stored later all the same, is not worth carrying the limit to every reader of values. */
size_t xf_references_bound(uint8_t *body, size_t len, uint64_t part_limit, uint64_t value_limit)
{
    xray_mp c = xray_mp_over(body, len);
    size_t count = 0;
    xray_mp_item item;

    if (!is_suspicious(body, len, part_limit, value_limit))
        return 0;
    while (c.left > 0 && xray_mp_next(&c, &item)) {
        uint8_t *ordinal;

        if (item.type != XRAY_MP_EXT || (item.bytes.len != 4 && item.bytes.len != 8) ||
            (item.ext_type != XF_EXT_PART && item.ext_type != XF_EXT_VALUE))
            continue;
        ordinal = body + ((const uint8_t *)item.bytes.ptr - body);
        if (xf_get_be32(ordinal) >= (item.ext_type == XF_EXT_PART ? part_limit : value_limit)) {
            xf_put_be32(ordinal, NOTHING);
            count++;
        }
    }
    return count;
}
