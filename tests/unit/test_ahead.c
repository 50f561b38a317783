/* Blocks decoded on several threads: the pool, and a store read with any number of them. ThreadSanitizer runs this
 * too: the pool calls pthread_create. */
#include "os/thread.h"
#include "store/expect.h"
#include "support/check.h"
#include "support/trace.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the pool ---------------------------------------------------------------------------------- */

#define JOBS 200

struct square {
    struct xf_job job;
    unsigned n, result, worker;
};

static void run_square(struct xf_job *job, unsigned worker)
{
    struct square *s = (struct square *)(void *)job;

    s->result = s->n * s->n;
    s->worker = worker;
}

static void test_pool(void)
{
    struct xf_pool *p = xf_pool_new(4);
    struct square jobs[JOBS];

    CHECK(xf_processors() >= 1);
    CHECK(xf_pool_new(1) == NULL);
    if (!CHECK(p != NULL))
        return;
    CHECK_EQ(xf_pool_threads(p), 4);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct square){.job.run = run_square, .n = i};
        xf_pool_submit(p, &jobs[i].job);
    }
    /* Waited for in another order than they were handed in; each third is taken back. */
    for (unsigned i = JOBS; i-- > 0;) {
        bool ran = true;

        if (i % 3 == 0)
            ran = xf_pool_cancel(p, &jobs[i].job);
        else
            xf_pool_wait(p, &jobs[i].job);
        CHECK_EQ(jobs[i].result, ran ? i * i : 0);
        CHECK(jobs[i].worker < 4);
    }
    xf_pool_free(p);
    xf_pool_free(NULL);
}

/* ---- a store of many blocks ---------------------------------------------------------------------- */

#define RUNS 120

/* A value with a message that is stored once, in one of the first blocks, and enough of its own not to stand in
 * the spine. */
static void set_output(xray_step st, int r)
{
    char text[1200];
    int len = snprintf(text, sizeof text, "{\"messages\":[{\"role\":\"user\",\"content\":\"%0300d jewel %d\"}]", r % 5,
                       r % 5);

    for (int i = 0; i < 40; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, ",\"%d\":%d", i, r * 1000 + i);
    snprintf(text + len, sizeof text - (size_t)len, "}");
    xray_step_set(st, XRAY_OUTPUT, xray_json(text));
}

static void write_run(xray_writer *w, int r)
{
    xray_run run = xray_run_begin(w, xray_s("ahead"), NULL);
    xray_step st = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    char text[400], item[40];

    snprintf(text, sizeof text, "input %d of the step: %0200d", r, r);
    if (r % 40 == 7)
        strcat(text, " needle");
    xray_step_set(st, XRAY_INPUT, xray_text(text));
    set_output(st, r);
    for (int c = 0; c < 30; c++) {
        snprintf(item, sizeof item, "%08x", r * 1000 + c);
        if (c % 3 == 0)
            xray_step_reject(st, xray_s(item), xray_s(r % 30 == 3 ? "rare_reason" : "third"), XRAY_NO_ATTRS);
        else
            xray_step_accept(st, xray_s(item));
    }
    xray_step_end(st, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
}

/* Several blocks of each kind: each flush ends those that are open. */
static const char *write_store(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);

    if (w == NULL)
        return NULL;
    for (int r = 0; r < RUNS; r++) {
        write_run(w, r);
        if (r % 3 == 2)
            xray_writer_flush(w, -1, NULL);
    }
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    return dir;
}

static xray_store *open_store(const char *dir, unsigned threads)
{
    const char *paths[] = {dir};
    const xray_store_options options = {.threads = threads};
    xray_store *s = NULL;

    CHECK_EQ(xray_store_open(&s, paths, 1, &options, NULL), XRAY_OK);
    return s;
}

/* Everything that a scan yields, as JSON. With `early` it is closed half way. */
static void scan_all(xray_store *s, bool early, xray_buffer *out)
{
    xray_scan *sc = NULL;
    xray_scan_record rec;
    int count = 0;

    if (!CHECK_EQ(xray_scan_open(&sc, s, XRAY_SCAN_RUN | XRAY_SCAN_STEP, NULL), XRAY_OK))
        return;
    while (xray_scan_next(sc, &rec, NULL) == 1 && !(early && ++count > RUNS)) {
        if (rec.kind == XRAY_SCAN_RUN)
            xray_run_json(s, rec.run, out, NULL);
        else
            xray_step_json(s, rec.step, out, NULL);
    }
    xray_scan_close(sc);
}

static void damage(const char *dir)
{
    FILE *f = fopen(trace_segment(dir), "r+b");
    long size;

    if (!CHECK(f != NULL))
        return;
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    for (long at = size / 7; at < size; at += size / 7) {
        const int c = (fseek(f, at, SEEK_SET), fgetc(f));

        fseek(f, at, SEEK_SET);
        fputc(c ^ 0x55, f);
    }
    fclose(f);
}

static void put_problems(const xray_store *s, xray_buffer *out)
{
    xray_problem p;

    for (size_t i = 0; xray_store_problem(s, i, &p) == 0; i++)
        xray_json_string(xray_s(p.message), out);
}

static void put_stats(const xray_store *s, xray_buffer *out)
{
    xray_read_stats stats;
    char line[100];

    xray_store_get_stats(s, &stats);
    snprintf(line, sizeof line, "%llu %llu %llu", (unsigned long long)stats.blocks_read,
             (unsigned long long)stats.bytes_read, (unsigned long long)stats.raw_bytes);
    xray_json_string(xray_s(line), out);
}

/* The list of runs, a scan and half a scan; problems and counts. */
static void read_all(const char *dir, unsigned threads, xray_buffer *out)
{
    xray_store *s = open_store(dir, threads);
    const xray_run_record *runs;
    size_t count = 0;

    if (s == NULL)
        return;
    scan_all(s, true, out);
    CHECK_EQ(xray_store_runs(s, &runs, &count, NULL), XRAY_OK);
    for (size_t i = 0; i < count; i++)
        xray_run_json(s, &runs[i], out, NULL);
    scan_all(s, false, out);
    put_problems(s, out);
    put_stats(s, out);
    xray_store_close(s);
}

static void compare(const char *dir)
{
    xray_buffer one = {0};

    read_all(dir, 1, &one);
    CHECK(one.len > RUNS);
    for (unsigned threads = 2; threads <= 8; threads += 3) {
        xray_buffer many = {0};

        check_context("%u threads", threads);
        read_all(dir, threads, &many);
        CHECK_MEM(many.data, many.len, one.data, one.len);
        xray_buffer_free(&many);
    }
    xray_buffer_free(&one);
}

static void test_same_with_any_number(void)
{
    const char *dir = write_store();

    if (dir == NULL)
        return;
    compare(dir);
    damage(dir);
    check_context("damaged");
    compare(dir);
}

/* ---- searching ---------------------------------------------------------------------------------- */

static size_t find_text(const char *text, const uint8_t *data, size_t len)
{
    const uint8_t *at = memmem(data, len, text, strlen(text));

    return at != NULL ? (size_t)(at - data) : len;
}

static int visit(void *ctx, const uint8_t *data, size_t len)
{
    return find_text(ctx, data, len) < len;
}

static size_t find(void *ctx, const uint8_t *data, size_t len)
{
    return find_text(ctx, data, len);
}

static bool test_text(void *ctx, xray_str text)
{
    return find_text(ctx, (const uint8_t *)text.ptr, text.len) < text.len;
}

/* A bit for each step that matches, and for each run of which events may. */
static void search(const char *dir, unsigned threads, const char *text, bool finds, xray_buffer *out)
{
    xray_store *s = open_store(dir, threads);
    char copies[8][24];
    void *contexts[8];
    xray_visitor v = {
        .visit = visit, .find = finds ? find : NULL, .text = test_text, .events = true, .contexts = contexts};
    xray_hits *h = NULL;
    xray_scan *sc = NULL;
    xray_scan_record rec;

    v.context_count = xray_store_threads(s);
    CHECK_EQ(v.context_count, threads);
    for (size_t i = 0; i < 8; i++) {
        snprintf(copies[i], sizeof copies[i], "%s", text);
        contexts[i] = copies[i];
    }
    if (CHECK_EQ(xray_hits_build(&h, s, &v, NULL), XRAY_OK) &&
        CHECK_EQ(xray_scan_open(&sc, s, XRAY_SCAN_STEP, NULL), XRAY_OK)) {
        while (xray_scan_next(sc, &rec, NULL) == 1) {
            const xray_step_record *step = rec.step;
            char line[80];

            snprintf(line, sizeof line, "%d %d %d", xray_hits_test(h, step->input) || xray_hits_test(h, step->output),
                     xray_hits_test_run_events(h, step->run_id),
                     xray_hits_test_events(h, step->run_id, step->raw_number));
            xray_json_string(xray_s(line), out);
        }
        xray_scan_close(sc);
    }
    xray_hits_free(h);
    xray_store_close(s);
}

static size_t count_lines(const xray_buffer *b, const char *line)
{
    size_t count = 0;

    for (size_t i = 0; i + strlen(line) <= b->len; i++)
        count += memcmp(b->data + i, line, strlen(line)) == 0;
    return count;
}

static void test_hits(void)
{
    static const struct {
        const char *text, *line;
        size_t count;
    } searches[] = {
        {"needle", "\"1 0 0\"", 3},         /* r % 40 == 7 */
        {"rare_reason", "\"0 1 1\"", 4},    /* r % 30 == 3 */
        {"0000c35d", "\"0 1 1\"", 1},       /* a packed id: 50013 */
        {"input 7 of", "\"1 0 0\"", 1},
        {"jewel 3", "\"1 0 0\"", RUNS / 5}, /* in a block before the value that refers to it */
        {"nowhere", "\"0 0 0\"", RUNS},
    };
    const char *dir = write_store();

    for (size_t i = 0; dir != NULL && i < sizeof searches / sizeof *searches; i++) {
        xray_buffer one = {0};

        check_context("%s", searches[i].text);
        search(dir, 1, searches[i].text, false, &one);
        CHECK_EQ(count_lines(&one, searches[i].line), searches[i].count);
        for (unsigned threads = 1; threads <= 7; threads += 3) {
            xray_buffer many = {0};

            check_context("%s, %u threads", searches[i].text, threads);
            search(dir, threads, searches[i].text, true, &many);
            CHECK_MEM(many.data, many.len, one.data, one.len);
            xray_buffer_free(&many);
        }
        xray_buffer_free(&one);
    }
}

/* ---- what will be read soon ---------------------------------------------------------------------- */

#define PARTS 12
#define BLOCKS 40
#define WINDOW_MOST ((uint64_t)4 << 20)
#define BLOCK_MOST ((uint64_t)1 << 20)

static uint64_t random_state = 88172645463325252;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(random_state >> 33) % below;
}

/* A store of tables of blocks alone: its files are not there, which no hint minds. */
static bool invent_store(struct xray_store *s)
{
    const struct xf_hello hello = {0};

    s->files = calloc(PARTS, sizeof *s->files);
    s->parts = calloc(PARTS, sizeof *s->parts);
    s->order = calloc(PARTS, sizeof *s->order);
    for (uint32_t i = 0; i < PARTS; i++) {
        struct xf_header h = {0};
        uint64_t pos = 1000;

        s->files[i] = (struct xf_file){.path = "/nowhere/at/all", .fd = -1};
        s->parts[i] = (struct xf_part){.file = i, .rank = PARTS - 1 - i};
        s->order[PARTS - 1 - i] = i;
        if (!CHECK_EQ(xf_segment_new(&s->parts[i].seg, &hello, 0, NULL), XRAY_OK))
            return false;
        for (uint32_t k = 0; k < (i == 5 ? 0 : BLOCKS); k++) {
            h.kind = (uint8_t)(XF_PAYLOAD + draw(3));
            h.stored_len = draw(2) == 0 ? draw(2000) : draw(BLOCK_MOST - XF_HEADER_LEN);
            CHECK_EQ(xf_segment_add(s->parts[i].seg, &h, pos, NULL), XRAY_OK);
            pos += XF_HEADER_LEN + h.stored_len;
        }
    }
    s->file_count = s->part_count = PARTS;
    return true;
}

static void forget_store(struct xray_store *s)
{
    for (uint32_t i = 0; i < s->part_count; i++)
        xf_segment_free(s->parts[i].seg);
    free(s->files);
    free(s->parts);
    free(s->order);
}

/* Bytes of blocks of the kind behind (rank, block) and before `end`, and how many these are. */
static uint64_t bytes_between(const struct xray_store *s, uint8_t kind, uint32_t rank, uint32_t block,
                              const struct xf_expect_at *end, uint32_t *count)
{
    uint64_t bytes = 0;

    *count = 0;
    for (block++; rank < s->part_count; rank++, block = 0) {
        const struct xf_segment *seg = s->parts[s->order[rank]].seg;

        for (; block < seg->block_count && (rank < end->rank || (rank == end->rank && block < end->block)); block++)
            if (seg->blocks[block].kind == kind) {
                bytes += XF_HEADER_LEN + seg->blocks[block].stored_len;
                ++*count;
            }
    }
    return bytes;
}

/* Goes through the blocks of one kind, and now and then leaves some out or goes back. */
static void check_expectations(struct xray_store *s, uint8_t kind)
{
    static const struct xf_expect_at end = {PARTS, 0};
    struct xf_expect e = {0};
    bool follows = false;
    unsigned in_a_row = 0;

    for (uint32_t rank = 0; rank < PARTS; rank++)
        for (uint32_t block = 0; block < s->parts[s->order[rank]].seg->block_count; block++) {
            uint32_t told, left;
            uint64_t bytes;

            if (s->parts[s->order[rank]].seg->blocks[block].kind != kind)
                continue;
            if (draw(40) == 0) {
                follows = false;
                continue;
            }
            xf_expect_read(&e, s, s->order[rank], block);
            in_a_row = follows ? in_a_row + 1 : 0;
            follows = true;
            check_context("kind %d, rank %u, block %u, %u in a row", kind, rank, block, in_a_row);
            bytes = bytes_between(s, kind, rank, block, &e.told, &told);
            CHECK_EQ(e.told_bytes, bytes);
            CHECK(e.window <= WINDOW_MOST && bytes < e.window + BLOCK_MOST);
            CHECK((in_a_row == 0) == (e.window == 0));
            CHECK(in_a_row < 8 || e.window == WINDOW_MOST);
            bytes_between(s, kind, rank, block, &end, &left);
            CHECK(bytes > e.window / 2 || told == left || in_a_row == 0 || e.told.rank > rank + 8);
        }
}

static void test_expectations(void)
{
    struct xray_store s = {0};

    if (invent_store(&s))
        for (int round = 0; round < 50; round++)
            check_expectations(&s, (uint8_t)(XF_PAYLOAD + round % 3));
    forget_store(&s);
}

CHECK_MAIN(test_pool, test_same_with_any_number, test_hits, test_expectations)
