/* The writer when the disk is full, broken, hung or taken away: the host goes on, what can be kept is kept,
 * and accepted = written + lost, also for who reads the files. */
#include "support/check.h"
#include "support/fault.h"
#include "support/invariants.h"
#include "support/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static xray_writer *open_writer(const char *dir, const xray_writer_options *options)
{
    xray_writer *w = NULL;
    xray_error err = {0};

    CHECK_STATUS(xray_writer_open(&w, dir, options, &err), XRAY_OK, &err);
    return w;
}

/* One run of `steps` steps with `each` candidates named from *item on, a flush after every one of them. */
static void record(xray_writer *w, int steps, int each, uint64_t *item, bool flush)
{
    xray_run run = xray_run_begin(w, xray_s("faults"), NULL);
    char name[24];

    for (int i = 0; i < steps; i++) {
        xray_step st = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);

        xray_step_set(st, XRAY_INPUT, xray_json("{\"q\":\"which of these\"}"));
        for (int k = 0; k < each; k++) {
            snprintf(name, sizeof name, "i%llu", (unsigned long long)(*item)++);
            xray_step_reject(st, xray_s(name), xray_s("dear"), XRAY_ATTRS(xray_kv("price", xray_int(k))));
        }
        xray_step_end(st, XRAY_SUCCESS);
        if (flush)
            xray_writer_flush(w, 1000, NULL);
    }
    xray_run_end(run, XRAY_SUCCESS);
}

/* Waits until the writer has got over it. */
static xray_writer_stats settle(xray_writer *w)
{
    xray_writer_stats stats;

    while (xray_writer_flush(w, 1000, NULL) != XRAY_FLUSHED)
        usleep(20000);
    xray_writer_get_stats(w, &stats);
    CHECK_EQ(stats.accepted, stats.written + stats.dropped);
    return stats;
}

/* Every call of a kind in turn fails once. `loses`: whether records may be lost. */
static void fail_in_turn(enum fault_kind kind, int error, enum fault_mode mode, bool loses)
{
    for (unsigned n = 1; n < 30; n++) {
        const char *dir = trace_dir();
        const xray_writer_options options = {.segment_bytes = 3000, .flush_interval_ms = 60000};
        xray_writer *w = open_writer(dir, &options);
        xray_writer_stats stats;
        uint64_t items = 0;

        check_context("call %u of kind %d, errno %d, mode %d", n, kind, error, mode);
        fault_plan(kind, n, error, mode);
        record(w, 6, 20, &items, true);
        xray_writer_sync(w, 1000, NULL);
        if (fault_clear() == 0) {
            CHECK(n > 1);
            xray_writer_close(w, -1, NULL);
            return;
        }
        stats = settle(w);
        CHECK_EQ(stats.accepted, 1 + 6 + 120);
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
        invariants_check(dir, items, loses ? 0 : items, stats.accepted);
        if (!loses)
            CHECK_EQ(stats.dropped, 0);
    }
    CHECK(!"the calls never ended");
}

static void test_a_failed_write_is_made_again(void)
{
    fail_in_turn(FAULT_WRITE, ENOSPC, FAULT_ONCE, false);
    fail_in_turn(FAULT_WRITE, EIO, FAULT_ONCE, false);
    fail_in_turn(FAULT_WRITE, ENOSPC, FAULT_SHORT, false);
}

static void test_a_failed_sync_ends_the_segment(void)
{
    fail_in_turn(FAULT_FDATASYNC, EIO, FAULT_ONCE, false);
    fail_in_turn(FAULT_FSYNC, EIO, FAULT_ONCE, false);
}

static void test_a_segment_that_cannot_be_made_is_made_later(void)
{
    fail_in_turn(FAULT_OPEN, EMFILE, FAULT_ONCE, false);
}

static void test_a_failed_sync_is_told_once(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, NULL);
    xray_writer_stats stats;
    xray_error err = {0};
    uint64_t items = 0;

    record(w, 1, 10, &items, false);
    fault_plan(FAULT_FDATASYNC, 1, EIO, FAULT_ONCE);
    CHECK_STATUS(xray_writer_sync(w, -1, &err), XRAY_EIO, &err);
    CHECK_EQ(err.sys_errno, EIO);
    CHECK_EQ(fault_clear(), 1);
    record(w, 1, 10, &items, false);
    CHECK_EQ(xray_writer_sync(w, -1, NULL), XRAY_SYNCED);
    xray_writer_get_stats(w, &stats);
    CHECK_EQ(stats.sync_failures, 1);
    CHECK_EQ(stats.segments, 2);
    CHECK_EQ(stats.dropped, 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    invariants_check(dir, items, items, stats.accepted);
}

/* The disk stays full for a while: what fits the memory waits, and nothing is lost. */
static void test_a_full_disk_is_waited_for(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, NULL);
    xray_writer_stats stats;
    xray_error err = {0};
    uint64_t items = 0;

    fault_plan(FAULT_WRITE, 1, ENOSPC, FAULT_FOREVER);
    record(w, 10, 100, &items, false);
    CHECK_STATUS(xray_writer_flush(w, -1, &err), XRAY_EIO, &err);
    CHECK_EQ(err.sys_errno, ENOSPC);
    record(w, 10, 100, &items, false);
    CHECK(fault_clear() > 0);
    stats = settle(w);
    CHECK_EQ(stats.dropped, 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    invariants_check(dir, items, items, stats.accepted);
}

/* Standard error goes to a file of the test's until the end. */
static int hide_stderr(const char *path)
{
    const int old = dup(STDERR_FILENO), fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    fflush(stderr);
    dup2(fd, STDERR_FILENO);
    close(fd);
    return old;
}

/* Waiting is a failure to those who want to know of one, as long as it lasts: nothing is lost, but nothing is written. */
static void test_a_full_disk_is_told_while_it_is_waited_for(void)
{
    for (int log = 0; log < 2; log++) {
        const char *dir = trace_dir();
        const xray_writer_options options = {.on_error = log ? XRAY_ON_ERROR_LOG : XRAY_ON_ERROR_RAISE};
        xray_writer *w = open_writer(dir, &options);
        char path[600], *said;
        uint64_t items = 0;
        int told, later, real;
        xray_run run;
        size_t len;

        snprintf(path, sizeof path, "%s/stderr%d", check_dir(), log);
        record(w, 1, 10, &items, false);
        run = xray_run_begin(w, xray_s("told"), NULL);
        real = hide_stderr(path);
        fault_plan(FAULT_WRITE, 1, ENOSPC, FAULT_FOREVER);
        xray_writer_flush(w, -1, NULL);
        told = xray_run_set(run, XRAY_INPUT, xray_int(1));
        fault_clear();
        settle(w);
        later = xray_run_set(run, XRAY_OUTPUT, xray_int(2));
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
        dup2(real, STDERR_FILENO);
        close(real);
        CHECK_EQ(told, log ? XRAY_OK : XRAY_EIO);
        CHECK_EQ(later, XRAY_OK);
        said = check_read_file(path, &len);
        check_context("%s said: %s", log ? "log" : "raise", said);
        CHECK_EQ(strncmp(said, "xrayfile: records wait for the disk: ", 37) == 0, log);
        CHECK_EQ(len, log ? (size_t)(strchr(said, '\n') - said + 1) : 0); /* one line */
        free(said);
        invariants_check(dir, items, items, 0);
    }
}

/* A disk that is broken for good: close gives up, and the host hears of it. */
static void test_a_broken_disk_does_not_hold_the_close(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, NULL);
    uint64_t items = 0;

    fault_plan(FAULT_WRITE, 1, EIO, FAULT_FOREVER);
    record(w, 5, 50, &items, false);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_EIO);
    CHECK(fault_clear() > 0);
    invariants_check(dir, items, 0, 0);
    CHECK_EQ(invariants_there(), 0);
}

static xray_writer *hung;

static void *record_meanwhile(void *arg)
{
    uint64_t *items = arg;

    record(hung, 20, 3000, items, false);
    return NULL;
}

/* A hung disk: calls go on, memory stays below its cap, events go before the spine, counts stay exact. */
static void test_a_hung_disk_drops_by_rule(void)
{
    const char *dir = trace_dir();
    const xray_writer_options options = {.memory_bytes = 512 << 10, .flush_interval_ms = 20};
    xray_writer_stats stats;
    pthread_t thread;
    uint64_t items = 0;
    char *text;

    hung = open_writer(dir, &options);
    fault_plan(FAULT_WRITE, 1, 0, FAULT_HANG);
    record(hung, 1, 5, &items, false);
    while (fault_struck() == 0)
        usleep(10000);
    pthread_create(&thread, NULL, record_meanwhile, &items);
    pthread_join(thread, NULL);
    CHECK_EQ(xray_writer_flush(hung, 20, NULL), XRAY_ACCEPTED);
    CHECK(fault_clear() > 0);
    stats = settle(hung);
    CHECK_EQ(stats.accepted, 1 + 1 + 5 + 1 + 20 + 60000);
    CHECK(stats.dropped > 30000);
    CHECK_EQ(xray_writer_close(hung, -1, NULL), XRAY_SEALED);
    invariants_check(dir, items, 5, stats.accepted);
    text = trace_text(dir, NULL);
    CHECK_EQ(trace_count(text, "\"kind\":\"step\""), 21); /* none of the spine is lost */
    CHECK_EQ(trace_count(text, "\"candidates_in\":3000"), 20); /* nor a count */
    CHECK_EQ(trace_count(text, "\"reasons\":{\"dear\":3000}"), 20);
    CHECK_EQ(trace_count(text, "\"cause\":\"memory\",\"what\":\"candidate\""), 1);
    free(text);
}

static void test_close_leaves_a_hung_disk(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, NULL);
    uint64_t items = 0;

    fault_plan(FAULT_WRITE, 1, 0, FAULT_HANG);
    record(w, 3, 10, &items, false);
    CHECK_EQ(xray_writer_close(w, 50, NULL), XRAY_ACCEPTED);
    fault_clear();
    for (;;) { /* the thread goes on alone, to the seal */
        char *text = trace_text(dir, NULL);
        const bool all = trace_count(text, "\"kind\":\"cand\"") == items;

        free(text);
        if (all)
            break;
        usleep(20000);
    }
    invariants_check(dir, items, items, 1 + 3 + 30);
}

static void test_a_limit_on_file_size(void)
{
    const char *dir = trace_dir();
    struct rlimit old, small;
    xray_writer *w = open_writer(dir, NULL);
    xray_writer_stats stats;
    uint64_t items = 0;

    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){.rlim_cur = 6000, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 10; i++)
        record(w, 2, 200, &items, true);
    setrlimit(RLIMIT_FSIZE, &old);
    stats = settle(w);
    CHECK(stats.written > 0 && stats.dropped > 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    invariants_check(dir, items, 0, stats.accepted);
    CHECK(invariants_lost() > 0);
}

/* The number of the descriptor that the writer has its segment open with. */
static int descriptor_of(const char *path)
{
    struct stat want, st;

    if (stat(path, &want) != 0)
        return -1;
    for (int fd = 3; fd < 200; fd++)
        if (fstat(fd, &st) == 0 && st.st_ino == want.st_ino && st.st_dev == want.st_dev)
            return fd;
    return -1;
}

static void test_the_host_takes_our_descriptor(void)
{
    for (int replace = 0; replace < 2; replace++) {
        const char *dir = trace_dir();
        xray_writer *w = open_writer(dir, NULL);
        xray_writer_stats stats;
        uint64_t items = 0;
        char path[600];
        int fd, own;
        struct stat st;

        record(w, 1, 10, &items, true);
        fd = descriptor_of(trace_segment(dir));
        CHECK(fd > 2);
        snprintf(path, sizeof path, "%s/host%d", check_dir(), replace);
        own = open(path, O_RDWR | O_CREAT, 0600);
        if (replace)
            dup2(own, fd);
        else
            close(fd);
        record(w, 1, 10, &items, true);
        stats = settle(w);
        CHECK_EQ(stats.dropped, 0);
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
        invariants_check(dir, items, items, stats.accepted);
        CHECK(fstat(own, &st) == 0 && st.st_size == 0); /* not a byte of ours */
        if (replace) {
            CHECK(fstat(fd, &st) == 0); /* and it is still open */
            close(fd);
        }
        close(own);
    }
}

CHECK_MAIN(test_a_failed_write_is_made_again, test_a_failed_sync_ends_the_segment,
           test_a_segment_that_cannot_be_made_is_made_later, test_a_failed_sync_is_told_once,
           test_a_full_disk_is_waited_for, test_a_full_disk_is_told_while_it_is_waited_for, test_a_broken_disk_does_not_hold_the_close, test_a_hung_disk_drops_by_rule,
           test_close_leaves_a_hung_disk, test_a_limit_on_file_size, test_the_host_takes_our_descriptor)
