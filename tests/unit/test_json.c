/* JSON to MessagePack: what is accepted, what is refused and where, and what
 * must survive the way through json-c. */
#include "codec/json.h"
#include "codec/jsonscan.h"

#include <dirent.h>
#include <json_object.h>
#include <json_tokener.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "support/check.h"

/* ---- helpers ---------------------------------------------------------------------- */

/* Packs the text from a heap block of exactly its size. */
static int pack(const char *text, size_t len, bool lax, xray_buffer *out, xray_error *err)
{
    uint8_t *copy = check_copy(text, len);
    const int status = xray_value_pack(xray_jsonn((const char *)copy, len), lax, out, err);

    free(copy);
    return status;
}

/* The text must be accepted and print as `want`. */
static void accept(const char *text, const char *want)
{
    xray_buffer out = {0};
    xray_buffer json = {0};
    xray_error err = {0};

    check_context("%s", text);
    if (CHECK_STATUS(pack(text, strlen(text), false, &out, &err), XRAY_OK, &err)) {
        CHECK(xf_mp_check(out.data, out.len, XF_DEPTH_WRITE, true));
        CHECK_STATUS(xray_msgpack_json(out.data, out.len, &json, &err), XRAY_OK, &err);
        CHECK_MEM(json.data, json.len, want, strlen(want));
    }
    xray_buffer_free(&out);
    xray_buffer_free(&json);
}

/* The text must be refused at `pos`, with a message that holds `part`. */
static void refuse(const char *text, size_t len, int status, uint64_t pos, const char *part)
{
    xray_buffer out = {0};
    xray_error err = {0};

    check_context("%.*s", (int)len, text);
    xf_buf_puts(&out, "before");
    CHECK_STATUS(pack(text, len, false, &out, &err), status, &err);
    CHECK_EQ(err.pos, pos);
    if (!CHECK(strstr(err.message, part) != NULL))
        fprintf(stderr, "    the message is: %s\n", err.message);
    CHECK_MEM(out.data, out.len, "before", 6);
    CHECK(!out.failed);
    xray_buffer_free(&out);
}

static void refuse_text(const char *text, uint64_t pos, const char *part)
{
    refuse(text, strlen(text), XRAY_ESYNTAX, pos, part);
}

/* ---- values ------------------------------------------------------------------------ */

static void test_values(void)
{
    accept("null", "null");
    accept(" true\n", "true");
    accept("false", "false");
    accept("0", "0");
    accept("-1", "-1");
    accept("9223372036854775807", "9223372036854775807");
    accept("9223372036854775808", "9223372036854775808");
    accept("18446744073709551615", "18446744073709551615");
    accept("-9223372036854775808", "-9223372036854775808");
    accept("1.50", "1.5");
    accept("-0.0", "-0.0");
    accept("1e2", "100.0");
    accept("0e99999", "0.0");
    accept("\"\"", "\"\"");
    accept("\"a\\/b\\\\\\\"\"", "\"a/b\\\\\\\"\"");
    accept("\"\\ud83d\\ude00 \xc3\xa9\"", "\"\xf0\x9f\x98\x80 \xc3\xa9\"");
    accept("[]", "[]");
    accept("{}", "{}");
    accept(" [ 1 , [ ] , { \"a\" : { } } ] ", "[1,[],{\"a\":{}}]");
    accept("{\"b\":1,\"a\":2,\"\":3}", "{\"b\":1,\"a\":2,\"\":3}");
}

/* Numbers that neither 64-bit integers nor doubles hold keep their text. */
static void test_big_numbers(void)
{
    accept("18446744073709551616", "18446744073709551616");
    accept("-9223372036854775809", "-9223372036854775809");
    accept("[100000000000000000000000000000000000000000000000000,1]",
           "[100000000000000000000000000000000000000000000000000,1]");
    accept("1e400", "1e400");
    accept("[-1.5E+4000]", "[-1.5E+4000]");
    accept("1e-400", "1e-400");
    accept("{\"a\":123456789012345678901234567890,\"b\":\"123456789012345678901234567890\"}",
           "{\"a\":123456789012345678901234567890,\"b\":\"123456789012345678901234567890\"}");
    accept("1.7976931348623157e308", "1.7976931348623157e+308");
    accept("123456789012345678901234567890.0", "1.2345678901234568e+29");
}

static void test_big_number_bytes(void)
{
    static const uint8_t want[] = {0xc7, 20,  4,   '1', '8', '4', '4', '6', '7', '4', '4', '0',
                                   '7',  '3', '7', '0', '9', '5', '5', '1', '6', '1', '6'};
    xray_buffer out = {0};

    CHECK_STATUS(xf_json_pack("18446744073709551616", 20, false, &out, NULL), XRAY_OK, NULL);
    CHECK_MEM(out.data, out.len, want, sizeof want);
    xray_buffer_free(&out);
}

static void test_nul(void)
{
    accept("\"\\u0000\"", "\"\\u0000\"");
    accept("\"a\\u0000b\\\\u0000\"", "\"a\\u0000b\\\\u0000\"");
    accept("{\"a\\u0000b\":1,\"a\":2,\"a\\u0000\":\"\\u0000\\u0000\"}",
           "{\"a\\u0000b\":1,\"a\":2,\"a\\u0000\":\"\\u0000\\u0000\"}");
    accept("{\"\\u0000\":99999999999999999999}", "{\"\\u0000\":99999999999999999999}");
}

static void test_lax(void)
{
    static const char text[] = "[NaN,Infinity,-Infinity,1,-1,\"NaN\",18446744073709551616]";
    static const char want[] =
        "[{\"$f\":\"nan\"},{\"$f\":\"inf\"},{\"$f\":\"-inf\"},1,-1,\"NaN\",18446744073709551616]";
    xray_buffer out = {0};
    xray_buffer json = {0};
    xray_error err = {0};

    CHECK_STATUS(pack(text, strlen(text), true, &out, &err), XRAY_OK, &err);
    CHECK_STATUS(xray_msgpack_json(out.data, out.len, &json, &err), XRAY_OK, &err);
    CHECK_MEM(json.data, json.len, want, strlen(want));
    CHECK_STATUS(pack("[nan]", 5, true, &out, &err), XRAY_ESYNTAX, &err);
    CHECK_STATUS(pack("[-NaN]", 6, true, &out, &err), XRAY_ESYNTAX, &err);
    CHECK_STATUS(pack("[INF]", 5, true, &out, &err), XRAY_ESYNTAX, &err);
    xray_buffer_free(&out);
    xray_buffer_free(&json);
}

/* ---- refusals ------------------------------------------------------------------------ */

static void test_refusals(void)
{
    refuse_text("", 0, "expected a value, but the JSON text ends");
    refuse_text("   ", 3, "expected a value");
    refuse_text("[1,]", 3, "expected a value, found ']'");
    refuse_text("[1 2]", 3, "expected ',' or ']', found '2'");
    refuse_text("{\"a\" 1}", 5, "expected ':'");
    refuse_text("{\"a\":1,}", 7, "expected a key in quotes, found '}'");
    refuse_text("{a:1}", 1, "expected a key in quotes");
    refuse_text("[1}", 2, "expected ',' or ']', found '}'");
    refuse_text("1 1", 2, "nothing more after the value");
    refuse_text("[] // no", 3, "nothing more after the value");
    refuse_text("/* no */ 1", 0, "expected a value, found '/'");
    refuse_text("'a'", 0, "expected a value");
    refuse_text("01", 0, "superfluous 0");
    refuse_text("-01", 1, "superfluous 0");
    refuse_text("1.", 0, "whole number");
    refuse_text(".5", 0, "expected a value");
    refuse_text("-", 0, "whole number");
    refuse_text("+1", 0, "expected a value");
    refuse_text("1e", 0, "whole number");
    refuse_text("0x10", 1, "nothing more");
    refuse_text("True", 0, "expected a value");
    refuse_text("nul", 0, "expected a value");
    refuse_text("[NaN]", 1, "NaN and Infinity");
    refuse_text("-Infinity", 0, "NaN and Infinity");
    refuse_text("\xef\xbb\xbf[]", 0, "found byte ef");
}

static void test_string_refusals(void)
{
    refuse_text("\"abc", 4, "ends inside a string");
    refuse_text("\"abc\\", 5, "ends inside a string");
    refuse_text("\"a\nb\"", 2, "raw control character");
    refuse_text("\"12345678\x01\"", 9, "raw control character");
    refuse_text("\"\\x\"", 1, "unknown escape");
    refuse_text("\"\\u12g4\"", 1, "four hexadecimal digits");
    refuse_text("\"\\u12", 1, "four hexadecimal digits");
    refuse_text("\"\\ud800\"", 1, "lone high surrogate");
    refuse_text("\"\\ud800\\n\"", 1, "lone high surrogate");
    refuse_text("\"\\ud800\\ud800\"", 1, "lone high surrogate");
    refuse_text("\"ab\\udc00\"", 3, "lone low surrogate");
    refuse_text("\"\xc3\"", 1, "invalid UTF-8");
    refuse_text("\"12345678\xed\xa0\x80\"", 9, "invalid UTF-8");
    refuse_text("\"\xc0\x80\"", 1, "invalid UTF-8");
    refuse("\"\0\"", 3, XRAY_ESYNTAX, 1, "raw control character");
    refuse("1\0", 2, XRAY_ESYNTAX, 1, "nothing more");
    refuse("\"\\\0\"", 4, XRAY_ESYNTAX, 1, "unknown escape");
}

static void test_duplicates(void)
{
    refuse_text("{\"a\":1,\"a\":2}", 7, "\"a\" stands twice");
    refuse_text("[{\"a\":{\"x\":1},\"b\":[{\"c\":1,\"\\u0063\":{}}]}]", 26, "\"\\u0063\" stands twice");
    refuse_text("{\"a\":{\"x\":1},\"b\":0,\"a\":{\"y\":1}}", 19, "\"a\" stands twice");
    refuse_text("{\"\\u0000\":1,\"\\u0000\":2}", 12, "stands twice");
    refuse_text("{\"\\n\":1,\"\\u000A\":2}", 8, "stands twice");
    refuse_text("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}", 10, "stands twice");
    refuse_text("{\"$bin\":\"\",\"$bin\":\"\"}", 11, "stands twice");
    accept("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}", "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}");
}

static void test_depth(void)
{
    char text[300];

    for (int n = 1; n <= 110; n++) {
        memset(text, '[', (size_t)n);
        memset(text + n, ']', (size_t)n);
        if (n <= XF_DEPTH_WRITE) {
            xray_buffer out = {0};

            CHECK_STATUS(pack(text, 2 * (size_t)n, false, &out, NULL), XRAY_OK, NULL);
            xray_buffer_free(&out);
        } else {
            refuse(text, 2 * (size_t)n, XRAY_ELIMIT, n <= XF_JSON_DEPTH ? XF_DEPTH_WRITE : XF_JSON_DEPTH,
                   "nested deeper");
        }
    }
}

/* No prefix of a text is a value, except of a number. */
static void test_prefixes(void)
{
    static const char text[] =
        "{\"a\":[1.5,\"x\\u00e9\xc3\xa9\",true,null,{\"b\":-2e5}],\"c\":99999999999999999999}";

    for (size_t n = 0; n < strlen(text); n++) {
        xray_buffer out = {0};
        xray_error err = {0};

        check_context("prefix of %zu bytes", n);
        CHECK_STATUS(pack(text, n, false, &out, &err), XRAY_ESYNTAX, &err);
        CHECK(err.pos <= n);
        CHECK_EQ(out.len, 0);
        xray_buffer_free(&out);
    }
}

/* ---- the objects of spec 13 ------------------------------------------------------------ */

/* Packs, and compares with the bytes. */
static void pack_to(const char *text, const void *want, size_t want_len)
{
    xray_buffer out = {0};
    xray_error err = {0};

    check_context("%s", text);
    CHECK_STATUS(pack(text, strlen(text), false, &out, &err), XRAY_OK, &err);
    CHECK_MEM(out.data, out.len, want, want_len);
    xray_buffer_free(&out);
}

static void test_special_objects(void)
{
    pack_to("{\"$bin\":\"AP8=\"}", "\xc4\x02\x00\xff", 4);
    pack_to("{\"$bin\":\"\"}", "\xc4\x00", 2);
    pack_to("{\"$ext\":[-1,\"AP8=\"]}", "\xd5\xff\x00\xff", 4);
    pack_to("{\"$ext\":[100,\"\"]}", "\xc7\x00\x64", 3);
    pack_to("{\"$ext\":[3,\"/w==\"]}", "\xd5\x05\x03\xff", 4);
    pack_to("{\"$ext\":[31,\"\"]}", "\xd4\x05\x1f", 3);
    pack_to("{\"$f\":\"inf\"}", "\xcb\x7f\xf0\0\0\0\0\0\0", 9);
    pack_to("{\"$f\":\"-inf\"}", "\xcb\xff\xf0\0\0\0\0\0\0", 9);
    pack_to("{\"$bstr\":\"/w==\"}", "\xd4\x06\xff", 3);
    pack_to("{\"$missing\":[\"redacted\",258,\"000102030405060708090a0b0c0d0eff\"]}",
            "\xc7\x19\x03\x02\0\0\0\0\0\0\x01\x02\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"
            "\xff",
            28);
    pack_to("{\"$map\":[[1,2],[{\"$bin\":\"\"},null],[1,{}]]}", "\x83\x01\x02\xc4\x00\xc0\x01\x80", 8);
    pack_to("{\"$map\":[]}", "\x80", 1);
}

/* What only looks like one of them is the application's own. */
static void test_special_lookalikes(void)
{
    static const char *const texts[] = {
        "{\"$bin\":7}",
        "{\"$bin\":\"A\"}",
        "{\"$bin\":\"AP9=\"}",
        "{\"$bin\":\"AP8\"}",
        "{\"$bin\":\"AP8=\\n\"}",
        "{\"$bin\":\"A===\"}",
        "{\"$ext\":[128,\"\"]}",
        "{\"$ext\":[1]}",
        "{\"$ext\":[1,\"\",1]}",
        "{\"$ext\":{}}",
        "{\"$f\":\"NaN\"}",
        "{\"$f\":null}",
        "{\"$bstr\":\"=\"}",
        "{\"$missing\":[\"x\",1,\"\"]}",
        "{\"$map\":[[1]]}",
        "{\"$map\":{}}",
        "{\"$map\":[[1,2],3]}",
        "{\"$ref\":\"#/a\"}",
        "{\"$\":1}",
        "{\"$missing\":[\"lost\",-1,\"00000000000000000000000000000000\"]}",
        "{\"$missing\":[\"lost\",1,\"0000000000000000000000000000000G\"]}",
        "{\"$missing\":[\"lost\",1,\"000000000000000000000000000000\"]}",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        xray_buffer out = {0};

        check_context("%s", texts[i]);
        CHECK_STATUS(pack(texts[i], strlen(texts[i]), false, &out, NULL), XRAY_OK, NULL);
        if (CHECK(out.len > 2)) /* a map of one pair, whose key begins with $ */
            CHECK(out.data[0] == 0x81 && out.data[2] == '$');
        xray_buffer_free(&out);
    }
    accept("{\"$bin\":\"\",\"a\":1}", "{\"$bin\":\"\",\"a\":1}");
    accept("{\"$ref\":\"#/a\"}", "{\"$map\":[[\"$ref\",\"#/a\"]]}");
}

/* ---- trees of the caller's ---------------------------------------------------------------- */

static void test_trees(void)
{
    static const char want[] =
        "{\"s\":{\"$bstr\":\"/zE=\"},\"n\":\"a\\u0000\",\"d\":{\"$f\":\"nan\"},\"i\":{\"$f\":\"inf\"},"
        "\"u\":18446744073709551615,\"z\":null,\"b\":true,\"m\":{\"$bin\":\"\"}}";
    struct json_object *tree = json_object_new_object();
    struct json_object *bin = json_object_new_object();
    xray_buffer out = {0};
    xray_buffer json = {0};
    xray_error err = {0};

    json_object_object_add(bin, "$bin", json_object_new_string(""));
    json_object_object_add(tree, "s",
                           json_object_new_string_len("\xff"
                                                      "1",
                                                      2));
    json_object_object_add(tree, "n", json_object_new_string_len("a\0", 2));
    json_object_object_add(tree, "d", json_object_new_double((double)NAN));
    json_object_object_add(tree, "i", json_object_new_double((double)INFINITY));
    json_object_object_add(tree, "u", json_object_new_uint64(UINT64_MAX));
    json_object_object_add(tree, "z", NULL);
    json_object_object_add(tree, "b", json_object_new_boolean(1));
    json_object_object_add(tree, "m", bin);
    CHECK_STATUS(xray_value_pack(xray_tree(tree), false, &out, &err), XRAY_OK, &err);
    CHECK_STATUS(xray_msgpack_json(out.data, out.len, &json, &err), XRAY_OK, &err);
    CHECK_MEM(json.data, json.len, want, strlen(want));
    json_object_put(tree);
    xray_buffer_free(&out);
    xray_buffer_free(&json);
}

static void test_deep_tree(void)
{
    struct json_object *tree = json_object_new_array();
    xray_buffer out = {0};
    xray_error err = {0};

    for (int n = 1; n < XF_DEPTH_WRITE; n++) {
        struct json_object *outer = json_object_new_array();

        json_object_array_add(outer, tree);
        tree = outer;
    }
    CHECK_STATUS(xf_json_tree_pack(tree, &out, &err), XRAY_OK, &err);
    CHECK_EQ(out.len, XF_DEPTH_WRITE);

    struct json_object *outer = json_object_new_object();

    json_object_object_add(outer, "a", tree);
    CHECK_STATUS(xf_json_tree_pack(outer, &out, &err), XRAY_ELIMIT, &err);
    CHECK_EQ(out.len, XF_DEPTH_WRITE);
    json_object_put(outer);
    xray_buffer_free(&out);
}

/* ---- the suite of others -------------------------------------------------------------------- */

/* Files that the suite wants accepted and the specification refuses. */
static bool is_known_difference(const char *name)
{
    return strcmp(name, "y_object_duplicated_key.json") == 0 ||
           strcmp(name, "y_object_duplicated_key_and_value.json") == 0;
}

static void try_file(const char *directory, const char *name)
{
    char path[600];
    size_t len = 0;
    xray_buffer out = {0};
    xray_error err = {0};

    snprintf(path, sizeof path, "%s/%s", directory, name);

    char *text = check_read_file(path, &len);

    check_context("%s", name);
    if (!CHECK(text != NULL))
        return;

    const int status = pack(text, len, false, &out, &err);

    if (name[0] == 'y' && !is_known_difference(name))
        CHECK_STATUS(status, XRAY_OK, &err);
    else if (name[0] == 'y')
        CHECK_STATUS(status, XRAY_ESYNTAX, &err);
    else if (name[0] == 'n')
        CHECK(status == XRAY_ESYNTAX || status == XRAY_ELIMIT);
    if (status == XRAY_OK)
        CHECK(xf_mp_check(out.data, out.len, XF_DEPTH_WRITE, true));
    else
        CHECK(err.message[0] != '\0' && err.pos <= len);
    free(text);
    xray_buffer_free(&out);
}

static void test_suite(void)
{
    const char *directory = check_data("peer/JSONTestSuite/test_parsing");
    DIR *d = directory != NULL ? opendir(directory) : NULL;

    if (d == NULL) {
        check_skip("JSONTestSuite is not there");
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.')
            try_file(directory, e->d_name);
    closedir(d);
}

/* ---- properties -------------------------------------------------------------------------------- */

/* Random damage to a text: either refused, or what comes out is sound and goes
 * through JSON once more unchanged. */
static void test_mutations(void)
{
    static const char base[] = "{\"a\":[1.5,\"x\\u00e9\xc3\xa9\\\"\",true,null,{\"b\":-2e5,\"$f\":\"inf\"}],"
                               "\"c\":99999999999999999999,\"d\\u0000\":{\"$map\":[[1,2]]},\"e\":[NaN]}";
    static const char spice[] = "[]{}\",:\\u0019eE.-+ntf$\x80\xff\xc3 ";

    for (int round = 0; round < 20000; round++) {
        char text[sizeof base];
        xray_buffer out = {0};
        xray_buffer json = {0};
        xray_buffer again = {0};
        xray_error err = {0};
        const size_t len = sizeof base - 1 - check_random_below(3);

        memcpy(text, base, sizeof base);
        for (uint64_t n = check_random_below(4); n > 0; n--)
            text[check_random_below(len)] = spice[check_random_below(sizeof spice - 1)];
        check_context("%.*s", (int)len, text);
        if (pack(text, len, true, &out, &err) == XRAY_OK) {
            CHECK(xf_mp_check(out.data, out.len, XF_DEPTH_WRITE, true));
            CHECK_STATUS(xray_msgpack_json(out.data, out.len, &json, &err), XRAY_OK, &err);
            CHECK_STATUS(pack((char *)json.data, json.len, false, &again, &err), XRAY_OK, &err);
            CHECK_MEM(again.data, again.len, out.data, out.len);
        } else {
            CHECK(err.message[0] != '\0');
        }
        xray_buffer_free(&out);
        xray_buffer_free(&json);
        xray_buffer_free(&again);
    }
}

/* Every allocation of ours failing in turn. */
static void test_out_of_memory(void)
{
    static const char *const texts[] = {
        "{\"a\":[1,2,{\"$bin\":\"AAAA\"}],\"b\\u0000\":99999999999999999999,\"c\":\"xyz\"}",
        "{\"a\":1,\"a\":2}",
    };

    for (size_t t = 0; t < 2; t++) {
        for (size_t n = 1; n < 50; n++) {
            xray_buffer out = {0};
            xray_error err = {0};

            xf_mem_fail_from(n);
            const int status = pack(texts[t], strlen(texts[t]), false, &out, &err);
            const size_t asked = xf_mem_fail_from(0);

            check_context("text %zu, allocation %zu", t, n);
            CHECK_EQ(out.failed, false);
            if (asked < n) { /* none failed */
                CHECK_STATUS(status, t == 0 ? XRAY_OK : XRAY_ESYNTAX, &err);
                xray_buffer_free(&out);
                break;
            }
            CHECK_STATUS(status, XRAY_ENOMEM, &err);
            CHECK_EQ(out.len, 0);
            xray_buffer_free(&out);
        }
    }
}

CHECK_MAIN(test_values, test_big_numbers, test_big_number_bytes, test_nul, test_lax, test_refusals,
           test_string_refusals, test_duplicates, test_depth, test_prefixes, test_special_objects,
           test_special_lookalikes, test_trees, test_deep_tree, test_suite, test_mutations,
           test_out_of_memory)
