/* See print.h. */
#include "cat/print.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/horizon.h"
#include "common/input.h"
#include "common/out.h"
#include "common/runs.h"
#include "common/show.h"

static bool wants_event(void *ctx, size_t step, const xray_event_record *event)
{
    struct printer *p = ctx;

    return event->kind == XRAY_EVENT_CANDIDATE &&
           where_event(&p->settings->where, p->store, p->trace, step, event);
}

/* ---- whole records ---- */

/* Writes what a call appended to the line, or reports its failure. */
static void write_line(struct printer *p, int r, const xray_error *err)
{
    if (r < 0)
        input_failed(err);
    else
        rows_put_json(&p->settings->rows, (const char *)p->line.data, p->line.len);
    p->line.len = 0;
    p->line.failed = false;
}

/* Of the run itself: step SIZE_MAX. */
static void write_events(struct printer *p, size_t step)
{
    const bool cands_only = p->settings->unit == XRAY_UNIT_CAND;
    const unsigned kinds =
        cands_only ? XRAY_EVENT_CANDIDATE : XRAY_EVENT_CANDIDATE | XRAY_EVENT_DECISION | XRAY_EVENT_NOTE;
    const int64_t number = step == SIZE_MAX ? 0 : p->steps[step].number;
    xray_events *events = NULL;
    xray_event_record event;
    xray_error err = {0};
    int r = xray_events_open(&events, p->trace, number, kinds, &err);

    while (r >= 0 && (r = xray_events_next(events, &event, &err)) == 1) {
        if (!cands_only || wants_event(p, step, &event))
            write_line(p, xray_event_json(p->store, p->run->id, number, &event, &p->line, &err), &err);
    }
    if (r < 0)
        input_failed(&err);
    xray_events_close(events);
}

/* Run, step and event lines of what is shown; with --unit only lines of that kind. */
static void write_records(struct printer *p, bool with_run)
{
    const struct settings *s = p->settings;
    const bool all = settings_streams(s);
    const bool events = !s->headers && (all || s->unit == XRAY_UNIT_CAND);
    xray_error err = {0};

    if (with_run && (all || s->unit == XRAY_UNIT_RUN))
        write_line(p, xray_run_json(p->store, p->run, &p->line, &err), &err);
    if (with_run && all && events && s->unit == XRAY_UNIT_RUN && s->upto == 0)
        write_events(p, SIZE_MAX);
    for (size_t i = 0; i < p->count; i++) {
        if (!p->shown[i])
            continue;
        if (all || s->unit == XRAY_UNIT_STEP)
            write_line(p, xray_step_json(p->store, &p->steps[i], &p->line, &err), &err);
        if (events && (s->upto == 0 || p->steps[i].ended))
            write_events(p, i);
    }
}

/* ---- rows of fields ---- */

static void put_event_rows(struct printer *p, struct record *record, size_t step)
{
    xray_events *events = NULL;
    xray_event_record event;
    xray_error err = {0};
    int r = xray_events_open(&events, p->trace, p->steps[step].number, XRAY_EVENT_CANDIDATE, &err);

    while (r >= 0 && (r = xray_events_next(events, &event, &err)) == 1) {
        record->event = &event;
        if (wants_event(p, step, &event))
            rows_put(&p->settings->rows, record);
    }
    if (r < 0)
        input_failed(&err);
    xray_events_close(events);
}

static void put_rows(struct printer *p, bool with_run)
{
    struct rows *rows = &p->settings->rows;
    struct record record = {.store = p->store, .trace = p->trace, .run = p->run};

    if (p->settings->unit == XRAY_UNIT_RUN) {
        if (with_run)
            rows_put(rows, &record);
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        record.step = &p->steps[i];
        if (!p->shown[i])
            continue;
        if (p->settings->unit == XRAY_UNIT_STEP)
            rows_put(rows, &record);
        else if (p->settings->upto == 0 || p->steps[i].ended)
            put_event_rows(p, &record, i);
    }
}

/* [...] of a template. */
static bool shows_step(void *ctx, const struct record *record, size_t step)
{
    const struct printer *p = ctx;

    (void)record;
    return step < p->count && p->shown[step];
}

/* ---- text ---- */

static void print_text(struct printer *p)
{
    const struct settings *s = p->settings;
    const bool whole = s->unit == XRAY_UNIT_RUN;
    const struct show_options options = {
        .id_digits = p->id_digits,
        .full = s->full,
        .outline = s->outline,
        .headers = s->headers,
        .only_steps = !whole,
        .steps_full = !whole && s->where.steps.count > 0 && !s->outline && !s->headers,
        .steps = p->shown,
        .upto = s->upto,
        .wants_event = s->unit == XRAY_UNIT_CAND ? wants_event : NULL,
        .ctx = p,
    };

    if (p->printed > 0 && !s->outline && !s->headers)
        out_put("\n", 1);
    show_run(p->store, p->trace, p->run, p->steps, p->count, &options);
}

/* ---- one run ---- */

static bool has_event(struct printer *p, size_t step)
{
    xray_events *events = NULL;
    xray_event_record event;
    bool found = false;

    if (xray_events_open(&events, p->trace, p->steps[step].number, XRAY_EVENT_CANDIDATE, NULL) < 0)
        return false;
    while (!found && xray_events_next(events, &event, NULL) == 1)
        found = wants_event(p, step, &event);
    xray_events_close(events);
    return found;
}

/* Which steps are shown; how many. With the run as the unit: all. */
static size_t choose_steps(struct printer *p, const struct print_part *part)
{
    struct settings *s = p->settings;
    const bool all = s->unit == XRAY_UNIT_RUN;
    size_t shown = 0;

    for (size_t i = 0; i < p->count; i++) {
        bool show = part == NULL || (!part->done[i] && (!part->open || p->steps[i].ended));

        show = show && (all || where_step(&s->where, p->store, p->trace, i));
        show = show && (s->unit != XRAY_UNIT_CAND || has_event(p, i));
        p->shown[i] = show;
        shown += show;
    }
    return shown;
}

/* --headers-only: the values are taken from the records. */
static void drop_values(xray_run_record *run, xray_step_record *steps, size_t count)
{
    const xray_ref none = {0};

    run->error = run->tags = run->metadata = run->input = run->output = run->attrs = none;
    for (size_t i = 0; i < count; i++) {
        xray_step_record *s = &steps[i];

        s->error = s->input = s->output = s->reasoning = s->filters = none;
        s->params = s->sampling = s->tags = s->metadata = s->attrs = none;
    }
}

static bool has_step(struct printer *p, xray_trace *trace, int64_t number)
{
    struct text id = {0};
    size_t count;

    xray_trace_steps(trace, &count);
    if ((uint64_t)number <= count)
        return true;
    if (where_has_ids(&p->settings->where)) {
        runs_put_id(&id, xray_trace_run(trace)->id, p->id_digits);
        cli_error(NULL, "run %.*s has %zu steps, not %" PRId64, (int)id.len, id.data, count, number);
        text_free(&id);
    }
    return false;
}

bool printer_has_steps(struct printer *p, xray_trace *trace)
{
    return has_step(p, trace, p->settings->upto) &&
           has_step(p, trace, where_step_number(&p->settings->where));
}

static void print_chosen(struct printer *p, const struct print_part *part)
{
    const bool with_run = part == NULL || !part->open;

    p->settings->rows_tool.shows_step = shows_step;
    p->settings->rows_tool.ctx = p;
    if (p->settings->rows.format == ROWS_TEXT)
        print_text(p);
    else if (rows_has_fields(&p->settings->rows))
        put_rows(p, with_run);
    else
        write_records(p, with_run);
    p->printed++;
    out_rest();
}

/* With copies of the records, where they are not shown as they are. */
static void print_changed(struct printer *p, const struct print_part *part)
{
    const struct settings *s = p->settings;
    xray_step_record *steps = memory_new(p->count, sizeof *steps);
    xray_run_record run = *p->run;

    if (p->count > 0)
        memcpy(steps, p->steps, p->count * sizeof *steps);
    if (s->upto > 0)
        horizon_apply(&run, steps, p->count);
    if (s->headers)
        drop_values(&run, steps, p->count);
    p->run = &run;
    p->steps = steps;
    print_chosen(p, part);
    free(steps);
}

bool print_trace(struct printer *p, xray_trace *trace, struct print_part *part)
{
    const struct settings *s = p->settings;
    bool prints;

    p->trace = trace;
    p->run = xray_trace_run(trace);
    p->steps = xray_trace_steps(trace, &p->count);
    if (s->upto > 0)
        p->count = (size_t)s->upto;
    p->shown = memory_new(p->count, sizeof *p->shown);

    const size_t shown = choose_steps(p, part);
    /* Of a run that is the unit something is shown though it has no steps. */
    const bool by_step = s->unit != XRAY_UNIT_RUN || (part != NULL && part->open);

    prints = shown > 0 || !by_step;
    if (prints && (s->upto > 0 || s->headers))
        print_changed(p, part);
    else if (prints)
        print_chosen(p, part);
    for (size_t i = 0; part != NULL && i < p->count; i++)
        part->done[i] = part->done[i] || p->shown[i];
    free(p->shown);
    p->shown = NULL;
    return prints;
}

void print_losses(struct printer *p)
{
    xray_scan *scan = NULL;
    xray_scan_record record;
    xray_error err = {0};
    int r = xray_scan_open(&scan, p->store, XRAY_SCAN_LOSS, &err);

    while (r >= 0 && (r = xray_scan_next(scan, &record, &err)) == 1) {
        write_line(p, xray_loss_json(record.loss, &p->line), &err);
        p->printed++;
    }
    if (r < 0)
        input_failed(&err);
    xray_scan_close(scan);
}

void printer_free(struct printer *p)
{
    xray_buffer_free(&p->line);
}
