/* UTF-8: every code point, every short sequence, and cutting. */
#include "codec/utf8.h"

#include <stdlib.h>
#include <string.h>

#include "support/check.h"

/* Encodes any number below 0x200000 without looking at it. */
static size_t encode(uint32_t point, uint8_t out[4])
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (uint8_t)(0xc0 | point >> 6);
        out[1] = (uint8_t)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (uint8_t)(0xe0 | point >> 12);
        out[1] = (uint8_t)(0x80 | (point >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (point & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | point >> 18);
    out[1] = (uint8_t)(0x80 | (point >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (point >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (point & 63));
    return 4;
}

static void test_code_points(void)
{
    long wrong = 0;

    for (uint32_t point = 0; point < 0x200000; point++) {
        uint8_t text[4];
        size_t size;
        const size_t len = encode(point, text);
        const bool good = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
        const int32_t got = xf_utf8_next(text, len, &size);

        if (good ? got != (int32_t)point || size != len : got != -1 || size != 1)
            wrong++;
        if (xf_utf8_valid_len(text, len) != (good ? len : 0))
            wrong++;
        for (size_t n = 1; n < len; n++) /* cut off */
            if (xf_utf8_next(text, n, &size) != -1 || size != 1)
                wrong++;
    }
    CHECK_EQ(wrong, 0);
}

/* Of all sequences of up to three bytes exactly so many are well formed. */
static void test_count(void)
{
    long good[4] = {0};
    const long one = 128;
    const long two = one * one + 1920;
    const long three = one * one * one + 2 * one * 1920 + 63488 - 2048;

    for (uint32_t bits = 0; bits < 1u << 24; bits++) {
        const uint8_t text[3] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16)};

        for (size_t n = 1; n <= 3; n++)
            if (bits < 1u << 8 * n && xf_utf8_valid_len(text, n) == n)
                good[n]++;
    }
    CHECK_EQ(good[1], one);
    CHECK_EQ(good[2], two);
    CHECK_EQ(good[3], three);
}

/* A bad byte anywhere in ASCII is found where it stands. */
static void test_runs(void)
{
    for (size_t len = 0; len < 40; len++) {
        uint8_t *text = check_copy("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", len);

        CHECK_EQ(xf_utf8_valid_len(text, len), len);
        for (size_t at = 0; at < len; at++) {
            const uint8_t before = text[at];

            text[at] = 0xff;
            CHECK_EQ(xf_utf8_valid_len(text, len), at);
            text[at] = before;
        }
        free(text);
    }
    CHECK_EQ(xf_utf8_valid_len(NULL, 0), 0);
}

static void test_cut(void)
{
    static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* ends at 1 3 6 10 11 */
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};

    for (size_t max = 0; max < sizeof want / sizeof want[0]; max++)
        CHECK_EQ(xf_utf8_cut(text, 11, max), want[max]);
    CHECK_EQ(xf_utf8_cut("", 0, 5), 0);
    CHECK_EQ(xf_utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5); /* not UTF-8: anywhere */
}

CHECK_MAIN(test_code_points, test_count, test_runs, test_cut)
