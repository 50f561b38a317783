/* Flush, sync, statistics and reported losses from several threads at once, then the close, while others record: no call
 * hangs, levels are what they say, and what a recording call said yes to is in the sealed file. */
#include "support/check.h"
#include "support/invariants.h"
#include "support/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECORDERS = 3, ASKERS = 4, ROUNDS = 4, ASKED = 20, LOSSES = 5, STEPS_MOST = 300 };

struct round {
    xray_writer *writer;
    xray_run runs[RECORDERS];
    atomic_ullong next_item; /* names are given out before the call, so that no two are the same */
    atomic_ullong recorded;  /* calls that said yes: candidates */
    atomic_ullong begun;     /* and steps */
    atomic_uint wrong;
    atomic_int recorder;
    atomic_int asker;
};

/* Until the writer closes; no more than fits its memory if its thread gets no processor, for a step that finds no room looks
 * like one that comes too late. */
static void *record_on(void *arg)
{
    struct round *r = arg;
    const xray_run run = r->runs[atomic_fetch_add(&r->recorder, 1)];
    char name[24];
    uint8_t id[16];

    for (int steps = 0; steps < STEPS_MOST; steps++) {
        const xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);

        if (st == 0)
            return NULL;
        atomic_fetch_add(&r->begun, 1);
        for (int i = 0; i < 10; i++) {
            snprintf(name, sizeof name, "i%llu", atomic_fetch_add(&r->next_item, 1));
            if (xray_step_accept(st, xray_s(name)) == XRAY_OK)
                atomic_fetch_add(&r->recorded, 1);
        }
        xray_step_end(st, XRAY_SUCCESS);
        usleep(100);
    }
    while (xray_run_id(run, id) == XRAY_OK)
        usleep(1000);
    return NULL;
}

static void *ask(void *arg)
{
    struct round *r = arg;
    const int asker = atomic_fetch_add(&r->asker, 1);

    for (int i = 0; i < ASKED; i++) {
        xray_writer_stats stats;

        switch ((asker + i) % 4) {
        case 0:
            atomic_fetch_add(&r->wrong, xray_writer_flush(r->writer, -1, NULL) != XRAY_FLUSHED);
            break;
        case 1:
            atomic_fetch_add(&r->wrong, xray_writer_sync(r->writer, -1, NULL) != XRAY_SYNCED);
            break;
        case 2:
            atomic_fetch_add(&r->wrong, xray_writer_flush(r->writer, 0, NULL) < 0); /* not waited for */
            break;
        default:
            xray_writer_get_stats(r->writer, &stats);
            atomic_fetch_add(&r->wrong, stats.written > stats.accepted);
        }
        if (i < LOSSES)
            atomic_fetch_add(&r->wrong, xray_writer_report_loss(r->writer, "reported", "candidate", 1, XRAY_MISSING, XRAY_MISSING) != XRAY_OK);
    }
    return NULL;
}

static void test_all_at_once_and_then_the_close(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        const xray_writer_options options = {.segment_bytes = round % 2 == 0 ? 20000 : 0, .flush_interval_ms = 1};
        const char *dir = trace_dir();
        struct round r = {0};
        pthread_t recorders[RECORDERS], askers[ASKERS];

        check_context("round %d", round);
        CHECK_EQ(xray_writer_open(&r.writer, dir, &options, NULL), XRAY_OK);
        for (int i = 0; i < RECORDERS; i++)
            r.runs[i] = xray_run_begin(r.writer, xray_s("race"), NULL);
        for (int i = 0; i < RECORDERS; i++)
            pthread_create(&recorders[i], NULL, record_on, &r);
        for (int i = 0; i < ASKERS; i++)
            pthread_create(&askers[i], NULL, ask, &r);
        for (int i = 0; i < ASKERS; i++)
            pthread_join(askers[i], NULL);
        CHECK_EQ(xray_writer_close(r.writer, -1, NULL), XRAY_SEALED);
        for (int i = 0; i < RECORDERS; i++)
            pthread_join(recorders[i], NULL);
        CHECK_EQ(atomic_load(&r.wrong), 0);
        /* Reported losses are not among what was accepted, but stand in the file. */
        invariants_check(dir, atomic_load(&r.next_item), 0,
                         RECORDERS + atomic_load(&r.begun) + atomic_load(&r.recorded) + ASKERS * LOSSES);
        CHECK_EQ(invariants_there(), atomic_load(&r.recorded));
    }
}

CHECK_MAIN(test_all_at_once_and_then_the_close)
