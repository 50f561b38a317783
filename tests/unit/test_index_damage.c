/* The index is a hint (format-spec/index-file.md): beside a sound segment it may be cut at any byte and have any bit wrong,
 * be empty, zeros, random, or another segment's, and every answer is the one without it. Every byte and a bit of it of a
 * small index; with XRAY_TEST_LONG=1 every bit, beside a segment of more than 64 KB. */
#include "support/check.h"
#include "support/search.h"
#include "support/trace.h"

#include "base/buf.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char segment[1024], index_path[1040];
static char *index_bytes;
static size_t index_len;
static xray_buffer wanted;      /* without an index */
static xray_buffer wanted_sums; /* of the right index: without one there are none */

static bool is_long(void)
{
    return getenv("XRAY_TEST_LONG") != NULL;
}

/* ---- a segment with all that an index speaks of -------------------------------------------------------------- */

static void write_step(xray_run run, int i, int k)
{
    xray_step step = xray_step_begin(run, xray_s(k ? "filter" : "find"), xray_s(k ? "filter" : "search"), NULL);
    char item[16], text[200];

    snprintf(item, sizeof item, "item%d", i * 3 + k);
    xray_step_reject(step, xray_s(item), xray_s(k ? "old" : "dear"), XRAY_NO_ATTRS);
    snprintf(text, sizeof text, "the answer to question %d of %d, as long as one that is kept apart %" PRIx64, k, i,
             check_random());
    xray_step_set(step, XRAY_OUTPUT, xray_text(text));
    xray_step_set_int(step, XRAY_CANDIDATES_IN, 10 * i);
    xray_step_set_int(step, XRAY_CANDIDATES_OUT, i * k);
    xray_step_set_int(step, XRAY_DURATION, 1000 * (i + k));
    xray_step_set_int(step, XRAY_COST, i);
    xray_step_end(step, XRAY_SUCCESS);
}

static void write_run(xray_writer *w, int i)
{
    char own[16];
    xray_run_options options = {.version = xray_s(i % 2 ? "1" : "2")};
    xray_run run;

    snprintf(own, sizeof own, "job-%d", i);
    options.ext_id = xray_s(own);
    run = xray_run_begin(w, xray_s(i % 3 ? "a" : "b"), &options);
    xray_run_set(run, XRAY_TAGS, xray_json(i % 2 ? "{\"t\":\"x\"}" : "{\"t\":\"y\",\"u\":\"z\"}"));
    for (int k = 0; k < 3; k++)
        write_step(run, i, k);
    xray_run_end(run, i % 4 ? XRAY_SUCCESS : XRAY_FAILURE);
}

/* ---- what is asked --------------------------------------------------------------------------------------------- */

static void ask_queries(xray_store *s, xray_buffer *out)
{
    static const char *const queries[] = {"step.name = filter and reason = old", "rejection_rate > 0.5",
                                          "none{step.type = search}", "step.duration >= 5000ns", "pipeline = b",
                                          "tags.t = x and not (candidates_out = 0)", "reason !~ /^d/", "run.status = failure"};
    size_t count = 0;

    CHECK_EQ(xray_store_run_count(s, &count, NULL), XRAY_OK);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        xray_query *q = NULL;

        if (!CHECK_EQ(xray_query_parse(&q, xray_s(queries[i]), NULL, NULL), XRAY_OK))
            return;
        for (size_t k = 0; k < count; k++) {
            xray_trace *t;
            int matches = 0;

            if (xray_query_test_indexed(q, s, k, NULL) != 0 && xray_trace_open(&t, s, k, NULL) == XRAY_OK) {
                matches = xray_query_match_run(q, s, t, NULL);
                xray_trace_close(t);
            }
            xf_buf_put_u8(out, (uint8_t)('0' + matches));
        }
        xray_query_free(q);
    }
}

static void ask_ids(xray_store *s, xray_buffer *out)
{
    for (int i = 0; i < 12; i++) {
        char own[16];
        size_t at = 0;

        snprintf(own, sizeof own, "job-%d", i);
        xf_buf_printf(out, "%d", xray_store_find_run(s, xray_s(own), &at, NULL, NULL));
        xf_buf_printf(out, "/%zu ", at);
    }
}

static void ask_items(xray_store *s, xray_buffer *out)
{
    for (int i = 0; i < 60; i += 7) {
        char item[16];
        xray_item_record record;
        xray_items *items;

        snprintf(item, sizeof item, "item%d", i);
        if (!CHECK_EQ(xray_items_open(&items, s, xray_s(item), NULL), XRAY_OK))
            return;
        while (xray_items_next(items, &record, NULL) == 1) {
            xf_buf_put(out, record.run_id, 16);
            xf_buf_printf(out, "%" PRId64 ";", record.raw_step);
        }
        xray_items_close(items);
    }
}

static bool choose(void *ctx, const size_t *runs, size_t count)
{
    (void)ctx;
    (void)runs;
    return count > 0;
}

static int take(void *ctx, const size_t *runs, size_t count, const xray_step_sum *sum)
{
    xray_buffer *out = ctx;

    for (size_t i = 0; i < count; i++)
        xf_buf_printf(out, "%zu,", runs[i]);
    xf_buf_printf(out, " %.*s %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64, (int)sum->name.len, sum->name.ptr,
                  sum->steps, sum->runs, sum->candidates_in, sum->candidates_out, sum->cost);
    for (size_t i = 0; i < sum->reason_count; i++)
        xf_buf_printf(out, " %.*s:%" PRIu64, (int)sum->reasons[i].code.len, sum->reasons[i].code.ptr, sum->reasons[i].count);
    for (size_t i = 0; i < sum->duration_count; i++)
        xf_buf_printf(out, " %" PRId64, sum->durations[i]);
    return XRAY_OK;
}

static void ask(xray_buffer *out, xray_buffer *sums)
{
    static const xray_sum_visitor visitor = {choose, take};
    const char *const paths[] = {segment};
    char *text = trace_text(segment, NULL);
    xray_store *s = NULL;

    xf_buf_reset(out);
    xf_buf_reset(sums);
    if (!CHECK(text != NULL) || !CHECK_EQ(xray_store_open(&s, paths, 1, NULL, NULL), XRAY_OK))
        return;
    xf_buf_puts(out, text);
    ask_queries(s, out);
    ask_ids(s, out);
    ask_items(s, out);
    CHECK_EQ(search_store(s, "question 2 of 7", false, out), XRAY_OK);
    CHECK_EQ(search_store(s, "ITEM1", true, out), XRAY_OK);
    CHECK_EQ(search_store(s, "nowhere", false, out), XRAY_OK);
    CHECK_EQ(xray_store_sums(s, &visitor, sums, NULL), XRAY_OK);
    xray_store_close(s);
    free(text);
}

/* The same as without; and the sums are those of the right index, or left to the caller. */
static void check_answers(void)
{
    static xray_buffer got, sums;

    ask(&got, &sums);
    CHECK_MEM(got.data, got.len, wanted.data, wanted.len);
    if (sums.len > 0)
        CHECK_MEM(sums.data, sums.len, wanted_sums.data, wanted_sums.len);
}

static bool make(void)
{
    const int runs = is_long() ? 240 : 12;
    const char *dir = trace_dir();
    xray_writer *w;
    struct stat st;
    xray_buffer same = {0};
    xray_error err;

    if (index_bytes != NULL)
        return true;
    w = trace_writer(dir);
    for (int i = 0; i < runs; i++) {
        write_run(w, i);
        if (i % (runs / 3) == 1)
            xray_writer_flush(w, -1, NULL);
    }
    xray_writer_close(w, -1, NULL);
    snprintf(segment, sizeof segment, "%s", trace_segment(dir));
    snprintf(index_path, sizeof index_path, "%s.idx", segment);
    unlink(index_path); /* the writer makes one of a large segment */
    CHECK(stat(segment, &st) == 0 && (!is_long() || st.st_size > 65536));
    ask(&wanted, &wanted_sums);
    CHECK_EQ(wanted_sums.len, 0);
    if (!CHECK_STATUS(xray_index_build(segment, NULL, &err), XRAY_OK, &err))
        return false;
    index_bytes = check_read_file(index_path, &index_len);
    ask(&same, &wanted_sums);
    CHECK(wanted_sums.len > 0); /* the index is used */
    CHECK_MEM(same.data, same.len, wanted.data, wanted.len);
    xray_buffer_free(&same);
    return CHECK(index_bytes != NULL);
}

static void write_index(const void *data, size_t len)
{
    const int fd = open(index_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(write(fd, data, len) == (ssize_t)len);
    close(fd);
}

/* ---- what is done to it ------------------------------------------------------------------------------------------ */

static void test_every_cut(void)
{
    int fd;

    if (!make())
        return;
    write_index(index_bytes, index_len);
    fd = open(index_path, O_WRONLY);
    for (size_t len = index_len; len-- > 0;) {
        check_context("the first %zu of %zu bytes of the index", len, index_len);
        CHECK_EQ(ftruncate(fd, (off_t)len), 0);
        check_answers();
    }
    close(fd);
}

static void test_every_flip(void)
{
    int fd;

    if (!make())
        return;
    write_index(index_bytes, index_len);
    fd = open(index_path, O_WRONLY);
    for (size_t at = 0; at < index_len; at++)
        for (unsigned bit = is_long() ? 0 : at % 8; bit < 8; bit += is_long() ? 1 : 8) {
            const uint8_t damaged = (uint8_t)((uint8_t)index_bytes[at] ^ 1u << bit);

            check_context("bit %u of byte %zu of %zu of the index", bit, at, index_len);
            CHECK(pwrite(fd, &damaged, 1, (off_t)at) == 1);
            check_answers();
            CHECK(pwrite(fd, index_bytes + at, 1, (off_t)at) == 1);
        }
    close(fd);
}

/* Parts of it over others, zeros, noise, and what is no index at all. */
static void test_anything(void)
{
    const size_t rounds = is_long() ? 20000 : 300;
    char *bytes;

    if (!make())
        return;
    bytes = malloc(2 * index_len);
    for (size_t i = 0; i < rounds; i++) {
        const size_t at = (size_t)check_random_below(index_len), from = (size_t)check_random_below(index_len);
        const size_t most = index_len - (at > from ? at : from);
        const size_t n = (size_t)check_random_below(most) + 1;
        size_t len = index_len;

        memcpy(bytes, index_bytes, index_len);
        switch (check_random_below(6)) {
        case 0: memcpy(bytes + at, index_bytes + from, n); break;
        case 1: memset(bytes + at, 0, n); break;
        case 2: memset(bytes + at, 0xff, n); break;
        case 3:
            for (size_t k = 0; k < n; k++)
                bytes[at + k] = (char)check_random();
            break;
        case 4: /* a part twice */
            memmove(bytes + at + n, bytes + at, index_len - at);
            len += n;
            break;
        default: /* a part taken out */
            memmove(bytes + at, bytes + at + n, index_len - at - n);
            len -= n;
            break;
        }
        check_context("damage %zu", i);
        write_index(bytes, len);
        check_answers();
    }
    free(bytes);
}

/* Of another segment, of the same with fewer blocks; a directory; none. */
static void test_foreign(void)
{
    char *saved, other[1040];
    const char *dir;
    xray_writer *w;
    size_t len;

    if (!make())
        return;
    dir = trace_dir();
    w = trace_writer(dir); /* the same ids, other runs */
    write_run(w, 4);
    xray_writer_close(w, -1, NULL);
    CHECK_EQ(xray_index_build(trace_segment(dir), NULL, NULL), XRAY_OK);
    snprintf(other, sizeof other, "%s.idx", trace_segment(dir));
    saved = check_read_file(other, &len);
    write_index(saved, len);
    check_context("the index of another segment of the same id");
    check_answers();
    free(saved);
    unlink(index_path);
    CHECK_EQ(mkdir(index_path, 0700), 0);
    check_context("a directory for an index");
    check_answers();
    rmdir(index_path);
    check_context("no index");
    check_answers();
    free(index_bytes);
    index_bytes = NULL;
    xray_buffer_free(&wanted);
    xray_buffer_free(&wanted_sums);
}

CHECK_MAIN(test_every_cut, test_every_flip, test_anything, test_foreign)
