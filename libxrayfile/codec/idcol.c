/* The id column (idcol.h, spec 8.3): candidate ids in the densest of four forms. */
#include "codec/idcol.h"

#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "codec/utf8.h"

#define MAX_IDS 1048576               /* spec 11 */
#define MAX_TEXT ((uint64_t)64 << 20) /* all ids of one column */
#define MAX_DIGITS 18                 /* decimal numbers of so many digits and their differences fit int64 */
#define UUID_LEN 36

/* ---- encoding: what the ids have in common ---------------------------------------- */

struct survey {
    size_t common;  /* length of the prefix that all share */
    size_t min_len; /* of an id */
    size_t max_len;
    uint64_t total; /* bytes of all */
};

static size_t common_len(xray_str a, xray_str b, size_t most)
{
    size_t n = 0;

    while (n < most && a.ptr[n] == b.ptr[n])
        n++;
    return n;
}

static struct survey look_at(const xray_str *ids, size_t count)
{
    struct survey s = {.common = ids[0].len, .min_len = ids[0].len, .max_len = ids[0].len};

    for (size_t i = 0; i < count; i++) {
        const size_t len = ids[i].len;

        if (len < s.min_len)
            s.min_len = len;
        if (len > s.max_len)
            s.max_len = len;
        s.common = common_len(ids[0], ids[i], len < s.common ? len : s.common);
        s.total += len + (len < 32 ? 1 : len < 256 ? 2 : 3);
    }
    return s;
}

/* ---- encoding: hexadecimal digits --------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (hex_value(text[i]) < 0)
            return false;
    return true;
}

static bool all_hex(const xray_str *ids, size_t count, const struct survey *s)
{
    if (s->min_len != s->max_len || s->common == s->max_len)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!is_hex(ids[i].ptr + s->common, ids[i].len - s->common))
            return false;
    return true;
}

/* Appends the digits in bytes; of an odd number the first stands in a byte of its own. */
static void put_hex(const char *digits, size_t len, xray_buffer *out)
{
    size_t i = 0;

    if (len % 2 == 1)
        xf_buf_put_u8(out, (uint8_t)hex_value(digits[i++]));
    for (; i < len; i += 2)
        xf_buf_put_u8(out, (uint8_t)(hex_value(digits[i]) << 4 | hex_value(digits[i + 1])));
}

static void put_prefix(xray_str id, size_t len, size_t members, xray_buffer *out)
{
    xf_mp_map(out, members);
    xf_mp_cstr(out, "prefix");
    xf_mp_str(out, id.ptr, len);
}

static void encode_hex(const xray_str *ids, size_t count, const struct survey *s, xray_buffer *out)
{
    const size_t digits = s->max_len - s->common;
    xray_buffer data = {0};

    put_prefix(ids[0], s->common, 3, out);
    xf_mp_cstr(out, "hex");
    xf_mp_uint(out, digits);
    xf_mp_cstr(out, "data");
    for (size_t i = 0; i < count; i++)
        put_hex(ids[i].ptr + s->common, digits, &data);
    if (data.failed)
        out->failed = true;
    xf_mp_bin(out, data.data, data.len);
    xray_buffer_free(&data);
}

/* ---- encoding: decimal numbers --------------------------------------------------------- */

/* The number in text[0..len), of at most MAX_DIGITS digits; -1: it is none. With
 * `unpadded` it must have no superfluous zeros. */
static int64_t decimal_value(const char *text, size_t len, bool unpadded)
{
    int64_t v = 0;

    if (len == 0 || len > MAX_DIGITS || (unpadded && len > 1 && text[0] == '0'))
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        v = v * 10 + (text[i] - '0');
    }
    return v;
}

struct decimal {
    size_t prefix;
    size_t width;     /* 0: unpadded */
    xray_buffer data; /* the differences */
};

/* True if every id is the prefix and a number, and then its differences: what the column costs. */
static bool all_decimal(const xray_str *ids, size_t count, const struct survey *s, struct decimal *d)
{
    int64_t before = 0;

    d->prefix = s->common;
    d->width = s->max_len - s->common;
    if (s->min_len != s->max_len) { /* the prefix may have eaten digits that all numbers begin with */
        while (d->prefix > 0 && ids[0].ptr[d->prefix - 1] >= '0' && ids[0].ptr[d->prefix - 1] <= '9')
            d->prefix--;
        d->width = 0;
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t v = decimal_value(ids[i].ptr + d->prefix, ids[i].len - d->prefix, d->width == 0);

        if (v < 0)
            return false;
        xf_mp_int(&d->data, v - before);
        before = v;
    }
    return !d->data.failed;
}

static void encode_decimal(const xray_str *ids, size_t count, const struct decimal *d, xray_buffer *out)
{
    put_prefix(ids[0], d->prefix, 3, out);
    xf_mp_cstr(out, "dec");
    xf_mp_uint(out, d->width);
    xf_mp_cstr(out, "data");
    xf_mp_array(out, count);
    xf_buf_put(out, d->data.data, d->data.len);
}

/* ---- encoding: UUIDs ------------------------------------------------------------------- */

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < UUID_LEN; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : hex_value(text[i]) < 0)
            return false;
    }
    return true;
}

static bool all_uuid(const xray_str *ids, size_t count, const struct survey *s)
{
    if (s->min_len != s->max_len || s->max_len < UUID_LEN || s->common < s->max_len - UUID_LEN)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!is_uuid(ids[i].ptr + s->max_len - UUID_LEN))
            return false;
    return true;
}

static void encode_uuid(const xray_str *ids, size_t count, const struct survey *s, xray_buffer *out)
{
    const size_t prefix = s->max_len - UUID_LEN;
    xray_buffer data = {0};

    put_prefix(ids[0], prefix, 2, out);
    xf_mp_cstr(out, "uuid");
    for (size_t i = 0; i < count; i++) {
        const char *u = ids[i].ptr + prefix;

        put_hex(u, 8, &data);
        put_hex(u + 9, 4, &data);
        put_hex(u + 14, 4, &data);
        put_hex(u + 19, 4, &data);
        put_hex(u + 24, 12, &data);
    }
    if (data.failed)
        out->failed = true;
    xf_mp_bin(out, data.data, data.len);
    xray_buffer_free(&data);
}

/* Appends the smallest of the dense forms, if one is smaller than plain. */
static bool encode_dense(const xray_str *ids, size_t count, xray_buffer *out)
{
    const struct survey s = look_at(ids, count);
    /* The prefix must be text; an empty id has no digits. */
    const bool text = s.min_len > 0 && xf_utf8_valid_len(ids[0].ptr, s.common) == s.common;
    struct decimal d = {0};
    const uint64_t dec = text && all_decimal(ids, count, &s, &d) ? d.prefix + d.data.len : UINT64_MAX;
    const uint64_t as_hex = s.common + count * ((s.max_len - s.common + 1) / 2);
    bool done = true;

    if (text && as_hex < s.total && as_hex <= dec && all_hex(ids, count, &s))
        encode_hex(ids, count, &s, out);
    else if (dec < s.total)
        encode_decimal(ids, count, &d, out);
    else if (all_uuid(ids, count, &s) && xf_utf8_valid_len(ids[0].ptr, s.max_len) == s.max_len)
        encode_uuid(ids, count, &s, out);
    else
        done = false;
    xray_buffer_free(&d.data);
    return done;
}

void xf_idcol_encode(const xray_str *ids, size_t count, xray_buffer *out)
{
    if (count > 1 && encode_dense(ids, count, out))
        return;
    xf_mp_array(out, count);
    for (size_t i = 0; i < count; i++)
        xf_mp_text(out, ids[i].ptr, ids[i].len);
}

/* ---- decoding ------------------------------------------------------------------------------ */

static int fail_column(xray_error *err, const char *what)
{
    return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "id column: %s", what);
}

/* Room for `count` ids and for `text_len` bytes of each. */
static int make_room(struct xf_arena *arena, uint64_t count, uint64_t text_len, xray_str **ids, char **text,
                     xray_error *err)
{
    if (count > MAX_IDS)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "id column: more than %d ids", MAX_IDS);
    if (text_len > 0 && count > MAX_TEXT / text_len)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "id column: the ids are longer than 64 MiB");
    *ids = (xray_str *)xf_arena_alloc(arena, (size_t)count * sizeof **ids);
    *text = (char *)xf_arena_alloc(arena, (size_t)(count * text_len));
    return *ids == NULL || *text == NULL ? xf_fail_memory(err) : XRAY_OK;
}

static int decode_plain(xray_mp c, uint32_t n, struct xf_arena *arena, const xray_str **ids, uint32_t *count,
                        xray_error *err)
{
    xray_str *list;
    char *text;
    const int status = make_room(arena, n, 0, &list, &text, err);

    if (status != XRAY_OK)
        return status;
    for (uint32_t i = 0; i < n; i++) {
        xray_mp_item item;

        if (!xray_mp_next(&c, &item))
            return fail_column(err, "it stops early");
        if (item.type != XRAY_MP_STR && !(item.type == XRAY_MP_EXT && item.ext_type == 6))
            return fail_column(err, "an id is not text");
        list[i] = item.bytes;
    }
    *ids = list;
    *count = n;
    return XRAY_OK;
}

/* Writes `digits` hexadecimal digits of the bytes at data; returns where the text ends. */
static char *put_digits(char *text, const uint8_t *data, size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    size_t i = digits % 2;

    for (size_t n = 0; n < digits; n++, i++)
        *text++ = hex[i % 2 == 0 ? data[i / 2] >> 4 : data[i / 2] & 15];
    return text;
}

static int decode_hex(xray_str prefix, int64_t digits, xray_str data, struct xf_arena *arena,
                      const xray_str **ids, uint32_t *count, xray_error *err)
{
    if (digits < 1 || (uint64_t)digits > MAX_TEXT)
        return fail_column(err, "the number of digits is out of range");

    const size_t size = ((size_t)digits + 1) / 2;
    const size_t len = prefix.len + (size_t)digits;
    const size_t n = data.len / size;
    xray_str *list;
    char *text;

    if (data.len % size != 0)
        return fail_column(err, "the data does not divide into ids");

    const int status = make_room(arena, n, len, &list, &text, err);

    if (status != XRAY_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *at = (const uint8_t *)data.ptr + i * size;

        if (digits % 2 == 1 && at[0] > 15)
            return fail_column(err, "the half-byte before the first digit is not 0");
        list[i] = xray_strn(text, len);
        memcpy(text, prefix.ptr, prefix.len);
        text = put_digits(text + prefix.len, at, (size_t)digits);
    }
    *ids = list;
    *count = (uint32_t)n;
    return XRAY_OK;
}

static int decode_uuid(xray_str prefix, xray_str data, struct xf_arena *arena, const xray_str **ids,
                       uint32_t *count, xray_error *err)
{
    const size_t n = data.len / 16;
    const size_t len = prefix.len + UUID_LEN;
    xray_str *list;
    char *text;

    if (data.len % 16 != 0)
        return fail_column(err, "the data does not divide into ids");

    const int status = make_room(arena, n, len, &list, &text, err);

    if (status != XRAY_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *at = (const uint8_t *)data.ptr + i * 16;

        list[i] = xray_strn(text, len);
        memcpy(text, prefix.ptr, prefix.len);
        text = put_digits(text + prefix.len, at, 8);
        for (size_t part = 0; part < 4; part++) {
            *text++ = '-';
            text = put_digits(text, at + 4 + 2 * part, part < 3 ? 4 : 12);
        }
    }
    *ids = list;
    *count = (uint32_t)n;
    return XRAY_OK;
}

/* Adds a delta to a value >= 0; -1 if the sum is not one. */
static int64_t add_delta(int64_t value, int64_t delta)
{
    if (delta < 0)
        return delta < -value ? -1 : value + delta;
    return delta > INT64_MAX - value ? -1 : value + delta;
}

/* Writes v in decimal with at least `width` digits, two at a time; returns how many. */
static size_t put_decimal(char *text, uint64_t v, size_t width)
{
    char digits[20]; /* filled from its end */
    char *p = digits + sizeof digits;
    size_t n;

    for (; v >= 10; v /= 100) {
        const unsigned pair = (unsigned)(v % 100);

        *--p = (char)('0' + pair % 10);
        *--p = (char)('0' + pair / 10);
    }
    if (v > 0 || p == digits + sizeof digits)
        *--p = (char)('0' + v);
    n = (size_t)(digits + sizeof digits - p);
    if (n < width) {
        memset(text, '0', width - n);
        text += width - n;
    }
    memcpy(text, p, n);
    return n < width ? width : n;
}

static int decode_decimal(xray_str prefix, int64_t width, xray_str data, struct xf_arena *arena,
                          const xray_str **ids, uint32_t *count, xray_error *err)
{
    xray_mp c = xray_mp_over(data.ptr, data.len);
    const size_t room = prefix.len + 20; /* INT64_MAX has 19 digits */
    int64_t value = 0;
    uint32_t n;
    xray_str *list;
    char *text;

    if (width < 0 || width > MAX_DIGITS)
        return fail_column(err, "the number of digits is out of range");
    if (!xf_mp_take_array(&c, &n))
        return fail_column(err, "the data is not an array");

    const int status = make_room(arena, n, room, &list, &text, err);

    if (status != XRAY_OK)
        return status;
    for (uint32_t i = 0; i < n; i++, text += room) {
        int64_t delta;

        if (!xf_mp_take_int_here(&c, &delta))
            return fail_column(err, "a number is missing");
        value = delta == XRAY_MISSING ? -1 : add_delta(value, delta);
        if (value < 0)
            return fail_column(err, "a number is negative or too large");
        memcpy(text, prefix.ptr, prefix.len);
        list[i] = xray_strn(text, prefix.len + put_decimal(text + prefix.len, (uint64_t)value, (size_t)width));
    }
    *ids = list;
    *count = n;
    return XRAY_OK;
}

static bool find_text(xray_str map, const char *key, bool bin, xray_str *out)
{
    xray_str part;

    if (!xf_mp_find(map, key, &part))
        return false;

    xray_mp c = xray_mp_over(part.ptr, part.len);

    return bin ? xf_mp_take_bin(&c, out) : xf_mp_take_str(&c, out);
}

static bool find_int(xray_str map, const char *key, int64_t *out)
{
    xray_str part;

    if (!xf_mp_find(map, key, &part))
        return false;

    xray_mp c = xray_mp_over(part.ptr, part.len);

    return xf_mp_take_int(&c, out);
}

int xf_idcol_open(xray_str column, struct xf_idcol *out, xray_error *err)
{
    struct xf_idcol col = {.form = XF_IDCOL_PLAIN};
    xray_mp c = xray_mp_over(column.ptr, column.len);
    xray_mp_item head;

    if (column.ptr == NULL) { /* no such column: no ids */
        *out = col;
        return XRAY_OK;
    }
    if (!xray_mp_next(&c, &head))
        return fail_column(err, "it is not MessagePack");
    if (head.type == XRAY_MP_ARRAY) {
        col.count = head.count;
        col.data = xray_strn((const char *)c.at, c.left);
    } else if (head.type != XRAY_MP_MAP || !find_text(column, "prefix", false, &col.prefix)) {
        return fail_column(err, "it is neither an array nor a map with a prefix");
    } else if (find_text(column, "uuid", true, &col.data)) {
        col.form = XF_IDCOL_UUID;
    } else if (find_int(column, "hex", &col.digits) && find_text(column, "data", true, &col.data)) {
        col.form = XF_IDCOL_HEX;
    } else if (find_int(column, "dec", &col.digits) && xf_mp_find(column, "data", &col.data)) {
        col.form = XF_IDCOL_DECIMAL;
    } else {
        return fail_column(err, "it has none of uuid, hex and dec");
    }
    *out = col;
    return XRAY_OK;
}

int xf_idcol_decode(xray_str column, struct xf_arena *arena, const xray_str **ids, uint32_t *count,
                    xray_error *err)
{
    struct xf_idcol col;
    const int status = xf_idcol_open(column, &col, err);

    if (status != XRAY_OK)
        return status;
    switch (col.form) {
    case XF_IDCOL_PLAIN:
        return decode_plain(xray_mp_over(col.data.ptr, col.data.len), col.count, arena, ids, count, err);
    case XF_IDCOL_UUID:
        return decode_uuid(col.prefix, col.data, arena, ids, count, err);
    case XF_IDCOL_HEX:
        return decode_hex(col.prefix, col.digits, col.data, arena, ids, count, err);
    case XF_IDCOL_DECIMAL:
        break;
    }
    return decode_decimal(col.prefix, col.digits, col.data, arena, ids, count, err);
}
