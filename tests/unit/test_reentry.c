/* Calls from within calls: a signal handler that records, ten thousand times a second, and an allocator that records
 * whatever it is asked for. Nothing hangs; what came from within is dropped and counted; what did not is all there.
 * XRAY_TEST_LONG=1: a million signals. */
#include "support/check.h"
#include "support/trace.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static xray_writer *writer;
static xray_run run;
static xray_step step;

static bool begin(const char *dir, const xray_writer_options *options)
{
    xray_error err;

    if (!CHECK_STATUS(xray_writer_open(&writer, dir, options, &err), XRAY_OK, &err))
        return false;
    run = xray_run_begin(writer, xray_s("within"), NULL);
    step = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);
    return true;
}

/* The step's count of what was recorded, as readers see it. */
static int64_t count_in(const char *dir)
{
    const char *paths[] = {dir};
    const xray_step_record *steps;
    xray_store *s;
    xray_trace *t;
    size_t count;
    int64_t in = -1;

    if (!CHECK_EQ(xray_store_open(&s, paths, 1, NULL, NULL), XRAY_OK))
        return -1;
    if (CHECK_EQ(xray_trace_open(&t, s, 0, NULL), XRAY_OK)) {
        steps = xray_trace_steps(t, &count);
        if (CHECK_EQ(count, 1))
            in = steps[0].candidates_in;
        xray_trace_close(t);
    }
    CHECK_EQ(xray_store_problem_count(s), 0);
    xray_store_close(s);
    return in;
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

static atomic_ullong signals, by_handler;

static void record_in_handler(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
    if (xray_step_accept(step, xray_s("handler")) == XRAY_OK)
        atomic_fetch_add(&by_handler, 1);
}

/* Half of the time outside of any call: there a handler's call is one like any other. */
static void rest(void)
{
    for (volatile unsigned i = 0; i < 100; i++)
        ;
}

static void test_signals(void)
{
    const xray_writer_options options = {.summary = true}; /* counts are exact; a million candidates need not be kept */
    const unsigned long long wanted = getenv("XRAY_TEST_LONG") != NULL ? 1000000 : 3000;
    const struct itimerval often = {.it_interval = {.tv_usec = 100}, .it_value = {.tv_usec = 100}}, never = {0};
    struct sigaction action = {.sa_handler = record_in_handler, .sa_flags = SA_RESTART}, old;
    const char *dir = trace_dir();
    unsigned long long recorded = 0, calls = 0;
    xray_writer_stats stats;

    if (!begin(dir, &options))
        return;
    sigaction(SIGALRM, &action, &old);
    setitimer(ITIMER_REAL, &often, NULL);
    for (; atomic_load(&signals) < wanted; calls++) {
        recorded += xray_step_reject(step, xray_s("main"), xray_s("late"), XRAY_ATTRS(xray_kv("n", xray_int(1)))) == XRAY_OK;
        if (calls % 4096 == 0)
            xray_writer_flush(writer, -1, NULL);
        rest();
    }
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    CHECK_EQ(recorded, calls);
    CHECK(atomic_load(&by_handler) > 0);
    CHECK(atomic_load(&by_handler) < atomic_load(&signals)); /* some came in the middle of a call */
    xray_run_end(run, XRAY_SUCCESS);
    CHECK_EQ(xray_writer_flush(writer, -1, NULL), XRAY_FLUSHED);
    xray_writer_get_stats(writer, &stats);
    CHECK_EQ(stats.refused, atomic_load(&signals) - atomic_load(&by_handler));
    CHECK_EQ(xray_writer_close(writer, -1, NULL), XRAY_SEALED);
    CHECK_EQ(count_in(dir), calls + atomic_load(&by_handler));
    if (getenv("XRAY_TEST_LONG") != NULL)
        fprintf(stderr, "%llu signals, %llu of them in the middle of a call\n", (unsigned long long)atomic_load(&signals),
                (unsigned long long)(atomic_load(&signals) - atomic_load(&by_handler)));
}

/* ---- an allocator that records ---------------------------------------------------------------------------------- */

/* The linker puts these between the library and the allocator (Makefile). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static atomic_bool armed; /* only while this test is inside of calls */
static atomic_bool counting;
static atomic_ullong counted; /* of this thread */
static atomic_ullong allocations, elsewhere, let_in;
static pthread_t main_thread;

static void record_in_allocator(void)
{
    if (atomic_load(&counting) && pthread_equal(pthread_self(), main_thread))
        atomic_fetch_add(&counted, 1);
    if (!atomic_load(&armed))
        return;
    atomic_fetch_add(&allocations, 1);
    atomic_fetch_add(&elsewhere, !pthread_equal(pthread_self(), main_thread)); /* the writer's own thread */
    if (xray_step_accept(step, xray_s("allocator")) == XRAY_OK)
        atomic_fetch_add(&let_in, 1);
    if (xray_step_note(step, xray_s("allocated"), xray_int(1), XRAY_MISSING, XRAY_MISSING) == XRAY_OK)
        atomic_fetch_add(&let_in, 1);
    if (xray_run_begin(writer, xray_s("allocator"), NULL) != 0)
        atomic_fetch_add(&let_in, 1);
}

void *__wrap_malloc(size_t size)
{
    record_in_allocator();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    record_in_allocator();
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    record_in_allocator();
    return __real_realloc(p, size);
}

static void test_allocator(void)
{
    const char *dir = trace_dir();
    const int64_t calls = 20000;
    xray_writer_stats stats;
    char item[24];

    main_thread = pthread_self();
    if (!begin(dir, NULL))
        return;
    atomic_store(&armed, true);
    for (int64_t i = 0; i < calls; i++) {
        snprintf(item, sizeof item, "item-%d", (int)i);
        xray_step_reject(step, xray_s(item), xray_s("late"), XRAY_ATTRS(xray_kv("n", xray_int(i))));
        if (i % 500 == 0) {
            const xray_step other = xray_step_begin(run, xray_s(item), xray_s("other"), NULL);

            xray_step_set(other, XRAY_INPUT, xray_json("{\"q\":[1,2,3]}"));
            xray_step_end(other, XRAY_SUCCESS);
        }
        if (i % 5000 == 0)
            xray_writer_flush(writer, -1, NULL);
    }
    xray_run_end(run, XRAY_SUCCESS);
    CHECK_EQ(xray_writer_flush(writer, -1, NULL), XRAY_FLUSHED);
    atomic_store(&armed, false);
    xray_writer_get_stats(writer, &stats);
    CHECK(atomic_load(&allocations) > 50);
    CHECK(atomic_load(&elsewhere) > 0);
    CHECK_EQ(atomic_load(&let_in), 0);
    CHECK_EQ(stats.refused, 3 * atomic_load(&allocations));
    CHECK_EQ(stats.accepted, 2 + 40 + calls); /* the run, its steps, the candidates */
    CHECK_EQ(stats.written, stats.accepted);
    CHECK_EQ(xray_writer_close(writer, -1, NULL), XRAY_SEALED);
}

/* A record costs the calling thread no allocation of its own: memory comes in chunks of up to 32 KiB. */
static void test_records_do_not_allocate(void)
{
    const unsigned long long calls = 20000;

    main_thread = pthread_self();
    if (!begin(trace_dir(), NULL))
        return;
    for (unsigned long long i = 0; i < 2 * calls; i++) {
        if (i == calls) /* its chunks have grown */
            atomic_store(&counting, true);
        xray_step_reject(step, xray_s("an item"), xray_s("late"), XRAY_ATTRS(xray_kv("n", xray_int((int64_t)i))));
    }
    atomic_store(&counting, false);
    CHECK(atomic_load(&counted) <= calls / 100);
    CHECK(atomic_load(&counted) > 0); /* they are counted */
    xray_run_end(run, XRAY_SUCCESS);
    if (getenv("XRAY_TEST_LONG") != NULL)
        fprintf(stderr, "%llu allocations in %llu records\n", (unsigned long long)atomic_load(&counted), calls);
    CHECK_EQ(xray_writer_close(writer, -1, NULL), XRAY_SEALED);
}

CHECK_MAIN(test_signals, test_allocator, test_records_do_not_allocate)
