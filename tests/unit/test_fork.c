/* Processes and signals around a writer: fork from threads that record, kill -9, calls from signal handlers. */
#include "support/check.h"
#include "support/invariants.h"
#include "support/trace.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 3

/* ThreadSanitizer cannot follow threads that a forked child starts. AddressSanitizer's allocator does not guard its
 * locks over a fork: the child hangs in malloc if another thread was in there, so all stand still meanwhile. */
#if defined(__SANITIZE_THREAD__)
#define CHILDREN_HAVE_THREADS false
#elif defined(__SANITIZE_ADDRESS__)
#define FORK_IN_PEACE true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHILDREN_HAVE_THREADS false
#elif __has_feature(address_sanitizer)
#define FORK_IN_PEACE true
#endif
#endif
#ifndef CHILDREN_HAVE_THREADS
#define CHILDREN_HAVE_THREADS true
#endif
#ifndef FORK_IN_PEACE
#define FORK_IN_PEACE false
#endif

#define ITEMS_MANY 500000 /* recorded while others wait for a processor; from here on slowly */

static xray_writer *writer;
static atomic_bool stop;
static atomic_ullong next_item;
static pthread_mutex_t recording = PTHREAD_MUTEX_INITIALIZER; /* held by who records, if FORK_IN_PEACE */

static void record(xray_writer *w, xray_run run, int candidates)
{
    xray_step st = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    char name[24];

    (void)w;
    for (int i = 0; i < candidates; i++) {
        snprintf(name, sizeof name, "i%llu", atomic_fetch_add(&next_item, 1));
        xray_step_accept(st, xray_s(name));
    }
    xray_step_end(st, XRAY_SUCCESS);
}

static void *record_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        xray_run run;

        if (FORK_IN_PEACE)
            pthread_mutex_lock(&recording);
        run = xray_run_begin(writer, xray_s("parent"), NULL);
        record(writer, run, 20);
        xray_run_end(run, XRAY_SUCCESS);
        if (FORK_IN_PEACE)
            pthread_mutex_unlock(&recording);
        usleep(atomic_load(&next_item) < ITEMS_MANY ? 200 : 20000);
    }
    return NULL;
}

static pid_t fork_beside_threads(void)
{
    pid_t pid;

    if (!FORK_IN_PEACE)
        return fork();
    pthread_mutex_lock(&recording);
    CHECK_EQ(xray_writer_flush(writer, -1, NULL), XRAY_FLUSHED);
    pid = fork();
    if (pid != 0)
        pthread_mutex_unlock(&recording);
    return pid;
}

/* In the child: inherited handles are dead, and the writer makes a segment of its own. */
static int be_a_child(xray_run inherited, bool speak)
{
    xray_run run;
    int r;

    if (xray_run_note(inherited, xray_s("no"), xray_json("{}"), XRAY_MISSING, XRAY_MISSING) != XRAY_ECLOSED)
        return 1;
    if (!speak)
        return 0;
    run = xray_run_begin(writer, xray_s("child"), NULL);
    if (run == 0)
        return 2;
    for (int i = 0; i < 5; i++) {
        xray_step st = xray_step_begin(run, xray_s("s"), xray_s("t"), NULL);

        xray_step_end(st, XRAY_SUCCESS);
    }
    xray_run_end(run, XRAY_SUCCESS);
    r = xray_writer_close(writer, 10000, NULL);
    return r == XRAY_SEALED ? 0 : 3;
}

static void test_fork_from_threads_that_record(void)
{
    const int forks = getenv("XRAY_TEST_LONG") != NULL ? 2000 : 60;
    const char *dir = trace_dir();
    const xray_writer_options options = {.flush_interval_ms = FORK_IN_PEACE ? 60000 : 5};
    pthread_t threads[THREADS];
    xray_writer_stats stats;
    xray_run inherited;
    char *text;
    int bad = 0;

    atomic_store(&stop, false);
    atomic_store(&next_item, 0);
    CHECK_EQ(xray_writer_open(&writer, dir, &options, NULL), XRAY_OK);
    inherited = xray_run_begin(writer, xray_s("outer"), NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, record_on, NULL);
    for (int i = 0; i < forks; i++) {
        const pid_t pid = fork_beside_threads();
        int status = 0;

        if (pid == 0)
            _exit(be_a_child(inherited, CHILDREN_HAVE_THREADS && i % 2 == 0));
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
        bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    CHECK_EQ(bad, 0);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    xray_run_end(inherited, XRAY_SUCCESS);
    CHECK_EQ(xray_writer_flush(writer, -1, NULL), XRAY_FLUSHED);
    xray_writer_get_stats(writer, &stats);
    CHECK_EQ(stats.dropped, 0);
    CHECK_EQ(stats.written, stats.accepted);
    CHECK_EQ(xray_writer_close(writer, -1, NULL), XRAY_SEALED);
    invariants_check(dir, atomic_load(&next_item), atomic_load(&next_item),
                     stats.accepted + (CHILDREN_HAVE_THREADS ? (uint64_t)(forks / 2) * 6 : 0));
    text = trace_text(dir, NULL);
    CHECK_EQ(trace_count(text, "\"pipeline\":\"child\""), CHILDREN_HAVE_THREADS ? forks / 2 : 0);
    free(text);
}

/* ---- kill -9 ---- */

struct board { /* shared with the child: how many items are known to be flushed */
    atomic_ullong recorded, flushed;
};

static void record_until_killed(const char *dir, struct board *board, bool flush)
{
    const xray_writer_options options = {.flush_interval_ms = 60000};
    xray_writer *w = NULL;
    xray_run run;

    if (xray_writer_open(&w, dir, &options, NULL) < 0)
        _exit(1);
    atomic_store(&next_item, 0);
    run = xray_run_begin(w, xray_s("killed"), NULL);
    for (;;) {
        record(w, run, 7);
        atomic_store(&board->recorded, atomic_load(&next_item));
        if (flush && xray_writer_flush(w, -1, NULL) == XRAY_FLUSHED)
            atomic_store(&board->flushed, atomic_load(&next_item));
        if (!flush) {
            atomic_store(&board->flushed, atomic_load(&next_item)); /* a lie, to see that it is found out */
            usleep(100);
        }
    }
}

/* Kills so many writers; how many of them lost something that was said to be flushed. */
static int kill_writers(int kills, bool flush)
{
    struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int losers = 0;

    for (int i = 0; i < kills; i++) {
        const char *dir = trace_dir();
        pid_t pid;
        char *text;
        size_t there, problems = 0;

        atomic_store(&board->recorded, 0);
        atomic_store(&board->flushed, 0);
        pid = fork();
        if (pid == 0)
            record_until_killed(dir, board, flush);
        usleep((useconds_t)(2000 + check_random_below(6000)));
        while (!flush && atomic_load(&board->recorded) == 0) /* one that has done nothing can lose nothing */
            usleep(100);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        text = trace_text(dir, &problems);
        there = trace_count(text, "\"kind\":\"cand\"");
        losers += there < atomic_load(&board->flushed) || (problems > 0 && atomic_load(&board->flushed) > 0);
        free(text);
    }
    munmap(board, sizeof *board);
    return losers;
}

static void test_kill_loses_nothing_that_was_flushed(void)
{
    const int kills = getenv("XRAY_TEST_LONG") != NULL ? 10000 : FORK_IN_PEACE ? 60 : 200;

    if (!CHILDREN_HAVE_THREADS) {
        check_skip("children of this build have no threads");
        return;
    }
    CHECK_EQ(kill_writers(kills, true), 0);
    CHECK(kill_writers(20, false) > 0); /* the control: without flush, something is lost */
}

/* ---- signals ---- */

static xray_step interrupted;
static atomic_ullong from_handler, recorded_by_handler;

static void record_in_handler(int signal_number)
{
    (void)signal_number;
    atomic_fetch_add(&from_handler, 1);
    if (xray_step_accept(interrupted, xray_s("h")) == XRAY_OK)
        atomic_fetch_add(&recorded_by_handler, 1);
}

static void test_calls_from_signal_handlers_do_not_hang(void)
{
    const char *dir = trace_dir();
    const struct itimerval often = {.it_interval = {.tv_usec = 100}, .it_value = {.tv_usec = 100}}, never = {0};
    struct sigaction action = {.sa_handler = record_in_handler, .sa_flags = SA_RESTART}, old;
    unsigned long long before = 0, calls = 0;
    xray_writer_stats stats;
    xray_run run;

    CHECK_EQ(xray_writer_open(&writer, dir, NULL, NULL), XRAY_OK);
    run = xray_run_begin(writer, xray_s("signals"), NULL);
    interrupted = xray_step_begin(run, xray_s("s"), xray_s("t"), NULL);
    sigaction(SIGALRM, &action, &old);
    setitimer(ITIMER_REAL, &often, NULL);
    while (atomic_load(&from_handler) < 500 && calls < 50000000) {
        before += xray_step_accept(interrupted, xray_s("m")) == XRAY_OK;
        calls++;
        if (calls % 1000 == 0)
            xray_writer_flush(writer, -1, NULL);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    CHECK(atomic_load(&from_handler) >= 500);
    CHECK_EQ(before, calls);
    xray_run_end(run, XRAY_SUCCESS);
    CHECK_EQ(xray_writer_flush(writer, -1, NULL), XRAY_FLUSHED);
    xray_writer_get_stats(writer, &stats);
    CHECK_EQ(stats.accepted, 2 + calls + atomic_load(&recorded_by_handler));
    CHECK_EQ(stats.refused, atomic_load(&from_handler) - atomic_load(&recorded_by_handler));
    CHECK_EQ(xray_writer_close(writer, -1, NULL), XRAY_SEALED);
}

CHECK_MAIN(test_fork_from_threads_that_record, test_kill_loses_nothing_that_was_flushed,
           test_calls_from_signal_handlers_do_not_hang)
