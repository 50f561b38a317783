/* Several threads with one writer, and readers of the growing store beside it. Built with
 * ThreadSanitizer in CI. */
#include "support/check.h"
#include "support/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 6
#define RUNS 40
#define STEPS 5
#define CANDIDATES 20

struct shared {
    xray_writer *writer;
    const char *dir;
    atomic_bool done;
    int thread;
};

static void write_step(xray_run run, int thread, int i)
{
    xray_step st = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    char text[300], item[32];

    memset(text, 'a' + i % 26, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    xray_step_set(st, XRAY_INPUT, xray_text(text)); /* shared parts: the same few texts in all threads */
    for (int c = 0; c < CANDIDATES; c++) {
        snprintf(item, sizeof item, "%d-%d-%d", thread, i, c);
        if (c % 3 == 0)
            xray_step_reject(st, xray_s(item), xray_s("third"), XRAY_NO_ATTRS);
        else
            xray_step_accept(st, xray_s(item));
    }
    xray_step_end(st, XRAY_SUCCESS);
}

static void *write_runs(void *arg)
{
    const struct shared *s = arg;

    for (int r = 0; r < RUNS; r++) {
        xray_run run = xray_run_begin(s->writer, xray_s("threads"), NULL);

        for (int i = 0; i < STEPS; i++)
            write_step(run, s->thread, r * STEPS + i);
        xray_run_end(run, XRAY_SUCCESS);
        if (r % 8 == 0)
            xray_writer_flush(s->writer, -1, NULL);
    }
    return NULL;
}

/* Each look sees a prefix: no problem is ever met, and what was there stays there. */
static void *read_along(void *arg)
{
    struct shared *s = arg;
    size_t seen = 0, problems = 0;
    bool shrunk = false;

    while (!atomic_load(&s->done)) {
        char *text = trace_text(s->dir, &problems);
        const size_t lines = trace_count(text, "\"kind\":");

        shrunk |= lines < seen || problems > 0;
        seen = lines;
        free(text);
    }
    return shrunk ? arg : NULL;
}

static void test_threads_share_a_writer(void)
{
    static struct shared s[THREADS + 1];
    pthread_t threads[THREADS], reader;
    const char *dir = trace_dir();
    xray_writer *w = NULL;
    xray_writer_stats stats;
    void *shrunk = NULL;
    char *text;

    CHECK_EQ(xray_writer_open(&w, dir, NULL, NULL), XRAY_OK);
    for (int i = 0; i <= THREADS; i++) {
        s[i].writer = w;
        s[i].dir = dir;
        s[i].thread = i;
        atomic_init(&s[i].done, false);
    }
    pthread_create(&reader, NULL, read_along, &s[THREADS]);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_runs, &s[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&s[THREADS].done, true);
    pthread_join(reader, &shrunk);
    CHECK(shrunk == NULL);
    xray_writer_flush(w, -1, NULL);
    xray_writer_get_stats(w, &stats);
    CHECK_EQ(stats.accepted, THREADS * RUNS * (1 + STEPS * (1 + CANDIDATES)));
    CHECK_EQ(stats.written, stats.accepted);
    CHECK_EQ(stats.dropped, 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);

    text = trace_text(dir, NULL);
    CHECK_EQ(trace_count(text, "\"kind\":\"run\""), THREADS * RUNS);
    CHECK_EQ(trace_count(text, "\"kind\":\"step\""), THREADS * RUNS * STEPS);
    CHECK_EQ(trace_count(text, "\"reasons\":{\"third\":7}"), THREADS * RUNS * STEPS);
    CHECK_EQ(trace_count(text, "\"kind\":\"cand\""), THREADS * RUNS * STEPS * CANDIDATES);
    free(text);
}

CHECK_MAIN(test_threads_share_a_writer)
