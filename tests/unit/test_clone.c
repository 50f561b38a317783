/* Children that fork's handlers do not know of: a bare clone() beside threads that record, vfork(), posix_spawn(). */
#include "support/check.h"
#include "support/invariants.h"
#include "support/trace.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ThreadSanitizer follows only children that it has made. */
#if defined(__SANITIZE_THREAD__)
#define KNOWS_CHILDREN false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KNOWS_CHILDREN false
#endif
#endif
#ifndef KNOWS_CHILDREN
#define KNOWS_CHILDREN true
#endif

#define THREADS 2

static xray_writer *writer;
static atomic_bool stop;
static atomic_ullong next_item;

static void *record_on(void *arg)
{
    char name[24];

    (void)arg;
    while (!atomic_load(&stop)) {
        const xray_run run = xray_run_begin(writer, xray_s("parent"), NULL);
        const xray_step st = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);

        for (int i = 0; i < 20; i++) {
            snprintf(name, sizeof name, "i%llu", atomic_fetch_add(&next_item, 1));
            xray_step_accept(st, xray_s(name));
        }
        xray_step_end(st, XRAY_SUCCESS);
        xray_run_end(run, XRAY_SUCCESS);
        usleep(200);
    }
    return NULL;
}

static void begin_recording(const char *dir, pthread_t threads[THREADS])
{
    const xray_writer_options options = {.flush_interval_ms = 5};

    atomic_store(&stop, false);
    atomic_store(&next_item, 0);
    CHECK_EQ(xray_writer_open(&writer, dir, &options, NULL), XRAY_OK);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, record_on, NULL);
}

/* All that the parent recorded is there, once; `others`: records of children. */
static void end_recording(const char *dir, const pthread_t threads[THREADS], uint64_t others)
{
    xray_writer_stats stats;

    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(xray_writer_flush(writer, -1, NULL), XRAY_FLUSHED);
    xray_writer_get_stats(writer, &stats);
    CHECK_EQ(stats.dropped, 0);
    CHECK_EQ(xray_writer_close(writer, -1, NULL), XRAY_SEALED);
    invariants_check(dir, atomic_load(&next_item), atomic_load(&next_item), stats.accepted + others);
}

static pid_t bare_clone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);
}

static int exit_status_of(pid_t pid)
{
    int status = 0;

    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What needs neither memory nor a thread, whatever the parent's threads were at: nothing hangs, nothing is the child's. */
static int be_a_silent_child(xray_run run, xray_step step)
{
    xray_writer_stats stats;

    if (xray_step_accept(step, xray_s("no")) != XRAY_ECLOSED)
        return 1;
    if (xray_run_end(run, XRAY_SUCCESS) != XRAY_ECLOSED)
        return 2;
    xray_writer_get_stats(writer, &stats);
    return stats.accepted == 0 && xray_writer_close(writer, -1, NULL) == XRAY_ACCEPTED ? 0 : 3;
}

static void test_clone_beside_threads_that_record(void)
{
    const char *dir = trace_dir();
    pthread_t threads[THREADS];
    xray_run run;
    xray_step step;

    if (!KNOWS_CHILDREN) {
        check_skip("the sanitizer does not know such children");
        return;
    }
    begin_recording(dir, threads);
    run = xray_run_begin(writer, xray_s("outer"), NULL);
    step = xray_step_begin(run, xray_s("s"), xray_s("t"), NULL);
    for (int i = 0; i < 200; i++) {
        const pid_t pid = bare_clone();

        if (pid == 0)
            _exit(be_a_silent_child(run, step));
        CHECK_EQ(exit_status_of(pid), 0);
    }
    CHECK_EQ(xray_step_accept(step, xray_s("i0")) | xray_step_end(step, XRAY_SUCCESS) | xray_run_end(run, XRAY_SUCCESS), XRAY_OK);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(xray_writer_close(writer, -1, NULL), XRAY_SEALED);
}

/* With a parent that stands still (malloc is not made for a clone beside threads either): a segment of its own. */
static int be_a_child_that_records(xray_step inherited)
{
    xray_run run;

    if (xray_step_accept(inherited, xray_s("no")) != XRAY_ECLOSED)
        return 1;
    run = xray_run_begin(writer, xray_s("child"), NULL);
    if (run == 0 || xray_step_end(xray_step_begin(run, xray_s("s"), xray_s("t"), NULL), XRAY_SUCCESS) != XRAY_OK)
        return 2;
    xray_run_end(run, XRAY_SUCCESS);
    if (xray_writer_sync(writer, -1, NULL) != XRAY_SYNCED)
        return 3;
    return xray_writer_close(writer, -1, NULL) == XRAY_SEALED ? 0 : 4;
}

static void test_a_clone_records_in_a_segment_of_its_own(void)
{
    const char *dir = trace_dir();
    xray_run run;
    xray_step step;
    char *text;

    if (!KNOWS_CHILDREN) {
        check_skip("the sanitizer does not know such children");
        return;
    }
    CHECK_EQ(xray_writer_open(&writer, dir, NULL, NULL), XRAY_OK);
    run = xray_run_begin(writer, xray_s("parent"), NULL);
    step = xray_step_begin(run, xray_s("s"), xray_s("t"), NULL);
    xray_step_accept(step, xray_s("i0"));
    for (int i = 0; i < 10; i++) {
        pid_t pid;

        CHECK_EQ(xray_writer_flush(writer, -1, NULL), XRAY_FLUSHED);
        pid = bare_clone();
        if (pid == 0)
            _exit(be_a_child_that_records(step));
        CHECK_EQ(exit_status_of(pid), 0);
    }
    CHECK_EQ(xray_step_end(step, XRAY_SUCCESS) | xray_run_end(run, XRAY_SUCCESS), XRAY_OK);
    CHECK_EQ(xray_writer_close(writer, -1, NULL), XRAY_SEALED);
    invariants_check(dir, 1, 1, 3 + 10 * 2);
    text = trace_text(dir, NULL);
    CHECK_EQ(trace_count(text, "\"pipeline\":\"child\""), 10);
    CHECK_EQ(trace_count(text, "abandoned"), 0);
    free(text);
}

static void test_vfork_and_spawn_change_nothing(void)
{
    const char *dir = trace_dir();
    pthread_t threads[THREADS];

    if (!KNOWS_CHILDREN) {
        check_skip("the sanitizer does not know such children");
        return;
    }
    begin_recording(dir, threads);
    for (int i = 0; i < 100; i++) {
        char *const args[] = {(char *)"true", NULL};
        pid_t pid = vfork();

        if (pid == 0)
            _exit(0);
        CHECK_EQ(exit_status_of(pid), 0);
        CHECK_EQ(posix_spawnp(&pid, "true", NULL, NULL, args, environ), 0);
        CHECK_EQ(exit_status_of(pid), 0);
    }
    end_recording(dir, threads, 0);
}

CHECK_MAIN(test_clone_beside_threads_that_record, test_a_clone_records_in_a_segment_of_its_own,
           test_vfork_and_spawn_change_nothing)
