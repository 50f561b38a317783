/* The num column: exact where it scales, plain where it cannot. */
#include "codec/numcol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "support/check.h"

/* Encodes, decodes in both ways and compares bit by bit. Returns the scale that was chosen (0: plain). */
static int round_trip(const xray_buffer *values, size_t count)
{
    xray_buffer column = {0};
    struct xf_numcol plain;
    struct xf_numcol numbers;
    xray_mp c = xray_mp_over(values->data, values->len);

    xf_numcol_encode(values, count, &column);
    CHECK(xf_mp_check(column.data, column.len, 64, false));

    uint8_t *copy = check_copy(column.data, column.len);
    const xray_str bytes = xray_strn((char *)copy, column.len);

    CHECK(xf_numcol_open(&plain, bytes));
    CHECK(xf_numcol_open(&numbers, bytes));
    CHECK_EQ(plain.left, count);
    for (size_t i = 0; i < count; i++) {
        xray_mp_item item = {0};
        xray_mp here = c;
        xray_str want = {0};
        xray_str got = {0};
        double d = -1;

        xf_mp_take_value(&c, &want);
        xray_mp_next(&here, &item);
        if (!CHECK(xf_numcol_next(&plain, &got)))
            break;
        CHECK_MEM(got.ptr, got.len, want.ptr, want.len);

        const bool number = item.type <= XRAY_MP_FLOAT && item.type != XRAY_MP_BOOL;

        if (number && CHECK(xf_numcol_next_double(&numbers, &d)) && item.type == XRAY_MP_FLOAT)
            CHECK(memcmp(&d, &item.d, sizeof d) == 0);
        if (item.type == XRAY_MP_NIL)
            CHECK(isnan(d));
        if (!number) {
            CHECK(!xf_numcol_next_double(&numbers, &d));
            CHECK(!xf_numcol_next_double(&numbers, &d));
            break;
        }
    }
    if (plain.left == 0) {
        xray_str none;

        CHECK(!xf_numcol_next(&plain, &none));
    }
    free(copy);
    xray_buffer_free(&column);
    return plain.scale;
}

static int scale_of(const double *values, size_t count)
{
    xray_buffer b = {0};

    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            xf_mp_nil(&b);
        else
            xf_mp_double(&b, values[i]);
    }

    const int scale = round_trip(&b, count);

    xray_buffer_free(&b);
    return scale;
}

#define SCALE_OF(...)                                                                                        \
    scale_of((const double[]){__VA_ARGS__}, sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void test_scales(void)
{
    const double nil = (double)NAN;

    CHECK_EQ(SCALE_OF(0.5), 1);
    CHECK_EQ(SCALE_OF(129.0, 0.0, -7.0), 1);
    CHECK_EQ(SCALE_OF(0.87, 0.9, nil, -0.01), 2);
    CHECK_EQ(SCALE_OF(0.1, 0.123456789), 9);
    CHECK_EQ(SCALE_OF(0.1, 0.1234567891), 0);
    CHECK_EQ(SCALE_OF(0.1 + 0.2), 0);
    CHECK_EQ(SCALE_OF(-0.0), 0);
    CHECK_EQ(SCALE_OF(0.5, -0.0), 0);
    CHECK_EQ(SCALE_OF(0.5, (double)INFINITY), 0);
    CHECK_EQ(SCALE_OF(nil, nil), 0);
    CHECK_EQ(SCALE_OF(1e15), 0);
    CHECK_EQ(SCALE_OF(900719925474098.5), 1);
    CHECK_EQ(SCALE_OF(900719925474099.5), 0); /* its integer would reach 2^53 */
    CHECK_EQ(SCALE_OF(9e14, 0.25), 0);        /* each for itself would do */
    CHECK_EQ(SCALE_OF(5e-324), 0);
    CHECK_EQ(SCALE_OF(1e300), 0);
}

static void test_bytes(void)
{
    static const char want[] = "\x82\xa5scale\x02\xa1v\x93\x57\xc0\xff";
    xray_buffer b = {0};
    xray_buffer column = {0};

    xf_mp_double(&b, 0.87);
    xf_mp_nil(&b);
    xf_mp_double(&b, -0.01);
    xf_numcol_encode(&b, 3, &column);
    CHECK_MEM(column.data, column.len, want, sizeof want - 1);
    xray_buffer_free(&b);
    xray_buffer_free(&column);
}

static void test_other_values(void)
{
    xray_buffer b = {0};

    CHECK_EQ(round_trip(&b, 0), 0);
    xf_mp_double(&b, 0.5);
    xf_mp_int(&b, 1);
    xf_mp_uint(&b, UINT64_MAX);
    CHECK_EQ(round_trip(&b, 3), 0);
    xf_mp_cstr(&b, "text");
    CHECK_EQ(round_trip(&b, 4), 0);
    xf_buf_reset(&b);
    xf_mp_double(&b, (double)NAN);
    CHECK_EQ(round_trip(&b, 1), 0);
    xf_buf_reset(&b);
    xf_mp_double(&b, 0.5);
    xf_mp_map(&b, 1);
    xf_mp_cstr(&b, "a");
    xf_mp_array(&b, 0);
    xf_mp_nil(&b);
    CHECK_EQ(round_trip(&b, 3), 0);
    xray_buffer_free(&b);
}

static void test_random(void)
{
    long scaled = 0;

    for (int round = 0; round < 3000; round++) {
        const size_t count = check_random_below(20);
        const double power = pow(10, (double)check_random_below(11));
        xray_buffer b = {0};

        for (size_t i = 0; i < count; i++) {
            const uint64_t r = check_random();
            double d = (double)((int64_t)(r >> 8 >> check_random_below(56))) / power;

            if (r % 64 == 0)
                memcpy(&d, &r, sizeof d);
            if (r % 16 == 1 || isnan(d))
                xf_mp_nil(&b);
            else
                xf_mp_double(&b, r % 2 == 0 ? d : -d);
        }
        check_context("round %d", round);
        scaled += round_trip(&b, count) > 0;
        xray_buffer_free(&b);
    }
    check_context(NULL);
    CHECK(scaled > 300);
}

static void test_malformed(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool opens; /* and then the first element is refused */
    } bad[] = {
        {"", 0, false},
        {"\x01", 1, false},
        {"\xa1x", 2, false},
        {"\x92\x01", 2, false},
        {"\x91\x92", 2, true},
        {"\x80", 1, false},
        {"\x81\xa1v\x91\x01", 5, false},
        {"\x81\xa5scale\x01", 8, false},
        {"\x82\xa5scale\x00\xa1v\x91\x01", 12, false},
        {"\x82\xa5scale\x0a\xa1v\x91\x01", 12, false},
        {"\x82\xa5scale\xc0\xa1v\x91\x01", 12, false},
        {"\x82\xa5scale\xa0\xa1v\x91\x01", 12, false},
        {"\x82\xa5scale\x01\xa1v\x01", 11, false},
        {"\x82\xa5scale\x01\xa1v\x91\xa0", 12, true},
        {"\x82\xa5scale\x01\xa1v\x91\xcf\x00\x20\0\0\0\0\0\0", 20, true},
        {"\x82\xa5scale\x01\xa1v\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 20, true},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t *copy = check_copy(bad[i].bytes, bad[i].len);
        struct xf_numcol c;
        xray_str value;
        double d;

        check_context("case %zu", i);
        CHECK_EQ(xf_numcol_open(&c, xray_strn((char *)copy, bad[i].len)), bad[i].opens);
        CHECK(!xf_numcol_next(&c, &value));
        CHECK(!xf_numcol_next_double(&c, &d));
        free(copy);
    }

    struct xf_numcol none;

    CHECK(xf_numcol_open(&none, xray_strn(NULL, 0)));
    CHECK_EQ(none.left, 0);
}

static void test_out_of_memory(void)
{
    xray_buffer b = {0};

    for (int i = 0; i < 100; i++)
        xf_mp_double(&b, i / 100.0);
    for (size_t n = 1; n < 20; n++) {
        xray_buffer column = {0};

        xf_mem_fail_from(n);
        xf_numcol_encode(&b, 100, &column);
        const size_t asked = xf_mem_fail_from(0);

        CHECK_EQ(column.failed, asked >= n);
        xray_buffer_free(&column);
        if (asked < n)
            break;
    }
    xray_buffer_free(&b);
}

CHECK_MAIN(test_scales, test_bytes, test_other_values, test_random, test_malformed, test_out_of_memory)
