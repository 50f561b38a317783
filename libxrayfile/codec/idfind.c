/* Finding one id in an id column without expanding the others (idcol.h, spec 8.3).
 *
 * A block has tens of thousands of ids, and a question about one of them asks every block: packing the one
 * and comparing packed bytes costs a fraction of writing all of them out. */
#include "codec/idcol.h"

#include <stdio.h>

#include "codec/mpread.h"

enum { UUID_LEN = 36, UUID_SIZE = 16, MAX_DIGITS = 18 };

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Is `text` the hexadecimal digits of the bytes at `packed`? Of an odd number the first byte has one. */
static bool is_packed(const uint8_t *packed, xray_str text)
{
    size_t half = text.len % 2;

    if (half == 1 && packed[0] > 15)
        return false;
    for (size_t i = 0; i < text.len; i++, half++) {
        const int found = half % 2 == 0 ? packed[half / 2] >> 4 : packed[half / 2] & 15;

        if (digit_of(text.ptr[i]) != found)
            return false;
    }
    return true;
}

static int find_hex(const struct xf_idcol *col, xray_str rest)
{
    const size_t size = (rest.len + 1) / 2;

    if (col->digits < 1)
        return XRAY_ECORRUPT;
    if ((uint64_t)col->digits != rest.len)
        return 0;
    if (col->data.len % size != 0)
        return XRAY_ECORRUPT;
    for (size_t off = 0; off < col->data.len; off += size)
        if (is_packed((const uint8_t *)col->data.ptr + off, rest))
            return 1;
    return 0;
}

static int find_uuid(const struct xf_idcol *col, xray_str rest)
{
    char digits[2 * UUID_SIZE];
    size_t n = 0;

    if (col->data.len % UUID_SIZE != 0)
        return XRAY_ECORRUPT;
    if (rest.len != UUID_LEN)
        return 0;
    for (size_t i = 0; i < UUID_LEN; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? rest.ptr[i] != '-' : digit_of(rest.ptr[i]) < 0)
            return 0;
        if (!dash)
            digits[n++] = rest.ptr[i];
    }
    for (size_t off = 0; off < col->data.len; off += UUID_SIZE)
        if (is_packed((const uint8_t *)col->data.ptr + off, xray_strn(digits, sizeof digits)))
            return 1;
    return 0;
}

/* The number that is written so, with at least `width` digits; -1: none is. */
static int64_t number_of(xray_str text, int width)
{
    char again[32];
    int64_t n = 0;

    if (text.len == 0 || text.len > 19)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        const int digit = text.ptr[i] >= '0' && text.ptr[i] <= '9' ? text.ptr[i] - '0' : -1;

        if (digit < 0 || n > (INT64_MAX - digit) / 10)
            return -1;
        n = n * 10 + digit;
    }
    return snprintf(again, sizeof again, "%0*lld", width, (long long)n) == (int)text.len ? n : -1;
}

static int find_decimal(const struct xf_idcol *col, xray_str rest)
{
    xray_mp c = xray_mp_over(col->data.ptr, col->data.len);
    uint32_t count;
    int64_t value = 0, delta, wanted;

    if (col->digits < 0 || col->digits > MAX_DIGITS || !xf_mp_take_array(&c, &count))
        return XRAY_ECORRUPT;
    wanted = number_of(rest, (int)col->digits);
    if (wanted < 0)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!xf_mp_take_int(&c, &delta) || delta == XRAY_MISSING || delta < -value ||
            (delta > 0 && delta > INT64_MAX - value))
            return XRAY_ECORRUPT;
        value += delta;
        if (value == wanted)
            return 1;
    }
    return 0;
}

static bool is_same(xray_str a, xray_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static int find_plain(const struct xf_idcol *col, xray_str id)
{
    xray_mp c = xray_mp_over(col->data.ptr, col->data.len);
    xray_mp_item item;

    for (uint32_t i = 0; i < col->count; i++) {
        if (!xray_mp_next(&c, &item) ||
            (item.type != XRAY_MP_STR && !(item.type == XRAY_MP_EXT && item.ext_type == 6)))
            return XRAY_ECORRUPT;
        if (is_same(item.bytes, id))
            return 1;
    }
    return 0;
}

int xf_idcol_find(xray_str column, xray_str id)
{
    struct xf_idcol col;
    const int status = xf_idcol_open(column, &col, NULL);

    if (status != XRAY_OK)
        return status;
    if (col.form == XF_IDCOL_PLAIN)
        return find_plain(&col, id);
    if (id.len < col.prefix.len || !is_same(xray_strn(id.ptr, col.prefix.len), col.prefix))
        return 0;

    /* An empty text may be a null pointer, to which nothing may be added. */
    const xray_str rest = id.len == 0 ? id : xray_strn(id.ptr + col.prefix.len, id.len - col.prefix.len);

    if (col.form == XF_IDCOL_HEX)
        return find_hex(&col, rest);
    return col.form == XF_IDCOL_UUID ? find_uuid(&col, rest) : find_decimal(&col, rest);
}
