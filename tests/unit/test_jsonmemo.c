/* Packing JSON with a memory gives what packing without one gives, for every text. */
#include "codec/jsonmemo.h"

#include <stdlib.h>

#include "base/buf.h"
#include "codec/json.h"
#include "support/check.h"

/* Packs the text both ways; status and bytes must agree. */
static void same(struct xf_json_memo *memo, const char *text, size_t len)
{
    xray_buffer with = {0}, without = {0};
    xray_error err_with = {0}, err_without = {0};
    char *copy = (char *)check_copy(text, len);
    const int want = xf_json_pack(copy, len, true, &without, &err_without);

    CHECK_STATUS(xf_json_memo_pack(memo, copy, len, true, &with, &err_with), want, &err_with);
    CHECK_MEM(with.data, with.len, without.data, without.len);
    if (want != XRAY_OK)
        CHECK_EQ(err_with.pos, err_without.pos);
    free(copy);
    xray_buffer_free(&with);
    xray_buffer_free(&without);
}

/* A text long enough for the memory to be used. */
static void put_history(xray_buffer *b, int turns)
{
    xf_buf_reset(b);
    xf_buf_puts(b, "{\"model\": \"m\", \"temperature\":0.5 ,\"empty\":[], \"none\":{}, \"list\":[[1],[2,[3]]],\"messages\" : [");
    for (int i = 0; i < turns; i++)
        xf_buf_printf(b, "%s{\"role\":\"user\",\"content\":\"%0200d \\n \\\"q\\\" \xc3\xa9\",\"n\":[%d,{\"a\":null}]}", i > 0 ? ", " : "", i, i);
    xf_buf_puts(b, " ] , \"last\":true}  ");
}

static void test_histories(void)
{
    struct xf_json_memo memo = {0};
    xray_buffer b = {0};

    for (int turns = 0; turns < 60; turns++) {
        check_context("%d turns", turns);
        put_history(&b, turns);
        same(&memo, (const char *)b.data, b.len);
    }
    CHECK(memo.packed.len > 50 * 200 && memo.packed.len < 70 * 300); /* each turn once */
    xray_buffer_free(&b);
    xf_json_memo_done(&memo);
}

/* Every prefix, and every byte replaced by each of a few that mean something. */
static void test_broken_texts(void)
{
    static const char bytes[] = "{}[]\",:\\ 0x\x01\xff$";
    struct xf_json_memo memo = {0};
    xray_buffer b = {0};

    put_history(&b, 9);
    same(&memo, (const char *)b.data, b.len);
    for (size_t n = 0; n < b.len; n++) {
        check_context("prefix %zu", n);
        same(&memo, (const char *)b.data, n);
    }
    for (size_t i = 0; i < b.len; i += 1 + i / 64)
        for (size_t k = 0; k < sizeof bytes - 1; k++) {
            const uint8_t was = b.data[i];

            check_context("byte %zu is %02x", i, (uint8_t)bytes[k]);
            b.data[i] = (uint8_t)bytes[k];
            same(&memo, (const char *)b.data, b.len);
            b.data[i] = was;
        }
    xray_buffer_free(&b);
    xf_json_memo_done(&memo);
}

static void test_what_is_unusual_goes_the_other_way(void)
{
    static const char *const heads[] = {
        "{\"a\":1,\"a\":2,\"t\":[", "{\"$map\":[", "{\"\\u0061\":1,\"t\":[", "{\"big\":123456789012345678901234567890,\"t\":[",
        "{\"nan\":NaN,\"t\":[", "{\"t\":[{\"$bin\":\"AAEC\"},{\"x\":1,\"x\":2},", "{\"t\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],",
        "[[{\"t\":1}],[", "{\"a\":[[1]},{\"t\":[",
    };
    struct xf_json_memo memo = {0};
    xray_buffer b = {0};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        for (int round = 0; round < 2; round++) {
            check_context("head %zu", i);
            xf_buf_reset(&b);
            xf_buf_puts(&b, heads[i]);
            for (int k = 0; k < 12; k++)
                xf_buf_printf(&b, "%s{\"content\":\"%0200d\"}", k > 0 ? "," : "", k);
            xf_buf_puts(&b, heads[i][0] == '[' ? "]]" : "]}");
            same(&memo, (const char *)b.data, b.len);
        }
    xray_buffer_free(&b);
    xf_json_memo_done(&memo);
}

static void test_the_memory_is_bounded(void)
{
    struct xf_json_memo memo = {0};
    xray_buffer b = {0};

    for (int i = 0; i < 400; i++) {
        xf_buf_reset(&b);
        xf_buf_puts(&b, "[");
        for (int k = 0; k < 10; k++)
            xf_buf_printf(&b, "%s{\"c\":\"%06000d\"}", k > 0 ? "," : "", i * 10 + k);
        xf_buf_puts(&b, "]");
        same(&memo, (const char *)b.data, b.len);
        CHECK(memo.packed.len <= (size_t)8 << 20);
    }
    xray_buffer_free(&b);
    xf_json_memo_done(&memo);
}

CHECK_MAIN(test_histories, test_broken_texts, test_what_is_unusual_goes_the_other_way, test_the_memory_is_bounded)
