/* MessagePack to JSON: escapes, doubles, and what JSON cannot say. */
#include "xrayfile.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "support/check.h"

/* ---- strings ------------------------------------------------------------------ */

static void string(const char *text, size_t len, const char *want)
{
    uint8_t *copy = check_copy(text, len);
    xray_buffer out = {0};

    check_context("%s", want);
    CHECK_EQ(xray_json_string(xray_strn((char *)copy, len), &out), XRAY_OK);
    CHECK_MEM(out.data, out.len, want, strlen(want));
    xray_buffer_free(&out);
    free(copy);
}

static void test_strings(void)
{
    string("", 0, "\"\"");
    string("plain text, longer than eight bytes", 35, "\"plain text, longer than eight bytes\"");
    string("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"");
    string("\0\n\t\x1f\x7f", 5, "\"\\u0000\\n\\t\\u001f\\u007f\"");
    string("1234567\n9", 9, "\"1234567\\n9\"");
    string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    string("\xc2\x80\xc2\x9f\xc2\xa0", 6, "\"\\u0080\\u009f\xc2\xa0\"");
    string("\xe2\x80\xa8\xe2\x80\xa9", 6, "\"\\u2028\\u2029\"");
    string("\xe2\x80\xae\xe2\x81\xa6\xd8\x9c", 8, "\"\\u202e\\u2066\\u061c\"");
    string("\xe2\x80\x8b\xe2\x80\x8d\xef\xbb\xbf", 9, "\"\\u200b\\u200d\\ufeff\"");
    string("a\xff\xc3(\xed\xa0\x80", 7, "\"a\\ufffd\\ufffd(\\ufffd\\ufffd\\ufffd\"");
    string("\xc3", 1, "\"\\ufffd\"");
}

/* ---- doubles -------------------------------------------------------------------- */

static void number(double d, const char *want)
{
    xray_buffer out = {0};

    check_context("%.17g", d);
    CHECK_EQ(xray_json_double(d, &out), XRAY_OK);
    CHECK_MEM(out.data, out.len, want, strlen(want));
    xray_buffer_free(&out);
}

/* What Python's repr gives. */
static void test_doubles(void)
{
    number(0.0, "0.0");
    number(-0.0, "-0.0");
    number(1.0, "1.0");
    number(-1.5, "-1.5");
    number(0.1, "0.1");
    number(0.1 + 0.2, "0.30000000000000004");
    number(100.0, "100.0");
    number(1e-4, "0.0001");
    number(1.5e-4, "0.00015");
    number(1e-5, "1e-05");
    number(1.5e-7, "1.5e-07");
    number(1e15, "1000000000000000.0");
    number(1e16, "1e+16");
    number(123456789012345680.0, "1.2345678901234568e+17");
    number(9007199254740993.0, "9007199254740992.0");
    number(9999999999999998.0, "9999999999999998.0");
    number(1e22, "1e+22");
    number(1e100, "1e+100");
    number(DBL_MAX, "1.7976931348623157e+308");
    number(DBL_MIN, "2.2250738585072014e-308");
    number(5e-324, "5e-324");
    number(1e-320, "1e-320");
    number(1.0 / 3, "0.3333333333333333");
    number(2.0 / 3, "0.6666666666666666");
    number(0x1p-44, "5.684341886080802e-14"); /* its nearest 16 digits read back as another number */
    number(0x1p-1022, "2.2250738585072014e-308");
    number(9.5367431640625e-07, "9.5367431640625e-07");
    number(0.87, "0.87");
    number(12345.678901, "12345.678901");
    number((double)NAN, "{\"$f\":\"nan\"}");
    number((double)INFINITY, "{\"$f\":\"inf\"}");
    number(-(double)INFINITY, "{\"$f\":\"-inf\"}");
}

/* Bits of a double chosen so that all kinds are met. */
static double random_double(void)
{
    const uint64_t r = check_random();
    uint64_t bits = check_random();
    double d;

    if (r % 4 == 0)
        return (double)(int64_t)(bits % 2000000) / 1000.0;
    if (r % 4 == 1)
        bits &= ~((UINT64_C(1) << (r >> 8) % 53) - 1); /* near a power of two */
    if (r % 16 == 2)
        bits &= UINT64_C(0x800fffffffffffff); /* subnormal */
    memcpy(&d, &bits, sizeof d);
    return isfinite(d) ? d : 0;
}

/* Reads back the same; one digit less does not (unless it is not more than one). */
static void test_random_doubles(void)
{
    for (int round = 0; round < 30000; round++) {
        const double d = random_double();
        char text[64];
        char shorter[64];
        xray_buffer out = {0};
        int digits = 0;

        xray_json_double(d, &out);
        snprintf(text, sizeof text, "%.*s", (int)out.len, (char *)out.data);
        check_context("%s", text);
        CHECK(strtod(text, NULL) == d);
        CHECK(strpbrk(text, ".e") != NULL);

        const char *first = text + strspn(text, "-0.");
        const char *last = text + strcspn(text, "e");

        while (last > first && (last[-1] == '0' || last[-1] == '.'))
            last--;
        for (const char *p = first; p < last; p++)
            digits += *p != '.';
        if (digits > 1) {
            snprintf(shorter, sizeof shorter, "%.*e", digits - 2, d);
            CHECK(strtod(shorter, NULL) != d);
        }
        xray_buffer_free(&out);
    }
}

/* ---- values ------------------------------------------------------------------------ */

static void value(const char *bytes, size_t len, const char *want)
{
    uint8_t *copy = check_copy(bytes, len);
    xray_buffer out = {0};
    xray_error err = {0};

    check_context("%s", want);
    CHECK_STATUS(xray_msgpack_json(copy, len, &out, &err), XRAY_OK, &err);
    CHECK_MEM(out.data, out.len, want, strlen(want));
    xray_buffer_free(&out);
    free(copy);
}

static void test_values(void)
{
    value("\xc0", 1, "null");
    value("\x93\xc2\xc3\x05", 4, "[false,true,5]");
    value("\xd3\x80\0\0\0\0\0\0\0", 9, "-9223372036854775808");
    value("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "18446744073709551615");
    value("\xcb\x3f\xf8\0\0\0\0\0\0", 9, "1.5");
    value("\xca\x3f\x80\0\0", 5, "1.0");
    value("\xa2\xc3\xa9", 3, "\"\xc3\xa9\"");
    value("\xa1\xff", 2, "{\"$bstr\":\"/w==\"}");
    value("\xc4\x03\x00\x01\x02", 5, "{\"$bin\":\"AAEC\"}");
    value("\xc4\x00", 2, "{\"$bin\":\"\"}");
    value("\x82\xa1"
          "a\x01\xa1"
          "b\x90",
          7, "{\"a\":1,\"b\":[]}");
    value("\x80", 1, "{}");
}

static void test_exts(void)
{
    value("\xd6\x01\0\0\0\x05", 6, "{\"$ext\":[1,\"AAAABQ==\"]}");
    value("\xd6\x02\0\0\0\x05", 6, "{\"$ext\":[2,\"AAAABQ==\"]}");
    value("\xc7\x19\x03\x01\0\0\0\0\0\0\x01\x02\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"
          "\xff",
          28, "{\"$missing\":[\"not captured\",258,\"000102030405060708090a0b0c0d0eff\"]}");
    value("\xd4\x03\x01", 3, "{\"$ext\":[3,\"AQ==\"]}"); /* not as spec 6.3 says */
    value("\xc7\x05\x04"
          "1e999",
          8, "1e999");
    value("\xc7\x05\x04"
          "1e99,",
          8, "{\"$ext\":[4,\"MWU5OSw=\"]}");
    value("\xc7\x00\x04", 3, "{\"$ext\":[4,\"\"]}");
    value("\xd5\x05\x1fx", 4, "{\"$ext\":[31,\"eA==\"]}");
    value("\xc7\x00\x05", 3, "{\"$ext\":[5,\"\"]}");
    value("\xd5\x06\xff"
          "a",
          4, "{\"$bstr\":\"/2E=\"}");
    value("\xd4\xff\x00", 3, "{\"$ext\":[-1,\"AA==\"]}");
    value("\xd4\x7f\x00", 3, "{\"$ext\":[127,\"AA==\"]}");
}

static void test_maps(void)
{
    value("\x81\x01\x02", 3, "{\"$map\":[[1,2]]}");
    value("\x82\xa1"
          "a\x01\xa1"
          "a\x02",
          7, "{\"$map\":[[\"a\",1],[\"a\",2]]}");
    value("\x81\xa2$x\x01", 5, "{\"$map\":[[\"$x\",1]]}");
    value("\x82\xa2$x\x01\xa1"
          "a\x02",
          8, "{\"$x\":1,\"a\":2}");
    value("\x81\xa1\xff\x01", 4, "{\"$map\":[[{\"$bstr\":\"/w==\"},1]]}");
    value("\x81\x81\xc0\xc0\x80", 5, "{\"$map\":[[{\"$map\":[[null,null]]},{}]]}");
    value("\x82\xa0\x01\xa1"
          "a\x81\x02\x03",
          8, "{\"\":1,\"a\":{\"$map\":[[2,3]]}}");
}

/* Many keys take the way over sorting. */
static void test_large_maps(void)
{
    for (int twice = 0; twice < 2; twice++) {
        xray_buffer b = {0};
        xray_buffer want = {0};
        char key[20];

        xf_mp_map(&b, 1000);
        xf_buf_puts(&want, twice ? "{\"$map\":[" : "{");
        for (int i = 0; i < 1000; i++) {
            snprintf(key, sizeof key, "key%d", twice && i == 900 ? 7 : i);
            xf_mp_cstr(&b, key);
            xf_mp_int(&b, i);
            xf_buf_printf(&want, twice ? "%s[\"%s\",%d]" : "%s\"%s\":%d", i > 0 ? "," : "", key, i);
        }
        xf_buf_puts(&want, twice ? "]}" : "}");
        xf_buf_put_u8(&want, 0);
        value((char *)b.data, b.len, (char *)want.data);
        xray_buffer_free(&b);
        xray_buffer_free(&want);
    }
}

static void test_refusals(void)
{
    static const char good[] = "\x82\xa1"
                               "a\x92\x01\xc4\x01x\xa1"
                               "b\x81\x02\xa0";
    uint8_t deep[70];
    xray_buffer out = {0};
    xray_error err = {0};

    xf_buf_puts(&out, "before");
    for (size_t n = 0; n < sizeof good - 1; n++) {
        uint8_t *copy = check_copy(good, n);

        check_context("prefix of %zu bytes", n);
        CHECK_STATUS(xray_msgpack_json(copy, n, &out, &err), XRAY_ECORRUPT, &err);
        CHECK(err.pos <= n);
        CHECK_EQ(out.len, 6);
        free(copy);
    }
    CHECK_STATUS(xray_msgpack_json((const uint8_t *)"\x01\x02", 2, &out, &err), XRAY_ECORRUPT, &err);
    CHECK_EQ(err.pos, 1);
    memset(deep, 0x91, sizeof deep);
    deep[68] = 0xc0;
    CHECK_STATUS(xray_msgpack_json(deep, 69, &out, &err), XRAY_OK, &err);
    out.len = 6;
    deep[68] = 0x90;
    CHECK_STATUS(xray_msgpack_json(deep, 69, &out, &err), XRAY_ELIMIT, &err);
    CHECK_MEM(out.data, out.len, "before", 6);
    xray_buffer_free(&out);
}

static void test_out_of_memory(void)
{
    static const char key[] = "key of twenty bytes, more or less";
    xray_buffer b = {0};

    xf_mp_map(&b, 3);
    for (int i = 0; i < 3; i++) {
        xf_mp_str(&b, &key[i], 20);
        xf_mp_str(&b, "a value that is rather long, so that the buffer grows", 53);
    }
    for (size_t n = 1; n < 50; n++) {
        xray_buffer out = {0};
        xray_error err = {0};

        xf_mem_fail_from(n);
        const int status = xray_msgpack_json(b.data, b.len, &out, &err);
        const size_t asked = xf_mem_fail_from(0);

        check_context("allocation %zu", n);
        CHECK_STATUS(status, asked < n ? XRAY_OK : XRAY_ENOMEM, &err);
        CHECK(!out.failed);
        if (asked >= n)
            CHECK_EQ(out.len, 0);
        xray_buffer_free(&out);
        if (asked < n)
            break;
    }
    xray_buffer_free(&b);
}

/* Every canonical value goes through JSON and comes back the same (spec 13). */
static void put_random(xray_buffer *b, int depth)
{
    static const char *const texts[] = {
        "", "a", "$bin", "$map", "caf\xc3\xa9", "\n\"\\", "\xe2\x80\xae", "long enough to be a run"};
    uint8_t bytes[20];
    const uint64_t r = check_random_below(depth > 0 ? 10 : 8);
    const uint64_t n = check_random_below(4);

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)check_random();
    if (r == 0)
        xf_mp_nil(b);
    else if (r == 1)
        xf_mp_bool(b, n > 1);
    else if (r == 2)
        xf_mp_int(b, (int64_t)check_random() >> check_random_below(64));
    else if (r == 3)
        xf_mp_double(b, random_double());
    else if (r == 4)
        xf_mp_cstr(b, texts[check_random_below(8)]);
    else if (r == 5)
        xf_mp_bin(b, bytes, check_random_below(sizeof bytes));
    else if (r == 6)
        xf_mp_ext(b, (int8_t)(check_random_below(96) + 32), bytes, check_random_below(sizeof bytes));
    else if (r == 7)
        xf_mp_text(b, bytes, check_random_below(sizeof bytes));
    else if (r == 8)
        xf_mp_array(b, n);
    else
        xf_mp_map(b, n);
    for (uint64_t i = 0; i < (r == 8 ? n : r == 9 ? 2 * n : 0); i++)
        put_random(b, depth - 1);
}

static void test_round_trip(void)
{
    for (int round = 0; round < 20000; round++) {
        xray_buffer b = {0};
        xray_buffer json = {0};
        xray_buffer again = {0};
        xray_error err = {0};

        put_random(&b, 5);
        check_context("round %d", round);
        CHECK_STATUS(xray_msgpack_json(b.data, b.len, &json, &err), XRAY_OK, &err);
        CHECK_STATUS(xray_value_pack(xray_jsonn((char *)json.data, json.len), false, &again, &err), XRAY_OK,
                     &err);
        if (!CHECK_MEM(again.data, again.len, b.data, b.len))
            fprintf(stderr, "    %.*s\n", (int)json.len, (char *)json.data);
        xray_buffer_free(&b);
        xray_buffer_free(&json);
        xray_buffer_free(&again);
    }
}

CHECK_MAIN(test_strings, test_doubles, test_random_doubles, test_values, test_exts, test_maps,
           test_large_maps, test_refusals, test_out_of_memory, test_round_trip)
