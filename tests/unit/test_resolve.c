/* Resolving stored values (spec 6) in segments made by hand: parts, ranges, skeletons, what is missing,
 * what is not canonical; and searching them (xray_hits). */
#include "support/check.h"
#include "support/image.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/mpwrite.h"
#include "store/joined.h"

#include <stdio.h>

static void put_key(xray_buffer *b, const char *key)
{
    xf_mp_cstr(b, key);
}

/* A body whose parts are the texts p<first>, p<first + 1>, ... and whose values are given encoded. */
static xray_buffer payload(int first, int parts, const xray_buffer *values, size_t value_count)
{
    xray_buffer b = {0};
    char text[16];

    xf_mp_map(&b, 5);
    put_key(&b, "kind");
    xf_mp_cstr(&b, "payload");
    put_key(&b, "part_len");
    xf_mp_array(&b, (size_t)parts);
    for (int i = 0; i < parts; i++)
        xf_mp_int(&b, 3);
    put_key(&b, "parts");
    xf_mp_array(&b, (size_t)parts);
    for (int i = 0; i < parts; i++) {
        snprintf(text, sizeof text, "p%d", first + i);
        xf_mp_cstr(&b, text);
    }
    put_key(&b, "value_len");
    xf_mp_array(&b, value_count);
    for (size_t i = 0; i < value_count; i++)
        xf_mp_uint(&b, values[i].len);
    put_key(&b, "values");
    xf_mp_array(&b, value_count);
    for (size_t i = 0; i < value_count; i++)
        xf_buf_put(&b, values[i].data, values[i].len);
    return b;
}

static void put_range(xray_buffer *b, uint32_t first, uint32_t count)
{
    uint8_t data[8];

    xf_put_be32(data, first);
    xf_put_be32(data + 4, count);
    xf_mp_ext(b, XF_EXT_PART, data, count == 0 ? 4 : 8);
}

static void put_value(xray_buffer *b, uint32_t number)
{
    uint8_t data[4];

    xf_put_be32(data, number);
    xf_mp_ext(b, XF_EXT_VALUE, data, 4);
}

/* Parts 0 to 3 and value 0 in one block, parts 4 and 5 in the next. */
static xray_store *open_image(void)
{
    struct image m = {0};
    xray_buffer skeleton = {0}, body;
    xray_store *s = NULL;
    const char *path;
    xray_error err;

    xf_mp_array(&skeleton, 3);
    xf_mp_int(&skeleton, 1);
    put_range(&skeleton, 0, 3);
    xf_mp_map(&skeleton, 1);
    xf_mp_cstr(&skeleton, "k");
    put_range(&skeleton, 3, 0);
    image_begin(&m, 1);
    body = payload(0, 4, &skeleton, 1);
    image_block(&m, XF_PAYLOAD, &body, 4, 1, 0, 0);
    xray_buffer_free(&body);
    body = payload(4, 2, NULL, 0);
    image_block(&m, XF_PAYLOAD, &body, 2, 0, 4, 1);
    xray_buffer_free(&body);
    xray_buffer_free(&skeleton);
    path = image_file(&m);
    image_done(&m);
    CHECK_STATUS(xray_store_open(&s, &path, 1, NULL, &err), XRAY_OK, &err);
    return s;
}

static void check_value(xray_store *s, const xray_buffer *value, const char *want)
{
    const xray_ref ref = {value->data, value->len, 0};
    xray_buffer out = {0};
    xray_error err;

    if (CHECK_STATUS(xray_ref_json(s, ref, &out, &err), XRAY_OK, &err))
        CHECK_MEM(out.data, out.len, want, strlen(want));
    xray_buffer_free(&out);
}

#define LOST "{\"$missing\":[\"lost\",0,\"00000000000000000000000000000000\"]}"

static void test_references(void)
{
    xray_store *s = open_image();
    xray_buffer v = {0};

    put_value(&v, 0);
    check_value(s, &v, "[1,\"p0\",\"p1\",\"p2\",{\"k\":\"p3\"}]");
    v.len = 0;
    put_value(&v, 1);
    check_value(s, &v, LOST);
    v.len = 0;
    xf_mp_array(&v, 2); /* over the border of two blocks, and beyond the end */
    put_range(&v, 3, 4);
    put_range(&v, 5, 0);
    check_value(s, &v, "[\"p3\",\"p4\",\"p5\"," LOST ",\"p5\"]");
    v.len = 0;
    put_range(&v, 0, 2); /* a range outside an array */
    check_value(s, &v, LOST);
    v.len = 0;
    xf_mp_array(&v, 2); /* a value inside a value; ranges in nested arrays */
    put_value(&v, 0);
    xf_mp_array(&v, 2);
    xf_mp_array(&v, 1);
    put_range(&v, 0, 2);
    put_range(&v, 2, 2);
    check_value(s, &v, "[" LOST ",[[\"p0\",\"p1\"],\"p2\",\"p3\"]]");
    xray_buffer_free(&v);
    CHECK_EQ(xray_store_problem_count(s), 0);
    xray_store_close(s);
}

/* Every form that is not the shortest becomes it; the rest is copied. */
static void test_canonical(void)
{
    static const struct {
        const char *from;
        size_t from_len;
        const char *to;
        size_t to_len;
    } cases[] = {
        {"\xcc\x7f", 2, "\x7f", 1},
        {"\xcd\x00\xff", 3, "\xcc\xff", 2},
        {"\xce\x00\x00\xff\xff", 5, "\xcd\xff\xff", 3},
        {"\xcf\x00\x00\x00\x00\xff\xff\xff\xff", 9, "\xce\xff\xff\xff\xff", 5},
        {"\xd0\xe0", 2, "\xe0", 1},
        {"\xd0\x05", 2, "\x05", 1},
        {"\xd1\xff\x80", 3, "\xd0\x80", 2},
        {"\xd2\xff\xff\x80\x00", 5, "\xd1\x80\x00", 3},
        {"\xd3\xff\xff\xff\xff\x80\x00\x00\x00", 9, "\xd2\x80\x00\x00\x00", 5},
        {"\xca\x3f\x80\x00\x00", 5, "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", 9},
        {"\xd9\x02hi", 4, "\xa2hi", 3},
        {"\xda\x00\x02hi", 5, "\xa2hi", 3},
        {"\xc5\x00\x01x", 4, "\xc4\x01x", 3},
        {"\xc7\x01\x40x", 4, "\xd4\x40x", 3},
        {"\xdc\x00\x01\x05", 4, "\x91\x05", 2},
        {"\xdf\x00\x00\x00\x01\x01\xcc\x02", 8, "\x81\x01\x02", 3},
        {"\x93\x01\xcc\x05\xa1x", 6, "\x93\x01\x05\xa1x", 5},
        {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    };
    xray_store *s = open_image();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const xray_ref ref = {(const uint8_t *)cases[i].from, cases[i].from_len, 0};
        xray_buffer out = {0};

        check_context("case %zu", i);
        CHECK_EQ(xray_ref_resolve(s, ref, &out, NULL), XRAY_OK);
        CHECK_MEM(out.data, out.len, cases[i].to, cases[i].to_len);
        xray_buffer_free(&out);
    }
    xray_store_close(s);
}

/* Nothing is appended where resolving fails. */
static void test_failures(void)
{
    xray_store *s = open_image();
    xray_buffer v = {0}, out = {0};
    xray_ref ref = {(const uint8_t *)"\x92\x01", 2, 0};

    xf_buf_put(&out, "kept", 4);
    CHECK_EQ(xray_ref_resolve(s, ref, &out, NULL), XRAY_ECORRUPT);
    ref.len = 0;
    CHECK_EQ(xray_ref_resolve(s, ref, &out, NULL), XRAY_ECORRUPT);
    ref.data = NULL;
    CHECK_EQ(xray_ref_resolve(s, ref, &out, NULL), XRAY_ENOTFOUND);
    xf_mp_array(&v, 1);
    put_range(&v, 0, UINT32_MAX); /* four thousand million parts */
    ref = (xray_ref){v.data, v.len, 0};
    CHECK_EQ(xray_ref_resolve(s, ref, &out, NULL), XRAY_ELIMIT);
    CHECK_MEM(out.data, out.len, "kept", 4);
    xray_buffer_free(&v);
    xray_buffer_free(&out);
    xray_store_close(s);
}

static void put_layer(xray_buffer *b, uint32_t segment, const char *data, size_t len)
{
    uint8_t head[8];

    xf_put_u32(head, segment);
    xf_put_u32(head + 4, (uint32_t)len);
    xf_buf_put(b, head, sizeof head);
    xf_buf_put(b, data, len);
}

/* Maps of several rows: the last value of a key wins, in the place of the first. */
static void test_layers(void)
{
    xray_store *s = open_image();
    xray_buffer b = {0}, out = {0};
    xray_ref ref;

    put_layer(&b, 0, "\x82\xa1" "a\x01\xa1" "b\x02", 7);
    put_layer(&b, 0, "\x82\xa1" "b\x03\xa1" "c\xd6\x01\x00\x00\x00\x05", 12);
    ref = (xray_ref){b.data, b.len, XF_LAYERED};
    CHECK_EQ(xray_ref_json(s, ref, &out, NULL), XRAY_OK);
    CHECK_MEM(out.data, out.len, "{\"a\":1,\"b\":3,\"c\":\"p5\"}", 22);
    out.len = 0;
    put_layer(&b, 0, "\x07", 1); /* not a map: it replaces all before */
    ref = (xray_ref){b.data, b.len, XF_LAYERED};
    CHECK_EQ(xray_ref_json(s, ref, &out, NULL), XRAY_OK);
    CHECK_MEM(out.data, out.len, "7", 1);
    xray_buffer_free(&b);
    xray_buffer_free(&out);
    xray_store_close(s);
}

static int has_text(void *ctx, const uint8_t *data, size_t len)
{
    const char *text = ctx;
    const size_t n = strlen(text);

    for (size_t i = 0; i + n <= len; i++)
        if (memcmp(data + i, text, n) == 0)
            return 1;
    return 0;
}

/* One context: all in this thread. */
static int build_hits(xray_hits **h, xray_store *s, int (*visit)(void *, const uint8_t *, size_t), void *ctx)
{
    static void *contexts[1]; /* the hits keep them */
    const xray_visitor visitor = {.visit = visit, .contexts = contexts, .context_count = 1};

    contexts[0] = ctx;
    return xray_hits_build(h, s, &visitor, NULL);
}

static void test_hits(void)
{
    xray_store *s = open_image();
    xray_buffer whole = {0}, range = {0}, miss = {0};
    const xray_ref text = {(const uint8_t *)"\xa2p4", 3, 0}, none = {NULL, 0, 0};
    char wanted[3] = "p?";
    xray_hits *h;

    put_value(&whole, 0);
    xf_mp_array(&range, 1);
    put_range(&range, 2, 3);
    put_value(&miss, 9);
    for (int i = 0; i < 7; i++) {
        check_context("part %d", i);
        wanted[1] = (char)('0' + i);
        if (!CHECK_EQ(build_hits(&h, s, has_text, wanted), XRAY_OK))
            break;
        CHECK_EQ(xray_hits_test(h, (xray_ref){whole.data, whole.len, 0}), i <= 3);
        CHECK_EQ(xray_hits_test(h, (xray_ref){range.data, range.len, 0}), i >= 2 && i <= 4);
        CHECK_EQ(xray_hits_test(h, text), i == 4);
        CHECK(!xray_hits_test(h, none));
        CHECK(!xray_hits_test(h, (xray_ref){miss.data, miss.len, 0}));
        CHECK(!xray_hits_test(h, (xray_ref){whole.data, whole.len, 77}));
        xray_hits_free(h);
    }
    xray_buffer_free(&whole);
    xray_buffer_free(&range);
    xray_buffer_free(&miss);
    xray_store_close(s);
}

struct countdown {
    int left; /* calls until it wants no more */
    int calls;
};

static int count_down(void *ctx, const uint8_t *data, size_t len)
{
    struct countdown *c = ctx;

    (void)data;
    (void)len;
    c->calls++;
    return c->left-- > 0 ? 1 : -1;
}

/* A visitor that stops is not called again, and what it did not see does not match. */
static void test_hits_stop(void)
{
    xray_store *s = open_image();
    struct countdown all = {.left = 1000};
    xray_buffer first = {0}, range = {0};
    const xray_ref in_place = {(const uint8_t *)"\xa2p4", 3, 0};
    xray_hits *h;

    put_range(&first, 0, 0);
    xf_mp_array(&range, 1);
    put_range(&range, 1, 4);
    if (CHECK_EQ(build_hits(&h, s, count_down, &all), XRAY_OK))
        xray_hits_free(h);
    for (int n = 0; n < all.calls; n++) {
        struct countdown c = {.left = n};

        check_context("stopped after %d", n);
        if (!CHECK_EQ(build_hits(&h, s, count_down, &c), 1))
            break;
        CHECK_EQ(c.calls, n + 1);
        CHECK_EQ(xray_hits_test(h, (xray_ref){first.data, first.len, 0}), n >= 1);
        CHECK_EQ(xray_hits_test(h, (xray_ref){range.data, range.len, 0}), n >= 2);
        CHECK(!xray_hits_test(h, in_place));
        xray_hits_free(h);
    }
    xray_buffer_free(&first);
    xray_buffer_free(&range);
    xray_store_close(s);
}

CHECK_MAIN(test_references, test_canonical, test_failures, test_layers, test_hits, test_hits_stop)
