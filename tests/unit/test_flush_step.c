/* XRAY_FLUSH_STEP: what has ended is in the file, or the call says that it is not; a disk that hangs does not hold the host. */
#include "support/check.h"
#include "support/fault.h"
#include "support/invariants.h"
#include "support/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static xray_writer *open_writer(const char *dir, unsigned interval_ms, bool sync)
{
    const xray_writer_options options = {.flush = XRAY_FLUSH_STEP, .flush_interval_ms = interval_ms, .sync = sync};
    xray_writer *w = NULL;
    xray_error err = {0};

    CHECK_STATUS(xray_writer_open(&w, dir, &options, &err), XRAY_OK, &err);
    return w;
}

/* A step of `count` candidates named from *item on; what its end said. */
static int record(xray_run run, int count, uint64_t *item)
{
    const xray_step step = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    char name[24];

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "i%llu", (unsigned long long)(*item)++);
        xray_step_reject(step, xray_s(name), xray_s("dear"), NULL, 0);
    }
    return xray_step_end(step, XRAY_SUCCESS);
}

/* Nothing but the end of the step writes: the next flush is a minute away. */
static void test_a_step_that_has_ended_is_in_the_file(void)
{
    for (int sync = 0; sync < 2; sync++) {
        const char *dir = trace_dir();
        xray_writer *w = open_writer(dir, 60000, sync);
        const xray_run run = xray_run_begin(w, xray_s("steps"), NULL);
        uint64_t items = 0;

        for (int i = 0; i < 20; i++) {
            check_context("step %d, sync %d", i, sync);
            CHECK_EQ(record(run, 5, &items), XRAY_OK);
            invariants_check(dir, items, items, 0);
        }
        xray_run_set(run, XRAY_OUTPUT, xray_text("the last word"));
        CHECK_EQ(xray_run_end(run, XRAY_SUCCESS), XRAY_OK);

        char *text = trace_text(dir, NULL);

        CHECK_EQ(trace_count(text, "the last word"), 1);
        free(text);
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    }
}

struct job {
    xray_writer *w;
    const char *dir;
    unsigned number, wrong;
};

static void *end_many(void *arg)
{
    struct job *job = arg;
    const xray_run run = xray_run_begin(job->w, xray_s("threads"), NULL);
    char name[32], want[64];

    for (unsigned i = 0; i < 30; i++) {
        const xray_step step = xray_step_begin(run, xray_s("s"), xray_s("tool"), NULL);

        snprintf(name, sizeof name, "thread %u step %u.", job->number, i);
        xray_step_set(step, XRAY_INPUT, xray_text(name));
        job->wrong += xray_step_end(step, XRAY_SUCCESS) != XRAY_OK;
        if (i % 10 == 9) {
            char *text = trace_text(job->dir, NULL);

            snprintf(want, sizeof want, "\"%s\"", name);
            job->wrong += text == NULL || trace_count(text, want) != 1;
            free(text);
        }
    }
    xray_run_end(run, XRAY_SUCCESS);
    return NULL;
}

static void test_threads_share_blocks(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, 60000, false);
    struct job jobs[6];
    pthread_t threads[6];

    for (unsigned i = 0; i < 6; i++) {
        jobs[i] = (struct job){.w = w, .dir = dir, .number = i};
        pthread_create(&threads[i], NULL, end_many, &jobs[i]);
    }
    for (unsigned i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQ(jobs[i].wrong, 0);
    }
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
}

static void test_a_full_disk_is_told_at_once(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, 60000, false);
    const xray_run run = xray_run_begin(w, xray_s("full"), NULL);
    uint64_t items = 0;

    CHECK_EQ(record(run, 3, &items), XRAY_OK);
    fault_plan(FAULT_WRITE, 1, ENOSPC, FAULT_FOREVER);
    CHECK_EQ(record(run, 3, &items), XRAY_EIO);
    CHECK_EQ(record(run, 3, &items), XRAY_EIO);
    fault_clear();
    while (xray_writer_flush(w, 1000, NULL) != XRAY_FLUSHED)
        usleep(20000);
    CHECK_EQ(record(run, 3, &items), XRAY_OK);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    invariants_check(dir, items, items, 1 + 4 + items);
}

/* The call that waited says so in flush_interval_ms; those behind it do not wait at all. */
static void test_a_hung_disk_holds_one_step(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, 300, false);
    const xray_run run = xray_run_begin(w, xray_s("hung"), NULL);
    const unsigned waits = fault_timed_waits();
    uint64_t items = 0;

    fault_plan(FAULT_WRITE, 1, 0, FAULT_HANG);
    CHECK_EQ(record(run, 1, &items), XRAY_EIO);
    CHECK_EQ(fault_timed_waits(), waits + 1);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(record(run, 1, &items), XRAY_EIO);
    CHECK_EQ(fault_timed_waits(), waits + 1);
    fault_clear();
    CHECK_EQ(xray_writer_flush(w, -1, NULL), XRAY_FLUSHED);
    CHECK_EQ(record(run, 1, &items), XRAY_OK);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    invariants_check(dir, items, items, 1 + 2 * items);
}

/* A segment that fails while the step is open takes what it holds with it: the end must not say that all is well. */
static void test_a_loss_before_the_end_is_told(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, 60000, false);
    const xray_run run = xray_run_begin(w, xray_s("lost"), NULL);
    const xray_step step = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    uint64_t items = 0;

    xray_step_reject(step, xray_s("lost"), xray_s("dear"), NULL, 0);
    fault_plan(FAULT_WRITE, 1, EFBIG, FAULT_ONCE);
    CHECK(xray_writer_flush(w, -1, NULL) < 0);
    CHECK_EQ(fault_clear(), 1);
    CHECK_EQ(xray_writer_flush(w, -1, NULL), XRAY_FLUSHED);
    CHECK_EQ(xray_step_end(step, XRAY_SUCCESS), XRAY_EIO);
    CHECK_EQ(record(run, 3, &items), XRAY_OK); /* begun after it: whole */
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
}

static void *close_it(void *arg)
{
    usleep(20000);
    xray_writer_close(arg, -1, NULL);
    return NULL;
}

/* Who waits in an end is let out before the writer is gone. */
static void test_close_lets_go_of_who_waits(void)
{
    for (int i = 0; i < 5; i++) {
        const char *dir = trace_dir();
        xray_writer *w = open_writer(dir, 60000, false);
        const xray_run run = xray_run_begin(w, xray_s("close"), NULL);
        uint64_t items = 0;
        pthread_t thread;
        int r;

        fault_plan(FAULT_WRITE, 1, EIO, FAULT_FOREVER);
        pthread_create(&thread, NULL, close_it, w);
        do
            r = record(run, 1, &items);
        while (r != XRAY_ECLOSED);
        pthread_join(thread, NULL);
        CHECK(fault_clear() > 0);
        invariants_check(dir, items, 0, 0);
    }
}

CHECK_MAIN(test_a_step_that_has_ended_is_in_the_file, test_threads_share_blocks, test_a_full_disk_is_told_at_once,
           test_a_hung_disk_holds_one_step, test_a_loss_before_the_end_is_told, test_close_lets_go_of_who_waits)
