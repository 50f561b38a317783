/* See visits.h. */
#include "why/visits.h"

#include <stdlib.h>

#include "common/cli.h"
#include "common/input.h"
#include "common/runs.h"

static uint32_t number_of_code(struct visits *v, xray_str code)
{
    bool added = false;
    const size_t at = strmap_put(&v->code_map, code, &added);

    if (added) {
        v->codes = memory_grow(v->codes, &v->code_cap, at + 1, sizeof *v->codes);
        v->codes[at] = (struct text){0};
        text_put(&v->codes[at], code.ptr, code.len);
    }
    return (uint32_t)at + 1;
}

/* 0, or a status. */
static int add(struct visits *v, xray_store *store, const xray_item_record *rec, xray_error *err)
{
    bool added = false;
    struct visit *visit;
    size_t run;
    const int r = xray_store_run_index(store, rec->run_id, &run, err);

    if (r <= 0)
        return r; /* nothing is known of its run */
    if (v->count == v->cap)
        v->items = memory_grow(v->items, &v->cap, v->count + 1, sizeof *v->items);
    visit = &v->items[v->count++];
    *visit = (struct visit){
        .raw_step = rec->raw_step,
        .run = (uint32_t)run, /* a store has fewer than 2^32 (spec 11) */
        .writer = (uint32_t)idmap_put(&v->writers, rec->writer_id, &added),
        .verdict = rec->event.verdict,
    };
    if (rec->event.reason_count > 0 && rec->event.reasons[0].code.len > 0)
        visit->code = number_of_code(v, rec->event.reasons[0].code);
    return 0;
}

static int compare_runs(const void *a, const void *b)
{
    const struct visit *x = a, *y = b;

    return (x->run > y->run) - (x->run < y->run);
}

/* Newest run first, as xray-ls lists them. */
static int compare_starts(const void *a, const void *b)
{
    const struct visited *x = a, *y = b;

    if (x->start_ns != y->start_ns)
        return x->start_ns > y->start_ns ? -1 : 1;
    return x->at > y->at ? -1 : x->at < y->at;
}

static int compare_steps(const void *a, const void *b)
{
    const struct visit *x = a, *y = b;

    return (x->step > y->step) - (x->step < y->step);
}

static int gather_runs(struct visits *v, xray_store *store, xray_error *err)
{
    size_t cap = 0;

    qsort(v->items, v->count, sizeof *v->items, compare_runs);
    for (size_t at = 0, end; at < v->count; at = end) {
        xray_run_record run;
        const int r = xray_store_run(store, v->items[at].run, &run, err);

        if (r < 0)
            return r;
        for (end = at; end < v->count && v->items[end].run == v->items[at].run;)
            end++;
        if (v->run_count == cap)
            v->runs = memory_grow(v->runs, &cap, v->run_count + 1, sizeof *v->runs);
        v->runs[v->run_count++] =
            (struct visited){.start_ns = run.start_ns, .at = (uint32_t)at, .end = (uint32_t)end};
    }
    qsort(v->runs, v->run_count, sizeof *v->runs, compare_starts);
    return 0;
}

bool visits_find(struct visits *v, xray_store *store, xray_str item)
{
    xray_items *items = NULL;
    xray_item_record rec;
    xray_error err = {0};
    int r = xray_items_open(&items, store, item, &err);

    while (r >= 0 && v->count < VISITS_MAX && (r = xray_items_next(items, &rec, &err)) == 1)
        r = add(v, store, &rec, &err);
    if (r >= 0 && v->count == VISITS_MAX) {
        cli_say(NULL, "there are more than %d records of the item: those after the first %d are left out", VISITS_MAX, VISITS_MAX);
        cli_skipped();
    }
    xray_items_close(items);
    if (r >= 0 && v->count > 0)
        r = gather_runs(v, store, &err);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

static void resolve(struct visits *v, struct visit *visit, const xray_trace *trace)
{
    size_t count, writer;
    const xray_step_record *steps = xray_trace_steps(trace, &count);

    visit->step = 0;
    for (size_t i = 0; i < count; i++)
        if (steps[i].raw_number == visit->raw_step && idmap_find(&v->writers, steps[i].writer_id, &writer) &&
            writer == visit->writer)
            visit->step = (uint32_t)steps[i].number;
}

xray_trace *visits_open(struct visits *v, xray_store *store, struct where *where, size_t i)
{
    const struct visited *visited = &v->runs[i];
    const size_t run = v->items[visited->at].run;
    enum where_answer answer;
    xray_run_record record;
    xray_trace *trace = NULL;
    xray_error err = {0};

    if (xray_store_run(store, run, &record, &err) < 0) {
        input_failed(&err);
        return NULL;
    }
    answer = where_test_run(where, run, &record);
    if (answer == WHERE_NO)
        return NULL;
    if (xray_trace_open(&trace, store, run, &err) < 0) {
        input_failed(&err);
        return NULL;
    }
    if (answer == WHERE_OPEN && !where_run(where, store, trace)) {
        xray_trace_close(trace);
        return NULL;
    }
    for (size_t k = visited->at; k < visited->end; k++)
        resolve(v, &v->items[k], trace);
    if (visited->end - visited->at > 1)
        qsort(v->items + visited->at, visited->end - visited->at, sizeof *v->items, compare_steps);
    return trace;
}

const xray_step_record *visits_step(const struct visit *visit, const xray_trace *trace)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);

    return visit->step > 0 && (size_t)visit->step <= count ? &steps[visit->step - 1] : NULL;
}

void visits_fate(const struct visits *v, size_t i, const struct visit **survived, const struct visit **left)
{
    *survived = *left = NULL;
    for (size_t k = v->runs[i].at; k < v->runs[i].end; k++) {
        if (v->items[k].verdict != XRAY_REJECT) {
            *survived = &v->items[k];
            *left = NULL;
        } else if (*left == NULL) {
            *left = &v->items[k];
        }
    }
}

xray_str visits_code(const struct visits *v, const struct visit *visit)
{
    return visit->code > 0 ? text_str(&v->codes[visit->code - 1]) : xray_strn(NULL, 0);
}

void visits_free(struct visits *v)
{
    for (size_t i = 0; i < v->code_map.count; i++)
        text_free(&v->codes[i]);
    free(v->codes);
    free(v->items);
    free(v->runs);
    strmap_free(&v->code_map);
    idmap_free(&v->writers);
}
