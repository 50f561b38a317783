/* Canonical MessagePack: the shortest form at every boundary. */
#include "codec/mpwrite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/mpraw.h"
#include "codec/mpread.h"
#include "support/check.h"

static void check_int(int64_t v, const char *want, size_t want_len)
{
    xray_buffer b = {0};
    uint8_t raw[XF_MPRAW_NUMBER];

    xf_mp_int(&b, v);
    CHECK_MEM(b.data, b.len, want, want_len);
    CHECK_MEM(raw, (size_t)(xf_mpraw_int(raw, v) - raw), want, want_len);
    if (v >= 0) {
        xf_buf_reset(&b);
        xf_mp_uint(&b, (uint64_t)v);
        CHECK_MEM(b.data, b.len, want, want_len);
    }
    xray_buffer_free(&b);
}

static void test_integers(void)
{
    xray_buffer b = {0};

    check_int(0, "\x00", 1);
    check_int(127, "\x7f", 1);
    check_int(128, "\xcc\x80", 2);
    check_int(255, "\xcc\xff", 2);
    check_int(256, "\xcd\x01\x00", 3);
    check_int(65535, "\xcd\xff\xff", 3);
    check_int(65536, "\xce\x00\x01\x00\x00", 5);
    check_int(4294967295, "\xce\xff\xff\xff\xff", 5);
    check_int(4294967296, "\xcf\0\0\0\x01\0\0\0\0", 9);
    check_int(INT64_MAX, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9);
    check_int(-1, "\xff", 1);
    check_int(-32, "\xe0", 1);
    check_int(-33, "\xd0\xdf", 2);
    check_int(-128, "\xd0\x80", 2);
    check_int(-129, "\xd1\xff\x7f", 3);
    check_int(-32768, "\xd1\x80\x00", 3);
    check_int(-32769, "\xd2\xff\xff\x7f\xff", 5);
    check_int(INT32_MIN, "\xd2\x80\0\0\0", 5);
    check_int((int64_t)INT32_MIN - 1, "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", 9);
    check_int(INT64_MIN, "\xd3\x80\0\0\0\0\0\0\0", 9);
    xf_mp_uint(&b, UINT64_MAX);
    CHECK_MEM(b.data, b.len, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9);
    xray_buffer_free(&b);
}

static void test_simple(void)
{
    static const char want[] = "\xc0\xc2\xc3\xcb\x3f\xf0\0\0\0\0\0\0\xcb\x80\0\0\0\0\0\0\0\xa2"
                               "ab\xa0\xc4\x00\xd4\x07x\xc7\x03\xff"
                               "abc";
    xray_buffer b = {0};

    xf_mp_nil(&b);
    xf_mp_bool(&b, false);
    xf_mp_bool(&b, true);
    xf_mp_double(&b, 1.0);
    xf_mp_double(&b, -0.0);
    xf_mp_cstr(&b, "ab");
    xf_mp_str(&b, NULL, 0);
    xf_mp_bin(&b, NULL, 0);
    xf_mp_ext(&b, 7, "x", 1);
    xf_mp_ext(&b, -1, "abc", 3);
    CHECK_MEM(b.data, b.len, want, sizeof want - 1);
    xray_buffer_free(&b);
}

/* Length of the header that a string, binary, ext, array and map of n get. */
static void check_headers(size_t n, size_t str, size_t bin, size_t ext, size_t array, size_t map)
{
    static uint8_t zeros[70000];
    xray_buffer b = {0};

    check_context("length %zu", n);
    xf_mp_str(&b, zeros, n);
    CHECK_EQ(b.len - n, str);
    CHECK(xf_mp_check(b.data, b.len, 1, true));
    xf_buf_reset(&b);
    xf_mp_bin(&b, zeros, n);
    CHECK_EQ(b.len - n, bin);
    CHECK(xf_mp_check(b.data, b.len, 1, true));
    xf_buf_reset(&b);
    xf_mp_ext(&b, 42, zeros, n);
    CHECK_EQ(b.len - n, ext);
    CHECK(xf_mp_check(b.data, b.len, 1, true));
    xf_buf_reset(&b);
    xf_mp_array(&b, n);
    CHECK_EQ(b.len, array);
    xf_buf_put(&b, zeros, n);
    CHECK(xf_mp_check(b.data, b.len, 1, true));
    xf_buf_reset(&b);
    xf_mp_map(&b, n);
    CHECK_EQ(b.len, map);
    xf_buf_put(&b, zeros, n);
    xf_buf_put(&b, zeros, n);
    CHECK(xf_mp_check(b.data, b.len, 1, true));
    xray_buffer_free(&b);
}

static void test_headers(void)
{
    check_headers(0, 1, 2, 3, 1, 1);
    check_headers(1, 1, 2, 2, 1, 1);
    check_headers(2, 1, 2, 2, 1, 1);
    check_headers(3, 1, 2, 3, 1, 1);
    check_headers(4, 1, 2, 2, 1, 1);
    check_headers(8, 1, 2, 2, 1, 1);
    check_headers(15, 1, 2, 3, 1, 1);
    check_headers(16, 1, 2, 2, 3, 3);
    check_headers(31, 1, 2, 3, 3, 3);
    check_headers(32, 2, 2, 3, 3, 3);
    check_headers(255, 2, 2, 3, 3, 3);
    check_headers(256, 3, 3, 4, 3, 3);
    check_headers(65535, 3, 3, 4, 3, 3);
    check_headers(65536, 5, 5, 6, 5, 5);
}

static void test_text(void)
{
    xray_buffer b = {0};

    xf_mp_text(&b, "\xc3\xa9", 2);
    xf_mp_text(&b, "\xc3", 1);
    CHECK_MEM(b.data, b.len, "\xa2\xc3\xa9\xd4\x06\xc3", 6);
    xray_buffer_free(&b);
}

/* A length that MessagePack cannot say fails like memory that is not there. */
static void test_too_long(void)
{
    xray_buffer b = {0};

    if (SIZE_MAX > UINT32_MAX) {
        xf_mp_array(&b, (size_t)UINT32_MAX + (size_t)1);
        CHECK(b.failed);
        CHECK_EQ(b.len, 0);
    }
    xray_buffer_free(&b);
}

static void test_out_of_memory(void)
{
    xray_buffer b = {0};

    xf_mem_fail_from(1);
    xf_mp_int(&b, 7);
    xf_mp_cstr(&b, "abc");
    xf_mp_map(&b, 3);
    xf_mem_fail_from(0);
    CHECK(b.failed);
    CHECK_EQ(b.len, 0);
    xray_buffer_free(&b);
}

/* What is written into room says the same as what is appended. */
static void test_raw(void)
{
    static const uint32_t counts[] = {0, 15, 16, 31, 32, 255, 256, 65535, 65536};
    char *text = malloc(65536);
    uint8_t *raw = malloc(65536 + XF_MPRAW_NUMBER);
    xray_buffer b = {0};

    memset(text, 'x', 65536);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const uint32_t n = counts[i];

        xf_mp_str(&b, text, n);
        CHECK_MEM(raw, (size_t)(xf_mpraw_str(raw, xray_strn(text, n)) - raw), b.data, b.len);
        xf_buf_reset(&b);
        xf_mp_array(&b, n);
        CHECK_MEM(raw, (size_t)(xf_mpraw_array(raw, n) - raw), b.data, b.len);
        xf_buf_reset(&b);
        xf_mp_map(&b, n);
        CHECK_MEM(raw, (size_t)(xf_mpraw_map(raw, n) - raw), b.data, b.len);
        xf_buf_reset(&b);
    }
    xf_mp_nil(&b);
    xf_mp_bool(&b, true);
    xf_mp_bool(&b, false);
    xf_mp_double(&b, -1.5);
    CHECK_MEM(raw, (size_t)(xf_mpraw_double(xf_mpraw_bool(xf_mpraw_bool(xf_mpraw_nil(raw), true), false), -1.5) - raw), b.data, b.len);
    xray_buffer_free(&b);
    free(raw);
    free(text);
}

CHECK_MAIN(test_raw, test_integers, test_simple, test_headers, test_text, test_too_long, test_out_of_memory)
