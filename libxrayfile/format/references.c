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

static bool is_beyond(const uint8_t *p, size_t left, uint64_t part_limit, uint64_t value_limit)
{
    const size_t off = *p >= 0xc7 && *p <= 0xd7 ? ordinal_off(p, left) : 0;

    return off != 0 && xf_get_be32(p + off) >= (p[off - 1] == XF_EXT_PART ? part_limit : value_limit);
}

/* Is any of these 8 bytes one of c7 to d7, with which an ext begins? Such a byte has its upper bit, and its others, to which
 * something is added that carries into the upper bit from 47 or from 58 on, differ in that. */
static bool may_begin(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), low = bytes & ones * 0x7f;

    return ((low + ones * (0x80 - 0x47)) & ~(low + ones * (0x80 - 0x58)) & bytes & ones * 0x80) != 0;
}

/* Whether any bytes look like such a reference. Sound files have none, save by chance in a text, and
 * this is many times faster than going through the values. */
static bool is_suspicious(const uint8_t *body, size_t len, uint64_t part_limit, uint64_t value_limit)
{
    size_t i = 0;

    for (; len - i >= 8; i += 8) {
        uint64_t bytes;

        memcpy(&bytes, body + i, sizeof bytes);
        for (size_t k = 0; k < 8 && may_begin(bytes); k++)
            if (is_beyond(body + i + k, len - i - k, part_limit, value_limit))
                return true;
    }
    for (; i < len; i++)
        if (is_beyond(body + i, len - i, part_limit, value_limit))
            return true;
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
    while (xf_mp_next_of(&c, XF_MP_EXTS, &item)) {
        uint8_t *ordinal;

        if ((item.bytes.len != 4 && item.bytes.len != 8) ||
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
