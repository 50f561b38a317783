/* Every system call and every allocation fails in turn: the n-th call of a kind, for n = 1, 2, ... until the scenario
 * makes no such call any more; once and for ever, with each error it may have. After each the host has gone on, the files
 * verify, what was acknowledged is there, nothing is there twice, and accepted = written + dropped, also for who reads the files.
 *
 * A failed check names its plan; XRAY_FAULT=PLAN,N runs that one alone. XRAY_TEST_LONG: also each call of a writer with a thread. */
#include "base/mem.h"
#include "support/check.h"
#include "support/fault.h"
#include "support/invariants.h"
#include "support/trace.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum target { SYSTEM_CALL, MEMORY_ONCE, MEMORY_FOREVER };

static const struct plan {
    const char *name;
    enum target target;
    enum fault_kind kind;
    int error;
    enum fault_mode mode;
    bool threaded; /* also with a writer that has a thread */
    bool keeps;    /* with which nothing may be lost */
} plans[] = {
    {"write-enospc", SYSTEM_CALL, FAULT_WRITE, ENOSPC, FAULT_ONCE, true, true},
    {"write-edquot", SYSTEM_CALL, FAULT_WRITE, EDQUOT, FAULT_ONCE, true, true},
    {"write-eio", SYSTEM_CALL, FAULT_WRITE, EIO, FAULT_ONCE, true, true},
    {"write-eintr", SYSTEM_CALL, FAULT_WRITE, EINTR, FAULT_ONCE, true, true},
    {"write-efbig", SYSTEM_CALL, FAULT_WRITE, EFBIG, FAULT_ONCE, true, false},
    {"write-short", SYSTEM_CALL, FAULT_WRITE, ENOSPC, FAULT_SHORT, true, true},
    {"write-short-eintr", SYSTEM_CALL, FAULT_WRITE, EINTR, FAULT_SHORT, true, true},
    {"write-enospc-forever", SYSTEM_CALL, FAULT_WRITE, ENOSPC, FAULT_FOREVER, false, false},
    {"write-eio-forever", SYSTEM_CALL, FAULT_WRITE, EIO, FAULT_FOREVER, false, false},
    {"fdatasync-eio", SYSTEM_CALL, FAULT_FDATASYNC, EIO, FAULT_ONCE, true, true},
    {"fdatasync-enospc", SYSTEM_CALL, FAULT_FDATASYNC, ENOSPC, FAULT_ONCE, true, true},
    {"fdatasync-eio-forever", SYSTEM_CALL, FAULT_FDATASYNC, EIO, FAULT_FOREVER, true, true},
    {"fsync-eio", SYSTEM_CALL, FAULT_FSYNC, EIO, FAULT_ONCE, true, true},
    {"fsync-eio-forever", SYSTEM_CALL, FAULT_FSYNC, EIO, FAULT_FOREVER, true, true},
    {"open-emfile", SYSTEM_CALL, FAULT_OPEN, EMFILE, FAULT_ONCE, true, true},
    {"open-enospc", SYSTEM_CALL, FAULT_OPEN, ENOSPC, FAULT_ONCE, true, true},
    {"open-eacces-forever", SYSTEM_CALL, FAULT_OPEN, EACCES, FAULT_FOREVER, true, true},
    {"memory", MEMORY_ONCE, 0, 0, 0, true, false},
    {"memory-forever", MEMORY_FOREVER, 0, 0, 0, true, false},
};
enum { PLANS = sizeof plans / sizeof *plans };

static void begin(const struct plan *p, unsigned n)
{
    if (p->target == SYSTEM_CALL)
        fault_plan(p->kind, n, p->error, p->mode);
    else if (p->target == MEMORY_ONCE)
        xf_mem_fail_once(n);
    else
        xf_mem_fail_from(n);
}

/* Whether the n-th call came. */
static bool end(const struct plan *p, unsigned n)
{
    if (p->target == SYSTEM_CALL)
        return fault_clear() > 0;
    return xf_mem_fail_from(0) >= n;
}

struct outcome {
    uint64_t items, acknowledged, accepted;
    int closed;
};

/* What is sure: a flush said so, and nothing had been lost. */
static void acknowledge(xray_writer *w, int level, struct outcome *o)
{
    xray_writer_stats stats;

    if (level < XRAY_FLUSHED)
        return;
    xray_writer_get_stats(w, &stats);
    if (stats.dropped == 0)
        o->acknowledged = o->items;
}

static void record_step(xray_run run, struct outcome *o)
{
    const xray_step step = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    char name[24];

    xray_step_set(step, XRAY_INPUT, xray_json("{\"q\":\"which of these\",\"of\":[1,2,3]}"));
    for (int k = 0; k < 12; k++) {
        snprintf(name, sizeof name, "i%llu", (unsigned long long)o->items++);
        xray_step_reject(step, xray_s(name), xray_s("dear"), XRAY_ATTRS(xray_kv("price", xray_int(k))));
    }
    xray_step_add(step, XRAY_METADATA, xray_s("host"), xray_text("north"));
    xray_step_set(step, XRAY_OUTPUT, xray_text("none of these, and here is why: all of them cost too much"));
    xray_step_end(step, XRAY_SUCCESS);
}

static void record_all(xray_writer *w, struct outcome *o)
{
    for (int r = 0; r < 3; r++) {
        const xray_run run = xray_run_begin(w, xray_s("faults"), NULL);

        for (int s = 0; s < 3; s++)
            record_step(run, o);
        acknowledge(w, xray_writer_flush(w, 1000, NULL), o);
        xray_run_end(run, XRAY_SUCCESS);
        acknowledge(w, xray_writer_sync(w, 1000, NULL), o);
    }
}

static void keep_finding(void *ctx, const xray_finding *f)
{
    if (f->kind == XRAY_FINDING_DAMAGE)
        snprintf(ctx, 200, "%s", f->message);
}

static void verify(const char *dir)
{
    char why[200] = "";
    const xray_verify_options options = {.ctx = why, .finding = keep_finding};
    xray_verify_result found = {0};

    if (xray_verify(dir, &options, &found, NULL) == XRAY_OK)
        CHECK_STR(why, "");
}

/* False: the n-th call never came. */
static bool run_one(const struct plan *p, unsigned n, bool threaded, uint64_t *losses)
{
    const xray_writer_options options = {.segment_bytes = 2500, .flush_interval_ms = 60000, .sync = !threaded, .level = 1};
    const char *dir = trace_dir();
    struct outcome o = {0};
    xray_writer_stats stats = {0};
    xray_writer *w = NULL;
    bool struck;

    check_context("XRAY_FAULT=%s,%u%s", p->name, n, threaded ? " (thread)" : "");
    begin(p, n);
    if (xray_writer_open(&w, dir, &options, NULL) == XRAY_OK)
        record_all(w, &o);
    struck = end(p, n);
    if (w == NULL) {
        CHECK(struck);
        return true;
    }
    while (threaded && xray_writer_flush(w, 1000, NULL) != XRAY_FLUSHED)
        usleep(10000);
    if (!threaded)
        xray_writer_flush(w, -1, NULL);
    xray_writer_get_stats(w, &stats);
    CHECK_EQ(stats.accepted, stats.written + stats.dropped);
    o.closed = xray_writer_close(w, -1, NULL);
    if (threaded)
        CHECK_EQ(o.closed, XRAY_SEALED);
    invariants_check(dir, o.items, o.acknowledged, o.closed == XRAY_SEALED ? stats.accepted : 0);
    if (threaded && p->keeps)
        CHECK_EQ(stats.dropped, 0);
    *losses += stats.dropped;
    verify(dir);
    return struck;
}

/* XRAY_FAULT=PLAN,N: that one alone. */
static bool is_wanted(const struct plan *p, unsigned *only)
{
    const char *wanted = getenv("XRAY_FAULT");
    const size_t len = strlen(p->name);

    *only = 0;
    if (wanted == NULL)
        return true;
    if (strncmp(wanted, p->name, len) != 0 || wanted[len] != ',')
        return false;
    *only = (unsigned)strtoul(wanted + len + 1, NULL, 10);
    return true;
}

static void run_plans(bool threaded)
{
    const bool is_long = getenv("XRAY_TEST_LONG") != NULL;
    uint64_t runs = 0, losses = 0;

    for (size_t i = 0; i < PLANS; i++) {
        unsigned only, n;

        if (!is_wanted(&plans[i], &only) || (threaded && !plans[i].threaded))
            continue;
        /* A thread that waits for its disk takes its time: only the long form tries each n with it. */
        for (n = only != 0 ? only : 1; n < 5000; n += threaded && !is_long ? 1 + n / 4 : 1, runs++)
            if (!run_one(&plans[i], n, threaded, &losses) || only != 0)
                break;
        CHECK(only != 0 || (n > 1 && n < 5000));
    }
    printf("faults, %s: %llu calls failed in turn, %llu records lost and counted\n", threaded ? "with a thread" : "without a thread",
           (unsigned long long)runs, (unsigned long long)losses);
}

static void test_each_call_without_a_thread(void)
{
    run_plans(false);
}

static void test_each_call_with_a_thread(void)
{
    run_plans(true);
}

/* The same for an index: there whole or not at all, the answers are the same, and nothing else is left behind. */
static void test_each_call_of_an_index(void)
{
    static const struct plan of_index[] = {
        {"index-write", SYSTEM_CALL, FAULT_WRITE, ENOSPC, FAULT_ONCE, false, false},
        {"index-write-short", SYSTEM_CALL, FAULT_WRITE, ENOSPC, FAULT_SHORT, false, false},
        {"index-open", SYSTEM_CALL, FAULT_OPEN, EMFILE, FAULT_ONCE, false, false},
        {"index-rename", SYSTEM_CALL, FAULT_RENAME, EXDEV, FAULT_FOREVER, false, false},
        {"index-memory", MEMORY_ONCE, 0, 0, 0, false, false},
        {"index-memory-forever", MEMORY_FOREVER, 0, 0, 0, false, false},
    };
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    struct outcome o = {0};
    char *want, path[1024];
    uint64_t runs = 0;

    record_all(w, &o);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    snprintf(path, sizeof path, "%s", trace_segment(dir));
    want = trace_text(dir, NULL);
    for (size_t i = 0; i < sizeof of_index / sizeof *of_index; i++) {
        unsigned only, n;

        if (!is_wanted(&of_index[i], &only))
            continue;
        for (n = only != 0 ? only : 1; n < 5000; n++, runs++) {
            bool struck;
            unsigned files = 0;
            char *got;
            DIR *d;
            int r;

            check_context("XRAY_FAULT=%s,%u", of_index[i].name, n);
            begin(&of_index[i], n);
            r = xray_index_build(path, NULL, NULL);
            struck = end(&of_index[i], n);
            CHECK(r == XRAY_OK || (struck && r < 0));
            CHECK(r < 0 || xray_index_check(path, NULL) == XRAY_OK);
            got = trace_text(dir, NULL);
            CHECK_STR(got, want);
            free(got);
            xray_index_drop(path, NULL);
            d = opendir(dir);
            while (d != NULL && readdir(d) != NULL)
                files++;
            closedir(d);
            CHECK_EQ(files, 3); /* . and .. and the segment */
            if (!struck || only != 0)
                break;
        }
        CHECK(only != 0 || (n > 1 && n < 5000));
    }
    printf("faults, index: %llu calls failed in turn\n", (unsigned long long)runs);
    free(want);
}

/* What the checker is for: with a write that is lost for good it must find records missing that were claimed to be there,
 * and no loss in the file that would account for them. */
static void test_control_a_loss_is_seen(void)
{
    const xray_writer_options options = {.segment_bytes = 2500, .flush_interval_ms = 60000, .sync = true, .level = 1};
    const char *dir = trace_dir();
    struct outcome o = {0};
    struct invariants found;
    xray_writer_stats stats;
    xray_writer *w = NULL;

    CHECK_EQ(xray_writer_open(&w, dir, &options, NULL), XRAY_OK);
    fault_plan(FAULT_WRITE, 5, EIO, FAULT_ONCE);
    record_all(w, &o);
    CHECK_EQ(fault_clear(), 1);
    xray_writer_get_stats(w, &stats);
    xray_writer_close(w, -1, NULL);
    invariants_look(dir, o.items, o.items, &found);
    CHECK(found.missing > 0);
    CHECK(found.records + found.lost < stats.accepted);
}

CHECK_MAIN(test_each_call_without_a_thread, test_each_call_with_a_thread, test_each_call_of_an_index,
           test_control_a_loss_is_seen)
