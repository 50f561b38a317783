/* The packed column: whatever form is chosen, the same values come back. */
#include "codec/numcol.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "support/check.h"

/* Encodes, decodes in both ways and compares bit by bit. Returns the form that was chosen. */
static int round_trip(const xray_buffer *values, size_t count)
{
    struct xf_arena arena = {0};
    xray_buffer column = {0};
    struct xf_numcol values_again, numbers;
    xray_mp c = xray_mp_over(values->data, values->len);
    int form;

    xf_numcol_encode(values, count, &column);
    CHECK(xf_mp_check(column.data, column.len, 64, false));

    uint8_t *copy = check_copy(column.data, column.len);
    const xray_str bytes = xray_strn((char *)copy, column.len);

    CHECK(xf_numcol_open(&values_again, bytes, &arena));
    CHECK(xf_numcol_open(&numbers, bytes, &arena));
    CHECK_EQ(values_again.left, count);
    for (size_t i = 0; i < count; i++) {
        xray_mp_item item = {0};
        xray_mp here = c;
        xray_str want = {0}, got = {0};
        bool nil = false;
        double d = -1;

        xf_mp_take_value(&c, &want);
        xray_mp_next(&here, &item);
        if (!CHECK(xf_numcol_next(&values_again, &got)))
            break;
        CHECK_MEM(got.ptr, got.len, want.ptr, want.len);
        if (item.type > XRAY_MP_FLOAT || item.type == XRAY_MP_BOOL) {
            CHECK(!xf_numcol_next_double(&numbers, &d, &nil));
            CHECK(!xf_numcol_next_double(&numbers, &d, &nil)); /* and stays refused */
            break;
        }
        CHECK(xf_numcol_next_double(&numbers, &d, &nil));
        CHECK_EQ(nil, item.type == XRAY_MP_NIL);
        if (item.type == XRAY_MP_FLOAT)
            CHECK(memcmp(&d, &item.d, sizeof d) == 0);
    }
    if (values_again.left == 0) {
        xray_str none;

        CHECK(!xf_numcol_next(&values_again, &none));
    }
    form = values_again.form;
    free(copy);
    xray_buffer_free(&column);
    xf_arena_done(&arena);
    return form;
}

/* Column of `count` doubles made by `make(i)`. */
static int form_of(double (*make)(size_t), size_t count, struct xf_numcol *opened)
{
    struct xf_arena arena = {0};
    xray_buffer b = {0}, column = {0};
    int form;

    for (size_t i = 0; i < count; i++)
        xf_mp_double(&b, make(i));
    form = round_trip(&b, count);
    xf_numcol_encode(&b, count, &column);
    CHECK(xf_numcol_open(opened, xray_strn((char *)column.data, column.len), &arena));
    CHECK(column.len <= b.len + 5);
    xray_buffer_free(&b);
    xray_buffer_free(&column);
    xf_arena_done(&arena);
    return form;
}

static double prices(size_t i)
{
    (void)i;
    return (double)check_random_below(100003) / 100;
}

static double falling_scores(size_t i)
{
    return (double)(9000000 - (int64_t)i * 17) / 10000000;
}

static double ratings(size_t i)
{
    (void)i;
    return (double)check_random_below(50) / 10;
}

static double thirds(size_t i)
{
    return (double)i / 3;
}

static double one_odd(size_t i)
{
    return i == 500 ? 0.1 + 0.2 : (double)i / 4;
}

static double negative_zero(size_t i)
{
    return i == 500 ? -0.0 : (double)i / 4;
}

static void test_the_form_fits_the_values(void)
{
    struct xf_numcol c;

    CHECK_EQ(form_of(prices, 1000, &c), XF_NUMCOL_PLANES);
    CHECK_EQ(c.scale, 2);
    CHECK_EQ(c.width, 3);
    CHECK_EQ(c.delta, false);
    CHECK_EQ(form_of(falling_scores, 1000, &c), XF_NUMCOL_PLANES);
    CHECK_EQ(c.scale, 7);
    CHECK_EQ(c.width, 1);
    CHECK_EQ(c.delta, true);
    CHECK_EQ(form_of(ratings, 1000, &c), XF_NUMCOL_PLANES);
    CHECK_EQ(c.width, 1);
    CHECK_EQ(form_of(thirds, 1000, &c), XF_NUMCOL_PLAIN);
    CHECK_EQ(form_of(one_odd, 1000, &c), XF_NUMCOL_PLAIN);
    CHECK_EQ(form_of(negative_zero, 1000, &c), XF_NUMCOL_PLAIN);
    CHECK_EQ(form_of(prices, 7, &c), XF_NUMCOL_PLAIN); /* too few to pay */
}

static void test_few_distinct_values_become_a_dictionary(void)
{
    static const char *const brands[] = {"Juno", "Hydra", "Fable", "Tundra"};
    xray_buffer b = {0};

    for (size_t i = 0; i < 300; i++)
        if (i % 7 == 3)
            xf_mp_nil(&b);
        else
            xf_mp_cstr(&b, brands[i % 4]);
    CHECK_EQ(round_trip(&b, 300), XF_NUMCOL_DICT);
    xf_buf_reset(&b);
    for (size_t i = 0; i < 300; i++) /* one more than a dictionary holds */
        xf_mp_int(&b, (int64_t)(i % 257) << 40);
    CHECK_EQ(round_trip(&b, 300), XF_NUMCOL_PLANES);
    xf_buf_reset(&b);
    for (size_t i = 0; i < 300; i++) {
        char text[16];

        snprintf(text, sizeof text, "text%zu", i);
        xf_mp_cstr(&b, text);
    }
    CHECK_EQ(round_trip(&b, 300), XF_NUMCOL_PLAIN);
    xray_buffer_free(&b);
}

static void test_integers_of_every_size(void)
{
    static const int64_t edges[] = {0, -1, 127, 128, -32, -33, 65535, 65536, INT32_MIN, INT64_MAX, INT64_MIN + 1};

    for (size_t e = 0; e < sizeof edges / sizeof *edges; e++) {
        xray_buffer b = {0};

        check_context("edge %zu", e);
        for (size_t i = 0; i < 1000; i++)
            xf_mp_int(&b, (int64_t)((uint64_t)edges[e] - i * i));
        round_trip(&b, 1000);
        xray_buffer_free(&b);
    }
}

static void test_mixed_values_stay_plain(void)
{
    xray_buffer b = {0};

    CHECK_EQ(round_trip(&b, 0), XF_NUMCOL_PLAIN);
    for (int i = 0; i < 300; i++) {
        xf_mp_double(&b, i / 2.0);
        xf_mp_int(&b, i * 1000);
        xf_mp_uint(&b, UINT64_MAX - (uint64_t)i);
    }
    CHECK_EQ(round_trip(&b, 900), XF_NUMCOL_PLAIN);
    xf_mp_double(&b, (double)NAN);
    xf_mp_map(&b, 1);
    xf_mp_cstr(&b, "a");
    xf_mp_array(&b, 0);
    CHECK_EQ(round_trip(&b, 902), XF_NUMCOL_PLAIN);
    xray_buffer_free(&b);
}

static void test_random(void)
{
    long forms[3] = {0};

    for (int round = 0; round < 3000; round++) {
        const size_t count = check_random_below(60);
        const double power = pow(10, (double)check_random_below(11));
        const uint64_t kinds = check_random_below(4);
        xray_buffer b = {0};

        for (size_t i = 0; i < count; i++) {
            const uint64_t r = check_random();
            double d = (double)((int64_t)(r >> 8 >> check_random_below(56))) / power;

            if (kinds == 3 && r % 64 == 0)
                memcpy(&d, &r, sizeof d);
            if ((kinds >= 2 && r % 16 == 1) || isnan(d))
                xf_mp_nil(&b);
            else if (kinds == 1)
                xf_mp_int(&b, (int64_t)r >> (round % 64));
            else
                xf_mp_double(&b, r % 2 == 0 ? d : -d);
        }
        check_context("round %d", round);
        forms[round_trip(&b, count)]++;
        xray_buffer_free(&b);
    }
    check_context(NULL);
    CHECK(forms[XF_NUMCOL_PLAIN] > 300 && forms[XF_NUMCOL_PLANES] > 300);
}

/* A column of planes by hand: scale, delta, base, width, n, and the bytes. */
static void put_planes(xray_buffer *b, int64_t scale, int64_t delta, int64_t width, int64_t n, size_t len)
{
    static const char *const names[] = {"scale", "delta", "width", "n"};
    const int64_t values[] = {scale, delta, width, n};

    xf_buf_reset(b);
    xf_mp_map(b, 6);
    for (size_t i = 0; i < 4; i++) {
        xf_mp_cstr(b, names[i]);
        xf_mp_int(b, values[i]);
    }
    xf_mp_cstr(b, "base");
    xf_mp_int(b, 5);
    xf_mp_cstr(b, "planes");
    xf_mp_bin_header(b, len);
    if (len > 0)
        memset(xf_buf_extend(b, len), 0xff, len);
}

static bool opens(const xray_buffer *b)
{
    struct xf_arena arena = {0};
    uint8_t *copy = check_copy(b->data, b->len);
    struct xf_numcol c;
    const bool good = xf_numcol_open(&c, xray_strn((char *)copy, b->len), &arena);
    xray_str value;

    while (good && xf_numcol_next(&c, &value))
        continue;
    free(copy);
    xf_arena_done(&arena);
    return good && !c.bad;
}

static void test_malformed(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},
        {"\x01", 1},
        {"\xa1x", 2},
        {"\x92\x01", 2},
        {"\x91\x92", 2},
        {"\x80", 1},
        {"\x82\xa4" "dict\x91\x01\xa2" "at\xc4\x01\x01", 14}, /* index out of range */
        {"\x82\xa4" "dict\x92\x01\xa2" "at\xc4\x01\x00", 14}, /* dictionary stops early */
        {"\x82\xa4" "dict\x01\xa2" "at\xc4\x01\x00", 13},
        {"\x81\xa4" "dict\x91\x01", 8},
    };
    xray_buffer b = {0};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_context("case %zu", i);
        xf_buf_reset(&b);
        xf_buf_put(&b, bad[i].bytes, bad[i].len);
        CHECK(!opens(&b));
    }
    check_context(NULL);
    put_planes(&b, 0, 0, 2, 10, 20);
    CHECK(opens(&b));
    put_planes(&b, 0, 0, 2, 10, 19);
    CHECK(!opens(&b));
    put_planes(&b, 10, 0, 2, 10, 20);
    CHECK(!opens(&b));
    put_planes(&b, 0, 2, 2, 10, 20);
    CHECK(!opens(&b));
    put_planes(&b, 0, 0, 9, 10, 90);
    CHECK(!opens(&b));
    put_planes(&b, 0, 0, 0, 10, 0);
    CHECK(!opens(&b));
    put_planes(&b, 0, 0, 8, 10, 80); /* sums wrap, no more */
    CHECK(opens(&b));
    put_planes(&b, 1, 0, 7, 10, 70); /* beyond 2^53: not exact */
    CHECK(!opens(&b));
    put_planes(&b, 0, 0, 2, UINT32_MAX, 20);
    CHECK(!opens(&b));

    struct xf_numcol none;

    CHECK(xf_numcol_open(&none, xray_strn(NULL, 0), NULL));
    CHECK_EQ(none.left, 0);
    xray_buffer_free(&b);
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

CHECK_MAIN(test_the_form_fits_the_values, test_few_distinct_values_become_a_dictionary, test_integers_of_every_size,
           test_mixed_values_stay_plain, test_random, test_malformed, test_out_of_memory)
