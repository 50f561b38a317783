/* fuzz_index - an index with changed bytes beside a segment that is as it should be.
 *
 * The first byte says how: 0 the rest is the index; 1 the rest changes the right one; 2 the same, and then its checksums
 * are made to fit, so that it lies. A change is 4 bytes: a position of 16 bits, what to do (set, add, cut the
 * file there), and a byte.
 *
 * Property: with 0 and 1 everything is read that is read without an index, in the same bytes, and a query and the sums say
 * the same. A lie can hide rows, but what is shown is well formed, and nothing breaks. */
#include "fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/zframe.h"
#include "format/indexfile.h"
#include "store/indexuse.h"
#include "support/search.h"

enum { RUNS = 9 };

static struct fuzz_file segment; /* its path; it is no file in memory, for something stands beside it */
static char directory[] = "/tmp/fuzz-index-XXXXXX";
static char index_path[80];
static xray_buffer plain;  /* the right index, no section compressed */
static xray_buffer wanted; /* what is read without one */

static void remove_all(void)
{
    unlink(index_path);
    unlink(segment.path);
    rmdir(directory);
}

static void write_file(const char *path, const void *data, size_t len)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    fuzz_require(fd >= 0 && write(fd, data, len) == (ssize_t)len, "a file can be written");
    close(fd);
}

/* Runs of a few kinds, with candidates, tags and a run that goes on. */
static void write_runs(xray_writer *w)
{
    for (int i = 0; i < RUNS; i++) {
        const xray_run_options options = {.version = xray_s(i % 2 ? "1" : "2")};
        xray_run run = xray_run_begin(w, xray_s(i % 3 ? "a" : "b"), &options);

        xray_run_set(run, XRAY_TAGS, xray_json(i % 2 ? "{\"t\":\"x\"}" : "{\"t\":\"y\",\"u\":\"z\"}"));
        for (int k = 0; k < 3; k++) {
            xray_step step = xray_step_begin(run, xray_s(k ? "filter" : "find"), xray_s(k ? "filter" : "search"), NULL);
            char item[16], text[200];

            snprintf(item, sizeof item, "item%d", i * 3 + k);
            xray_step_reject(step, xray_s(item), xray_s(k ? "old" : "dear"), XRAY_NO_ATTRS);
            snprintf(text, sizeof text, "a text of step %d that is long enough to stand alone, so that other steps can refer to it, in each of "
                     "these runs, %s", k, i % 5 ? "" : "the shortest");
            xray_step_set(step, XRAY_INPUT, xray_text(text));
            xray_step_set_int(step, XRAY_CANDIDATES_IN, 10 * i);
            xray_step_set_int(step, XRAY_CANDIDATES_OUT, i * k);
            xray_step_set_int(step, XRAY_DURATION, 1000 * (i + k));
            xray_step_end(step, XRAY_SUCCESS);
        }
        if (i + 1 < RUNS)
            xray_run_end(run, i % 4 ? XRAY_SUCCESS : XRAY_FAILURE);
        if (i == RUNS / 2)
            xray_writer_flush(w, -1, NULL); /* two blocks of each kind */
    }
}

/* ---- what is compared ---- */

static bool choose(void *ctx, const size_t *runs, size_t count)
{
    xray_buffer *out = ctx;

    for (size_t i = 0; i < count; i++)
        fuzz_require(runs[i] < RUNS, "sums are of runs that are there");
    (void)out;
    return true;
}


static int take_sum(void *ctx, const size_t *runs, size_t count, const xray_step_sum *sum)
{
    (void)ctx;
    (void)runs;
    fuzz_require(count > 0, "sums are of some run");
    for (size_t i = 1; i < sum->duration_count; i++)
        fuzz_require(sum->durations[i] >= 0, "durations are not negative");
    for (size_t i = 0; i < sum->reason_count; i++)
        fuzz_require(sum->reasons[i].code.ptr != NULL, "reasons have a text");
    return 0;
}

/* Which runs match some queries, in so far as the index does not rule them out; wrongly or not. */
static void read_queries(xray_store *s, xray_buffer *out)
{
    static const char *const queries[] = {"step.name = filter and reason = old", "rejection_rate > 0.5",
                                          "none{step.type = search}", "step.duration >= 5000ns",
                                          "tags.t = x and not (candidates_out = 0)", "reason !~ /^d/"};
    const xray_run_record *runs;
    size_t count = 0;

    fuzz_require(xray_store_runs(s, &runs, &count, NULL) == 0, "runs can be listed");
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        xray_query *q = NULL;

        fuzz_require(xray_query_parse(&q, xray_s(queries[i]), NULL, NULL) == 0, "a query can be parsed");
        for (size_t k = 0; k < count; k++) {
            xray_trace *t;
            int matches = 0;

            if (xray_query_test_indexed(q, s, k, NULL) != 0 && xray_trace_open(&t, s, k, NULL) == 0) {
                matches = xray_query_match_run(q, s, t, NULL);
                xray_trace_close(t);
            }
            xf_buf_put_u8(out, (uint8_t)('0' + matches));
        }
        xray_query_free(q);
    }
}

static void read_all(xray_buffer *out)
{
    static const xray_sum_visitor visitor = {choose, take_sum};
    const char *paths[] = {segment.path};
    xray_store *s = NULL;

    fuzz_require(fuzz_read_all(&segment, 0, out) == 0, "the segment can be read");
    fuzz_require(xray_store_open(&s, paths, 1, NULL, NULL) == 0, "the segment can be opened");
    read_queries(s, out);
    fuzz_require(search_store(s, "shortest", false, out) == 0 && search_store(s, "ITEM1", true, out) == 0 &&
                     search_store(s, "a text of step 2", false, out) == 0,
                 "texts can be looked for");
    fuzz_require(xray_store_sums(s, &visitor, out, NULL) == 0, "sums can be read");
    for (uint32_t block = 0; block < 40; block++)
        for (uint64_t item = 0; item < 40; item++)
            xf_index_may_hold_item(s, 0, block, item * UINT64_C(0x9E3779B97F4A7C15));
    xray_store_close(s);
}

/* ---- the right one ---- */

static void make_plain(const char *data, size_t len)
{
    struct xf_index_head head;
    struct xf_zframe *z = xf_zframe_new();

    fuzz_require(z != NULL && xf_index_head_decode(&head, (const uint8_t *)data, len, len, NULL) == 0, "an index");
    xf_buf_extend(&plain, XF_INDEX_HEAD_LEN);
    for (size_t i = 0; i < XF_INDEX_SECTIONS; i++) {
        struct xf_index_entry *e = &head.sections[i];
        xray_buffer raw = {0};

        if (e->kind == 0)
            continue;
        if (e->stored_len != e->raw_len)
            fuzz_require(xf_zframe_decode(z, data + e->off, e->stored_len, e->raw_len, &raw, NULL) == 0, "a section");
        else
            xf_buf_put(&raw, data + e->off, e->raw_len);
        e->off = plain.len;
        e->stored_len = e->raw_len;
        xf_buf_put(&plain, raw.data, raw.len);
        e->check = xf_index_section_check(&head, e->kind, plain.data + e->off, e->raw_len);
        xray_buffer_free(&raw);
    }
    xf_index_head_encode(&head, plain.data);
    xf_zframe_free(z);
}

static void begin(void)
{
    const xray_fixed fixed = {.id = {7}, .time_ns = INT64_C(1767225600000000000), .tick_ns = 1000};
    const xray_writer_options options = {.fixed = &fixed};
    const char *const paths[] = {directory};
    xray_writer *w = NULL;
    xray_store *s = NULL;
    xray_segment_info info;
    char image[16384];

    fuzz_require(mkdtemp(directory) != NULL, "a directory can be made");
    atexit(remove_all);
    fuzz_require(xray_writer_open(&w, directory, &options, NULL) == 0, "a writer can be opened");
    write_runs(w);
    xray_writer_close(w, -1, NULL);
    fuzz_require(xray_store_open(&s, paths, 1, NULL, NULL) == 0 && xray_store_segment(s, 0, &info) == 0, "a store");
    snprintf(segment.path, sizeof segment.path, "%s/s.xray", directory);
    snprintf(index_path, sizeof index_path, "%s.idx", segment.path);
    fuzz_require(rename(info.path, segment.path) == 0, "a file can be renamed");
    xray_store_close(s);
    read_all(&wanted);
    fuzz_require(xray_index_build(segment.path, NULL, NULL) == 0, "an index can be built");

    FILE *f = fopen(index_path, "rb");
    const size_t len = f != NULL ? fread(image, 1, sizeof image, f) : 0;

    fuzz_require(f != NULL && len > XF_INDEX_HEAD_LEN && len < sizeof image, "an index can be read");
    fclose(f);
    make_plain(image, len);
}

/* ---- one input ---- */

static void change(xray_buffer *image, const uint8_t *data, size_t len)
{
    for (; len >= 4; data += 4, len -= 4) {
        const size_t at = image->len > 0 ? xf_get_u16(data) % image->len : 0;

        if (image->len == 0)
            return;
        if (data[2] % 16 == 15)
            image->len = at;
        else if (data[2] % 2 == 0)
            image->data[at] = data[3];
        else
            image->data[at] = (uint8_t)(image->data[at] + data[3]);
    }
}

/* As far as its sections are where they were. */
static void make_fit(xray_buffer *image)
{
    struct xf_index_head head;

    if (xf_index_head_decode(&head, plain.data, plain.len, plain.len, NULL) != 0 || image->len < plain.len)
        return;
    for (size_t i = 0; i < XF_INDEX_SECTIONS; i++) {
        struct xf_index_entry *e = &head.sections[i];

        if (e->kind != 0)
            e->check = xf_index_section_check(&head, e->kind, image->data + e->off, e->stored_len);
    }
    xf_index_head_encode(&head, image->data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    xray_buffer image = {0}, got = {0};

    if (plain.len == 0)
        begin();
    if (len == 0)
        return 0;
    if (data[0] % 3 == 0) {
        xf_buf_put(&image, data + 1, len - 1);
    } else {
        xf_buf_put(&image, plain.data, plain.len);
        change(&image, data + 1, len - 1);
    }
    if (data[0] % 3 == 2)
        make_fit(&image);
    write_file(index_path, image.data, image.len);
    read_all(&got);
    if (data[0] % 3 != 2)
        fuzz_require(got.len == wanted.len && memcmp(got.data, wanted.data, got.len) == 0,
                     "with any index the same is read as without");
    xray_buffer_free(&image);
    xray_buffer_free(&got);
    return 0;
}
