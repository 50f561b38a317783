/* The MessagePack cursor: against the suite of msgpack's own project, against
 * msgpack-c on random bytes, and against every way of stopping early. */
#include "codec/mpread.h"

#include <json.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/mpwrite.h"
#include "support/check.h"

/* ---- items ----------------------------------------------------------------------- */

static xray_mp_item take_one(const char *bytes, size_t len)
{
    xray_mp c = xray_mp_over(bytes, len);
    xray_mp_item item = {0};

    CHECK(xray_mp_next(&c, &item));
    CHECK(!c.bad);
    return item;
}

static void test_items(void)
{
    xray_mp_item item = take_one("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9);

    CHECK_EQ(item.type, XRAY_MP_UINT);
    CHECK(item.u == UINT64_MAX);
    item = take_one("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9);
    CHECK_EQ(item.type, XRAY_MP_INT);
    CHECK_EQ(item.i, INT64_MAX);
    item = take_one("\xd3\x80\0\0\0\0\0\0\0", 9);
    CHECK_EQ(item.type, XRAY_MP_INT);
    CHECK_EQ(item.i, INT64_MIN);
    item = take_one("\xca\x3f\xc0\x00\x00", 5);
    CHECK_EQ(item.type, XRAY_MP_FLOAT);
    CHECK(item.d == 1.5);
    item = take_one("\xd8\x80"
                    "0123456789abcdef",
                    18);
    CHECK_EQ(item.type, XRAY_MP_EXT);
    CHECK_EQ(item.ext_type, -128);
    CHECK_MEM(item.bytes.ptr, item.bytes.len, "0123456789abcdef", 16);
    item = take_one("\xc8\x00\x01\x05x", 5);
    CHECK_EQ(item.ext_type, 5);
    CHECK_MEM(item.bytes.ptr, item.bytes.len, "x", 1);
    item = take_one("\xde\x00\x01\x01\x02", 5);
    CHECK_EQ(item.type, XRAY_MP_MAP);
    CHECK_EQ(item.count, 1);
}

/* Counts and lengths beyond the bytes that are left, and what is never used. */
static void test_refused_headers(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\xc1", 1},
        {"\x91", 1},
        {"\x81\x01", 2},
        {"\xdc\x00\x02\x01", 4},
        {"\xdd\xff\xff\xff\xff\x01\x01", 7},
        {"\xde\x00\x01\x01", 4},
        {"\xdf\x80\x00\x00\x00\x01\x01", 7},
        {"\xdf\xff\xff\xff\xff\x01\x01", 7},
        {"\xd9\x02x", 3},
        {"\xdb\xff\xff\xff\xffx", 6},
        {"\xc6\xff\xff\xff\xffx", 6},
        {"\xc9\xff\xff\xff\xff\x01x", 7},
        {"\xc7\x00", 2},
        {"\xd4\x01", 2},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t *copy = check_copy(bad[i].bytes, bad[i].len);
        xray_mp c = xray_mp_over(copy, bad[i].len);
        xray_mp_item item;

        check_context("case %zu", i);
        CHECK(!xray_mp_next(&c, &item));
        CHECK(c.bad);
        CHECK(c.at == copy && c.left == bad[i].len); /* nothing moves */
        CHECK(!xray_mp_next(&c, &item));
        CHECK(!xray_mp_skip(&c));
        CHECK(!xf_mp_check(copy, bad[i].len, 64, false));
        free(copy);
    }
}

static void test_end(void)
{
    xray_mp c = xray_mp_over(NULL, 0);
    xray_mp_item item;

    CHECK(!xray_mp_next(&c, &item));
    CHECK(!c.bad); /* the end is no fault */
    CHECK(!xray_mp_skip(&c));
    CHECK(c.bad); /* a value was wanted */
}

static void test_takes(void)
{
    static const char bytes[] = "\x82\xa1"
                                "a\x93\x05\xc0\xd1\xff\x00\xa1"
                                "b\xc4\x01z";
    xray_mp c = xray_mp_over(bytes, sizeof bytes - 1);
    uint32_t count = 0;
    int64_t i = 0;
    xray_str s = {0};

    CHECK(xf_mp_take_map(&c, &count) && count == 2);
    CHECK(xf_mp_take_str(&c, &s) && s.len == 1 && s.ptr[0] == 'a');
    CHECK(xf_mp_take_array(&c, &count) && count == 3);
    CHECK(xf_mp_take_int(&c, &i) && i == 5);
    CHECK(xf_mp_take_int(&c, &i) && i == XRAY_MISSING);
    CHECK(xf_mp_take_int(&c, &i) && i == -256);

    xray_mp wrong = c;

    CHECK(!xf_mp_take_int(&wrong, &i) && wrong.bad && wrong.at == c.at && i == -256);
    wrong = c;
    CHECK(!xf_mp_take_map(&wrong, &count) && wrong.bad);
    wrong = c;
    CHECK(!xf_mp_take_bin(&wrong, &s) && wrong.bad);
    CHECK(xf_mp_take_value(&c, &s) && s.len == 2);
    CHECK(xf_mp_take_bin(&c, &s) && s.len == 1);
    CHECK(!xf_mp_take_value(&c, &s) && c.bad);
}

static void test_find(void)
{
    static const char bytes[] = "\x84\x01\x02\xa1"
                                "a\x93\x01\x02\x03\xa1"
                                "b\x07\xa1"
                                "a\x08";
    const xray_str map = xray_strn(bytes, sizeof bytes - 1);
    xray_str value = {0};

    CHECK(xf_mp_find(map, "a", &value)); /* the first of two */
    CHECK_MEM(value.ptr, value.len, "\x93\x01\x02\x03", 4);
    CHECK(xf_mp_find(map, "b", &value));
    CHECK_MEM(value.ptr, value.len, "\x07", 1);
    CHECK(!xf_mp_find(map, "c", &value));
    CHECK(!xf_mp_find(map, "", &value));
    CHECK(!xf_mp_find(xray_strn("\x90", 1), "a", &value));
    CHECK(!xf_mp_find(xray_strn(NULL, 0), "a", &value));
    for (size_t n = 0; n < map.len; n++) {
        uint8_t *copy = check_copy(bytes, n);

        CHECK(!xf_mp_find(xray_strn((char *)copy, n), "c", &value));
        free(copy);
    }
}

/* ---- depth ------------------------------------------------------------------------- */

static void test_depth(void)
{
    uint8_t bytes[100];
    xray_buffer out = {0};
    xray_error err = {0};

    for (size_t n = 1; n <= 80; n++) {
        memset(bytes, 0x91, n);
        bytes[n - 1] = n % 2 == 0 ? 0x90 : 0x80; /* an empty container is one too */

        xray_mp c = xray_mp_over(bytes, n);

        check_context("depth %zu", n);
        CHECK_EQ(xray_mp_skip(&c), n <= 68);
        CHECK_EQ(xf_mp_check(bytes, n, 64, true), n <= 64);
        CHECK_EQ(xf_mp_check(bytes, n, 1000, true), n <= 64);
        CHECK_EQ(xf_mp_check(bytes, n, 32, true), n <= 32);
        xf_buf_reset(&out);
        CHECK_STATUS(xf_mp_canonize(bytes, n, 32, &out, &err), n <= 32 ? XRAY_OK : XRAY_ELIMIT, &err);
        if (n > 32)
            CHECK_EQ(err.pos, 32);
    }
    CHECK(xf_mp_check("\xc0", 1, 0, true));
    CHECK(!xf_mp_check("\x90", 1, 0, true));
    xray_buffer_free(&out);
}

/* ---- canonical form ------------------------------------------------------------------ */

static void canonize(const char *bytes, size_t len, const char *want, size_t want_len)
{
    xray_buffer out = {0};
    xray_error err = {0};

    CHECK_STATUS(xray_value_pack(xray_msgpack(bytes, len), false, &out, &err), XRAY_OK, &err);
    CHECK_MEM(out.data, out.len, want, want_len);
    xray_buffer_free(&out);
}

static void test_canonize(void)
{
    canonize("\xd3\0\0\0\0\0\0\0\x07", 9, "\x07", 1);
    canonize("\xd3\xff\xff\xff\xff\xff\xff\xff\xff", 9, "\xff", 1);
    canonize("\xca\x3f\xc0\0\0", 5, "\xcb\x3f\xf8\0\0\0\0\0\0", 9);
    canonize("\xdb\0\0\0\x01x", 6, "\xa1x", 2);
    canonize("\xdf\0\0\0\x01\xdd\0\0\0\0\xc6\0\0\0\0", 15, "\x81\x90\xc4\x00", 4);
    canonize("\xc9\0\0\0\x01\x40x", 7, "\xd4\x40x", 3);
    canonize("\xa1\xff", 2, "\xd4\x06\xff", 3);         /* not UTF-8 */
    canonize("\xd4\x06\xff", 3, "\xd5\x05\x06\xff", 4); /* an ext of ours is quoted */
    canonize("\xd6\x1f"
             "abcd",
             6,
             "\xc7\x05\x05\x1f"
             "abcd",
             8);
    canonize("\xd4\x20x", 3, "\xd4\x20x", 3);
    canonize("\xd4\xffx", 3, "\xd4\xffx", 3);
}

static void test_canonize_long_ext(void)
{
    static uint8_t data[70000];

    for (size_t len = 0; len < 70000; len = len < 300 ? len + 1 : len * 2 + 1) {
        xray_buffer in = {0};
        xray_buffer out = {0};
        xray_mp_item item = {0};

        check_context("ext of %zu bytes", len);
        xf_mp_ext(&in, 9, data, len);
        CHECK_STATUS(xf_mp_canonize(in.data, in.len, 32, &out, NULL), XRAY_OK, NULL);

        xray_mp c = xray_mp_over(out.data, out.len);
        xray_buffer again = {0};

        CHECK(xray_mp_next(&c, &item) && item.ext_type == 5 && item.bytes.len == len + 1 &&
              item.bytes.ptr[0] == 9);
        CHECK_EQ(c.left, 0);
        xf_mp_ext(&again, 5, item.bytes.ptr, item.bytes.len); /* the shortest header */
        CHECK_MEM(out.data, out.len, again.data, again.len);
        xray_buffer_free(&in);
        xray_buffer_free(&out);
        xray_buffer_free(&again);
    }
}

static void test_canonize_refusals(void)
{
    xray_buffer out = {0};
    xray_error err = {0};

    xf_buf_puts(&out, "before");
    CHECK_STATUS(xray_value_pack(xray_msgpack("\x92\x01\xc1", 3), false, &out, &err), XRAY_ECORRUPT, &err);
    CHECK_EQ(err.pos, 2);
    CHECK_STATUS(xray_value_pack(xray_msgpack("\x92\x91\x05", 3), false, &out, &err), XRAY_ECORRUPT, &err);
    CHECK_EQ(err.pos, 3);
    CHECK_STATUS(xray_value_pack(xray_msgpack("\x01\x02", 2), false, &out, &err), XRAY_ECORRUPT, &err);
    CHECK_EQ(err.pos, 1);
    CHECK_STATUS(xray_value_pack(xray_msgpack("", 0), false, &out, &err), XRAY_ECORRUPT, &err);
    xf_mem_fail_from(1);
    CHECK_STATUS(
        xray_value_pack(xray_bin("01234567890123456789012345678901234567890123456789012345678901234567", 68),
                        false, &out, &err),
        XRAY_ENOMEM, &err);
    xf_mem_fail_from(0);
    CHECK(!out.failed);
    CHECK_MEM(out.data, out.len, "before", 6);
    xray_buffer_free(&out);
}

/* ---- the suite of others ------------------------------------------------------------------ */

static size_t from_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t n = 0;

    for (; hex[0] != '\0' && hex[1] != '\0' && n < room; hex += hex[2] == '-' ? 3 : 2) {
        const char digits[3] = {hex[0], hex[1], '\0'};

        out[n++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

static void try_encoding(struct json_object *entry, const uint8_t *data, size_t len)
{
    struct json_object *value = NULL;
    const bool is_float = data[0] == 0xca || data[0] == 0xcb;
    xray_buffer got = {0};
    xray_buffer want = {0};
    xray_mp c = xray_mp_over(data, len);
    xray_mp_item item = {0};

    CHECK(xf_mp_check(data, len, 64, true));
    for (size_t n = 0; n < len; n++) {
        uint8_t *prefix = check_copy(data, n);

        CHECK(!xf_mp_check(prefix, n, 64, true));
        free(prefix);
    }
    CHECK(xray_mp_next(&c, &item));
    CHECK_STATUS(xf_mp_canonize(data, len, 64, &got, NULL), XRAY_OK, NULL);
    if (json_object_object_get_ex(entry, "binary", &value)) {
        uint8_t bytes[400];
        const size_t n = from_hex(json_object_get_string(value), bytes, sizeof bytes);

        CHECK_EQ(item.type, XRAY_MP_BIN);
        CHECK_MEM(item.bytes.ptr, item.bytes.len, bytes, n);
    } else if (json_object_object_get_ex(entry, "ext", &value)) {
        uint8_t bytes[400];
        const size_t n =
            from_hex(json_object_get_string(json_object_array_get_idx(value, 1)), bytes, sizeof bytes);

        CHECK_EQ(item.type, XRAY_MP_EXT);
        CHECK_EQ(item.ext_type, json_object_get_int(json_object_array_get_idx(value, 0)));
        CHECK_MEM(item.bytes.ptr, item.bytes.len, bytes, n);
    } else if (json_object_object_get_ex(entry, "timestamp", &value)) {
        CHECK_EQ(item.type, XRAY_MP_EXT);
        CHECK_EQ(item.ext_type, -1);
    } else if (json_object_object_get_ex(entry, "bignum", &value)) {
        xray_msgpack_json(data, len, &want, NULL);
        if (!is_float)
            CHECK_MEM(want.data, want.len, json_object_get_string(value),
                      strlen(json_object_get_string(value)));
    } else if (is_float && json_object_object_get_ex(entry, "number", &value)) {
        CHECK(item.d == json_object_get_double(value));
    } else { /* nil, bool, number, string, array, map: what JSON can say */
        struct json_object_iterator it = json_object_iter_begin(entry);

        CHECK_STATUS(xf_json_tree_pack(json_object_iter_peek_value(&it), &want, NULL), XRAY_OK, NULL);
        CHECK_MEM(got.data, got.len, want.data, want.len);
    }
    xray_buffer_free(&got);
    xray_buffer_free(&want);
}

static void test_suite(void)
{
    const char *path = check_data("peer/msgpack-test-suite/dist/msgpack-test-suite.json");
    size_t len = 0;
    char *text = path != NULL ? check_read_file(path, &len) : NULL;

    if (text == NULL) {
        check_skip("msgpack-test-suite is not there");
        return;
    }

    struct json_object *suite = json_tokener_parse(text);

    if (!CHECK(suite != NULL))
        return;
    json_object_object_foreach(suite, group, entries)
    {
        for (size_t i = 0; i < json_object_array_length(entries); i++) {
            struct json_object *entry = json_object_array_get_idx(entries, i);
            struct json_object *encodings = json_object_object_get(entry, "msgpack");

            for (size_t j = 0; j < json_object_array_length(encodings); j++) {
                uint8_t bytes[1000];
                const char *hex = json_object_get_string(json_object_array_get_idx(encodings, j));

                check_context("%s %zu: %s", group, i, hex);
                try_encoding(entry, bytes, from_hex(hex, bytes, sizeof bytes));
            }
        }
    }
    json_object_put(suite);
    free(text);
}

/* ---- msgpack-c as the oracle ---------------------------------------------------------------- */

static bool same_bytes(const xray_mp_item *item, const char *ptr, size_t size)
{
    return item->bytes.len == size && (size == 0 || memcmp(item->bytes.ptr, ptr, size) == 0);
}

/* Takes the value at the cursor and compares it with what msgpack-c made of it. Depth is bounded by the
 * input. */
static bool same_value(xray_mp *c, const msgpack_object *o)
{
    xray_mp_item item;
    bool same = true;

    if (!xray_mp_next(c, &item))
        return false;
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return item.type == XRAY_MP_NIL;
    case MSGPACK_OBJECT_BOOLEAN:
        return item.type == XRAY_MP_BOOL && item.boolean == o->via.boolean;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        if (o->via.u64 > INT64_MAX)
            return item.type == XRAY_MP_UINT && item.u == o->via.u64;
        return item.type == XRAY_MP_INT && (uint64_t)item.i == o->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return item.type == XRAY_MP_INT && item.i == o->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return item.type == XRAY_MP_FLOAT &&
               (item.d == o->via.f64 || (item.d != item.d && o->via.f64 != o->via.f64));
    case MSGPACK_OBJECT_STR:
        return item.type == XRAY_MP_STR && same_bytes(&item, o->via.str.ptr, o->via.str.size);
    case MSGPACK_OBJECT_BIN:
        return item.type == XRAY_MP_BIN && same_bytes(&item, o->via.bin.ptr, o->via.bin.size);
    case MSGPACK_OBJECT_EXT:
        return item.type == XRAY_MP_EXT && item.ext_type == o->via.ext.type &&
               same_bytes(&item, o->via.ext.ptr, o->via.ext.size);
    case MSGPACK_OBJECT_ARRAY:
        same = item.type == XRAY_MP_ARRAY && item.count == o->via.array.size;
        for (uint32_t i = 0; same && i < item.count; i++)
            same = same_value(c, &o->via.array.ptr[i]);
        return same;
    case MSGPACK_OBJECT_MAP:
        same = item.type == XRAY_MP_MAP && item.count == o->via.map.size;
        for (uint32_t i = 0; same && i < item.count; i++)
            same = same_value(c, &o->via.map.ptr[i].key) && same_value(c, &o->via.map.ptr[i].val);
        return same;
    }
    return false;
}

/* Bytes with many headers among them. Headers with 32-bit counts are left out: msgpack-c
 * allocates for them before it looks at what is left. So are deep nestings (the
 * inputs are short): beyond 32 it says "out of memory". */
static size_t random_input(uint8_t *out, size_t room)
{
    const size_t len = check_random_below(room + 1);

    for (size_t i = 0; i < len; i++) {
        const uint64_t r = check_random();

        out[i] = (uint8_t)((r & 3) == 0 ? 0xc0 + (r >> 8) % 0x20 : (r & 3) == 1 ? (r >> 8) % 8 : r >> 8);
        if ((r & 3) == 2)
            out[i] = (uint8_t)(0x80 + (r >> 8) % 0x24);
        if (out[i] == 0xdd || out[i] == 0xdf)
            out[i] = 0xc0;
    }
    return len;
}

static void test_oracle(void)
{
    long accepted = 0;

    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[24];
        const size_t len = random_input(bytes, sizeof bytes);
        xray_mp c = xray_mp_over(bytes, len);
        xray_mp again = c;
        msgpack_unpacked result;
        size_t off = 0;

        msgpack_unpacked_init(&result);

        const msgpack_unpack_return r = msgpack_unpack_next(&result, (char *)bytes, len, &off);
        const bool good = r == MSGPACK_UNPACK_SUCCESS || r == MSGPACK_UNPACK_EXTRA_BYTES;

        check_context("round %d", round);
        if (xray_mp_skip(&c) != good) {
            CHECK_EQ(good, !good); /* a disagreement */
        } else if (good) {
            accepted++;
            CHECK_EQ(len - c.left, off);
            CHECK(same_value(&again, &result.data));
            CHECK(again.at == c.at);
        }
        msgpack_unpacked_destroy(&result);
    }
    check_context(NULL);
    CHECK(accepted > 20000); /* the inputs are worth something */
}

static bool is_of(const xray_mp_item *item, unsigned kinds)
{
    return (item->type == XRAY_MP_STR && (kinds & XF_MP_TEXTS) != 0) ||
           (item->type == XRAY_MP_EXT && (kinds & XF_MP_EXTS) != 0);
}

/* The items of a kind are those that going from item to item meets, and what is malformed ends both. */
static void test_next_of(void)
{
    long met = 0;

    for (int round = 0; round < 100000; round++) {
        const unsigned kinds = (unsigned)check_random_below(4);
        uint8_t bytes[200];
        size_t len = check_random_below(sizeof bytes - 24);
        xray_mp c, slow;
        xray_mp_item item = {0}, other = {0};

        memset(bytes, (int)check_random_below(0x80), len); /* as columns are */
        len += random_input(bytes + len, 24);
        if (len > 24)
            random_input(bytes + check_random_below(len - 23), 24);
        c = slow = xray_mp_over(bytes, len);
        check_context("round %d", round);
        while (xf_mp_next_of(&c, kinds, &item)) {
            met++;
            while (xray_mp_next(&slow, &other) && !is_of(&other, kinds))
                ;
            if (slow.at != c.at || slow.bad || item.type != other.type || item.bytes.ptr != other.bytes.ptr)
                break;
        }
        while (xray_mp_next(&slow, &other))
            CHECK(!is_of(&other, kinds));
        CHECK_EQ(c.bad, slow.bad);
    }
    check_context(NULL);
    CHECK(met > 20000);
}

/* Canonical form of what is accepted: accepted by msgpack-c as well, and its own canonical form but for
 * quoting. */
static void test_canonize_random(void)
{
    for (int round = 0; round < 50000; round++) {
        uint8_t bytes[24];
        const size_t room = random_input(bytes, sizeof bytes);
        xray_mp c = xray_mp_over(bytes, room);
        xray_str value;
        xray_buffer out = {0};

        if (!xf_mp_take_value(&c, &value))
            continue;
        check_context("round %d", round);
        CHECK_STATUS(xf_mp_canonize(value.ptr, value.len, 64, &out, NULL), XRAY_OK, NULL);
        CHECK(xf_mp_check(out.data, out.len, 64, true));

        xray_mp skip = xray_mp_over(out.data, out.len);

        CHECK(xray_mp_skip(&skip) && skip.left == 0);
        xray_buffer_free(&out);
    }
}

CHECK_MAIN(test_items, test_refused_headers, test_end, test_takes, test_find, test_next_of, test_depth, test_canonize,
           test_canonize_long_ext, test_canonize_refusals, test_suite, test_oracle, test_canonize_random)
