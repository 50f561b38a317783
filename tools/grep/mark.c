/* See mark.h. */
#include "grep/mark.h"

#include <stdlib.h>

#include "common/input.h"

/* -v turns steps and candidates round, each for itself; a run is turned round as a whole. */
static bool inverts_text(const struct marker *m)
{
    return m->settings->invert && m->settings->unit != XRAY_UNIT_RUN;
}

static bool text_is_wanted(const struct marker *m, xray_trace *trace, const xray_step_record *step)
{
    if (!m->settings->has_pattern)
        return true;

    const bool matches = search_step(m->search, step) || search_events(m->search, trace, step->number);

    return matches != inverts_text(m);
}

static bool step_is_chosen(const struct marker *m, xray_trace *trace, size_t step)
{
    return !selection_has_steps(m->selection) || selection_step(m->selection, m->search->store, trace, step);
}

/* The cheaper test first. */
static bool step_is_hit(const struct marker *m, xray_trace *trace, const xray_step_record *steps, size_t i)
{
    if (m->text_first)
        return text_is_wanted(m, trace, &steps[i]) && step_is_chosen(m, trace, i);
    return step_is_chosen(m, trace, i) && text_is_wanted(m, trace, &steps[i]);
}

static bool candidate_is_hit(const struct marker *m, xray_trace *trace, size_t step,
                             const xray_event_record *event)
{
    if (m->settings->has_pattern && search_event(m->search, event) == inverts_text(m))
        return false;
    return selection_event(m->selection, m->search->store, trace, step, event);
}

void mark_candidates(const struct marker *m, xray_trace *trace, size_t step, uint64_t limit, mark_visit visit,
                     void *ctx)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    xray_events *events = NULL;
    xray_event_record record;
    xray_error err = {0};
    uint64_t found = 0;

    if (m->settings->has_pattern && !inverts_text(m) &&
        !search_may_have_step_events(m->search, trace, steps[step].number))
        return;

    int r = xray_events_open(&events, trace, steps[step].number, XRAY_EVENT_CANDIDATE, &err);

    for (uint64_t i = 0; r >= 0 && found < limit && (r = xray_events_next(events, &record, &err)) == 1; i++) {
        if (!candidate_is_hit(m, trace, step, &record))
            continue;
        visit(ctx, &record, i);
        found++;
    }
    if (r < 0)
        input_failed(&err);
    xray_events_close(events);
}

static void count_candidate(void *ctx, const xray_event_record *record, uint64_t event)
{
    (void)record;
    (void)event;
    ++*(uint64_t *)ctx;
}

static bool is_listed(const struct marker *m, uint32_t segment)
{
    return m->listed != NULL && segment < xray_store_segment_count(m->search->store) && m->listed[segment];
}

static uint64_t hits_of_step(const struct marker *m, xray_trace *trace, const xray_step_record *steps,
                             size_t i, uint64_t limit)
{
    uint64_t candidates = 0;

    if (is_listed(m, steps[i].segment))
        return 0;
    if (m->settings->unit != XRAY_UNIT_CAND)
        return step_is_hit(m, trace, steps, i);
    if (step_is_chosen(m, trace, i))
        mark_candidates(m, trace, i, limit, count_candidate, &candidates);
    return candidates;
}

/* The run's own text is a step 0 of which an expression about steps does not hold. */
static bool run_text_is_hit(const struct marker *m, xray_trace *trace)
{
    const xray_run_record *run = xray_trace_run(trace);

    if (!m->settings->has_pattern || inverts_text(m) || m->settings->unit == XRAY_UNIT_CAND ||
        selection_has_steps(m->selection) || is_listed(m, run->segment))
        return false;
    return search_run(m->search, run) || search_events(m->search, trace, 0);
}

static void mark_steps(const struct marker *m, xray_trace *trace, uint64_t limit, struct marks *out)
{
    const xray_step_record *steps = xray_trace_steps(trace, &out->count);

    out->hits = memory_grow(out->hits, &out->cap, out->count + 1, sizeof *out->hits);
    memset(out->hits, 0, (out->count + 1) * sizeof *out->hits);
    out->run_text = limit > 0 && run_text_is_hit(m, trace);
    out->total = out->run_text;
    for (size_t i = 0; i < out->count && out->total < limit; i++) {
        out->hits[i] = hits_of_step(m, trace, steps, i, limit - out->total);
        out->total += out->hits[i];
    }
}

/* Without a pattern the expression speaks of the run; with one it is a hit if a step of it is. With the
 * whole run to be printed all such steps are wanted. */
static void mark_whole(const struct marker *m, xray_trace *trace, bool chosen, struct marks *out)
{
    const bool all = m->settings->context.whole_run && settings_prints_hits(m->settings);

    mark_steps(m, trace, !m->settings->has_pattern ? 0 : all ? UINT64_MAX : 1, out);
    if (m->settings->has_pattern)
        out->total = (out->total > 0) != m->settings->invert;
    else
        out->total = chosen || selection_run(m->selection, m->search->store, trace);
}

void mark_run(const struct marker *m, xray_trace *trace, enum where_answer answer, uint64_t limit,
              struct marks *out)
{
    const bool chosen = answer == WHERE_YES;

    out->total = 0;
    if (limit == 0)
        return;
    if (!chosen && !selection_has_steps(m->selection) &&
        !selection_run(m->selection, m->search->store, trace))
        return;
    if (m->settings->unit == XRAY_UNIT_RUN)
        mark_whole(m, trace, chosen || !selection_has_steps(m->selection), out);
    else
        mark_steps(m, trace, limit, out);
}

void marks_free(struct marks *marks)
{
    free(marks->hits);
    *marks = (struct marks){0};
}
