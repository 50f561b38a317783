/* See follow.h.
 *
 * A pass goes through the list of runs, prints those that have become complete, and of others the steps that
 * have. Then the output is flushed, and after it the cursor is written: a record may be printed twice if the
 * machine stops in between, but none is left out. */
#include "cat/follow.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "cat/cursor.h"
#include "common/input.h"
#include "common/out.h"
#include "common/runs.h"

#define MS INT64_C(1000000)

enum { POLL_MS = 200, MAX_POLL_MS = 5000 };

struct follow {
    struct printer *p;
    struct cursor cursor;
    size_t count;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    stopped = signal_number;
}

static bool is_complete(const xray_run_record *run)
{
    return run->ended || run->abandoned;
}

/* Are steps printed before their run is complete? */
static bool prints_steps(const struct settings *s)
{
    return settings_streams(s) || s->unit != XRAY_UNIT_RUN;
}

/* ---- one run ---- */

static void mark_steps(struct cursor_run *known, const xray_step_record *steps, size_t count,
                       const bool *done)
{
    for (size_t i = 0; i < count; i++) {
        if (done[i] && !cursor_has_step(known, &steps[i]))
            cursor_add_step(known, &steps[i]);
    }
}

static void print_part(struct follow *f, size_t index, bool open, struct cursor_run *known)
{
    xray_trace *trace = NULL;
    xray_error err = {0};
    size_t count;

    if (xray_trace_open(&trace, f->p->store, index, &err) < 0) {
        input_failed(&err);
        return;
    }

    const xray_step_record *steps = xray_trace_steps(trace, &count);
    struct print_part part = {.done = memory_new(count, sizeof *part.done),
                              .open = open};

    for (size_t i = 0; i < count; i++)
        part.done[i] = cursor_has_step(known, &steps[i]);
    /* With the run as the unit, the run must match as a whole; steps are matched one by one. */
    if (f->p->settings->unit != XRAY_UNIT_RUN || where_run(&f->p->settings->where, f->p->store, trace))
        print_trace(f->p, trace, &part);
    mark_steps(known, steps, count, part.done);
    free(part.done);
    xray_trace_close(trace);
}

static void visit(struct follow *f, size_t index)
{
    xray_run_record run;

    runs_record(f->p->store, index, &run);

    const bool complete = is_complete(&run);
    struct cursor_run *known = cursor_run(&f->cursor, f->p->store, &run);

    if (known->done || (!complete && !prints_steps(f->p->settings)))
        return;
    /* A run that is open may still come to match. */
    if (where_test_run(&f->p->settings->where, index, &run) != WHERE_NO)
        print_part(f, index, !complete, known);
    if (complete)
        cursor_run_done(known);
}

/* ---- passes ---- */

/* --last: all but the last N of those that match count as printed. */
static void skip_to_last(struct follow *f)
{
    const struct settings *s = f->p->settings;
    uint64_t found = 0;

    for (size_t i = f->count; s->last != UINT64_MAX && i-- > 0;) {
        xray_run_record run;
        xray_trace *trace = NULL;

        runs_record(f->p->store, i, &run);

        struct cursor_run *known = cursor_run(&f->cursor, f->p->store, &run);

        if (known->done || !is_complete(&run))
            continue;

        enum where_answer answer =
            found < s->last ? where_test_run(&f->p->settings->where, i, &run) : WHERE_NO;

        if (answer == WHERE_OPEN && xray_trace_open(&trace, f->p->store, i, NULL) == 0) {
            answer = where_run(&f->p->settings->where, f->p->store, trace) ? WHERE_YES : WHERE_NO;
            xray_trace_close(trace);
        }
        if (answer == WHERE_NO)
            cursor_run_done(known);
        else
            found++;
    }
}

/* With -r the runs must be there from the start; new ones are not asked for. */
static bool load_runs(struct follow *f)
{
    if (!runs_count(f->p->store, &f->count))
        return false;
    f->p->id_digits = runs_id_digits(f->p->store);
    return where_bind(&f->p->settings->where, f->p->store);
}

static void pass(struct follow *f)
{
    for (size_t i = 0; i < f->count && stopped == 0; i++)
        visit(f, i);
    out_flush();
    if (f->p->settings->cursor != NULL)
        cursor_save(&f->cursor, f->p->settings->cursor, f->p->store, f->count);
}

static int64_t clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static void sleep_ns(int64_t ns)
{
    const struct timespec ts = {.tv_sec = (time_t)(ns / (1000 * MS)), .tv_nsec = (long)(ns % (1000 * MS))};

    nanosleep(&ts, NULL); /* a signal ends it early, as it should */
}

/* In a store where looking is expensive it is done less often, so that most of the time nothing is. */
static void follow_on(struct follow *f)
{
    int64_t pause = POLL_MS * MS;
    xray_error err = {0};

    while (stopped == 0) {
        sleep_ns(pause);
        if (stopped != 0)
            break;

        const int64_t begin = clock_ns();
        const int r = xray_store_refresh(f->p->store, &err);

        if (r < 0) {
            input_failed(&err);
            break;
        }
        if (r > 0 && !load_runs(f))
            break;
        if (r > 0)
            pass(f);
        pause = 5 * (clock_ns() - begin);
        pause = pause < POLL_MS * MS ? POLL_MS * MS : pause > MAX_POLL_MS * MS ? MAX_POLL_MS * MS : pause;
    }
}

static void handle_signals(void)
{
    const struct sigaction action = {.sa_handler = stop};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void follow(struct printer *p)
{
    struct follow f = {.p = p};

    if (p->settings->cursor != NULL)
        cursor_load(&f.cursor, p->settings->cursor);
    handle_signals();
    if (load_runs(&f)) {
        skip_to_last(&f);
        pass(&f);
        if (p->settings->follow)
            follow_on(&f);
    }
    cursor_free(&f.cursor);
    if (stopped != 0) {
        /* All that was printed is written and remembered; the shell is to see the signal. */
        signal(stopped, SIG_DFL);
        raise(stopped);
    }
}
