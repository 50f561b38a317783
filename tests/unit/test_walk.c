/* Walking over segments (spec 2, 3.4, 4.2, 4.7): whole ones, torn ones, damaged ones,
 * ones behind each other, and ones that only seem to be there. */
#include <inttypes.h>

#include "support/check.h"
#include "support/image.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"

#define BODY 300 /* bytes of a body, so that a hello could stand in one */

struct seen {
    unsigned segments, nameless, refused, blocks, gaps, torn, unchained;
    uint64_t ordinals[64]; /* of the blocks */
    uint8_t ids[64];       /* first byte of their segment ids */
    uint64_t skipped, missing, left;
    bool left_torn; /* END: what is left is a torn tail */
    struct xf_place place;
};

static struct seen walk_from(struct image *m, const struct xf_place *place)
{
    const struct xf_source source = image_source(m);
    struct xf_walk_step step;
    struct seen s = {0};
    struct xf_walk w;

    xf_walk_init(&w, &source, place);
    do {
        if (!CHECK_EQ(xf_walk_next(&w, &step, NULL), XRAY_OK))
            break;
        switch (step.event) {
        case XF_WALK_SEGMENT:
            s.segments++;
            s.nameless += !step.named;
            s.refused += step.refused;
            break;
        case XF_WALK_BLOCK:
            if (s.blocks < 64) {
                s.ordinals[s.blocks] = step.header.ordinal;
                s.ids[s.blocks] = step.header.segment[0];
            }
            s.blocks++;
            s.unchained += step.unchained;
            break;
        case XF_WALK_GAP:
            s.gaps++;
            s.torn += step.torn;
            s.skipped += step.to - step.from;
            s.missing += step.missing;
            break;
        case XF_WALK_REFUSED:
            s.refused++;
            break;
        case XF_WALK_END:
            s.left = step.to - step.from;
            s.left_torn = step.torn;
            break;
        }
    } while (step.event != XF_WALK_END);
    s.place = w.place;
    xf_walk_done(&w);
    return s;
}

static struct seen walk(struct image *m)
{
    const struct xf_place start = {0};

    return walk_from(m, &start);
}

/* A body of bytes that are no text; `salt` makes bodies differ. */
static const uint8_t *body_of(unsigned salt)
{
    static uint8_t body[BODY];

    for (size_t i = 0; i < BODY; i++)
        body[i] = (uint8_t)(i * 7 + salt * 31 + (i * salt >> 3));
    return body;
}

static void add_segment(struct image *m, uint8_t id, unsigned blocks, bool seal)
{
    image_begin(m, id);
    for (unsigned i = 0; i < blocks; i++)
        image_raw(m, XF_SPINE, body_of(id * 64u + i), BODY);
    if (seal)
        image_raw(m, XF_SEAL, body_of(0), 20);
}

static void test_whole(void)
{
    struct image m = {0};
    struct seen s;

    add_segment(&m, 1, 5, true);
    s = walk(&m);
    CHECK_EQ(s.segments, 1);
    CHECK_EQ(s.blocks, 6);
    CHECK_EQ(s.gaps + s.nameless + s.unchained, 0);
    CHECK_EQ(s.left, 0);
    CHECK_EQ(s.place.pos, m.bytes.len);
    CHECK(s.place.sealed);
    image_done(&m);
}

/* Whatever the length, all whole blocks are there, and what follows is a tail and no damage. */
static void test_prefixes(void)
{
    struct image m = {0};
    size_t len;

    add_segment(&m, 1, 4, true);
    len = m.bytes.len;
    for (size_t n = 0; n <= len; n++) {
        unsigned whole = 0;
        struct seen s;

        check_context("cut at %zu", n);
        m.bytes.len = n;
        for (size_t i = 0; i < m.blocks; i++)
            whole += (i + 1 < m.blocks ? m.block[i + 1] : len) <= n;
        s = walk(&m);
        CHECK_EQ(s.blocks, whole);
        CHECK_EQ(s.gaps, 0);
        CHECK_EQ(s.left, s.segments == 0 ? n : n - (whole < m.blocks ? m.block[whole] : len));
    }
    image_done(&m);
}

/* A walk that goes on where another one stopped sees the rest. */
static void test_resumed(void)
{
    struct image m = {0};
    size_t len;

    add_segment(&m, 1, 4, true);
    len = m.bytes.len;
    for (size_t n = 0; n <= len; n += 3) {
        struct seen first, second;

        check_context("cut at %zu", n);
        m.bytes.len = n;
        first = walk(&m);
        m.bytes.len = len;
        second = walk_from(&m, &first.place);
        CHECK_EQ(first.blocks + second.blocks, 5);
        CHECK_EQ(first.segments + second.segments, 1);
        CHECK_EQ(second.gaps + second.unchained, 0);
    }
    image_done(&m);
}

/* An image with a hole behind it. */
struct hole {
    struct xf_source image;
    uint64_t end; /* of the image */
};

static int read_hole(void *ctx, uint64_t pos, void *out, size_t n, size_t *got, xray_error *err)
{
    const struct hole *h = ctx;

    if (pos < h->end) {
        const int r = h->image.read(h->image.ctx, pos, out, n < h->end - pos ? n : (size_t)(h->end - pos), got, err);

        if (r < 0)
            return r;
    } else {
        *got = 0;
    }
    memset((uint8_t *)out + *got, 0, n - *got);
    *got = n;
    return XRAY_OK;
}

static uint64_t data_before_hole(void *ctx, uint64_t pos)
{
    const struct hole *h = ctx;

    return pos < h->end ? pos : UINT64_MAX;
}

/* A torn tail is at most one block; nothing is torn behind a seal (spec 2.2). */
static void test_tail_length(void)
{
    const uint64_t most = XF_HEADER_LEN + (uint64_t)XF_BLOCK_MAX;
    const struct {
        uint64_t len;
        bool sealed, torn;
    } tails[] = {{0, false, false},       {1, false, true},  {most, false, true}, {most + 1, false, false},
                 {(uint64_t)1 << 40, false, false}, {0, true, false}, {1, true, false}};

    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        struct image m = {0};
        struct xf_walk_step step;
        struct xf_walk w;
        const struct xf_place start = {0};

        check_context("%" PRIu64 " bytes%s", tails[i].len, tails[i].sealed ? " after a seal" : "");
        add_segment(&m, 1, 3, tails[i].sealed);

        struct hole h = {image_source(&m), m.bytes.len};
        const struct xf_source source = {
            .read = read_hole, .next_data = data_before_hole, .ctx = &h, .size = h.end + tails[i].len};

        xf_walk_init(&w, &source, &start);
        do {
            if (!CHECK_EQ(xf_walk_next(&w, &step, NULL), XRAY_OK))
                break;
            CHECK(step.event != XF_WALK_GAP);
        } while (step.event != XF_WALK_END);
        CHECK_EQ(step.to - step.from, tails[i].len);
        CHECK_EQ(step.torn, tails[i].torn);
        xf_walk_done(&w);
        image_done(&m);
    }

}

/* The first segment cut off anywhere, the second one whole behind it (spec 2.2, 2.3). */
static void test_concatenated(void)
{
    struct image a = {0}, m = {0};

    add_segment(&a, 1, 3, true);
    for (size_t n = 0; n <= a.bytes.len; n++) {
        unsigned whole = 0;
        struct seen s;

        check_context("first one cut at %zu", n);
        xf_buf_put(&m.bytes, a.bytes.data, n);
        add_segment(&m, 2, 2, false);
        for (size_t i = 0; i < a.blocks; i++)
            whole += (i + 1 < a.blocks ? a.block[i + 1] : a.bytes.len) <= n;
        s = walk(&m);
        CHECK_EQ(s.blocks, whole + 2);
        CHECK_EQ(s.ids[s.blocks - 1], 2);
        CHECK_EQ(s.gaps, s.torn + (n > 0 && n < a.block[0] && s.segments == 1));
        image_done(&m);
    }
    image_done(&a);
}

/* Damage of any one byte costs the block it is in, or that and nothing else (spec 4.7). */
static void test_damage(void)
{
    struct image m = {0};

    add_segment(&m, 1, 5, true);
    for (size_t i = 0; i < m.bytes.len; i++) {
        struct seen s;
        unsigned hit = 0;

        check_context("byte %zu", i);
        m.bytes.data[i] ^= 0x55;
        s = walk(&m);
        m.bytes.data[i] ^= 0x55;
        if (i < m.block[0]) {
            CHECK_EQ(s.blocks, 6);
            CHECK_EQ(s.nameless, 1);
            continue;
        }
        while (hit + 1 < m.blocks && m.block[hit + 1] <= i)
            hit++;
        /* A body is not read where what follows it fits. */
        CHECK(s.blocks == 5 || (s.blocks == 6 && i >= m.block[hit] + XF_HEADER_LEN));
        CHECK(s.blocks < 6 || hit < 5);
        for (unsigned k = 0; k < s.blocks; k++)
            CHECK(s.blocks == 6 || s.ordinals[k] != hit);
    }
    image_done(&m);
}

/* Two neighbours damaged: the gap counts both. */
static void test_gap(void)
{
    struct image m = {0};
    struct seen s;

    add_segment(&m, 1, 6, true);
    m.bytes.data[m.block[2] + 20] ^= 1;
    m.bytes.data[m.block[3] + 20] ^= 1;
    s = walk(&m);
    CHECK_EQ(s.blocks, 5);
    CHECK_EQ(s.gaps, 1);
    CHECK_EQ(s.missing, 2);
    CHECK_EQ(s.skipped, m.block[4] - m.block[2]);
    image_done(&m);
}

/* A file in a payload: after damage before it, its segment must not surface (spec 4.7). */
static void test_image_in_payload(void)
{
    struct image inner = {0}, m = {0};
    struct seen s;

    add_segment(&inner, 9, 3, true);
    image_begin(&m, 1);
    image_raw(&m, XF_SPINE, body_of(1), BODY);
    image_raw(&m, XF_PAYLOAD, inner.bytes.data, inner.bytes.len);
    image_raw(&m, XF_SPINE, body_of(2), BODY);
    for (size_t i = m.block[1]; i < m.block[1] + XF_HEADER_LEN; i++) {
        check_context("byte %zu", i);
        m.bytes.data[i] ^= 0x10;
        s = walk(&m);
        CHECK_EQ(s.segments, 1);
        CHECK_EQ(s.blocks, 2);
        CHECK_EQ(s.ids[1], 1);
        m.bytes.data[i] ^= 0x10;
    }
    image_done(&inner);
    image_done(&m);
}

/* Blocks of a segment that stand elsewhere than they say are refused. */
static void test_misplaced(void)
{
    struct image m = {0};
    xray_buffer moved = {0};
    struct seen s;

    add_segment(&m, 1, 4, false);
    xf_buf_put(&moved, m.bytes.data, m.block[1]);
    xf_buf_put(&moved, m.bytes.data + m.block[2], m.block[3] - m.block[2]);
    xf_buf_put(&moved, m.bytes.data + m.block[1], m.block[2] - m.block[1]);
    xf_buf_put(&moved, m.bytes.data + m.block[3], m.bytes.len - m.block[3]);
    xray_buffer_free(&m.bytes);
    m.bytes = moved;
    s = walk(&m);
    CHECK_EQ(s.blocks, 2);
    CHECK_EQ(s.ordinals[0], 0);
    CHECK_EQ(s.ordinals[1], 3);
    CHECK_EQ(s.missing, 2);
    image_done(&m);
}

/* A header with flags of the future ends the segment, but not the file (spec 4.2). */
static void test_newer(void)
{
    struct image m = {0};
    struct seen s;
    uint8_t *header;

    add_segment(&m, 1, 3, false);
    add_segment(&m, 2, 2, false);
    header = m.bytes.data + m.block[1];
    header[XF_H_FLAGS] |= 0x40;
    xf_put_u64(header + XF_H_CHECK, xf_hash64(header, XF_H_CHECK, xf_get_u64(header + XF_H_SEGMENT)));
    s = walk(&m);
    CHECK_EQ(s.refused, 1);
    CHECK_EQ(s.blocks, 3);
    CHECK_EQ(s.ids[2], 2);
    image_done(&m);
}

/* Things that are no segment cost one pass and give nothing. */
static void test_junk(void)
{
    struct image m = {0};
    struct seen s;

    for (int i = 0; i < 20000; i++)
        xf_buf_put(&m.bytes, "X*M\x18p\0\0\0XRB1", 12);
    s = walk(&m);
    CHECK_EQ(s.segments + s.blocks, 0);
    CHECK_EQ(s.left, m.bytes.len);
    image_done(&m);
    add_segment(&m, 1, 2, true);
    xf_buf_put(&m.bytes, "garbage", 7);
    s = walk(&m);
    CHECK_EQ(s.blocks, 3);
    CHECK_EQ(s.left, 7);
    image_done(&m);
}

CHECK_MAIN(test_whole, test_prefixes, test_tail_length, test_resumed, test_concatenated, test_damage, test_gap,
           test_image_in_payload, test_misplaced, test_newer, test_junk)
