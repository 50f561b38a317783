/* See select.h. */
#include "grep/select.h"

bool selection_has_expression(const struct selection *s)
{
    return s->where.exprs.count + s->where.files.count + s->inverse.exprs.count + s->inverse.files.count > 0;
}

void selection_parse(struct selection *s, enum xray_unit unit, bool invert)
{
    s->inverts = invert && selection_has_expression(s);
    if (s->inverts) {
        s->inverse.exprs = s->where.exprs;
        s->inverse.files = s->where.files;
        s->where.exprs = (struct where_list){0};
        s->where.files = (struct where_list){0};
        where_parse(&s->inverse, unit);
    }
    where_parse(&s->where, unit);
    /* The units are in order: a step is finer than its run. */
    s->unit = where_unit(&s->where);
    if (s->inverts && where_unit(&s->inverse) > s->unit)
        s->unit = where_unit(&s->inverse);
}

void selection_free(struct selection *s)
{
    where_free(&s->inverse);
    where_free(&s->where);
}

bool selection_is_all(const struct selection *s)
{
    return !s->inverts && where_is_all(&s->where);
}

bool selection_is_of_steps(const struct selection *s)
{
    return selection_has_steps(s) && !where_has_runs(&s->where);
}

bool selection_has_steps(const struct selection *s)
{
    return where_has_steps(&s->where) || (s->inverts && where_has_steps(&s->inverse));
}

unsigned selection_needs(const struct selection *s)
{
    return where_needs(&s->where) | (s->inverts ? where_needs(&s->inverse) : 0);
}

/* What `answer` comes to without what the inverse expression takes away. */
static enum where_answer without(enum where_answer answer, enum where_answer inverse)
{
    switch (inverse) {
    case WHERE_NO:
        return answer;
    case WHERE_YES:
        return WHERE_NO;
    case WHERE_OPEN:
        break;
    }
    return WHERE_OPEN;
}

enum where_answer selection_test_run(struct selection *s, size_t index, const xray_run_record *run)
{
    const enum where_answer answer = where_test_run(&s->where, index, run);

    return answer == WHERE_NO || !s->inverts ? answer : without(answer, where_test_record(&s->inverse, run));
}

enum where_answer selection_test_step(struct selection *s, const xray_run_record *run, const xray_step_record *step)
{
    const enum where_answer answer = where_test_step(&s->where, run, step);

    if (answer == WHERE_NO || !s->inverts || s->unit == XRAY_UNIT_CAND)
        return answer;
    return without(answer, where_test_step(&s->inverse, run, step));
}

bool selection_run(struct selection *s, xray_store *store, xray_trace *trace)
{
    return where_run(&s->where, store, trace) && !(s->inverts && where_run(&s->inverse, store, trace));
}

bool selection_step(struct selection *s, xray_store *store, xray_trace *trace, size_t step)
{
    if (!where_step(&s->where, store, trace, step))
        return false;
    /* A step that has a matching candidate may have others. */
    return !s->inverts || s->unit == XRAY_UNIT_CAND || !where_step(&s->inverse, store, trace, step);
}

bool selection_event(struct selection *s, xray_store *store, xray_trace *trace, size_t step,
                     const xray_event_record *event)
{
    return where_event(&s->where, store, trace, step, event) &&
           !(s->inverts && where_event(&s->inverse, store, trace, step, event));
}
