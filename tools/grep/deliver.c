/* See deliver.h. */
#include "grep/deliver.h"

#include <stdlib.h>

#include "common/input.h"
#include "common/out.h"
#include "grep/context.h"

void deliver_begin(struct deliver *d, struct settings *settings, const struct marker *marker,
                   struct search *search)
{
    *d = (struct deliver){.settings = settings, .marker = marker, .search = search};
    hitprint_begin(&d->print, settings, search);
    if (settings->sort != NULL)
        order_begin(&d->order, settings->sort, settings->unit, settings->top);
}

void deliver_free(struct deliver *d)
{
    order_free(&d->order);
    hitprint_end(&d->print);
}

bool deliver_needs_trace(const struct deliver *d)
{
    if (d->settings->context.whole_run || (d->settings->sort != NULL && field_needs(&d->order.field) != 0))
        return true;
    switch (d->print.mode) {
    case HITPRINT_TEXT: /* the heading has the tags */
        return true;
    case HITPRINT_ROWS:
        return rows_needs(d->print.rows) != 0;
    case HITPRINT_ONLY:
    case HITPRINT_JSON:
        break;
    }
    return false;
}

/* Is the matching text shown? With -v there is none. */
static bool shows_text(const struct deliver *d)
{
    return d->settings->has_pattern && !d->settings->invert;
}

/* ---- printing ---- */

struct candidate_visit {
    struct deliver *d;
    xray_trace *trace;
    const xray_run_record *run;
    const xray_step_record *step;
    size_t index;  /* of the run */
    uint64_t only; /* print this one */
    bool all;
};

static void print_candidate(void *ctx, const xray_event_record *record, uint64_t event)
{
    struct candidate_visit *v = ctx;

    if (v->all || event == v->only)
        hitprint_candidate(&v->d->print, v->step, record, shows_text(v->d));
}

static void print_step(struct deliver *d, xray_trace *trace, const xray_step_record *steps, size_t i,
                       uint64_t hits)
{
    struct candidate_visit v = {.d = d, .trace = trace, .step = &steps[i], .all = true};

    if (hits == 0)
        hitprint_step(&d->print, &steps[i], false, false);
    else if (d->settings->unit == XRAY_UNIT_CAND)
        mark_candidates(d->marker, trace, i, hits, print_candidate, &v);
    else
        hitprint_step(&d->print, &steps[i], true, shows_text(d));
}

static void print_steps(struct deliver *d, xray_trace *trace, const struct marks *marks)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    bool *shown = memory_new(count, sizeof *shown);

    if (marks->run_text && shows_text(d))
        hitprint_run_text(&d->print);
    context_choose(&d->settings->context, steps, count, marks->hits, shown);
    for (size_t i = 0; i < count; i++) {
        if (shown[i])
            print_step(d, trace, steps, i, marks->hits[i]);
    }
    free(shown);
}

static void print_run(struct deliver *d, xray_trace *trace, const xray_run_record *run,
                      const struct marks *marks)
{
    hitprint_run(&d->print, trace, run);
    if (d->settings->unit == XRAY_UNIT_RUN)
        hitprint_run_hit(&d->print);
    if (d->settings->unit != XRAY_UNIT_RUN || d->settings->context.whole_run)
        print_steps(d, trace, marks);
    out_rest();
}

/* ---- keeping ---- */

static void keep(struct candidate_visit *v, const xray_step_record *step, const xray_event_record *record,
                 uint64_t event)
{
    const struct record r = {
        .store = v->d->search->store,
        .trace = v->trace,
        .run = v->run,
        .step = step,
        .event = record,
    };

    order_add(&v->d->order, &r, v->index, step != NULL ? step->number - 1 : ORDER_NO_STEP, event);
}

static void keep_candidate(void *ctx, const xray_event_record *record, uint64_t event)
{
    struct candidate_visit *v = ctx;

    keep(v, v->step, record, event);
}

static void keep_run(struct deliver *d, size_t index, xray_trace *trace, const xray_run_record *run,
                     const struct marks *marks)
{
    struct candidate_visit v = {.d = d, .trace = trace, .run = run, .index = index};
    size_t count = 0;
    const xray_step_record *steps = NULL;

    if (d->settings->unit == XRAY_UNIT_RUN || marks->run_text)
        keep(&v, NULL, NULL, 0);
    if (d->settings->unit == XRAY_UNIT_RUN)
        return;
    steps = xray_trace_steps(trace, &count);
    for (size_t i = 0; i < count; i++) {
        v.step = &steps[i];
        if (marks->hits[i] > 0 && d->settings->unit == XRAY_UNIT_CAND)
            mark_candidates(d->marker, trace, i, marks->hits[i], keep_candidate, &v);
        else if (marks->hits[i] > 0)
            keep(&v, v.step, NULL, 0);
    }
}

static void print_kept(struct deliver *d, xray_trace *trace, const struct order_hit *hit)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    struct candidate_visit v = {.d = d, .trace = trace, .only = hit->event};

    if (hit->step == ORDER_NO_STEP && d->settings->unit == XRAY_UNIT_RUN) {
        hitprint_run_hit(&d->print);
    } else if (hit->step == ORDER_NO_STEP) {
        hitprint_run_text(&d->print);
    } else if ((size_t)hit->step < count && d->settings->unit == XRAY_UNIT_CAND) {
        v.step = &steps[hit->step];
        mark_candidates(d->marker, trace, (size_t)hit->step, UINT64_MAX, print_candidate, &v);
    } else if ((size_t)hit->step < count) {
        hitprint_step(&d->print, &steps[hit->step], true, shows_text(d));
    }
}

void deliver_run(struct deliver *d, size_t index, xray_trace *trace, const xray_run_record *run,
                 const struct marks *marks)
{
    if (d->settings->sort != NULL)
        keep_run(d, index, trace, run, marks);
    else
        print_run(d, trace, run, marks);
}

/* Hits that stand side by side and are of one run have one heading. */
void deliver_finish(struct deliver *d)
{
    xray_trace *trace = NULL;
    xray_error err = {0};

    if (d->settings->sort == NULL)
        return;
    order_finish(&d->order);
    for (size_t i = 0; i < d->order.count; i++) {
        const struct order_hit *hit = &d->order.hits[i];

        if (i == 0 || hit->run != d->order.hits[i - 1].run || trace == NULL) {
            xray_trace_close(trace);
            trace = NULL;
            if (xray_trace_open(&trace, d->search->store, hit->run, &err) < 0) {
                input_failed(&err);
                continue;
            }
            hitprint_run(&d->print, trace, xray_trace_run(trace));
        }
        print_kept(d, trace, hit);
    }
    xray_trace_close(trace);
    out_rest();
}
