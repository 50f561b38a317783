/* A store as a sequence of JSON lines, for other languages (public header, section 7). */
#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "xrayfile.h"

/* What the next line of the opened run is looked for in. */
enum place { NO_RUN, RUN_LINE, STEP_LINE, EVENTS, NEXT_STEP };

struct xray_select {
    xray_store *store;
    xray_query *query; /* or NULL: everything */
    enum xray_unit unit;
    uint64_t left; /* runs (AUTO) or lines */
    bool reverse;
    size_t run_count, next_run; /* in the order of output */
    xray_trace *trace;
    const xray_step_record *steps;
    size_t step_count;
    size_t step; /* at hand; SIZE_MAX: the run itself */
    enum place place;
    xray_events *events;
    xray_buffer line;
};

static int parse_where(xray_select *s, const xray_select_options *o, xray_error *err)
{
    /* Expressions about candidates can only be asked of candidates; others choose runs and steps as in xray-cat. */
    const xray_query_options options = {.unit = s->unit == XRAY_UNIT_CAND ? s->unit : XRAY_UNIT_AUTO};
    xray_query_error wrong = {0};
    int r;

    if (o->where == NULL || o->where_len == 0)
        return XRAY_OK;
    r = xray_query_parse(&s->query, xray_strn(o->where, o->where_len), &options, &wrong);
    if (r < 0)
        return xf_fail(err, r, wrong.offset, "where:%d:%d: %s%s%s", wrong.line, wrong.column, wrong.message,
                       wrong.hint[0] != '\0' ? "; " : "", wrong.hint);
    return XRAY_OK;
}

int xray_select_open(xray_select **out, const char *const *paths, size_t path_count,
                     const xray_select_options *options, xray_error *err)
{
    static const xray_select_options defaults = {0};
    const xray_select_options *o = options != NULL ? options : &defaults;
    xray_select *s;
    int r;

    if (out == NULL || o->unit < XRAY_UNIT_AUTO || o->unit > XRAY_UNIT_CAND)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "a selection needs a unit that exists");
    s = xf_alloc(sizeof *s);
    if (s == NULL)
        return xf_fail_memory(err);
    s->unit = (enum xray_unit)o->unit;
    s->left = o->limit != 0 ? o->limit : UINT64_MAX;
    s->reverse = o->reverse;
    r = parse_where(s, o, err);
    if (r == XRAY_OK)
        r = xray_store_open(&s->store, paths, path_count, NULL, err);
    if (r == XRAY_OK)
        r = xray_store_run_count(s->store, &s->run_count, err);
    if (r < 0) {
        xray_select_close(s);
        return r;
    }
    *out = s;
    return XRAY_OK;
}

static void leave_run(xray_select *s)
{
    xray_events_close(s->events);
    xray_trace_close(s->trace);
    s->events = NULL;
    s->trace = NULL;
    s->place = NO_RUN;
}

/* 1, 0, or 2: its record does not tell. */
static int test_run(xray_select *s, size_t index)
{
    xray_run_record run;

    return xray_store_run(s->store, index, &run, NULL) < 0 ? 2 : xray_query_test_run(s->query, &run);
}

/* Opens the next run that can have a hit. 1, 0 if there is none left, or a status: the run is passed over. */
static int enter_run(xray_select *s, xray_error *err)
{
    while (s->next_run < s->run_count && s->left > 0) {
        const size_t n = s->next_run++;
        const size_t index = s->reverse ? s->run_count - 1 - n : n;
        const int tested = s->query != NULL ? test_run(s, index) : 1;
        int r;

        if (tested == 0)
            continue;
        r = xray_trace_open(&s->trace, s->store, index, err);
        if (r < 0)
            return r;
        /* A run has a hit if one of its steps or candidates is one, whatever the lines are. */
        r = tested == 1 ? 1 : xray_query_match_run(s->query, s->store, s->trace, err);
        if (r <= 0) {
            leave_run(s);
            if (r < 0)
                return r;
            continue;
        }
        s->steps = xray_trace_steps(s->trace, &s->step_count);
        s->step = SIZE_MAX;
        s->place = RUN_LINE;
        if (s->unit == XRAY_UNIT_AUTO)
            s->left--;
        return 1;
    }
    return 0;
}

static bool query_is_of_steps(const xray_select *s)
{
    return s->query != NULL && xray_query_unit(s->query) != XRAY_UNIT_RUN;
}

/* Moves to the next step that is wanted, or out of the run. 0, or a status: that step is passed over. The index
 * of the first step is SIZE_MAX + 1. */
static int enter_step(xray_select *s, xray_error *err)
{
    if (s->unit == XRAY_UNIT_RUN) {
        leave_run(s);
        return 0;
    }
    for (s->step++; s->step < s->step_count; s->step++) {
        int r = 1;

        if (s->unit != XRAY_UNIT_AUTO && query_is_of_steps(s))
            r = xray_query_match_step(s->query, s->store, s->trace, s->step, err);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        s->place = STEP_LINE;
        return 0;
    }
    leave_run(s);
    return 0;
}

static bool wants_line(const xray_select *s, enum xray_unit unit)
{
    return s->unit == XRAY_UNIT_AUTO || s->unit == unit;
}

/* The next event's line of the step (or run) at hand: 1, 0 if there is none left, or a status. */
static int event_line(xray_select *s, xray_error *err)
{
    const uint8_t *run_id = xray_trace_run(s->trace)->id;
    const int64_t number = s->step == SIZE_MAX ? 0 : s->steps[s->step].number;
    const bool chosen = s->unit == XRAY_UNIT_CAND && query_is_of_steps(s) &&
                        xray_query_unit(s->query) == XRAY_UNIT_CAND;
    const unsigned kinds = s->unit == XRAY_UNIT_CAND
                               ? XRAY_EVENT_CANDIDATE
                               : XRAY_EVENT_CANDIDATE | XRAY_EVENT_DECISION | XRAY_EVENT_NOTE;
    xray_event_record event;
    int r = XRAY_OK;

    if (s->events == NULL)
        r = xray_events_open(&s->events, s->trace, number, kinds, err);
    while (r >= 0 && (r = xray_events_next(s->events, &event, err)) == 1) {
        const int held = chosen ? xray_query_match_event(s->query, s->store, s->trace, s->step, &event, err) : 1;

        if (held < 0)
            return held;
        if (held == 0)
            continue;
        r = xray_event_json(s->store, run_id, number, &event, &s->line, err);
        return r < 0 ? r : 1;
    }
    xray_events_close(s->events);
    s->events = NULL;
    s->place = NEXT_STEP;
    return r;
}

/* One move. 1: there is a line, 0: go on, or a status. The place is moved first, so that an error is met once. */
static int advance(xray_select *s, xray_error *err)
{
    int r;

    switch (s->place) {
    case NO_RUN:
        return 0;
    case RUN_LINE:
        s->place = EVENTS;
        if (!wants_line(s, XRAY_UNIT_RUN))
            return 0;
        r = xray_run_json(s->store, xray_trace_run(s->trace), &s->line, err);
        return r < 0 ? r : 1;
    case STEP_LINE:
        s->place = EVENTS;
        if (!wants_line(s, XRAY_UNIT_STEP))
            return 0;
        r = xray_step_json(s->store, &s->steps[s->step], &s->line, err);
        return r < 0 ? r : 1;
    case EVENTS:
        if (s->unit == XRAY_UNIT_AUTO || (s->unit == XRAY_UNIT_CAND && s->step != SIZE_MAX))
            return event_line(s, err);
        s->place = NEXT_STEP;
        return 0;
    case NEXT_STEP:
        return enter_step(s, err);
    }
    return 0;
}

int xray_select_next(xray_select *s, const char **line, size_t *len, xray_error *err)
{
    int r = 0;

    xf_buf_reset(&s->line);
    while (r == 0) {
        if (s->unit != XRAY_UNIT_AUTO && s->left == 0)
            return 0;
        if (s->place == NO_RUN) {
            r = enter_run(s, err);
            if (r <= 0)
                return r;
        }
        r = advance(s, err);
    }
    if (r < 0)
        return r;
    if (s->unit != XRAY_UNIT_AUTO)
        s->left--;
    if (s->line.len > 0 && s->line.data[s->line.len - 1] == '\n')
        s->line.len--;
    xf_buf_put_u8(&s->line, '\0');
    if (s->line.failed)
        return xf_fail_memory(err);
    *line = (const char *)s->line.data;
    *len = s->line.len - 1;
    return 1;
}

xray_store *xray_select_store(xray_select *s)
{
    return s->store;
}

void xray_select_close(xray_select *s)
{
    if (s == NULL)
        return;
    leave_run(s);
    xray_store_close(s->store);
    xray_query_free(s->query);
    xray_buffer_free(&s->line);
    xf_free(s);
}
