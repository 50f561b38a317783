/* Reading MessagePack from outside (mpread.h, and xray_mp of the public header).
 * Checking and copying whole values is in mpcanon.c.
 *
 * One loop shape recurs: `todo` values are still to be taken on this level, the
 * levels above wait on a small stack. So nesting costs no recursion and its
 * depth is bounded (spec 11), and every header is compared with the bytes left. */
#include "codec/mpread.h"

#include "base/bytes.h"

/* ---- one item ------------------------------------------------------------- */

/* Bytes of the whole item by its first byte; 0: it has a length or a count that
 * must be read, or (c1) it is never used. */
static const uint8_t fixed_len[256] = {
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* 00 */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* 10 */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* 20 */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* 30 */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* 40 */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* 50 */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* 60 */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* 70 */
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  /* 80 fixmap */
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  /* 90 fixarray */
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, /* a0 fixstr */
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, /* b0 */
    1,  0,  1,  1,  0,  0,  0,  0,  0,  0,  5,  9,  2,  3,  5,  9,  /* c0 nil bool bin ext float uint */
    2,  3,  5,  9,  3,  4,  6,  10, 18, 0,  0,  0,  0,  0,  0,  0,  /* d0 int fixext str array map */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* e0 */
    1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  /* f0 */
};

static inline uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline bool fail(xray_mp *c)
{
    c->bad = true;
    return false;
}

/* Reads the length or count that stands in `width` bytes after the first byte. */
static bool read_length(const xray_mp *c, size_t width, uint32_t *out)
{
    if (c->left < 1 + width)
        return false;
    *out = width == 1 ? c->at[1] : width == 2 ? get_be16(c->at + 1) : xf_get_be32(c->at + 1);
    return true;
}

/* What stands at the cursor where fixed_len says 0. `head` bytes of header are
 * followed by `body` bytes, or `children` values. False: not MessagePack, or cut off. */
struct shape {
    size_t head;
    size_t body;
    size_t children; /* of a map twice its pairs */
    bool container;
};

static bool read_shape(const xray_mp *c, struct shape *s)
{
    const uint8_t first = c->at[0];
    uint32_t n;
    size_t width;

    *s = (struct shape){.head = 1};
    if (first < 0x90) {
        s->container = true;
        s->children = 2 * (size_t)(first & 0x0f);
        return s->children <= c->left - 1;
    }
    if (first < 0xa0) {
        s->container = true;
        s->children = first & 0x0f;
        return s->children <= c->left - 1;
    }
    switch (first) {
    case 0xc4:
    case 0xc5:
    case 0xc6: /* bin */
        width = (size_t)1 << (first - 0xc4);
        s->head = 1 + width;
        break;
    case 0xc7:
    case 0xc8:
    case 0xc9: /* ext: the type stands behind the length */
        width = (size_t)1 << (first - 0xc7);
        s->head = 2 + width;
        break;
    case 0xd9:
    case 0xda:
    case 0xdb: /* str */
        width = (size_t)1 << (first - 0xd9);
        s->head = 1 + width;
        break;
    case 0xdc:
    case 0xdd: /* array */
        width = (size_t)2 << (first - 0xdc);
        s->head = 1 + width;
        s->container = true;
        break;
    case 0xde:
    case 0xdf: /* map */
        width = (size_t)2 << (first - 0xde);
        s->head = 1 + width;
        s->container = true;
        break;
    default:
        return false;
    }
    if (!read_length(c, width, &n) || c->left < s->head)
        return false;
    if (!s->container) {
        s->body = n;
        return n <= c->left - s->head;
    }

    const size_t most = c->left - s->head; /* every child takes a byte at least */

    s->children = first >= 0xde ? 2 * (size_t)n : n;
    return first >= 0xde ? n <= most / 2 : n <= most;
}

/* Moves over one item. `children` is set to how many values follow as its own.
 * Inline: skipping is what readers do most. */
static inline bool skip_item(xray_mp *c, size_t *children, bool *container)
{
    *children = 0;
    *container = false;
    if (c->left == 0)
        return false;

    size_t len = fixed_len[c->at[0]];

    if (c->at[0] >= 0x80 && c->at[0] < 0xa0) { /* short maps and arrays */
        *children = c->at[0] < 0x90 ? 2 * (size_t)(c->at[0] & 0x0f) : c->at[0] & 0x0f;
        *container = true;
        c->at++;
        c->left--;
        return *children <= c->left;
    }
    if (len == 0) {
        struct shape s;

        if (!read_shape(c, &s))
            return false;
        len = s.head + s.body;
        *children = s.children;
        *container = s.container;
    }
    if (len > c->left)
        return false;
    c->at += len;
    c->left -= len;
    return true;
}

static void set_int(xray_mp_item *item, int64_t i)
{
    item->type = XRAY_MP_INT;
    item->i = i;
}

static void set_uint(xray_mp_item *item, uint64_t u)
{
    item->type = u > INT64_MAX ? XRAY_MP_UINT : XRAY_MP_INT;
    item->u = u;
    item->i = (int64_t)u;
}

static void set_float(xray_mp_item *item, double d)
{
    item->type = XRAY_MP_FLOAT;
    item->d = d;
}

static double get_float32(const uint8_t *p)
{
    const uint32_t bits = xf_get_be32(p);
    float f;

    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

static double get_float64(const uint8_t *p)
{
    const uint64_t bits = xf_get_be64(p);
    double d;

    memcpy(&d, &bits, sizeof d);
    return d;
}

/* Items whose length follows from the first byte, which are all there. */
static void fill_fixed(const uint8_t *p, size_t len, xray_mp_item *item)
{
    const uint8_t first = p[0];

    if (first < 0x80 || first >= 0xe0) {
        set_int(item, (int8_t)first);
        return;
    }
    if (first < 0xc0) {
        item->type = XRAY_MP_STR;
        item->bytes = xray_strn((const char *)p + 1, len - 1);
        return;
    }
    switch (first) {
    case 0xc0:
        item->type = XRAY_MP_NIL;
        break;
    case 0xc2:
    case 0xc3:
        item->type = XRAY_MP_BOOL;
        item->boolean = first == 0xc3;
        break;
    case 0xca:
        set_float(item, get_float32(p + 1));
        break;
    case 0xcb:
        set_float(item, get_float64(p + 1));
        break;
    case 0xcc:
        set_int(item, p[1]);
        break;
    case 0xcd:
        set_int(item, get_be16(p + 1));
        break;
    case 0xce:
        set_int(item, xf_get_be32(p + 1));
        break;
    case 0xcf:
        set_uint(item, xf_get_be64(p + 1));
        break;
    case 0xd0:
        set_int(item, (int8_t)p[1]);
        break;
    case 0xd1:
        set_int(item, (int16_t)get_be16(p + 1));
        break;
    case 0xd2:
        set_int(item, (int32_t)xf_get_be32(p + 1));
        break;
    case 0xd3:
        set_int(item, (int64_t)xf_get_be64(p + 1));
        break;
    default: /* d4 to d8: fixext */
        item->type = XRAY_MP_EXT;
        item->ext_type = (int8_t)p[1];
        item->bytes = xray_strn((const char *)p + 2, len - 2);
        break;
    }
}

static void fill_shaped(const uint8_t *p, const struct shape *s, xray_mp_item *item)
{
    const uint8_t first = p[0];

    if (s->container) {
        const bool map = first < 0x90 || first >= 0xde;

        item->type = map ? XRAY_MP_MAP : XRAY_MP_ARRAY;
        item->count = (uint32_t)(map ? s->children / 2 : s->children);
        return;
    }
    item->bytes = xray_strn((const char *)p + s->head, s->body);
    if (first >= 0xd9) {
        item->type = XRAY_MP_STR;
    } else if (first >= 0xc7) {
        item->type = XRAY_MP_EXT;
        item->ext_type = (int8_t)p[s->head - 1];
    } else {
        item->type = XRAY_MP_BIN;
    }
}

bool xray_mp_next(xray_mp *c, xray_mp_item *item)
{
    if (c->bad || c->left == 0)
        return false;

    const uint8_t *p = c->at;
    size_t len = fixed_len[p[0]];

    if (len > 0) {
        if (len > c->left)
            return fail(c);
        fill_fixed(p, len, item);
    } else {
        struct shape s;

        if (!read_shape(c, &s))
            return fail(c);
        fill_shaped(p, &s, item);
        len = s.head + s.body;
    }
    c->at += len;
    c->left -= len;
    return true;
}

/* ---- items of a kind ------------------------------------------------------- */

static bool is_of(uint8_t first, unsigned kinds)
{
    if ((first >= 0xa0 && first < 0xc0) || (first >= 0xd9 && first <= 0xdb))
        return (kinds & XF_MP_TEXTS) != 0;
    return first >= 0xc7 && first <= 0xd8 && (first <= 0xc9 || first >= 0xd4) && (kinds & XF_MP_EXTS) != 0;
}

/* Most of a body is columns of small integers: so many of the next 8 bytes are such. */
static size_t count_small(const uint8_t *p)
{
    uint64_t bytes;

    memcpy(&bytes, p, sizeof bytes);
    bytes &= UINT64_C(0x8080808080808080);
    if (bytes == 0)
        return 8;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(bytes) / 8;
#else
    return (size_t)__builtin_clzll(bytes) / 8;
#endif
}

bool xf_mp_next_of(xray_mp *c, unsigned kinds, xray_mp_item *item)
{
    const uint8_t *p = c->at, *const end = c->at + c->left;
    size_t children;
    bool container;

    while (!c->bad && p < end) {
        const size_t left = (size_t)(end - p);
        const size_t small = left >= 8 ? count_small(p) : 0;
        const size_t len = fixed_len[p[small < left ? small : 0]];

        if (small == 8) {
            p += 8;
            continue;
        }
        p += small;
        if (!is_of(*p, kinds) && len > 0 && len <= left - small) {
            p += len;
            continue;
        }
        c->at = p;
        c->left = (size_t)(end - p);
        if (is_of(*p, kinds))
            return xray_mp_next(c, item);
        if (!skip_item(c, &children, &container))
            return fail(c);
        p = c->at;
    }
    c->at = end;
    c->left = 0;
    return false;
}

/* ---- whole values --------------------------------------------------------- */

/* Skips items whose length their first byte tells, `most` at most; how many. Columns are made of little else. */
static size_t skip_fixed(xray_mp *c, size_t most)
{
    const uint8_t *p = c->at, *end;
    size_t done = 0;

    if (c->left == 0)
        return 0;
    end = p + c->left;
    for (; done < most && p < end; done++) {
        const size_t len = fixed_len[*p];

        if (len == 0 || len > (size_t)(end - p))
            break;
        p += len;
    }
    c->left = (size_t)(end - p);
    c->at = p;
    return done;
}

static bool skip_within(xray_mp *c, int max_depth)
{
    size_t waiting[XF_DEPTH_SKIP];
    size_t todo = 1;
    int depth = 0;
    xray_mp at = *c;

    if (c->bad)
        return false;
    for (;;) {
        size_t children;
        bool container;

        while (todo == 0) {
            if (depth == 0) {
                *c = at;
                return true;
            }
            todo = waiting[--depth];
        }
        todo -= skip_fixed(&at, todo);
        if (todo == 0)
            continue;
        todo--;
        if (!skip_item(&at, &children, &container))
            return fail(c);
        if (container) {
            if (depth == max_depth)
                return fail(c);
            waiting[depth++] = todo;
            todo = children;
        }
    }
}

bool xray_mp_skip(xray_mp *c)
{
    if (!c->bad && c->left > 0 && fixed_len[c->at[0]] != 0 && fixed_len[c->at[0]] <= c->left) { /* as most values are */
        const size_t len = fixed_len[c->at[0]];

        c->at += len;
        c->left -= len;
        return true;
    }
    return skip_within(c, XF_DEPTH_SKIP);
}

bool xf_mp_skip_value(xray_mp *c)
{
    return skip_within(c, XF_DEPTH_READ);
}

static bool take_container(xray_mp *c, int type, uint32_t *count)
{
    xray_mp at = *c;
    xray_mp_item item;

    if (!xray_mp_next(&at, &item) || (int)item.type != type)
        return fail(c);
    *c = at;
    *count = item.count;
    return true;
}

bool xf_mp_take_map(xray_mp *c, uint32_t *count)
{
    if (!c->bad && c->left > 0 && (c->at[0] & 0xf0) == 0x80 && (c->at[0] & 0x0fu) * 2 < c->left) {
        *count = c->at[0] & 0x0f;
        c->at++;
        c->left--;
        return true;
    }
    return take_container(c, XRAY_MP_MAP, count);
}

bool xf_mp_take_array(xray_mp *c, uint32_t *count)
{
    if (!c->bad && c->left > 0 && (c->at[0] & 0xf0) == 0x90 && (c->at[0] & 0x0fu) < c->left) {
        *count = c->at[0] & 0x0f;
        c->at++;
        c->left--;
        return true;
    }
    return take_container(c, XRAY_MP_ARRAY, count);
}

static bool take_bytes(xray_mp *c, int type, xray_str *out)
{
    xray_mp at = *c;
    xray_mp_item item;

    if (!xray_mp_next(&at, &item) || (int)item.type != type)
        return fail(c);
    *c = at;
    *out = item.bytes;
    return true;
}

bool xf_mp_take_str(xray_mp *c, xray_str *out)
{
    if (!c->bad && c->left > 0 && (c->at[0] & 0xe0) == 0xa0 && fixed_len[c->at[0]] <= c->left) {
        const size_t len = fixed_len[c->at[0]];

        *out = xray_strn((const char *)c->at + 1, len - 1);
        c->at += len;
        c->left -= len;
        return true;
    }
    return take_bytes(c, XRAY_MP_STR, out);
}

bool xf_mp_take_bin(xray_mp *c, xray_str *out)
{
    return take_bytes(c, XRAY_MP_BIN, out);
}

bool xf_mp_take_int(xray_mp *c, int64_t *out)
{
    if (!c->bad && c->left > 0 && (c->at[0] < 0x80 || c->at[0] >= 0xe0)) {
        *out = (int8_t)c->at[0]; /* most integers in columns are this small */
        c->at++;
        c->left--;
        return true;
    }
    if (!c->bad && c->left > 0 && c->at[0] == 0xc0) {
        *out = XRAY_MISSING;
        c->at++;
        c->left--;
        return true;
    }

    xray_mp_item item;
    xray_mp at = *c;

    if (!xray_mp_next(&at, &item) || (item.type != XRAY_MP_INT && item.type != XRAY_MP_NIL))
        return fail(c);
    *c = at;
    *out = item.type == XRAY_MP_NIL ? XRAY_MISSING : item.i;
    return true;
}

bool xf_mp_take_value(xray_mp *c, xray_str *out)
{
    const uint8_t *start = c->at;

    if (!xray_mp_skip(c))
        return false;
    *out = xray_strn((const char *)start, (size_t)(c->at - start));
    return true;
}

bool xf_mp_find(xray_str map, const char *key, xray_str *value)
{
    xray_mp c = xray_mp_over(map.ptr, map.len);
    const size_t key_len = strlen(key);
    uint32_t count;

    if (!xf_mp_take_map(&c, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        xray_mp here = c;
        xray_str text;
        const bool same =
            xf_mp_take_str(&here, &text) && text.len == key_len && memcmp(text.ptr, key, key_len) == 0;

        if (!xray_mp_skip(&c))
            return false;
        if (same)
            return xf_mp_take_value(&c, value);
        if (!xray_mp_skip(&c))
            return false;
    }
    return false;
}
