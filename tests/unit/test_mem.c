/* Checked allocation, the arena, and error messages. */
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "support/check.h"

static void test_alloc(void)
{
    uint8_t *p = (uint8_t *)xf_alloc_array(100, 3);
    bool zero = true;

    if (!CHECK(p != NULL))
        return;
    for (size_t i = 0; i < 300; i++)
        zero = zero && p[i] == 0;
    CHECK(zero);
    memset(p, 7, 300);

    uint8_t *q = (uint8_t *)xf_resize_array(p, 1000, 3);

    if (CHECK(q != NULL)) {
        CHECK_EQ(q[299], 7);
        p = q;
    }
    CHECK(xf_alloc_array(SIZE_MAX / 2, 3) == NULL);
    CHECK(xf_resize_array(p, SIZE_MAX / 2, 3) == NULL);
    CHECK_EQ(p[0], 7); /* still there */
    xf_free(p);
    xf_free(NULL);
    p = (uint8_t *)xf_alloc(0);
    CHECK(p != NULL);
    xf_free(p);
}

static void test_fail_from(void)
{
    xf_mem_fail_from(2);

    void *first = xf_alloc(1);
    void *second = xf_alloc(1);
    void *third = xf_resize_array(first, 10, 1);

    CHECK(first != NULL && second == NULL && third == NULL);
    CHECK_EQ(xf_mem_fail_from(0), 3);
    second = xf_alloc(1);
    CHECK(second != NULL);
    CHECK_EQ(xf_mem_fail_from(0), 1);
    xf_free(first);
    xf_free(second);
}

static void test_arena(void)
{
    struct xf_arena a = {0};
    uint8_t *small[1000];

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 1000; i++) {
            const size_t n = i % 50;

            small[i] = (uint8_t *)xf_arena_alloc(&a, n);
            if (!CHECK(small[i] != NULL))
                return;
            CHECK_EQ((uintptr_t)small[i] % 16, 0);
            for (size_t j = 0; j < n; j++)
                if (small[i][j] != 0)
                    CHECK(!"zeroed");
            memset(small[i], (int)i & 0xff, n);
        }
        for (size_t i = 0; i < 1000; i++)
            for (size_t j = 0; j < i % 50; j++)
                if (small[i][j] != (i & 0xff))
                    CHECK(!"not shared");
        CHECK(a.used > 0);
        CHECK(xf_arena_alloc(&a, 3000000) != NULL);
        xf_arena_reset(&a);
        CHECK_EQ(a.used, 0);
    }
    CHECK(xf_arena_alloc(&a, SIZE_MAX) == NULL);
    CHECK(xf_arena_alloc(&a, SIZE_MAX - 100) == NULL);

    const char *copy = (const char *)xf_arena_copy(&a, "copy", 5);

    CHECK_STR(copy, "copy");
    CHECK(xf_arena_copy(&a, NULL, 0) != NULL);
    xf_arena_done(&a);
    xf_arena_done(&a);
    CHECK(a.chunks == NULL);
}

static void test_arena_out_of_memory(void)
{
    struct xf_arena a = {0};

    xf_mem_fail_from(1);
    CHECK(xf_arena_alloc(&a, 10) == NULL);
    CHECK(xf_arena_copy(&a, "x", 1) == NULL);
    xf_mem_fail_from(0);
    CHECK(xf_arena_alloc(&a, 10) != NULL);
    xf_mem_fail_from(1);
    CHECK(xf_arena_alloc(&a, 100000) == NULL);
    CHECK(xf_arena_alloc(&a, 10) != NULL); /* there is room for it */
    xf_mem_fail_from(0);
    xf_arena_done(&a);
}

static void test_fail(void)
{
    xray_error err;

    memset(&err, 0xaa, sizeof err);
    CHECK_EQ(xf_fail(&err, XRAY_ECORRUPT, 42, "found '%s'", "a\nb\x1b[1m\xc2\x9b\x7f\xc3\xa9"),
             XRAY_ECORRUPT);
    CHECK_EQ(err.status, XRAY_ECORRUPT);
    CHECK_EQ(err.sys_errno, 0);
    CHECK_EQ(err.pos, 42);
    CHECK_STR(err.message, "found 'a\\x0ab\\x1b[1m\\x9b\\x7f\xc3\xa9'");
    CHECK_EQ(xf_fail(NULL, XRAY_ELIMIT, 0, "%d", 1), XRAY_ELIMIT);

    CHECK_EQ(xf_fail_errno(&err, ENOENT, XF_NO_POS, "cannot open %s", "x"), XRAY_EIO);
    CHECK_EQ(err.sys_errno, ENOENT);
    CHECK(strncmp(err.message, "cannot open x: ", 15) == 0 && strlen(err.message) > 16);
    CHECK_EQ(xf_fail_memory(&err), XRAY_ENOMEM);
    CHECK_STR(err.message, "out of memory");
}

/* Long messages are cut between characters. */
static void test_fail_long(void)
{
    char text[600];
    xray_error err;

    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        xf_fail(&err, XRAY_ESYNTAX, 0, "%s", text);

        const size_t len = strlen(err.message);

        CHECK(len > 250 && len <= 255);
        CHECK_EQ((len - shift) % 3, 0);
    }
}

static void test_bytes(void)
{
    uint8_t b[8];

    xf_put_u64(b, UINT64_C(0x0102030405060708));
    CHECK_MEM(b, 8, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
    CHECK(xf_get_u64(b) == UINT64_C(0x0102030405060708));
    CHECK_EQ(xf_get_u32(b), 0x05060708);
    CHECK_EQ(xf_get_u16(b), 0x0708);
    xf_put_be64(b, UINT64_C(0xfffefdfcfbfaf9f8));
    CHECK_MEM(b, 8, "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", 8);
    CHECK(xf_get_be64(b) == UINT64_C(0xfffefdfcfbfaf9f8));
    CHECK_EQ(xf_get_be32(b), 0xfffefdfc);
}

CHECK_MAIN(test_alloc, test_fail_from, test_arena, test_arena_out_of_memory, test_fail, test_fail_long,
           test_bytes)
