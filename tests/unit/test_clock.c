/* Somebody sets the clock while a writer records: nothing is lost or doubled, order and durations are those of the monotonic
 * clock, segments keep names of their own, and readers with conditions on time see what a plain look at each record sees. */
#include "support/check.h"
#include "support/fault.h"
#include "support/invariants.h"
#include "support/trace.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR INT64_C(3600000000000)
#define YEAR (8766 * HOUR)
#define RUNS 40

static const int64_t steps[] = {0, -HOUR, HOUR, -10 * YEAR, 100 * YEAR, -60 * YEAR /* before 1970 */, 200 * YEAR, 0};
#define STEPS (sizeof steps / sizeof *steps)

static void record_run(xray_writer *w, int number, uint64_t *item)
{
    char name[24];
    xray_run run;
    xray_step st;

    fault_clock(steps[number % STEPS]);
    snprintf(name, sizeof name, "p%03d", number);
    run = xray_run_begin(w, xray_s(name), NULL);
    st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);
    snprintf(name, sizeof name, "i%llu", (unsigned long long)(*item)++);
    xray_step_accept(st, xray_s(name));
    fault_clock(steps[(number + 1) % STEPS]); /* in the middle of the step */
    xray_step_note(st, xray_s("tick"), xray_json("{}"), XRAY_MISSING, 0);
    xray_step_end(st, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
}

/* How many lines of kind "run" the expression holds for, and of how many the start is so. */
static void count_runs(const char *dir, const char *where, int64_t from, size_t *matched, size_t *expected)
{
    const xray_select_options options = {.where = where, .where_len = where != NULL ? strlen(where) : 0, .unit = XRAY_UNIT_RUN};
    xray_select *s = NULL;
    xray_error err = {0};
    const char *line;
    size_t len;

    CHECK_STATUS(xray_select_open(&s, &dir, 1, &options, &err), XRAY_OK, &err);
    while (s != NULL && xray_select_next(s, &line, &len, &err) == 1) {
        const char *start = strstr(line, "\"start\":\"");

        ++*matched;
        *expected += start != NULL && strtoll(start + 9, NULL, 10) >= from;
    }
    xray_select_close(s);
}

static void check_times(const char *dir)
{
    xray_store *store = NULL;
    xray_scan *scan = NULL;
    xray_scan_record record;
    int runs = 0;

    CHECK_EQ(xray_store_open(&store, &dir, 1, NULL, NULL), XRAY_OK);
    CHECK_EQ(xray_scan_open(&scan, store, XRAY_SCAN_RUN | XRAY_SCAN_STEP, NULL), XRAY_OK);
    while (xray_scan_next(scan, &record, NULL) == 1) {
        const int64_t duration = record.kind == XRAY_SCAN_RUN ? record.run->duration_ns : record.step->duration_ns;

        CHECK(duration >= 0 && duration < HOUR / 2);
        if (record.kind == XRAY_SCAN_RUN) {
            char want[24];

            snprintf(want, sizeof want, "p%03d", runs++);
            CHECK_MEM(record.run->pipeline.ptr, record.run->pipeline.len, want, strlen(want)); /* as they were recorded */
        }
    }
    CHECK_EQ(runs, RUNS);
    xray_scan_close(scan);
    xray_store_close(store);
}

static void test_the_clock_jumps(void)
{
    for (int sync = 0; sync < 2; sync++) {
        const char *dir = trace_dir();
        const xray_writer_options options = {.segment_bytes = 3000, .sync = sync};
        size_t all = 0, expected = 0, matched = 0, none = 0;
        xray_writer_stats stats;
        xray_writer *w = NULL;
        uint64_t items = 0;

        check_context("sync %d", sync);
        CHECK_EQ(xray_writer_open(&w, dir, &options, NULL), XRAY_OK);
        for (int i = 0; i < RUNS; i++) {
            record_run(w, i, &items);
            CHECK_EQ(xray_writer_flush(w, -1, NULL), XRAY_FLUSHED);
        }
        xray_writer_get_stats(w, &stats);
        CHECK(stats.segments > 3);
        CHECK_EQ(stats.dropped, 0);
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
        fault_clock(0);
        invariants_check(dir, items, items, stats.accepted);
        if (!sync)
            check_times(dir);
        count_runs(dir, NULL, INT64_C(2500000000000000000), &all, &expected);
        count_runs(dir, "run.start >= '2049-03-22T04:26:40Z'", INT64_MIN, &matched, &none);
        CHECK_EQ(all, RUNS);
        CHECK_EQ(matched, expected);
        CHECK(matched > 0 && matched < all);
    }
}

CHECK_MAIN(test_the_clock_jumps)
