/* See visits.h. */
#include "why/visits.h"

#include <stdlib.h>

#include "common/input.h"
#include "common/runs.h"

static xray_str keep_text(xray_str text)
{
    char *copy = memory_new(text.len + 1, 1);

    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return xray_strn(copy, text.len);
}

/* 0, or a status. */
static int add(struct visits *v, xray_store *store, const xray_item_record *rec, xray_error *err)
{
    struct visit visit_now = {.raw_step = rec->raw_step, .verdict = rec->event.verdict};
    struct visit *visit;
    xray_run_record run;
    int r = xray_store_run_index(store, rec->run_id, &visit_now.run, err);

    if (r <= 0)
        return r; /* nothing is known of its run */
    r = xray_store_run(store, visit_now.run, &run, err);
    if (r < 0)
        return r;
    visit_now.run_start_ns = run.start_ns;
    if (v->count == v->cap)
        v->items = memory_grow(v->items, &v->cap, v->count + 1, sizeof *v->items);
    visit = &v->items[v->count];
    *visit = visit_now;
    memcpy(visit->writer_id, rec->writer_id, 16);
    if (rec->event.reason_count > 0 && rec->event.reasons[0].code.len > 0)
        visit->code = keep_text(rec->event.reasons[0].code);
    v->count++;
    return 0;
}

/* Newest run first, as xray-ls lists them. */
static int compare_runs(const void *a, const void *b)
{
    const struct visit *x = a, *y = b;

    if (x->run_start_ns != y->run_start_ns)
        return x->run_start_ns > y->run_start_ns ? -1 : 1;
    return x->run > y->run ? -1 : x->run < y->run;
}

static int compare_steps(const void *a, const void *b)
{
    const struct visit *x = a, *y = b;

    return (x->step > y->step) - (x->step < y->step);
}

bool visits_find(struct visits *v, xray_store *store, xray_str item)
{
    xray_items *items = NULL;
    xray_item_record rec;
    xray_error err = {0};
    int r = xray_items_open(&items, store, item, &err);

    while (r >= 0 && (r = xray_items_next(items, &rec, &err)) == 1)
        r = add(v, store, &rec, &err);
    xray_items_close(items);
    if (r < 0) {
        input_failed(&err);
        return false;
    }
    if (v->count > 0)
        qsort(v->items, v->count, sizeof *v->items, compare_runs);
    return true;
}

static void resolve(struct visit *visit, const xray_trace *trace)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);

    visit->step = 0;
    for (size_t i = 0; i < count; i++)
        if (steps[i].raw_number == visit->raw_step && memcmp(steps[i].writer_id, visit->writer_id, 16) == 0)
            visit->step = steps[i].number;
}

xray_trace *visits_open(struct visits *v, xray_store *store, struct where *where, size_t at, size_t *end)
{
    const size_t run = v->items[at].run;
    enum where_answer answer;
    xray_run_record record;
    xray_trace *trace = NULL;
    xray_error err = {0};

    for (*end = at; *end < v->count && v->items[*end].run == run;)
        ++*end;
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
    for (size_t i = at; i < *end; i++)
        resolve(&v->items[i], trace);
    qsort(v->items + at, *end - at, sizeof *v->items, compare_steps);
    return trace;
}

const xray_step_record *visits_step(const struct visit *visit, const xray_trace *trace)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);

    return visit->step > 0 && (size_t)visit->step <= count ? &steps[visit->step - 1] : NULL;
}

void visits_fate(const struct visits *v, size_t at, size_t end, const struct visit **survived, const struct visit **left)
{
    *survived = *left = NULL;
    for (size_t i = at; i < end; i++) {
        if (v->items[i].verdict != XRAY_REJECT) {
            *survived = &v->items[i];
            *left = NULL;
        } else if (*left == NULL) {
            *left = &v->items[i];
        }
    }
}

void visits_free(struct visits *v)
{
    for (size_t i = 0; i < v->count; i++)
        free((char *)v->items[i].code.ptr);
    free(v->items);
}
