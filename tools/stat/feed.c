/* See feed.h. */
#include "stat/feed.h"

#include <stdlib.h>

#include "common/input.h"
#include "common/runs.h"

enum how { LEFT_OUT, FROM_SCAN, FROM_TRACE };

struct reading {
    const struct feed *feed;
    const xray_run_record *runs;
    size_t count;
    unsigned char *how; /* of each run: enum how */
    struct idmap numbers;
};

static void take(const struct feed *f, const struct record *r)
{
    if (f->running && (f->unit == XRAY_UNIT_RUN ? r->run->ended : r->step->ended))
        return;
    f->take(f->ctx, r);
}

/* ---- from the spine ---- */

/* Runs are told apart by what the list of runs says of them; their place in it is their number in `numbers`. */
static size_t choose(struct reading *r)
{
    const struct feed *f = r->feed;
    size_t scanned = 0;

    for (size_t i = 0; i < r->count; i++) {
        const enum where_answer answer = where_test_run(f->where, i, &r->runs[i]);
        bool added;

        idmap_put(&r->numbers, r->runs[i].id, &added);
        if (answer == WHERE_NO)
            continue;
        r->how[i] = f->traces || f->unit == XRAY_UNIT_CAND || answer == WHERE_OPEN ? FROM_TRACE : FROM_SCAN;
        scanned += r->how[i] == FROM_SCAN;
    }
    return scanned;
}

static int scan_steps(struct reading *r, xray_error *err)
{
    const struct feed *f = r->feed;
    xray_scan *scan = NULL;
    xray_scan_record record;
    int status = xray_scan_open(&scan, f->store, XRAY_SCAN_STEP, err);

    while (status >= 0 && (status = xray_scan_next(scan, &record, err)) == 1) {
        size_t i;

        if (!idmap_find(&r->numbers, record.step->run_id, &i) || r->how[i] != FROM_SCAN)
            continue;
        take(f, &(struct record){.store = f->store, .run = &r->runs[i], .step = record.step});
    }
    xray_scan_close(scan);
    return status;
}

static int take_scanned(struct reading *r, size_t scanned, xray_error *err)
{
    if (scanned == 0)
        return 0;
    if (r->feed->unit == XRAY_UNIT_STEP)
        return scan_steps(r, err);
    for (size_t i = 0; i < r->count; i++) {
        if (r->how[i] == FROM_SCAN)
            take(r->feed, &(struct record){.store = r->feed->store, .run = &r->runs[i]});
    }
    return 0;
}

/* ---- from traces ---- */

static int take_candidates(const struct feed *f, struct record *values, size_t step, xray_error *err)
{
    xray_events *events = NULL;
    xray_event_record event;
    int status = xray_events_open(&events, values->trace, values->step->number, XRAY_EVENT_CANDIDATE, err);

    while (status >= 0 && (status = xray_events_next(events, &event, err)) == 1) {
        values->event = &event;
        if (where_event(f->where, f->store, values->trace, step, &event))
            take(f, values);
    }
    xray_events_close(events);
    return status;
}

static int take_trace(const struct feed *f, xray_trace *trace, xray_error *err)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    struct record values = {.store = f->store, .trace = trace, .run = xray_trace_run(trace)};
    int status = 0;

    if (f->unit == XRAY_UNIT_RUN) {
        take(f, &values);
        return 0;
    }
    for (size_t i = 0; i < count && status >= 0; i++) {
        if (where_has_steps(f->where) && !where_step(f->where, f->store, trace, i))
            continue;
        values.step = &steps[i];
        if (f->unit == XRAY_UNIT_STEP)
            take(f, &values);
        else
            status = take_candidates(f, &values, i, err);
    }
    return status;
}

static int open_traces(struct reading *r, xray_error *err)
{
    const struct feed *f = r->feed;
    int status = 0;

    for (size_t i = 0; i < r->count && status >= 0; i++) {
        xray_trace *trace = NULL;

        if (r->how[i] != FROM_TRACE)
            continue;
        status = xray_trace_open(&trace, f->store, i, err);
        if (status >= 0 && where_run(f->where, f->store, trace))
            status = take_trace(f, trace, err);
        xray_trace_close(trace);
    }
    return status;
}

bool feed_read(const struct feed *feed)
{
    struct reading r = {.feed = feed};
    xray_error err = {0};
    int status = xray_store_runs(feed->store, &r.runs, &r.count, &err);

    if (status >= 0) {
        r.how = memory_new(r.count, sizeof *r.how);
        status = take_scanned(&r, choose(&r), &err);
        if (status >= 0)
            status = open_traces(&r, &err);
    }
    free(r.how);
    idmap_free(&r.numbers);
    if (status < 0)
        input_failed(&err);
    return status >= 0;
}
