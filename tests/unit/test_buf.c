/* The growable buffer. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/check.h"

static void test_append(void)
{
    xray_buffer b = {0};

    xf_buf_put(&b, NULL, 0);
    CHECK_EQ(b.len, 0);
    xf_buf_puts(&b, "ab");
    xf_buf_put_u8(&b, 'c');
    xf_buf_put(&b, "d\0e", 3);
    CHECK_MEM(b.data, b.len, "abcd\0e", 6);

    uint8_t *room = xf_buf_extend(&b, 2);

    if (CHECK(room != NULL))
        memcpy(room, "fg", 2);
    CHECK_MEM(b.data, b.len, "abcd\0efg", 8);
    xray_buffer_free(&b);
    CHECK(b.data == NULL && b.len == 0 && b.cap == 0 && !b.failed);
    xray_buffer_free(NULL);
}

/* Random appends compared with a plain array. */
static void test_growth(void)
{
    static uint8_t want[100000];
    size_t len = 0;
    xray_buffer b = {0};

    while (len < sizeof want - 300) {
        const size_t n = check_random_below(300);

        for (size_t i = 0; i < n; i++)
            want[len + i] = (uint8_t)check_random();
        xf_buf_put(&b, want + len, n);
        len += n;
    }
    CHECK_MEM(b.data, b.len, want, len);

    const size_t cap = b.cap;

    xf_buf_reset(&b);
    CHECK_EQ(b.len, 0);
    CHECK_EQ(b.cap, cap);
    CHECK(xf_buf_reserve(&b, cap));
    CHECK_EQ(b.cap, cap);
    xray_buffer_free(&b);
}

static void test_printf(void)
{
    char want[5001];
    xray_buffer b = {0};

    xf_buf_printf(&b, "%d-%s", 42, "x");
    CHECK_MEM(b.data, b.len, "42-x", 4);
    memset(want, 'y', 5000);
    want[5000] = '\0';
    xf_buf_reset(&b);
    xf_buf_printf(&b, "%s", want);
    CHECK_MEM(b.data, b.len, want, 5000);
    xf_buf_reset(&b);
    for (int i = 0; i < 64; i++) { /* lengths around what is reserved */
        xf_buf_reset(&b);
        xf_buf_printf(&b, "%.*s", i + 40, want);
        CHECK_MEM(b.data, b.len, want, (size_t)i + 40);
    }
    xray_buffer_free(&b);
}

/* An empty extension of an empty buffer is an address, not a failure. */
static void test_empty_extend(void)
{
    xray_buffer b = {0};

    CHECK(xf_buf_extend(&b, 0) != NULL);
    CHECK(!b.failed);
    xray_buffer_free(&b);
}

static void test_overflow(void)
{
    xray_buffer b = {0};

    xf_buf_puts(&b, "abc");
    CHECK(!xf_buf_reserve(&b, SIZE_MAX));
    CHECK(b.failed);
    CHECK(!xf_buf_reserve(&b, 1));
    xf_buf_puts(&b, "more");
    xf_buf_put_u8(&b, 'm');
    xf_buf_printf(&b, "m");
    CHECK(xf_buf_extend(&b, 0) == NULL);
    CHECK_MEM(b.data, b.len, "abc", 3);
    xf_buf_reset(&b);
    xf_buf_puts(&b, "new");
    CHECK_MEM(b.data, b.len, "new", 3);
    xray_buffer_free(&b);
}

static void test_out_of_memory(void)
{
    xray_buffer b = {0};
    size_t kept;

    xf_buf_puts(&b, "kept");
    xf_mem_fail_from(1);
    kept = b.len;
    while (!b.failed && b.len < 1000) {
        kept = b.len;
        xf_buf_put(&b, "0123456789", 10);
    }
    xf_mem_fail_from(0);
    CHECK(b.failed);
    CHECK_EQ(b.len, kept); /* nothing is appended in part */
    xf_buf_puts(&b, "x");
    CHECK_EQ(b.len, kept);
    CHECK(memcmp(b.data, "kept", 4) == 0);
    xray_buffer_free(&b);
}

CHECK_MAIN(test_append, test_growth, test_printf, test_empty_extend, test_overflow, test_out_of_memory)
