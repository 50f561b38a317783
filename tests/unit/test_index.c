/* What indexes are made of: filters, codes of numbers, the head (format-spec/index-file.md). */
#include <stdlib.h>

#include "base/buf.h"
#include "codec/fuse.h"
#include "codec/varint.h"
#include "format/indexfile.h"
#include "format/zone.h"
#include "support/check.h"

/* ---- filters ---- */

static uint64_t key_number(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9E3779B97F4A7C15) ^ i << 7;
}

static void check_filter(uint32_t count, unsigned bits)
{
    uint64_t *keys = calloc(count + 1, sizeof *keys);
    xray_buffer filter = {0};
    uint32_t held = 0, missed = 0;
    const uint32_t others = 40000;

    for (uint32_t i = 0; i < count; i++)
        keys[i] = key_number(i);
    check_context("%u keys of %u bits", count, bits);
    CHECK_EQ(xf_fuse_build(keys, count, bits, 100, &filter), 1);
    CHECK_EQ(filter.len, xf_fuse_len(count, bits));
    for (uint32_t i = 0; i < count; i++)
        missed += !xf_fuse_may_hold(filter.data, filter.len, keys[i]);
    CHECK_EQ(missed, 0);
    for (uint32_t i = 0; i < others; i++)
        held += xf_fuse_may_hold(filter.data, filter.len, key_number(UINT64_C(1) << 40 | i));
    if (count == 0)
        CHECK_EQ(held, 0);
    else if (count >= 10) /* within a fifth, and some, of what the specification states */
        CHECK(held <= (others >> bits) * 6 / 5 + 20);
    xray_buffer_free(&filter);
    free(keys);
}

static void test_filters(void)
{
    static const uint32_t counts[] = {0, 1, 2, 3, 10, 100, 1000, 50000};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (unsigned bits = 1; bits <= XF_FUSE_BITS_MAX; bits += bits < 4 ? 1 : 6)
            check_filter(counts[i], bits);
}

/* Bytes of any kind are safe, and hold everything that they are not whole enough to deny. */
static void test_filters_from_anywhere(void)
{
    uint64_t keys[300];
    xray_buffer filter = {0};

    for (size_t i = 0; i < 300; i++)
        keys[i] = key_number(i);
    CHECK_EQ(xf_fuse_build(keys, 300, 5, 100, &filter), 1);
    for (size_t len = 0; len < filter.len; len++) {
        uint8_t *copy = check_copy(filter.data, len);

        CHECK(xf_fuse_may_hold(copy, len, keys[7]));
        free(copy);
    }
    for (size_t i = 0; i < 8; i++) { /* counts and bits that do not fit the length */
        uint8_t *copy = check_copy(filter.data, filter.len);

        copy[i] ^= 0x80;
        CHECK(xf_fuse_may_hold(copy, filter.len, keys[7]));
        free(copy);
    }
    keys[1] = keys[0];
    CHECK_EQ(xf_fuse_build(keys, 300, 5, 100, &filter), 0);
    xray_buffer_free(&filter);
}

/* ---- codes ---- */

static void test_zones_of_integers(void)
{
    uint8_t before = 0;

    for (int i = 0; i < 63 * 64; i++) {
        const int shift = i / 64;
        const int64_t v = ((INT64_C(1) << shift) - 1) | (shift >= 6 ? (int64_t)(i % 64) << (shift - 6) : 0);
        int64_t low, high;

        check_context("%lld", (long long)v);
        xf_zone_ints(xf_zone_of_int(v), &low, &high);
        CHECK(low <= v && v <= high);
    }
    for (int64_t v = -3; v < 100000; v++) {
        const uint8_t code = xf_zone_of_int(v);

        CHECK(code >= before);
        before = code;
    }
    for (int code = 1; code < 256; code++) { /* any byte is a range */
        int64_t low, high;

        xf_zone_ints((uint8_t)code, &low, &high);
        CHECK(low <= high);
    }
    CHECK(xf_zone_of_int(INT64_MAX) > xf_zone_of_int(INT64_MAX / 2));
}

static void test_zones_of_rates(void)
{
    for (int i = -300; i <= 2000; i++) {
        const double rate = i / 999.0;
        double low, high;

        check_context("rate %g", rate);
        xf_zone_rates(xf_zone_of_rate(rate), &low, &high);
        CHECK(low <= rate && rate <= high);
        CHECK(i < 0 || i > 999 || high - low < 0.009);
    }
}

static void test_varints(void)
{
    static const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
    xray_buffer b = {0};
    struct xf_varints c;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        xf_varint_put(&b, values[i]);
        xf_varint_put_int(&b, (int64_t)values[i]);
    }
    c = xf_varints_over(b.data, b.len);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        CHECK(xf_varint_take(&c) == values[i]);
        CHECK(xf_varint_take_int(&c) == (int64_t)values[i]);
    }
    CHECK(!c.bad && c.left == 0);
    xf_varint_take(&c);
    CHECK(c.bad);
    c = xf_varints_over("\x05" "ab", 3); /* a count of more than can be there */
    CHECK_EQ(xf_varint_take_count(&c, 1), 0);
    CHECK(c.bad);
    c = xf_varints_over("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
    xf_varint_take(&c);
    CHECK(c.bad);
    xray_buffer_free(&b);
}

/* Passing over integers ends where taking them one by one does, wherever the bytes stop and however long each is. */
static void test_varints_skip(void)
{
    uint64_t state = 88172645463325252;

    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[64];
        size_t len;
        uint32_t count;

        for (size_t i = 0; i < sizeof bytes; i++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
            bytes[i] = (uint8_t)(state >> 56);
            if (round % 3 == 0) /* mostly short ones */
                bytes[i] &= state >> 32 & 1 ? 0x7f : 0xff;
            if (round % 5 == 0) /* mostly long ones */
                bytes[i] |= state >> 33 & 7 ? 0x80 : 0;
        }
        len = state >> 40 & 63;
        count = state >> 50 & 31;

        uint8_t *copy = check_copy(bytes, len);
        struct xf_varints one = xf_varints_over(copy, len), all = one;

        for (uint32_t i = 0; i < count && !one.bad; i++)
            xf_varint_take(&one);
        xf_varints_skip(&all, count);
        check_context("round %d, %u of %zu bytes", round, (unsigned)count, len);
        CHECK_EQ(all.bad, one.bad);
        CHECK_EQ(all.left, one.left);
        CHECK(all.at == one.at);
        free(copy);
    }
}

/* ---- head ---- */

static void test_head(void)
{
    struct xf_index_head head = {.covered = 1000, .blocks = 3, .chain = 77, .last_pos = 800}, back;
    uint8_t bytes[XF_INDEX_HEAD_LEN];
    xray_error err = {0};

    memset(head.segment, 0x5a, 16);
    head.sections[0] = (struct xf_index_entry){XF_INDEX_RUNS, 10, 20, XF_INDEX_HEAD_LEN, 99};
    xf_index_head_encode(&head, bytes);
    CHECK_STATUS(xf_index_head_decode(&back, bytes, sizeof bytes, XF_INDEX_HEAD_LEN + 10, &err), XRAY_OK, &err);
    CHECK_MEM(&back, sizeof back, &head, sizeof head);
    CHECK(xf_index_find(&back, XF_INDEX_RUNS) == &back.sections[0]);
    CHECK(xf_index_find(&back, XF_INDEX_ITEMS) == NULL);
    CHECK_STATUS(xf_index_head_decode(&back, bytes, sizeof bytes, XF_INDEX_HEAD_LEN + 9, &err), XRAY_ECORRUPT, &err);
    for (size_t len = 0; len < sizeof bytes; len++) {
        uint8_t *copy = check_copy(bytes, len);

        CHECK(xf_index_head_decode(&back, copy, len, len, NULL) < 0);
        free(copy);
    }
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        check_context("bit %zu", bit);
        CHECK(xf_index_head_decode(&back, bytes, sizeof bytes, 1 << 20, NULL) < 0);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* A section fits its own index only, and its own place in it. */
    CHECK(xf_index_section_check(&head, 1, "x", 1) != xf_index_section_check(&head, 2, "x", 1));
    back = head;
    back.chain++;
    CHECK(xf_index_section_check(&head, 1, "x", 1) != xf_index_section_check(&back, 1, "x", 1));
}

CHECK_MAIN(test_filters, test_filters_from_anywhere, test_zones_of_integers, test_zones_of_rates, test_varints, test_varints_skip,
           test_head)
