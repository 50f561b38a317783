/* See feed.h. */
#include "funnel/feed.h"

#include <stdlib.h>

#include "common/cli.h"
#include "common/input.h"
#include "common/runs.h"

/* What is known of a run before its steps are seen. */
struct known {
    enum { LEFT_OUT, FROM_SCAN, FROM_SUM, FROM_TRACE } how;
    int side;
    struct group group; /* as far as the run tells */
};

struct reading {
    const struct feed *feed;
    const xray_run_record *runs;
    size_t count;
    struct known *known;
    struct idmap numbers; /* of the runs whose steps come from the scan */
    size_t *by_number;    /* their places in `runs` */
    size_t scanned, by_number_cap;
};

static struct feed_run run_at(const struct reading *r, size_t i)
{
    return (struct feed_run){
        .number = r->feed->first_number + i,
        .side = r->known[i].side,
        .record = &r->runs[i],
    };
}

/* ---- before the steps ---- */

/* Chooses among the runs, as far as their records tell. */
static void choose(struct reading *r)
{
    const struct feed *f = r->feed;
    const bool traces = grouping_needs_traces(f->grouping);

    for (size_t i = 0; i < r->count; i++) {
        struct known *k = &r->known[i];
        const enum where_answer answer = where_test_run(f->where, i, &r->runs[i]);
        const int compared = f->compare != NULL ? xray_query_test_run(f->compare, &r->runs[i]) : 1;

        if (answer == WHERE_NO)
            continue;
        k->how = traces || answer == WHERE_OPEN || compared == 2 ? FROM_TRACE : FROM_SCAN;
        k->side = f->compare != NULL ? compared == 0 : f->side;
    }
}

static void number_scanned(struct reading *r)
{
    for (size_t i = 0; i < r->count; i++) {
        bool added;

        if (r->known[i].how != FROM_SCAN)
            continue;

        const size_t number = idmap_put(&r->numbers, r->runs[i].id, &added);

        r->by_number = memory_grow(r->by_number, &r->by_number_cap, number + 1, sizeof *r->by_number);
        r->by_number[number] = i;
        r->scanned++;
    }
}

static bool find_scanned(const struct reading *r, const uint8_t id[16], size_t *i)
{
    size_t number;

    if (!idmap_find(&r->numbers, id, &number))
        return false;
    *i = r->by_number[number];
    return true;
}

/* Values of runs, such as tags, are not in the list of runs: a scan of runs alone has them. */
static int scan_run_values(struct reading *r, xray_error *err)
{
    xray_scan *scan = NULL;
    xray_scan_record record;
    int status = xray_scan_open(&scan, r->feed->store, XRAY_SCAN_RUN, err);

    while (status >= 0 && (status = xray_scan_next(scan, &record, err)) == 1) {
        const struct record values = {.store = r->feed->store, .run = record.run};
        size_t i;

        if (find_scanned(r, record.run->id, &i))
            group_of_run(r->feed->grouping, &values, &r->known[i].group);
    }
    xray_scan_close(scan);
    return status;
}

static int group_scanned(struct reading *r, xray_error *err)
{
    if (r->scanned > 0 && grouping_needs_values(r->feed->grouping))
        return scan_run_values(r, err);
    for (size_t i = 0; i < r->count; i++) {
        const struct record values = {.store = r->feed->store, .run = &r->runs[i]};

        if (r->known[i].how == FROM_SCAN)
            group_of_run(r->feed->grouping, &values, &r->known[i].group);
    }
    return 0;
}

/* ---- sums ---- */

/* A group of runs is taken as a whole: all are wanted, all belong to the same lines. */
static bool choose_sums(void *ctx, const size_t *runs, size_t count)
{
    struct reading *r = ctx;
    const struct known *first = &r->known[runs[0]];

    for (size_t i = 0; i < count; i++) {
        const struct known *k = &r->known[runs[i]];

        if (k->how != FROM_SCAN || k->side != first->side || !group_equal(&k->group, &first->group))
            return false;
    }
    for (size_t i = 0; i < count; i++)
        r->known[runs[i]].how = FROM_SUM;
    r->scanned -= count;
    return true;
}

static int take_sum(void *ctx, const size_t *runs, size_t count, const xray_step_sum *sum)
{
    struct reading *r = ctx;
    const struct feed_run run = run_at(r, runs[0]);

    (void)count;
    r->feed->take_sum(r->feed->ctx, &run, &r->known[runs[0]].group, sum);
    return 0;
}

/* What the indexes have added up already. */
static int read_sums(struct reading *r, xray_error *err)
{
    static const xray_sum_visitor visitor = {choose_sums, take_sum};

    if (r->feed->take_sum == NULL || grouping_of_steps(r->feed->grouping))
        return 0;
    return xray_store_sums(r->feed->store, &visitor, r, err);
}

/* ---- steps ---- */

/* Runs are all known before the first of their steps. */
static void take_runs(struct reading *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct feed_run run = run_at(r, i);

        if (r->known[i].how == FROM_SCAN)
            r->feed->take_run(r->feed->ctx, &run);
    }
}

/* The blocks that have steps of the runs that are left. */
static int narrow_scan(const struct reading *r, xray_scan *scan, xray_error *err)
{
    size_t *runs = memory_new(r->scanned, sizeof *runs);
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++) {
        if (r->known[i].how == FROM_SCAN)
            runs[count++] = i;
    }

    const int status = xray_scan_only(scan, runs, count, err);

    free(runs);
    return status;
}

static int scan_steps(struct reading *r, xray_error *err)
{
    const struct feed *f = r->feed;
    xray_scan *scan = NULL;
    xray_scan_record record;
    int status = xray_scan_open(&scan, f->store, XRAY_SCAN_STEP, err);

    if (status >= 0)
        status = narrow_scan(r, scan, err);
    while (status >= 0 && (status = xray_scan_next(scan, &record, err)) == 1) {
        size_t i;

        if (!find_scanned(r, record.step->run_id, &i) || r->known[i].how != FROM_SCAN)
            continue;

        const struct record values = {.store = f->store, .run = &r->runs[i], .step = record.step};
        const struct feed_run run = run_at(r, i);
        struct group group = r->known[i].group;

        group_of_step(f->grouping, &values, &group);
        f->take_step(f->ctx, &run, &group, record.step);
    }
    xray_scan_close(scan);
    return status;
}

/* The steps of an opened run that are wanted. A run of which none is wanted is not there at all. */
static void take_trace(struct reading *r, size_t i, xray_trace *trace)
{
    const struct feed *f = r->feed;
    const bool each = where_has_steps(f->where);
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    const struct feed_run run = run_at(r, i);
    struct record values = {.store = f->store, .trace = trace, .run = xray_trace_run(trace)};
    bool taken = !each;

    group_of_run(f->grouping, &values, &r->known[i].group);
    if (taken)
        f->take_run(f->ctx, &run);
    for (size_t k = 0; k < count; k++) {
        struct group group = r->known[i].group;

        if (each && !where_step(f->where, f->store, trace, k))
            continue;
        if (!taken)
            f->take_run(f->ctx, &run);
        taken = true;
        values.step = &steps[k];
        group_of_step(f->grouping, &values, &group);
        f->take_step(f->ctx, &run, &group, &steps[k]);
    }
}

static int open_trace(struct reading *r, size_t i, xray_error *err)
{
    const struct feed *f = r->feed;
    xray_trace *trace = NULL;
    int status = xray_trace_open(&trace, f->store, i, err);

    if (status < 0)
        return status;
    if (where_run(f->where, f->store, trace)) {
        if (f->compare != NULL) {
            status = xray_query_match_run(f->compare, f->store, trace, err);
            r->known[i].side = status == 0;
            if (status == XRAY_ELIMIT) { /* this run cannot be told; the others can */
                cli_error("--compare", "%s", err->message);
                xray_trace_close(trace);
                return 0;
            }
        }
        if (status >= 0)
            take_trace(r, i, trace);
    }
    xray_trace_close(trace);
    return status < 0 ? status : 0;
}

static int read_all(struct reading *r, xray_error *err)
{
    number_scanned(r);

    int status = group_scanned(r, err);

    if (status >= 0)
        take_runs(r);
    if (status >= 0)
        status = read_sums(r, err);
    if (status >= 0 && r->scanned > 0)
        status = scan_steps(r, err);
    for (size_t i = 0; i < r->count && status >= 0; i++) {
        if (r->known[i].how == FROM_TRACE)
            status = open_trace(r, i, err);
    }
    return status;
}

bool feed_read(const struct feed *feed)
{
    struct reading r = {.feed = feed};
    xray_error err = {0};
    int status = xray_store_runs(feed->store, &r.runs, &r.count, &err);

    where_use_store(feed->where, feed->store);

    if (status >= 0) {
        r.known = memory_new(r.count, sizeof *r.known);
        choose(&r);
        status = read_all(&r, &err);
    }
    free(r.known);
    free(r.by_number);
    idmap_free(&r.numbers);
    if (status < 0)
        input_failed(&err);
    return status >= 0;
}
