/* Checking and repairing (xrayfile.h, section 8). Whatever happens to a file: what xray_repair makes of it is sealed and
 * found intact, shows the very records that readers see in the damaged file, and is not changed by a second repair. */
#include "support/check.h"
#include "support/golden.h"
#include "support/image.h"
#include "support/trace.h"

#include "base/buf.h"
#include "codec/mpwrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct golden g;
static char in[1100], out[1100], again[1100];

static bool make(void)
{
    snprintf(in, sizeof in, "%s/in.xray", check_dir());
    snprintf(out, sizeof out, "%s/out.xray", check_dir());
    snprintf(again, sizeof again, "%s/again.xray", check_dir());
    return g.text != NULL || golden_make(&g, 6, 600);
}

static bool write_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    const bool good = f != NULL && fwrite(data, 1, len, f) == len;

    return f != NULL && fclose(f) == 0 && good;
}

struct verified {
    xray_verify_result sum;
    xray_verified_segment last;
    char first[300]; /* finding of damage */
};

static void on_finding(void *ctx, const xray_finding *f)
{
    struct verified *v = ctx;

    if (f->kind == XRAY_FINDING_DAMAGE && v->first[0] == '\0')
        snprintf(v->first, sizeof v->first, "%s", f->message);
}

static void on_segment(void *ctx, const xray_verified_segment *s)
{
    struct verified *v = ctx;

    v->last = *s;
    v->last.path = NULL;
}

static int verify(const char *path, struct verified *v, enum xray_depth depth)
{
    const xray_verify_options options = {.depth = depth, .ctx = v, .finding = on_finding, .segment = on_segment};

    *v = (struct verified){{0}, {0}, ""};
    return xray_verify(path, &options, &v->sum, NULL);
}

/* ---- verify ---------------------------------------------------------------------------------- */

static void test_intact(void)
{
    struct verified v;

    if (!make())
        return;
    CHECK_EQ(verify(g.path, &v, XRAY_DEEP), XRAY_OK);
    CHECK_STR(v.first, "");
    CHECK_EQ(v.sum.damages, 0);
    CHECK_EQ(v.sum.notes, 0);
    CHECK_EQ(v.sum.sealed, 1);
    CHECK(v.last.content_checked);
    CHECK_EQ(v.last.step_rows, 6);
    CHECK_EQ(v.last.candidates, 18);
    CHECK_EQ(verify(g.path, &v, XRAY_QUICK), XRAY_OK);
    CHECK_EQ(v.sum.damages, 0);
    CHECK(!v.last.content_checked);
}

/* Every cut is unsealed and no damage: whole blocks and what is torn add up to the file. */
static void test_every_cut_is_unsealed(void)
{
    struct verified v;

    if (!make())
        return;
    for (size_t len = g.hello_len; len < g.len; len += 7) {
        check_context("first %zu bytes", len);
        CHECK(write_file(in, g.bytes, len));
        CHECK_EQ(verify(in, &v, XRAY_DEEP), XRAY_OK);
        CHECK_STR(v.first, "");
        CHECK_EQ(v.sum.sealed, 0);
        CHECK(v.last.state != XRAY_STATE_SEALED);
        CHECK_EQ(v.last.len + v.last.torn_bytes, len);
    }
    for (unsigned k = 0; k < g.runs; k++) { /* at the end of a block */
        CHECK(write_file(in, g.bytes, (size_t)g.end[k]));
        CHECK_EQ(verify(in, &v, XRAY_QUICK), XRAY_OK);
        CHECK_EQ(v.sum.sealed, 0);
        CHECK_EQ(v.last.torn_bytes, 0);
    }
}

/* No flip goes unnoticed: it is damage, or the seal does not hold any more and its bytes are a torn tail. */
static void test_every_flip_is_found(void)
{
    char *bytes;
    struct verified v;

    if (!make())
        return;
    bytes = malloc(g.len);
    memcpy(bytes, g.bytes, g.len);
    for (size_t at = 0; at < g.len; at += 5) {
        bytes[at] = (char)((uint8_t)bytes[at] ^ 1u << at % 8);
        check_context("bit %zu of byte %zu", at % 8, at);
        CHECK(write_file(in, bytes, g.len));
        if (verify(in, &v, XRAY_DEEP) >= 0)
            CHECK(v.sum.damages > 0 || (v.sum.sealed == 0 && v.sum.torn_bytes > 0));
        bytes[at] = g.bytes[at];
    }
    free(bytes);
}

static void test_rests_of_files(void)
{
    struct verified v;

    if (!make())
        return;
    CHECK(write_file(in, "", 0));
    CHECK_EQ(verify(in, &v, XRAY_DEEP), XRAY_OK);
    CHECK_EQ(v.sum.damages, 1);
    CHECK(write_file(in, g.bytes, 9));
    CHECK_EQ(verify(in, &v, XRAY_DEEP), XRAY_OK);
    CHECK_EQ(v.sum.damages, 1);
    CHECK(write_file(in, "{\"a\":1}\n", 8));
    CHECK(verify(in, &v, XRAY_DEEP) < 0);
    CHECK_EQ(verify("/nowhere/at/all", &v, XRAY_DEEP), XRAY_ENOTFOUND);
}

/* ---- what forged or careless writers leave: checksums are right, contents are not ----------------- */

static void put_payload(xray_buffer *b, const void *part, size_t len)
{
    xf_mp_map(b, 5);
    xf_mp_cstr(b, "kind");
    xf_mp_cstr(b, "payload");
    xf_mp_cstr(b, "part_len");
    xf_mp_array(b, 1);
    xf_mp_uint(b, len);
    xf_mp_cstr(b, "parts");
    xf_mp_array(b, 1);
    xf_buf_put(b, part, len);
    xf_mp_cstr(b, "value_len");
    xf_mp_array(b, 0);
    xf_mp_cstr(b, "values");
    xf_mp_array(b, 0);
}

static void expect_finding(const struct image *m, const char *part)
{
    struct verified v;

    CHECK_EQ(verify(image_file(m), &v, XRAY_DEEP), XRAY_OK);
    CHECK_EQ(v.sum.damages > 0, part != NULL);
    if (part != NULL && strstr(v.first, part) == NULL)
        check_str(v.first, part, "finding", __FILE__, __LINE__);
}

static void test_contradictions(void)
{
    static const uint8_t text[] = {0xa1, 'x'}, reference[] = {0xd6, 1, 0, 0, 0, 0}, far[] = {0xd6, 1, 0, 0, 0, 9};
    const struct {
        const uint8_t *part;
        size_t len;
        uint32_t rows;
        uint64_t first;
        const char *finding;
    } cases[] = {
        {text, sizeof text, 1, 0, NULL},
        {text, sizeof text, 2, 0, "rows of the body"},
        {text, sizeof text, 1, 7, "numbered from 7"},
        {reference, sizeof reference, 1, 0, "reference inside a part"},
        {far, sizeof far, 1, 0, "refers to part 9"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct image m = {0};
        xray_buffer body = {0};

        check_context("case %zu", i);
        image_begin(&m, 7);
        put_payload(&body, cases[i].part, cases[i].len);
        image_block(&m, 1, &body, cases[i].rows, 0, cases[i].first, 0);
        expect_finding(&m, cases[i].finding);
        xray_buffer_free(&body);
        image_done(&m);
    }
}

/* ---- repair ------------------------------------------------------------------------------------ */

static xray_error why;

static int repair(const char *from, const char *to, enum xray_repair_mode mode, xray_repair_result *result)
{
    const xray_repair_options options = {.mode = mode, .force = true};

    return xray_repair(from, to, &options, result, &why);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What readers see, without the losses that a repair adds. */
static char *seen(const char *path)
{
    char *text = trace_text(path, NULL), *at = text;

    while (at != NULL && *at != '\0') {
        char *end = strchr(at, '\n') + 1;

        if (begins(at, "{\"kind\":\"loss\",\"cause\":\"damage\"") ||
            begins(at, "{\"kind\":\"loss\",\"cause\":\"torn\""))
            memmove(at, end, strlen(end) + 1);
        else
            at = end;
    }
    return text;
}

/* All that is promised of a repair of the file at `in`. */
static void check_repair(void)
{
    xray_repair_result first, second;
    char *before = seen(in), *after, *a, *b;
    size_t len = 0, len2 = 0;
    struct verified v;
    const int status = repair(in, out, XRAY_REPAIR_SALVAGE, &first);

    if (before == NULL) { /* no segment */
        CHECK(status < 0);
        return;
    }
    if (CHECK_STATUS(status, XRAY_OK, &why)) {
        CHECK_EQ(verify(out, &v, XRAY_DEEP), XRAY_OK);
        CHECK_STR(v.first, "");
        CHECK_EQ(v.sum.sealed, v.sum.segments);
        after = seen(out);
        CHECK(after != NULL && strcmp(after, before) == 0);
        CHECK_EQ(repair(out, again, XRAY_REPAIR_SALVAGE, &second), XRAY_OK);
        CHECK(second.unchanged && !second.lossy);
        a = check_read_file(out, &len);
        b = check_read_file(again, &len2);
        CHECK(a != NULL && b != NULL && len == len2 && memcmp(a, b, len) == 0);
        free(a);
        free(b);
        free(after);
    }
    free(before);
}

static void test_repair_of_the_intact(void)
{
    xray_repair_result r;
    char *copy;
    size_t len;

    if (!make())
        return;
    CHECK_EQ(repair(g.path, out, XRAY_REPAIR_SALVAGE, &r), XRAY_OK);
    CHECK(r.unchanged && !r.lossy);
    copy = check_read_file(out, &len);
    CHECK_MEM(copy, len, g.bytes, g.len);
    free(copy);
    CHECK_EQ(repair(g.path, g.path, XRAY_REPAIR_SALVAGE, &r), XRAY_EMISUSE);
    unlink(out);
    CHECK_EQ(link(g.path, out), 0);
    CHECK_EQ(repair(g.path, out, XRAY_REPAIR_SALVAGE, &r), XRAY_EMISUSE);
    unlink(out);
    CHECK_EQ(symlink(g.path, out), 0);
    CHECK_EQ(repair(g.path, out, XRAY_REPAIR_SALVAGE, &r), XRAY_EMISUSE);
    unlink(out);
}

static void test_modes(void)
{
    xray_repair_result r;
    struct verified v;
    char *bytes;

    if (!make())
        return;
    bytes = malloc(g.len);
    memcpy(bytes, g.bytes, g.len);
    CHECK(write_file(in, bytes, (size_t)g.end[3])); /* cut at the end of a block: nothing is lost */
    CHECK_EQ(repair(in, out, XRAY_REPAIR_TAIL, &r), XRAY_OK);
    CHECK(!r.lossy && !r.unchanged);
    CHECK(write_file(in, bytes, (size_t)g.end[3] + 50)); /* and in one: a torn tail */
    CHECK_EQ(repair(in, out, XRAY_REPAIR_TAIL, &r), XRAY_OK);
    CHECK(r.lossy);
    CHECK_EQ(r.dropped_bytes, 50);
    bytes[g.end[1] + 200] ^= 1; /* the first block of the third run */
    CHECK(write_file(in, bytes, g.len));
    unlink(out);
    CHECK_EQ(repair(in, out, XRAY_REPAIR_TAIL, &r), XRAY_ECORRUPT);
    CHECK(access(out, F_OK) != 0);
    CHECK_EQ(repair(in, out, XRAY_REPAIR_PREFIX, &r), XRAY_OK);
    CHECK_EQ(verify(out, &v, XRAY_DEEP), XRAY_OK);
    CHECK_STR(v.first, "");
    CHECK_EQ(v.last.step_rows, 2);
    CHECK_EQ(repair(in, out, XRAY_REPAIR_SALVAGE, &r), XRAY_OK);
    CHECK_EQ(verify(out, &v, XRAY_DEEP), XRAY_OK);
    CHECK_EQ(v.last.step_rows, 6);
    CHECK_EQ(r.lost, 1);
    free(bytes);
}

/* A block of a later version is carried through as it is. */
static void test_unknown_blocks_stay(void)
{
    static const char words[] = "of a later version";
    struct image m = {0};
    xray_buffer body = {0};
    xray_repair_result r;
    struct verified v;
    char *bytes;
    size_t len;

    image_begin(&m, 9);
    xf_mp_cstr(&body, words);
    image_block(&m, 200, &body, 1, 2, 3, 4);
    make();
    CHECK_EQ(repair(image_file(&m), out, XRAY_REPAIR_SALVAGE, &r), XRAY_OK);
    CHECK(!r.lossy);
    CHECK_EQ(r.kept, 1);
    CHECK_EQ(verify(out, &v, XRAY_DEEP), XRAY_OK);
    CHECK_STR(v.first, "");
    CHECK_EQ(v.last.blocks, 2); /* and the seal */
    bytes = check_read_file(out, &len);
    CHECK(len > m.bytes.len && memcmp(bytes, m.bytes.data, m.bytes.len) == 0);
    free(bytes);
    xray_buffer_free(&body);
    image_done(&m);
}

/* ---- damage at random ------------------------------------------------------------------------------ */

struct bytes {
    char *data;
    size_t len, cap;
};

static void splice(struct bytes *b, size_t at, size_t remove, const void *insert, size_t len)
{
    memmove(b->data + at + len, b->data + at + remove, b->len - at - remove);
    memcpy(b->data + at, insert, len);
    b->len = b->len - remove + len;
}

static void damage(struct bytes *b)
{
    const size_t at = (size_t)check_random_below(b->len);
    size_t n = (size_t)check_random_below(check_random_below(2) ? 16 : 700) + 1;
    const size_t run = (size_t)check_random_below(g.runs - 1), other = (size_t)check_random_below(g.runs - 1);
    char noise[1024];

    n = n < b->len - at ? n : b->len - at;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)check_random();
    switch (check_random_below(10)) {
    case 0: b->data[at] = (char)((uint8_t)b->data[at] ^ 1u << check_random_below(8)); break;
    case 1: memset(b->data + at, 0, n); break;
    case 2: memset(b->data + at, 0xff, n); break;
    case 3: memcpy(b->data + at, noise, n); break;
    case 4: splice(b, at, n, "", 0); break;
    case 5: splice(b, at, 0, noise, n); break;
    case 6: b->len = at > 0 ? at : 1; break;
    case 7: splice(b, b->len, 0, noise, n); break;
    case 8: /* blocks over others */
        n = (size_t)(g.end[run + 1] - g.end[run]);
        if (g.end[other] + n <= b->len)
            memcpy(b->data + g.end[other], g.bytes + g.end[run], n);
        break;
    default: /* blocks twice */
        n = (size_t)(g.end[run + 1] - g.end[run]);
        if (g.end[other] <= b->len)
            splice(b, (size_t)g.end[other], 0, g.bytes + g.end[run], n);
        break;
    }
}

static void test_random_damage(void)
{
    const char *is_long = getenv("XRAY_TEST_LONG");
    const size_t rounds = is_long != NULL ? 100000 : 120;
    struct bytes b;

    if (!make())
        return;
    b.cap = 4 * g.len + 65536;
    b.data = malloc(b.cap);
    for (size_t i = 0; i < rounds; i++) {
        memcpy(b.data, g.bytes, g.len);
        b.len = g.len;
        for (uint64_t n = check_random_below(3); n < 3; n++)
            damage(&b);
        check_context("damage %zu", i);
        CHECK(write_file(in, b.data, b.len));
        check_repair();
    }
    free(b.data);
}

/* Two segments one behind the other: one that is damaged does not harm the other. */
static void test_concatenated(void)
{
    struct bytes b;

    if (!make())
        return;
    b.data = malloc(g.len + 65536);
    for (size_t i = 0; i < 40; i++) {
        struct image m = {0};
        xray_buffer body = {0};

        image_begin(&m, (uint8_t)(i + 20));
        xf_mp_cstr(&body, "words");
        image_block(&m, 200, &body, 0, 0, 0, 0);
        memcpy(b.data, m.bytes.data, m.bytes.len);
        memcpy(b.data + m.bytes.len, g.bytes, g.len);
        b.len = m.bytes.len + g.len;
        b.data[check_random_below(b.len)] ^= 0x10;
        check_context("concatenated %zu", i);
        CHECK(write_file(in, b.data, b.len));
        check_repair();
        xray_buffer_free(&body);
        image_done(&m);
    }
    free(b.data);
    golden_free(&g);
}

CHECK_MAIN(test_intact, test_every_cut_is_unsealed, test_every_flip_is_found, test_rests_of_files, test_contradictions,
           test_repair_of_the_intact, test_modes, test_unknown_blocks_stay, test_random_damage, test_concatenated)
