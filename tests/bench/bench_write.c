/* bench_write - what recording costs the program that records.
 *
 * usage: bench_write DIRECTORY [EVENTS]
 *
 * One thread records the same seeded rejections (item id, reason, one number as evidence) with xrayfile, as
 * JSON lines through stdio, and into SQLite in WAL mode; then steps with an input and an output of 2 KB, calls with
 * tracing off, and calls while the disk is busy. Times are per call: medians of batches of 512 calls, so that the
 * clock does not count. In bursts: with a flush after each, as in a program that does other work too, so that the memory
 * of one burst serves the next. At once: all calls as fast as they go, which is faster than anything compresses, so
 * most of the time is the kernel's, for new memory. Sustained: from the first call until all is in the file. */
#include "random.h"

#include <xrayfile.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#if __has_include(<sqlite3.h>)
#include <sqlite3.h>
#define WITH_SQLITE 1
#endif

#define BATCH 512
#define STEP_EVENTS 4096 /* candidates of a step */
#define BURST 32768

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct event {
    char item[12];
    const char *reason;
    double price;
};

static struct event *make_events(size_t count)
{
    static const char *const reasons[] = {"price_too_high", "out_of_stock", "rating_too_low", "wrong_category"};
    struct xb_random random = {.state = 1};
    struct event *events = malloc(count * sizeof *events);

    for (size_t i = 0; i < count; i++) {
        snprintf(events[i].item, sizeof events[i].item, "B%09" PRIu32, xb_below(&random, 1000000000));
        events[i].reason = reasons[xb_below(&random, 4)];
        events[i].price = xb_below(&random, 100000) / 100.0;
    }
    return events;
}

struct times {
    double *batch; /* seconds per call of each batch */
    size_t count;
};

static int by_time(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double at(const struct times *t, double share)
{
    return t->batch[(size_t)(share * (double)(t->count - 1))] * 1e9;
}

static double per_call(const char *name, struct times *t, double reference)
{
    double median;

    qsort(t->batch, t->count, sizeof *t->batch, by_time);
    median = at(t, 0.5);
    printf("  %-44s %9.1f %9.1f %9.1f", name, median, at(t, 0.99), at(t, 0.999));
    if (reference > 0)
        printf("   x %.1f", median / reference);
    putchar('\n');
    return median;
}

typedef void record_fn(void *ctx, const struct event *e);
typedef void between_fn(void *ctx);

/* `between`: called after each burst, not timed. */
static void run_bursts(struct times *t, record_fn *record, between_fn *between, void *ctx, const struct event *events,
                       size_t count)
{
    t->count = 0;
    for (size_t i = 0; i + BATCH <= count; i += BATCH) {
        double started;

        if (between != NULL && i % BURST == 0)
            between(ctx);
        started = now();

        for (size_t k = 0; k < BATCH; k++)
            record(ctx, &events[i + k]);
        t->batch[t->count++] = (now() - started) / BATCH;
    }
}

static void run_batches(struct times *t, record_fn *record, void *ctx, const struct event *events, size_t count)
{
    run_bursts(t, record, NULL, ctx, events, count);
}

/* ---- the three recorders ---- */

struct xray {
    xray_writer *writer;
    xray_run run;
    xray_step step;
    size_t events;
};

static void record_xray(void *ctx, const struct event *e)
{
    struct xray *x = ctx;

    if (x->events++ % STEP_EVENTS == 0) {
        if (x->step != 0)
            xray_step_end(x->step, XRAY_SUCCESS);
        x->step = xray_step_begin(x->run, xray_s("filter"), xray_s("filter"), NULL);
    }
    xray_step_reject(x->step, xray_strn(e->item, 10), xray_s(e->reason), XRAY_ATTRS(xray_kv("price", xray_double(e->price))));
}

static void flush_xray(void *ctx)
{
    const struct xray *x = ctx;

    xray_writer_flush(x->writer, -1, NULL);
}

static void record_json(void *ctx, const struct event *e)
{
    fprintf(ctx, "{\"run\":\"0123456789abcdef\",\"step\":1,\"item\":\"%s\",\"verdict\":\"reject\",\"reason\":\"%s\",\"evidence\":{\"price\":%.17g}}\n",
            e->item, e->reason, e->price);
}

#ifdef WITH_SQLITE
struct lite {
    sqlite3 *db;
    sqlite3_stmt *insert;
    size_t events;
};

static void record_sqlite(void *ctx, const struct event *e)
{
    struct lite *l = ctx;

    if (l->events++ % STEP_EVENTS == 0)
        sqlite3_exec(l->db, l->events > 1 ? "COMMIT; BEGIN" : "BEGIN", NULL, NULL, NULL);
    sqlite3_bind_text(l->insert, 1, e->item, 10, SQLITE_STATIC);
    sqlite3_bind_text(l->insert, 2, e->reason, -1, SQLITE_STATIC);
    sqlite3_bind_double(l->insert, 3, e->price);
    sqlite3_step(l->insert);
    sqlite3_reset(l->insert);
}

static void bench_sqlite(const char *dir, const struct event *events, size_t count, struct times *t, double reference)
{
    struct lite l = {0};
    char path[1024];

    snprintf(path, sizeof path, "%s/bench.db", dir);
    unlink(path);
    if (sqlite3_open(path, &l.db) != SQLITE_OK)
        return;
    sqlite3_exec(l.db, "PRAGMA journal_mode = wal; PRAGMA synchronous = normal; CREATE TABLE events(run, step INT, item, verdict, reason, price REAL)", NULL, NULL, NULL);
    sqlite3_prepare_v2(l.db, "INSERT INTO events VALUES('0123456789abcdef', 1, ?, 'reject', ?, ?)", -1, &l.insert, NULL);
    run_batches(t, record_sqlite, &l, events, count);
    sqlite3_exec(l.db, "COMMIT", NULL, NULL, NULL);
    sqlite3_finalize(l.insert);
    sqlite3_close(l.db);
    unlink(path);
    per_call("SQLite, WAL, 4096 rows a transaction", t, reference);
}
#endif

static xray_writer *open_writer(const char *dir, size_t memory)
{
    const xray_writer_options options = {.memory_bytes = memory};
    xray_writer *w;
    xray_error err;

    if (xray_writer_open(&w, dir, &options, &err) == XRAY_OK)
        return w;
    fprintf(stderr, "bench_write: %s\n", err.message);
    exit(2);
}

static xray_writer_stats finish(xray_writer *w)
{
    xray_writer_stats stats;

    xray_writer_flush(w, -1, NULL);
    xray_writer_get_stats(w, &stats);
    xray_writer_close(w, -1, NULL);
    return stats;
}

/* Median of the calls. */
static double bench_bursts(const char *dir, const struct event *events, size_t count, struct times *t)
{
    struct xray x = {.writer = open_writer(dir, 0)};

    x.run = xray_run_begin(x.writer, xray_s("bench"), NULL);
    run_bursts(t, record_xray, flush_xray, &x, events, count);
    xray_run_end(x.run, XRAY_SUCCESS);
    finish(x.writer);
    return per_call("xrayfile, in bursts of 32,768", t, 0);
}

static void bench_candidates(const char *dir, const struct event *events, size_t count, struct times *t)
{
    struct xray x = {0};
    double reference, started, called, all;
    xray_writer_stats stats;
    char path[1024];
    FILE *file;

    printf("Recording one rejection with reason and a number: ns per call\n  %-44s %9s %9s %9s\n", "", "median", "p99", "p99.9");
    reference = bench_bursts(dir, events, count, t);
    started = now();
    x.writer = open_writer(dir, (size_t)2 << 30);
    x.run = xray_run_begin(x.writer, xray_s("bench"), NULL);
    run_batches(t, record_xray, &x, events, count);
    xray_run_end(x.run, XRAY_SUCCESS);
    called = now() - started;
    stats = finish(x.writer);
    all = now() - started;
    per_call("xrayfile, all at once", t, reference);

    snprintf(path, sizeof path, "%s/bench.json", dir);
    file = fopen(path, "w");
    run_batches(t, record_json, file, events, count);
    fclose(file);
    unlink(path);
    per_call("JSON lines, stdio", t, reference);
#ifdef WITH_SQLITE
    bench_sqlite(dir, events, count < 300000 ? count : 300000, t, reference);
#else
    puts("  (sqlite3.h is not installed)");
#endif
    printf("Sustained, compressed and in the file: %.2f million candidates/s (%" PRIu64 " written, %" PRIu64
           " dropped; the calls took %.0f %% of the time)\n",
           (double)stats.written / all / 1e6, stats.written, stats.dropped, 100 * called / all);
}

static void bench_steps(const char *dir, struct times *t)
{
    xray_writer *w = open_writer(dir, (size_t)1 << 30);
    xray_run run = xray_run_begin(w, xray_s("bench"), NULL);
    char text[2100] = "{\"text\":\"";
    size_t len = strlen(text);

    for (; len < 2046; len++)
        text[len] = (char)('a' + len % 26);
    memcpy(text + len, "\"}", 3);
    t->count = 0;
    for (int i = 0; i < 200; i++) {
        const double started = now();

        for (int k = 0; k < 64; k++) {
            xray_step st = xray_step_begin(run, xray_s("llm"), xray_s("llm"), NULL);

            text[20 + k % 8] = (char)('a' + (i + k) % 26);
            xray_step_set(st, XRAY_INPUT, xray_json(text));
            xray_step_set(st, XRAY_OUTPUT, xray_json(text));
            xray_step_end(st, XRAY_SUCCESS);
        }
        t->batch[t->count++] = (now() - started) / 64;
    }
    xray_run_end(run, XRAY_SUCCESS);
    finish(w);
    per_call("step: begin, input and output of 2 KB, end", t, 0);
}

static void bench_disabled(const struct event *events, size_t count, struct times *t)
{
    t->count = 0;
    for (size_t i = 0; i + BATCH <= count; i += BATCH) {
        const double started = now();

        for (size_t k = 0; k < BATCH; k++)
            xray_step_reject(0, xray_strn(events[i + k].item, 10), xray_s("no"),
                             XRAY_ATTRS(xray_kv("price", xray_double(events[i + k].price))));
        t->batch[t->count++] = (now() - started) / BATCH;
    }
    per_call("tracing off (no handle)", t, 0);
}

int main(int argc, char **argv)
{
    const size_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000;
    struct event *events;
    struct times t;

    if (argc < 2 || count < 10 * BATCH) {
        fprintf(stderr, "usage: bench_write DIRECTORY [EVENTS]\n");
        return 2;
    }
    events = make_events(count);
    t.batch = malloc((count / BATCH + 200) * sizeof *t.batch);
    bench_candidates(argv[1], events, count, &t);
    bench_steps(argv[1], &t);
    bench_disabled(events, count, &t);
    free(events);
    free(t.batch);
    return 0;
}
