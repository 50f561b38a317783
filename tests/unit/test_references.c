/* References beyond what is there, and integers of columns: what takes a short way does as going item by item does. */
#include "format/references.h"

#include "base/bytes.h"
#include "format/layout.h"
#include "format/table_read.h"
#include "support/check.h"

static size_t random_body(uint8_t *out, size_t room)
{
    const size_t len = check_random_below(room + 1);

    for (size_t i = 0; i < len; i++) {
        const uint64_t r = check_random();

        out[i] = (uint8_t)(r % 4 < 2 ? (r >> 8) % 4 : r % 4 == 2 ? 0xc0 + (r >> 8) % 0x20 : r >> 8);
        if (r % 16 == 0)
            out[i] = (uint8_t)(0xd6 + (r >> 8) % 2);
    }
    return len;
}

/* The same by the definition: every ext 1 or 2 of 4 or 8 bytes that names what is not below its limit. */
static size_t bound_slowly(uint8_t *body, size_t len, uint64_t part_limit, uint64_t value_limit)
{
    xray_mp c = xray_mp_over(body, len);
    xray_mp_item item;
    size_t count = 0;

    while (xray_mp_next(&c, &item)) {
        uint8_t *ordinal;

        if (item.type != XRAY_MP_EXT || (item.bytes.len != 4 && item.bytes.len != 8))
            continue;
        ordinal = body + ((const uint8_t *)item.bytes.ptr - body);
        if ((item.ext_type == XF_EXT_PART && xf_get_be32(ordinal) >= part_limit) ||
            (item.ext_type == XF_EXT_VALUE && xf_get_be32(ordinal) >= value_limit)) {
            memset(ordinal, 0xff, 4);
            count++;
        }
    }
    return count;
}

static void test_bound(void)
{
    size_t bounded = 0;

    for (int round = 0; round < 300000; round++) {
        uint8_t body[64], want[64];
        const size_t len = random_body(body, sizeof body);
        const uint64_t part_limit = check_random_below(0x4000000), value_limit = check_random_below(0x4000000);
        size_t count;

        memcpy(want, body, len);
        check_context("round %d", round);
        count = bound_slowly(want, len, part_limit, value_limit);
        CHECK_EQ(xf_references_bound(body, len, part_limit, value_limit), count);
        CHECK_MEM(body, len, want, len);
        bounded += count;
    }
    check_context(NULL);
    CHECK(bounded > 1000);
}

static void test_cell_ints(void)
{
    size_t taken = 0;

    for (int round = 0; round < 300000; round++) {
        uint8_t bytes[16];
        const size_t len = random_body(bytes, sizeof bytes);
        xray_mp c = xray_mp_over(bytes, len), slow = c;
        int64_t got = 0, want = 0;
        const bool good = xf_mp_take_int(&slow, &want);

        check_context("round %d", round);
        CHECK_EQ(xf_mp_take_int_here(&c, &got), good);
        CHECK_EQ(got, want);
        CHECK(c.at == slow.at && c.left == slow.left && c.bad == slow.bad);
        taken += good;
    }
    check_context(NULL);
    CHECK(taken > 100000);
}

CHECK_MAIN(test_bound, test_cell_ints)
