/* Damage (spec 2.2, 4.7): every prefix and every single-bit flip of a segment, through the whole reader. Whatever is
 * damaged: no crash, no record that was not written, and all records of blocks that were not touched. A small segment,
 * or with XRAY_TEST_LONG=1 one of more than 64 KB (half a million flips). */
#include "support/check.h"
#include "support/golden.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct golden g;

static bool make(void)
{
    const bool is_long = getenv("XRAY_TEST_LONG") != NULL;

    return g.text != NULL || (golden_make(&g, is_long ? 8 : 3, is_long ? 17000 : 199) && CHECK(!is_long || g.len >= 65536));
}

/* A prefix is no damage either, unless its hello is cut. */
static void check_verdict(const char *path, size_t len)
{
    xray_verify_result v = {0};
    xray_error err;

    CHECK_STATUS(xray_verify(path, NULL, &v, &err), XRAY_OK, &err);
    CHECK_EQ(v.damages, len < g.hello_len);
    CHECK_EQ(v.sealed, 0);
}

static void test_every_prefix(void)
{
    char path[1100];
    int fd;

    if (!make())
        return;
    snprintf(path, sizeof path, "%s/prefix.xray", check_dir());
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(write(fd, g.bytes, g.len) == (ssize_t)g.len);
    for (size_t len = g.len; len-- > 0;) {
        check_context("first %zu of %zu bytes", len, g.len);
        CHECK_EQ(ftruncate(fd, (off_t)len), 0);
        golden_check(&g, path, len, UINT64_MAX);
        check_verdict(path, len);
    }
    close(fd);
}

static void test_every_bit_flip(void)
{
    int fd;

    if (!make())
        return;
    fd = open(g.path, O_WRONLY);
    for (size_t at = 0; at < g.len; at++)
        for (int bit = 0; bit < 8; bit++) {
            const uint8_t damaged = (uint8_t)((uint8_t)g.bytes[at] ^ 1 << bit);

            check_context("bit %d of byte %zu of %zu", bit, at, g.len);
            CHECK(pwrite(fd, &damaged, 1, (off_t)at) == 1);
            golden_check(&g, g.path, at, at + 1);
            CHECK(pwrite(fd, g.bytes + at, 1, (off_t)at) == 1);
        }
    close(fd);
}

/* The test itself: a flip that nothing notices would make the lines differ. */
static void test_the_check_can_fail(void)
{
    if (!make())
        return;
    CHECK(!golden_is_line(&g, "{\"kind\":\"run\"}", 14));
    CHECK(golden_is_line(&g, g.text, (size_t)(strchr(g.text, '\n') - g.text)));
    golden_free(&g);
}

CHECK_MAIN(test_every_prefix, test_every_bit_flip, test_the_check_can_fail)
