/* The id column: each form, and what no writer of ours would make. */
#include "codec/idcol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "support/check.h"

enum form { PLAIN, HEX, DEC, UUID };

static enum form form_of(const xray_buffer *column)
{
    const xray_str bytes = xray_strn((char *)column->data, column->len);
    xray_str value;

    if (column->data[0] != 0x82 && column->data[0] != 0x83)
        return PLAIN;
    return xf_mp_find(bytes, "hex", &value) ? HEX : xf_mp_find(bytes, "dec", &value) ? DEC : UUID;
}

static bool is_among(xray_str id, const xray_str *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i].len == id.len && (id.len == 0 || memcmp(ids[i].ptr, id.ptr, id.len) == 0))
            return true;
    return false;
}

/* Each id is found, and what differs from one in a byte or in its length is found only where it is another's. */
static void check_find(xray_str column, const xray_str *ids, size_t count)
{
    static const char other[] = "0f-aZ9";
    char near[256];

    for (size_t i = 0; i < count; i++) {
        const size_t len = ids[i].len;

        CHECK_EQ(xf_idcol_find(column, ids[i]), 1);
        if (i % 16 != 0 || len == 0 || len >= sizeof near - 1)
            continue;
        for (size_t at = 0; at <= len; at++) {
            memcpy(near, ids[i].ptr, len);
            near[len] = 'x';
            near[at] = other[at % 6];
            CHECK_EQ(xf_idcol_find(column, xray_strn(near, len)), is_among(xray_strn(near, len), ids, count));
            CHECK_EQ(xf_idcol_find(column, xray_strn(near, len + 1)),
                     is_among(xray_strn(near, len + 1), ids, count));
            CHECK_EQ(xf_idcol_find(column, xray_strn(ids[i].ptr, at)),
                     is_among(xray_strn(ids[i].ptr, at), ids, count));
        }
    }
}

static enum form round_trip(const xray_str *ids, size_t count)
{
    xray_buffer column = {0};
    struct xf_arena arena = {0};
    const xray_str *got = NULL;
    uint32_t got_count = 0;
    xray_error err = {0};

    xf_idcol_encode(ids, count, &column);

    uint8_t *copy = check_copy(column.data, column.len);
    const xray_str bytes = xray_strn((char *)copy, column.len);
    const enum form form = form_of(&column);

    CHECK(xf_mp_check(column.data, column.len, 64, true));
    CHECK_STATUS(xf_idcol_decode(bytes, &arena, &got, &got_count, &err), XRAY_OK, &err);
    if (CHECK_EQ(got_count, count))
        for (size_t i = 0; i < count; i++)
            CHECK_MEM(got[i].ptr, got[i].len, ids[i].ptr, ids[i].len);
    check_find(bytes, ids, count);
    free(copy);
    xf_arena_done(&arena);
    xray_buffer_free(&column);
    return form;
}

/* Ids separated by spaces. */
static enum form form_for(const char *text)
{
    xray_str ids[50];
    size_t count = 0;

    while (*text != '\0') {
        const size_t len = strcspn(text, " ");

        ids[count++] = xray_strn(text, len);
        text += len + (text[len] == ' ');
    }
    check_context("%s", text);
    return round_trip(ids, count);
}

static void test_forms(void)
{
    CHECK_EQ(form_for(""), PLAIN);
    CHECK_EQ(form_for("only-one-17"), PLAIN);
    CHECK_EQ(form_for("apple pear plum"), PLAIN);
    CHECK_EQ(form_for("B07XKQ2 B09AAAA B01ZZZZ"), PLAIN);
    CHECK_EQ(form_for("p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11 p12 p13 p14 p15 p16"), DEC);
    CHECK_EQ(form_for("sku-100 sku-98 sku-97 sku-1 sku-0 sku-10"), DEC);
    CHECK_EQ(form_for("0012 0007 0100 9999 0000"), DEC);
    CHECK_EQ(form_for("0012 9007 0100 9999 0000"), HEX); /* two bytes each; most differences take three */
    CHECK_EQ(form_for("item-000001 item-000002 item-000003 item-000005"), HEX);
    CHECK_EQ(form_for("item-000001 item-000002 item-000300 item-000305 item-010305"), DEC);
    CHECK_EQ(form_for("x-deadbeef x-0badf00d x-00000000"), HEX);
    CHECK_EQ(form_for("x-deadbee x-0badf00 x-0000000"), HEX);
    CHECK_EQ(form_for("x-DEADBEEF x-0BADF00D"), PLAIN);
    CHECK_EQ(form_for("123e4567-e89b-12d3-a456-426614174000 00000000-0000-0000-0000-000000000000"), UUID);
    CHECK_EQ(form_for("u:123e4567-e89b-12d3-a456-426614174000 u:ffffffff-ffff-ffff-ffff-ffffffffffff"), UUID);
    CHECK_EQ(form_for("123E4567-e89b-12d3-a456-426614174000 00000000-0000-0000-0000-000000000000"), PLAIN);
    CHECK_EQ(form_for("123e4567-e89b-12d3-a456-426614174000 00000000-0000-0000-0000-0000000000000"), PLAIN);
    /* UUIDs that differ in the last group only */
    CHECK_EQ(form_for("123e4567-e89b-12d3-a456-426614174000 123e4567-e89b-12d3-a456-426614174fff"), HEX);
}

static void test_odd_ids(void)
{
    CHECK_EQ(form_for("p1 p01 p2"), PLAIN);
    CHECK_EQ(form_for("p1 p p2"), PLAIN);
    CHECK_EQ(form_for("p-1 p-2 p--3"), PLAIN);
    CHECK_EQ(form_for("1 22 333 4444 0"), DEC);
    CHECK_EQ(form_for("a1 a1 a1 a1 a1 a1 a1 a1 a1 a1 a1 a1 a1 a1 a1"), PLAIN);
    CHECK_EQ(form_for("1000000000000000000 2"), PLAIN); /* 19 digits */
    CHECK_EQ(form_for("n999999999999999999 n0"), DEC);
    CHECK_EQ(form_for("\xc3\xa9-1 \xc3\xa9-2 \xc3\xa9-3 \xc3\xa9-4 \xc3\xa9-5 \xc3\xa9-6"), HEX);
    CHECK_EQ(form_for("\xc3\xa9 \xc3\xa8"), PLAIN);
    CHECK_EQ(form_for("\xc3-1 \xc3-2 \xc3-3 \xc3-4 \xc3-5 \xc3-6"), PLAIN); /* not UTF-8 */
    CHECK_EQ(form_for("\xff \xfe"), PLAIN);

    const xray_str empty[3] = {xray_strn("", 0), xray_strn(NULL, 0), xray_strn("7", 1)};

    CHECK_EQ(round_trip(empty, 3), PLAIN);
    CHECK_EQ(round_trip(empty, 2), PLAIN);
}

static void test_random(void)
{
    for (int round = 0; round < 3000; round++) {
        static char texts[60][80];
        xray_str ids[60];
        const size_t count = check_random_below(60);
        const uint64_t kind = check_random_below(6);
        const int digits = (int)check_random_below(16) + 1;
        const uint64_t most = UINT64_C(1) << check_random_below(59);

        for (size_t i = 0; i < count; i++) {
            const unsigned long long v = check_random_below(most);
            const unsigned long long w = check_random();

            if (kind == 0)
                snprintf(texts[i], sizeof texts[i], "id%llu", v);
            else if (kind == 1)
                snprintf(texts[i], sizeof texts[i], "%0*llu", digits, v);
            else if (kind == 2)
                snprintf(texts[i], sizeof texts[i], "h:%0*llx", digits, v);
            else if (kind == 3)
                snprintf(texts[i], sizeof texts[i], "u%08llx-%04llx-%04llx-%04llx-%012llx", v & 0xffffffff,
                         w & 0xffff, w >> 16 & 0xffff, w >> 32 & 0xffff, v & 0xffffffffffff);
            else if (kind == 4)
                snprintf(texts[i], sizeof texts[i], "%llu/%llx", v, w);
            else
                snprintf(texts[i], sizeof texts[i], "%.*s", (int)(v % 5), "a0-1\xc3");
            ids[i] = xray_s(texts[i]);
        }
        check_context("round %d", round);
        round_trip(ids, count);
    }
}

/* A prefix and a decimal number of the width that is asked for. */
static void test_decode_padding(void)
{
    static const char bytes[] = "\x83\xa6prefix\xa1#\xa3"
                                "dec\x04\xa4"
                                "data\x93\x07\xcd\x27\x0f\xd1\xd8\xea";
    struct xf_arena arena = {0};
    const xray_str *ids = NULL;
    uint32_t count = 0;

    CHECK_EQ(xf_idcol_decode(xray_strn(bytes, sizeof bytes - 1), &arena, &ids, &count, NULL), XRAY_OK);
    if (CHECK_EQ(count, 3)) {
        CHECK_MEM(ids[0].ptr, ids[0].len, "#0007", 5);
        CHECK_MEM(ids[1].ptr, ids[1].len, "#10006", 6);
        CHECK_MEM(ids[2].ptr, ids[2].len, "#0000", 5);
    }
    xf_arena_done(&arena);
}

static void refuse(const char *bytes, size_t len, int status)
{
    uint8_t *copy = check_copy(bytes, len);
    struct xf_arena arena = {0};
    const xray_str *ids = NULL;
    uint32_t count = 77;
    xray_error err = {0};

    CHECK_STATUS(xf_idcol_decode(xray_strn((char *)copy, len), &arena, &ids, &count, &err), status, &err);
    CHECK(ids == NULL && count == 77);
    xf_arena_done(&arena);
    free(copy);
}

#define REFUSE(bytes) refuse((bytes), sizeof(bytes) - 1, XRAY_ECORRUPT)

static void test_malformed(void)
{
    REFUSE("");
    REFUSE("\xc1");
    REFUSE("\x07");
    REFUSE("\x91\x07");
    REFUSE("\x91\xd4\x07x");
    REFUSE("\x92\xa1x\xa5x");
    REFUSE("\x80");
    REFUSE("\x81\xa6prefix\xa1x");
    REFUSE("\x82\xa6prefix\x07\xa4uuid\xc4\x00");
    REFUSE("\x82\xa6prefix\xa1x\xa4uuid\xc4\x01y");
    REFUSE("\x83\xa6prefix\xa1x\xa3hex\x00\xa4"
           "data\xc4\x00");
    REFUSE("\x83\xa6prefix\xa1x\xa3hex\xff\xa4"
           "data\xc4\x00");
    REFUSE("\x83\xa6prefix\xa1x\xa3hex\xc0\xa4"
           "data\xc4\x00");
    REFUSE("\x83\xa6prefix\xa1x\xa3hex\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\xa4"
           "data\xc4\x00");
    REFUSE("\x83\xa6prefix\xa1x\xa3hex\x04\xa4"
           "data\xc4\x01y");
    REFUSE("\x83\xa6prefix\xa1x\xa3hex\x03\xa4"
           "data\xc4\x02\x10y");
    REFUSE("\x83\xa6prefix\xa1x\xa3"
           "dec\x13\xa4"
           "data\x91\x01");
    REFUSE("\x83\xa6prefix\xa1x\xa3"
           "dec\xff\xa4"
           "data\x91\x01");
    REFUSE("\x83\xa6prefix\xa1x\xa3"
           "dec\x01\xa4"
           "data\x91\xff");
    REFUSE("\x83\xa6prefix\xa1x\xa3"
           "dec\x01\xa4"
           "data\x91\xc0");
    REFUSE("\x83\xa6prefix\xa1x\xa3"
           "dec\x01\xa4"
           "data\x92\x01\xcf\x7f\xff\xff\xff\xff\xff\xff\xff");
    REFUSE("\x83\xa6prefix\xa1x\xa3"
           "dec\x01\xa4"
           "data\x92\x01\xd3\x80\0\0\0\0\0\0\0");
    REFUSE("\x83\xa6prefix\xa1x\xa3"
           "dec\x01\xa4"
           "data\x91\xa0");
}

/* A column cannot be used to make very much out of few bytes. */
static void test_limits(void)
{
    xray_buffer b = {0};
    uint8_t *room;

    xf_mp_map(&b, 3);
    xf_mp_cstr(&b, "prefix");
    xf_mp_str(&b, "", 0);
    xf_mp_cstr(&b, "hex");
    xf_mp_int(&b, 1);
    xf_mp_cstr(&b, "data");
    xf_buf_put(&b, "\xc6\x00\x10\x00\x01", 5);
    room = xf_buf_extend(&b, 0x100001);
    memset(room, 0, 0x100001);
    refuse((char *)b.data, b.len, XRAY_ELIMIT); /* too many */

    xf_buf_reset(&b);
    xf_mp_map(&b, 3);
    xf_mp_cstr(&b, "prefix");
    xf_buf_put(&b, "\xdb\x00\x01\x00\x00", 5);
    room = xf_buf_extend(&b, 0x10000);
    memset(room, 'x', 0x10000);
    xf_mp_cstr(&b, "hex");
    xf_mp_int(&b, 2);
    xf_mp_cstr(&b, "data");
    room = (uint8_t *)"0123456789";
    xf_buf_put(&b, "\xc5\x10\x00", 3);
    for (int i = 0; i < 0x1000; i++)
        xf_buf_put(&b, room + i % 10, 1);
    refuse((char *)b.data, b.len, XRAY_ELIMIT); /* too long */
    xray_buffer_free(&b);
}

static void test_none(void)
{
    struct xf_arena arena = {0};
    const xray_str *ids = NULL;
    uint32_t count = 7;

    CHECK_EQ(xf_idcol_decode(xray_strn(NULL, 0), &arena, &ids, &count, NULL), XRAY_OK);
    CHECK_EQ(count, 0);
    xf_arena_done(&arena);
}

static void test_out_of_memory(void)
{
    const xray_str ids[3] = {xray_s("x-deadbeef"), xray_s("x-01234567"), xray_s("x-89abcdef")};
    xray_buffer good = {0};

    xf_idcol_encode(ids, 3, &good);
    for (size_t n = 1; n < 10; n++) {
        xray_buffer column = {0};
        struct xf_arena arena = {0};
        const xray_str *got = NULL;
        uint32_t count = 0;

        xf_mem_fail_from(n);
        xf_idcol_encode(ids, 3, &column);
        CHECK_EQ(column.failed, xf_mem_fail_from(0) >= n);
        xf_mem_fail_from(n);

        const int status =
            xf_idcol_decode(xray_strn((char *)good.data, good.len), &arena, &got, &count, NULL);

        CHECK_EQ(status, xf_mem_fail_from(0) >= n ? XRAY_ENOMEM : XRAY_OK);
        xray_buffer_free(&column);
        xf_arena_done(&arena);
    }
    xray_buffer_free(&good);
}

CHECK_MAIN(test_forms, test_odd_ids, test_random, test_decode_padding, test_malformed, test_limits, test_none,
           test_out_of_memory)
