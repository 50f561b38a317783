/* See feed.h. */
#include "funnel/feed.h"

#include <stdlib.h>

#include "common/cli.h"
#include "common/input.h"
#include "common/narrow.h"
#include "common/runs.h"

/* What is known of a run before its steps are seen. */
struct known {
    uint8_t how; /* enum how */
    uint8_t side;
    uint32_t group; /* number of its group, as far as the run tells */
};

enum how {
    LEFT_OUT,
    FROM_SCAN,
    SOME_FROM_SCAN, /* those of its steps that are wanted, as their records tell */
    FROM_SUM,
    FROM_TRACE,
};

enum { FEW_RUNS = 16 }; /* are opened rather than scanned for */

struct reading {
    const struct feed *feed;
    size_t count;
    struct known *known;
    size_t scanned; /* runs whose steps come from the scan */
    struct strmap group_numbers; /* by their bytes */
    struct group *groups;
    size_t group_cap;
    size_t last_group; /* mostly the next run belongs to it as well */
    struct runs_last last;
};

static uint32_t group_number(struct reading *r, const struct group *group)
{
    bool added;
    size_t number;

    if (r->last_group < r->group_numbers.count && group_equal(group, &r->groups[r->last_group]))
        return (uint32_t)r->last_group;
    number = strmap_put(&r->group_numbers, xray_strn((const char *)group, sizeof *group), &added);
    r->last_group = number;
    if (added) {
        r->groups = memory_grow(r->groups, &r->group_cap, number + 1, sizeof *r->groups);
        r->groups[number] = *group;
    }
    return (uint32_t)number;
}

static struct feed_run run_at(struct reading *r, size_t i)
{
    return (struct feed_run){
        .number = r->feed->first_number + i,
        .side = r->known[i].side,
        .record = runs_at(&r->last, r->feed->store, i),
    };
}

/* ---- before the steps ---- */

static bool is_scanned(const struct known *k)
{
    return k->how == FROM_SCAN || k->how == SOME_FROM_SCAN;
}

static enum where_answer test_step(void *ctx, const xray_run_record *run, const xray_step_record *step)
{
    return where_test_step(ctx, run, step);
}

/* Takes the steps of runs in question from the scan as well, where their records tell which are wanted. answers[i]: enum where_answer,
 * WHERE_OPEN of runs of which nothing else needs the trace. */
static void narrow(struct reading *r, uint8_t *answers)
{
    struct narrow n = {0};

    if (narrow_runs(&n, r->feed->store, answers, r->count, where_needs(r->feed->where), test_step, r->feed->where)) {
        for (size_t i = 0; i < r->count; i++) {
            struct known *k = &r->known[i];

            if (k->how == FROM_TRACE && answers[i] == WHERE_NO)
                k->how = LEFT_OUT;
            if (k->how == FROM_TRACE && answers[i] == WHERE_OPEN && !n.open[i])
                k->how = SOME_FROM_SCAN;
            r->scanned += k->how == SOME_FROM_SCAN;
        }
    }
    narrow_free(&n);
}

/* Without a question every run is wanted, and its record need not be made for that. */
static void choose_all(struct reading *r)
{
    for (size_t i = 0; i < r->count; i++) {
        r->known[i].how = FROM_SCAN;
        r->known[i].side = (uint8_t)r->feed->side;
    }
    r->scanned = r->count;
}

/* Chooses among the runs, as far as their records tell. */
static void choose(struct reading *r)
{
    const struct feed *f = r->feed;
    const bool traces = grouping_needs_traces(f->grouping);

    if (where_is_all(f->where) && f->compare == NULL && !traces) {
        choose_all(r);
        return;
    }

    uint8_t *answers = memory_new(r->count, sizeof *answers);
    size_t open = 0;

    for (size_t i = 0; i < r->count; i++) {
        struct known *k = &r->known[i];
        const xray_run_record *run = runs_at(&r->last, r->feed->store, i);
        const enum where_answer answer = where_test_run(f->where, i, run);
        const int compared = f->compare != NULL ? xray_query_test_run(f->compare, run) : 1;

        answers[i] = WHERE_YES; /* nothing to ask of its steps */
        if (answer == WHERE_NO)
            continue;
        if (answer == WHERE_OPEN && !traces && compared != 2) {
            answers[i] = WHERE_OPEN;
            open++;
        }
        k->how = traces || answer == WHERE_OPEN || compared == 2 ? FROM_TRACE : FROM_SCAN;
        k->side = (uint8_t)(f->compare != NULL ? compared == 0 : f->side);
        r->scanned += k->how == FROM_SCAN;
    }
    if (open > FEW_RUNS && where_has_steps(f->where))
        narrow(r, answers);
    free(answers);
}

static bool find_scanned(const struct reading *r, const uint8_t id[16], size_t *i)
{
    return xray_store_run_index(r->feed->store, id, i, NULL) == 1 && is_scanned(&r->known[*i]);
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

        struct group group;

        if (!find_scanned(r, record.run->id, &i))
            continue;
        group_of_run(r->feed->grouping, &values, &group);
        r->known[i].group = group_number(r, &group);
    }
    xray_scan_close(scan);
    return status;
}

static void group_run(struct reading *r, size_t i)
{
    struct record values = {.store = r->feed->store, .run = runs_at(&r->last, r->feed->store, i)};
    struct group group;

    group_of_run(r->feed->grouping, &values, &group);
    r->known[i].group = group_number(r, &group);
}

static void take_run(struct reading *r, size_t i)
{
    const struct feed_run run = run_at(r, i);

    r->feed->take_run(r->feed->ctx, &run);
}

/* Runs are all known before the first of their steps. */
static int take_runs(struct reading *r, xray_error *err)
{
    const bool values = grouping_needs_values(r->feed->grouping);
    const int status = values && r->scanned > 0 ? scan_run_values(r, err) : 0;

    for (size_t i = 0; i < r->count && status >= 0; i++) {
        if (is_scanned(&r->known[i]) && !values)
            group_run(r, i);
        if (r->known[i].how == FROM_SCAN)
            take_run(r, i);
    }
    return status;
}

/* ---- sums ---- */

/* A group of runs is taken as a whole: all are wanted, all belong to the same lines. */
static bool choose_sums(void *ctx, const size_t *runs, size_t count)
{
    struct reading *r = ctx;
    const struct known *first = &r->known[runs[0]];

    for (size_t i = 0; i < count; i++) {
        const struct known *k = &r->known[runs[i]];

        if (k->how != FROM_SCAN || k->side != first->side || k->group != first->group)
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
    r->feed->take_sum(r->feed->ctx, &run, &r->groups[r->known[runs[0]].group], sum);
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

/* The blocks that have steps of the runs that are left. */
static int narrow_scan(const struct reading *r, xray_scan *scan, xray_error *err)
{
    if (r->scanned == r->count)
        return 0;

    size_t *runs = memory_new(r->scanned, sizeof *runs);
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++) {
        if (is_scanned(&r->known[i]))
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
    if (status >= 0 && !grouping_of_steps(f->grouping)) /* the reasons are counted */
        xray_scan_without(scan, narrow_without(where_needs(f->where) | XRAY_NEEDS_REASONS));
    while (status >= 0 && (status = xray_scan_next(scan, &record, err)) == 1) {
        size_t i;

        if (!find_scanned(r, record.step->run_id, &i))
            continue;

        const struct feed_run run = run_at(r, i);
        const struct record values = {.store = f->store, .run = run.record, .step = record.step};

        if (r->known[i].how == SOME_FROM_SCAN && where_test_step(f->where, run.record, record.step) != WHERE_YES)
            continue;

        struct group group = r->groups[r->known[i].group];

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
    struct group of_run;
    bool taken = !each;

    group_of_run(f->grouping, &values, &of_run);
    if (taken)
        f->take_run(f->ctx, &run);
    for (size_t k = 0; k < count; k++) {
        struct group group = of_run;

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
            r->known[i].side = (uint8_t)(status == 0);
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
    int status = take_runs(r, err);

    if (status >= 0)
        status = read_sums(r, err);
    /* Pipelines are shown as their runs come: the same whether records were enough or not. */
    for (size_t i = 0; i < r->count && status >= 0; i++) {
        if (r->known[i].how == SOME_FROM_SCAN)
            take_run(r, i);
        if (r->known[i].how == FROM_TRACE)
            status = open_trace(r, i, err);
    }
    if (status >= 0 && r->scanned > 0)
        status = scan_steps(r, err);
    return status;
}

bool feed_read(const struct feed *feed)
{
    struct reading r = {.feed = feed};
    const struct group none = {0};
    xray_error err = {0};
    int status = xray_store_run_count(feed->store, &r.count, &err);

    where_use_store(feed->where, feed->store);

    if (status >= 0) {
        r.known = memory_new(r.count, sizeof *r.known);
        group_number(&r, &none); /* that of runs of which nothing is known is number 0 */
        choose(&r);
        status = read_all(&r, &err);
    }
    free(r.known);
    strmap_free(&r.group_numbers);
    free(r.groups);
    if (status < 0)
        input_failed(&err);
    return status >= 0;
}
