/* Blocks where they do not belong (spec 4.2, 4.7): exchanged, moved, doubled, laid over others, taken out, and forged with
 * right checksums, every pair of a segment; images of blocks inside a payload whose own block is damaged; and bursts of
 * damage. Whatever is done: no record that was not written, none twice, and all records of blocks that were not touched.
 * With XRAY_TEST_LONG=1 a segment of more than 64 KB, and a million bursts. */
#include "support/check.h"
#include "support/golden.h"
#include "support/trace.h"

#include "base/buf.h"
#include "format/block.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCKS_MAX 100

struct block {
    size_t at, len;
    struct xf_header header;
};

static struct golden g;
static struct block blocks[BLOCKS_MAX];
static size_t block_count;
static char path[1100];

static bool is_long(void)
{
    return getenv("XRAY_TEST_LONG") != NULL;
}

static bool find_blocks(void)
{
    for (size_t at = g.hello_len; at < g.len;) {
        struct block *b = &blocks[block_count];

        if (!CHECK(block_count < BLOCKS_MAX) ||
            !CHECK_EQ(xf_header_decode(&b->header, (const uint8_t *)g.bytes + at, at, NULL), XRAY_OK))
            return false;
        b->at = at;
        b->len = XF_HEADER_LEN + (size_t)b->header.stored_len;
        at += b->len;
        block_count++;
    }
    return CHECK(block_count > 3 * g.runs);
}

static bool make(unsigned runs, size_t text_len)
{
    golden_free(&g);
    block_count = 0;
    snprintf(path, sizeof path, "%s/displaced.xray", check_dir());
    return golden_make(&g, runs, text_len) && find_blocks();
}

static void write_file(const void *data, size_t len)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(write(fd, data, len) == (ssize_t)len);
    close(fd);
}

static void put(xray_buffer *out, size_t from, size_t to)
{
    xf_buf_put(out, g.bytes + from, to - from);
}

static void put_block(xray_buffer *out, const struct block *b)
{
    put(out, b->at, b->at + b->len);
}

static size_t end_of(const struct block *b)
{
    return b->at + b->len;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- what can be done to a pair: the file goes to *out, and what it may cost is returned -------------------------- */

struct cost {
    struct golden_area areas[2];
    size_t count;
};

static struct cost one_area(size_t from, size_t to)
{
    return (struct cost){{{from, to}}, 1};
}

static struct cost exchange(xray_buffer *out, const struct block *a, const struct block *b)
{
    const struct block *x = a->at < b->at ? a : b, *y = a->at < b->at ? b : a;

    put(out, 0, x->at);
    put_block(out, y);
    put(out, end_of(x), y->at);
    put_block(out, x);
    put(out, end_of(y), g.len);
    if (x->len == y->len)
        return (struct cost){{{x->at, end_of(x)}, {y->at, end_of(y)}}, 2};
    return one_area(x->at, end_of(y));
}

/* Takes `a` out and puts it before `b`. */
static struct cost move(xray_buffer *out, const struct block *a, const struct block *b)
{
    if (a->at < b->at) {
        put(out, 0, a->at);
        put(out, end_of(a), b->at);
        put_block(out, a);
        put(out, b->at, g.len);
        return one_area(a->at, b->at);
    }
    put(out, 0, b->at);
    put_block(out, a);
    put(out, b->at, a->at);
    put(out, end_of(a), g.len);
    return one_area(b->at, end_of(a));
}

/* Puts `a` before `b` once more: what is behind does not stand where it was written. */
static struct cost insert(xray_buffer *out, const struct block *a, const struct block *b)
{
    put(out, 0, b->at);
    put_block(out, a);
    put(out, b->at, g.len);
    return one_area(b->at, SIZE_MAX);
}

static struct cost lay(xray_buffer *out, const void *data, size_t len, const struct block *b)
{
    const size_t fits = least(len, g.len - b->at);

    put(out, 0, b->at);
    xf_buf_put(out, data, fits);
    put(out, b->at + fits, g.len);
    return one_area(b->at, b->at + fits);
}

/* Lays `a` over `b`. */
static struct cost overlay(xray_buffer *out, const struct block *a, const struct block *b)
{
    return lay(out, g.bytes + a->at, a->len, b);
}

static struct cost take_out(xray_buffer *out, const struct block *a, const struct block *b)
{
    (void)b;
    put(out, 0, a->at);
    put(out, end_of(a), g.len);
    return one_area(a->at, SIZE_MAX);
}

/* Lays `a` over `b` with another header, all checksums right for it. */
static struct cost forge(xray_buffer *out, const struct block *a, const struct block *b, const struct xf_header *header)
{
    struct xf_header h = *header;
    xray_buffer forged = {0};
    struct cost cost;

    xf_buf_put(&forged, g.bytes + a->at, a->len);
    h.body = xf_body_checksum(&h, forged.data + XF_HEADER_LEN, h.stored_len);
    h.prev = b->header.prev;
    xf_header_encode(&h, forged.data);
    cost = lay(out, forged.data, forged.len, b);
    xray_buffer_free(&forged);
    return cost;
}

/* As if it had been written at the place of `b`, in another segment. */
static struct cost forge_foreign(xray_buffer *out, const struct block *a, const struct block *b)
{
    struct xf_header h = a->header;

    h.segment[0] ^= 1;
    h.pos = b->header.pos;
    h.ordinal = b->header.ordinal;
    return forge(out, a, b, &h);
}

/* As if it were next, but written where it was. */
static struct cost forge_ordinal(xray_buffer *out, const struct block *a, const struct block *b)
{
    struct xf_header h = a->header;

    h.ordinal = b->header.ordinal;
    return forge(out, a, b, &h);
}

/* As if it had been written here, but before those that come before it. */
static struct cost forge_place(xray_buffer *out, const struct block *a, const struct block *b)
{
    struct xf_header h = a->header;

    h.pos = b->header.pos;
    return forge(out, a, b, &h);
}

static const struct {
    const char *name;
    struct cost (*apply)(xray_buffer *out, const struct block *a, const struct block *b);
    bool forwards; /* only where `a` stands before `b` */
} ways[] = {
    {"exchanged", exchange, true}, {"moved", move, false},           {"inserted", insert, false},
    {"laid over", overlay, false}, {"foreign", forge_foreign, false}, {"of a later ordinal", forge_ordinal, false},
    {"of another place", forge_place, true},
};

static void check_way(const char *name, size_t i, size_t j,
                      struct cost (*apply)(xray_buffer *out, const struct block *a, const struct block *b))
{
    xray_buffer out = {0};
    const struct cost cost = apply(&out, &blocks[i], &blocks[j]);

    check_context("block %zu %s, at block %zu", i, name, j);
    if (CHECK(!out.failed)) {
        write_file(out.data, out.len);
        golden_check_areas(&g, path, cost.areas, cost.count);
    }
    xray_buffer_free(&out);
}

static void test_every_pair(void)
{
    if (!make(is_long() ? 8 : 3, is_long() ? 17000 : 199))
        return;
    for (size_t i = 0; i < block_count; i++) {
        for (size_t j = 0; j < block_count; j++)
            for (size_t k = 0; i != j && k < sizeof ways / sizeof *ways; k++)
                if (!ways[k].forwards || i < j)
                    check_way(ways[k].name, i, j, ways[k].apply);
        check_way("taken out", i, i, take_out);
    }
}

/* ---- images of blocks in a payload ---------------------------------------------------------------------- */

/* A segment whose second run has the bytes of its beginning as its input, between bytes that do not compress, so that
 * they stand in the file as they are. */
static char *write_image(const char *dir, const char *image, size_t len)
{
    enum { NOISE = 40000 };
    xray_writer *w = trace_writer(dir);
    uint8_t *noise = malloc(2 * NOISE + len);
    xray_run run = xray_run_begin(w, xray_s("first"), NULL);

    xray_run_set(run, XRAY_OUTPUT, xray_text("a part that is long enough for a payload block of its own, or so it seems"));
    xray_run_end(run, XRAY_SUCCESS);
    xray_writer_flush(w, -1, NULL);
    for (size_t i = 0; i < 2 * NOISE + len; i++)
        noise[i] = (uint8_t)(check_random() >> 11);
    memcpy(noise + NOISE, image, len);
    run = xray_run_begin(w, xray_s("second"), NULL);
    xray_run_set(run, XRAY_INPUT, xray_bin(noise, 2 * NOISE + len));
    xray_run_end(run, XRAY_SUCCESS);
    xray_writer_flush(w, -1, NULL);
    run = xray_run_begin(w, xray_s("third"), NULL);
    xray_run_end(run, XRAY_SUCCESS);
    xray_writer_close(w, -1, NULL);
    free(noise);
    return strdup(trace_segment(dir));
}

/* Of the lines only those of runs, without their values. */
static void check_runs(const char *text, const char *wanted)
{
    char got[256] = "";

    for (const char *at = text; at != NULL && (at = strstr(at, "\"pipeline\":\"")) != NULL; at++) {
        const char *name = at + strlen("\"pipeline\":\"");

        snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s ", (int)strcspn(name, "\""), name);
    }
    CHECK_STR(got, wanted);
}

/* Gives the whole blocks of an image ordinals that come later, so that their place alone tells them from blocks that
 * may follow. */
static unsigned move_ordinals(char *image, size_t len)
{
    unsigned moved = 0;

    for (char *at = image; (at = memmem(at, len - (size_t)(at - image), "XRB1", 4)) != NULL; at += 4) {
        uint8_t *start = (uint8_t *)at - 8;
        const size_t left = len - (size_t)((char *)start - image);
        struct xf_header h;

        if (left < XF_HEADER_LEN || xf_header_decode(&h, start, 0, NULL) < 0 || h.stored_len > left - XF_HEADER_LEN)
            continue;
        h.ordinal += 50;
        h.body = xf_body_checksum(&h, start + XF_HEADER_LEN, h.stored_len);
        xf_header_encode(&h, start);
        moved++;
    }
    return moved;
}

/* The same segment is written twice: what its first run looks like in the file is known before, as to somebody who
 * reads along. Then the block with the image is damaged, byte by byte of its header and where its frame begins. */
static void test_image_in_payload(void)
{
    char *first = write_image(trace_dir(), "", 0), *second, *bytes, *text, *at;
    size_t len, image_len, start;
    int fd;

    bytes = check_read_file(first, &len);
    at = memmem(bytes + 64, len - 64, "XRB1", 4);
    if (!CHECK(at != NULL))
        return;
    image_len = 3000 < len ? 3000 : len; /* hello, the first run, and on */
    CHECK(move_ordinals(bytes, image_len) > 0);
    second = write_image(trace_dir(), bytes, image_len);
    free(bytes);
    bytes = check_read_file(second, &len);
    at = memmem(bytes + 40000, len - 40000, "\xa8xrayfile", 9);
    if (!CHECK(at != NULL) || !CHECK(memmem(at, 3000, "XRB1", 4) != NULL)) /* it stands there as it is */
        return;
    text = trace_text(second, NULL);
    check_runs(text, "first second third ");
    free(text);
    for (start = (size_t)(at - bytes); memcmp(bytes + start, "XRB1", 4) != 0 ||
                                       (size_t)(at - bytes) - start < 40000; start--) /* the block it stands in */
        if (!CHECK(start > 8))
            return;
    start -= 8;
    fd = open(second, O_WRONLY);
    for (size_t i = 0; i < XF_HEADER_LEN + 16; i++) {
        const char damaged = (char)~bytes[start + i];

        check_context("byte %zu of the block with the image", i);
        CHECK(pwrite(fd, &damaged, 1, (off_t)(start + i)) == 1);
        text = trace_text(second, NULL);
        check_runs(text, "first second third "); /* of the second its input is lost */
        CHECK(text != NULL && strstr(text, "\"lost\"") != NULL);
        free(text);
        CHECK(pwrite(fd, bytes + start + i, 1, (off_t)(start + i)) == 1);
    }
    close(fd);
    free(bytes);
    free(first);
    free(second);
}

/* ---- bursts ---------------------------------------------------------------------------------------------- */

static size_t make_burst(uint8_t *burst, size_t at, size_t most)
{
    size_t len = (size_t)check_random_below(check_random_below(4) ? 24 : 1500) + 1;
    const uint64_t kind = check_random_below(4);
    const uint8_t mask = (uint8_t)(check_random_below(255) + 1);

    len = len < g.len - at ? len : g.len - at;
    len = len < most ? len : most;
    for (size_t i = 0; i < len; i++)
        burst[i] = kind == 0 ? 0 : kind == 1 ? 0xff : kind == 2 ? (uint8_t)(g.bytes[at + i] ^ mask) : (uint8_t)check_random();
    return len;
}

static void test_bursts(void)
{
    const size_t rounds = is_long() ? 1000000 : 1500;
    uint8_t burst[1500];
    int fd;

    if (!make(3, 199))
        return;
    write_file(g.bytes, g.len);
    fd = open(path, O_WRONLY);
    for (size_t i = 0; i < rounds; i++) {
        const size_t at = (size_t)check_random_below(g.len), len = make_burst(burst, at, sizeof burst);

        check_context("burst %zu: %zu bytes at %zu", i, len, at);
        CHECK(pwrite(fd, burst, len, (off_t)at) == (ssize_t)len);
        golden_check(&g, path, at, at + len);
        CHECK(pwrite(fd, g.bytes + at, len, (off_t)at) == (ssize_t)len);
    }
    close(fd);
    golden_free(&g);
}

CHECK_MAIN(test_every_pair, test_image_in_payload, test_bursts)
