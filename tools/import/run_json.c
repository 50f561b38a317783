/* Runs with their steps, as the SDKs and services send them that this project succeeds: one
 * {"run":{},"steps":[]} per line, a run with its steps inside, run rows and step rows one by
 * one, {"type":"step_complete","data":{}} in {"events":[]}, events that form a tree by parent_event_id. Names
 * are those of fields.def; a run is what its id says, however many objects tell of it. */
#include "import/shapes.h"
#include "import/span.h"

#include <stdio.h>

#define NESTING_MAX 32

/* ---- steps ---- */

/* A step without an id is known by its sequence number or its place, if the document is whole. */
static xray_str made_up_id(struct import *im, const struct fields *f, int64_t parent, size_t index)
{
    const uint32_t sequence = f->value[T_SEQUENCE];
    char *id;
    int n;

    if (import_has(im, sequence) && import_type(im, sequence) == JSON_INT) {
        const xray_str text = import_text(im, sequence);

        id = arena_take(&im->arena, text.len + 32);
        n = snprintf(id, text.len + 32, "\1s%lld.%.*s", (long long)parent, (int)text.len, text.ptr);
        return xray_strn(id, (size_t)n);
    }
    if (index == SIZE_MAX || im->stream->piece || im->stream->continued)
        return xray_strn(NULL, 0);
    id = arena_take(&im->arena, 64);
    n = snprintf(id, 64, "\1i%lld.%zu", (long long)parent, index);
    return xray_strn(id, (size_t)n);
}

static void start_of(struct import *im, const struct fields *f, int64_t parent, size_t index,
                     struct step_start *out)
{
    *out = (struct step_start){
        .id = import_text_of(im, f->value[T_ID]),
        .parent = import_text_of(im, f->value[T_PARENT]),
        .parent_number = parent,
        .name = import_string(im, f->value[T_NAME]),
        .type = import_string(im, f->value[T_TYPE]),
    };
    if (out->id.len == 0) {
        out->id = made_up_id(im, f, parent, index);
        out->hidden_id = true;
    }
    if (out->name.len == 0)
        out->name = out->type;
}

/* Events are over when they are told; steps are when they have an end, or no time at all in a run that is
 * over. */
static xray_outcome outcome_of(struct import *im, const struct open_run *run, const struct fields *f)
{
    const xray_outcome outcome = import_outcome(im, f);
    const bool event = (f->value[T_ID] != 0 && fields_is(im->tape, f->key[T_ID], "event_id")) ||
                       (f->value[T_TYPE] != 0 && fields_is(im->tape, f->key[T_TYPE], "event_type"));
    const bool over = run->outcome != XRAY_RUNNING && !import_has(im, f->value[T_START]);

    if (outcome != XRAY_RUNNING || !(event || over) || import_has(im, f->value[T_STATUS]))
        return outcome;
    return event && fields_is(im->tape, f->value[T_TYPE], "error") ? XRAY_FAILURE : XRAY_SUCCESS;
}

static void put_reasons(struct import *im, const struct scope *sc, const struct fields *f)
{
    const uint32_t reasons = f->value[T_REASONS];

    if (!import_has(im, reasons))
        return;
    if (!import_is_object(im, reasons)) {
        attrs_add_member(im, f->key[T_REASONS]);
        return;
    }
    for (uint32_t key = json_first(reasons); key != json_end(im->tape, reasons);
         key = json_at(im->tape, key + 1)->next) {
        int64_t count;

        if (import_int(im, key + 1, &count))
            xray_step_set_reason_count(sc->handle, import_text(im, key), count);
    }
}

static void put_decisions(struct import *im, const struct scope *sc, const struct fields *f)
{
    const uint32_t d = f->value[T_DECISIONS];

    if (import_is_object(im, d)) {
        event_json_decision(im, sc, d);
    } else if (import_is_array(im, d)) {
        for (uint32_t i = json_first(d); i != json_end(im->tape, d); i = json_at(im->tape, i)->next)
            if (import_is_object(im, i))
                event_json_decision(im, sc, i);
    } else if (import_has(im, d)) {
        attrs_add_member(im, f->key[T_DECISIONS]);
    }
}

static bool is_object_list(struct import *im, uint32_t node)
{
    if (!import_is_array(im, node))
        return false;
    for (uint32_t i = json_first(node); i != json_end(im->tape, node); i = json_at(im->tape, i)->next)
        if (!import_is_object(im, i))
            return false;
    return true;
}

static void put_steps(struct import *im, struct open_run *run, uint32_t array, int64_t parent, int depth);

static void put_step(struct import *im, struct open_run *run, uint32_t node, int64_t parent, size_t index,
                     int depth)
{
    struct step_at_hand step;
    struct step_start start;
    struct fields f;
    enum step_state state;

    fields_collect(&f, im->tape, node, SET_STEP);
    start_of(im, &f, parent, index, &start);
    state = begin_step(im, run, &start, &step);
    if (state != STEP_ENDED) {
        const xray_outcome outcome = outcome_of(im, run, &f);

        if (state == STEP_NEW) /* these it has */
            f.value[T_NAME] = f.value[T_TYPE] = 0;
        scope_put_fields(im, &step.scope, &f);
        if (is_object_list(im, f.value[T_EVENTS]))
            step.events = event_json_list(im, &step.scope, f.value[T_EVENTS], step.events);
        else if (import_has(im, f.value[T_EVENTS]))
            attrs_add_member(im, f.key[T_EVENTS]);
        if (state == STEP_NEW)
            put_decisions(im, &step.scope, &f);
        put_reasons(im, &step.scope, &f);
        if (import_has(im, f.value[T_STEPS]) && (!is_object_list(im, f.value[T_STEPS]) || depth == 0))
            attrs_add_member(im, f.key[T_STEPS]);
        attrs_put(im, &step.scope);
        end_step(im, run, &step, outcome);
    }
    if (depth > 0 && is_object_list(im, f.value[T_STEPS]))
        put_steps(im, run, f.value[T_STEPS], step.number, depth - 1);
    fields_done(&f);
}

static void put_steps(struct import *im, struct open_run *run, uint32_t array, int64_t parent, int depth)
{
    size_t index = 0;

    for (uint32_t i = json_first(array); i != json_end(im->tape, array);
         i = json_at(im->tape, i)->next, index++) {
        if (import_is_object(im, i))
            put_step(im, run, i, parent, index, depth);
        else
            import_fault(im, i, "a step must be an object");
    }
}

/* ---- runs ---- */

static void put_run_fields(struct import *im, struct open_run *run, const struct fields *f)
{
    const struct scope sc = { .handle = run->handle, .again = run->described };
    const xray_outcome outcome = import_outcome(im, f);

    scope_put_fields(im, &sc, f);
    if (import_has(im, f->value[T_EVENTS])) {
        if (is_object_list(im, f->value[T_EVENTS]))
            event_json_list(im, &sc, f->value[T_EVENTS], 0);
        else
            attrs_add_member(im, f->key[T_EVENTS]);
    }
    if (outcome != XRAY_RUNNING || import_has(im, f->value[T_STATUS]))
        run->outcome = outcome;
    run->described = true;
}

/* Begins the run that the fields tell of, or finds it, and fills it. */
static struct open_run *open_described(struct import *im, struct fields *f)
{
    const xray_str parent = import_string(im, f->value[T_PARENT_RUN]);
    uint8_t parent_id[16];
    const bool has_parent = begin_parse_id(parent, parent_id);
    const struct run_start start = {
        .id = import_text_of(im, f->value[T_ID]),
        .pipeline = import_string(im, f->value[T_PIPELINE]),
        .version = import_string(im, f->value[T_VERSION]),
        .parent_run = has_parent ? parent_id : NULL,
    };
    struct open_run *run = begin_run(im, &start);
    const bool again = run->described;

    if (!has_parent && import_has(im, f->value[T_PARENT_RUN]))
        attrs_add_member(im, f->key[T_PARENT_RUN]);
    if (import_has(im, f->value[T_STEPS]) && !import_is_array(im, f->value[T_STEPS]))
        attrs_add_member(im, f->key[T_STEPS]);
    put_run_fields(im, run, f);
    attrs_put(im, &(struct scope){ .handle = run->handle, .again = again });
    return run;
}

void run_json_run(struct import *im, uint32_t node)
{
    struct open_run *run;
    struct fields f;

    fields_collect(&f, im->tape, node, SET_RUN);
    run = open_described(im, &f);
    if (import_is_array(im, f.value[T_STEPS]))
        put_steps(im, run, f.value[T_STEPS], 0, NESTING_MAX);
    fields_done(&f);
}

void run_json_step(struct import *im, uint32_t node)
{
    struct run_start start = { 0 };
    struct fields f;

    fields_collect(&f, im->tape, node, SET_STEP);
    start.id = import_text_of(im, f.value[T_RUN_ID]);
    fields_done(&f);
    put_step(im, begin_run(im, &start), node, 0, SIZE_MAX, NESTING_MAX);
}

void run_json_event(struct import *im, uint32_t node)
{
    struct run_start start = { 0 };
    struct open_run *run;
    struct fields f;
    int64_t first, last;

    fields_collect(&f, im->tape, node, SET_STEP);
    start.id = import_text_of(im, f.value[T_RUN_ID]);
    first = span_time(im, f.value[T_START], false);
    last = span_time(im, f.value[T_END], false);
    fields_done(&f);
    run = begin_run(im, &start);
    if (!run->described && run->outcome == XRAY_RUNNING)
        run->outcome = XRAY_SUCCESS; /* nobody says how it went; its events are over */
    begin_stretch(run, first, last != XRAY_MISSING ? last : first);
    put_step(im, run, node, 0, SIZE_MAX, NESTING_MAX);
}

/* The run of {"run":{...}}, or the one that run_id names, or the first step does. */
static struct open_run *run_of_document(struct import *im, const struct fields *f)
{
    struct run_start start = { .id = import_text_of(im, f->value[T_RUN_ID]) };
    struct open_run *run;
    struct fields inner;

    if (import_is_object(im, f->value[T_RUN])) {
        fields_collect(&inner, im->tape, f->value[T_RUN], SET_RUN);
        run = open_described(im, &inner);
        if (import_is_array(im, inner.value[T_STEPS]))
            put_steps(im, run, inner.value[T_STEPS], 0, NESTING_MAX);
        fields_done(&inner);
        return run;
    }
    if (start.id.len == 0 && import_is_array(im, f->value[T_STEPS])) {
        const uint32_t first = json_first(f->value[T_STEPS]);

        if (first != json_end(im->tape, f->value[T_STEPS]) && import_is_object(im, first))
            start.id = import_text_of(im, fields_find(im->tape, first, "run_id"));
    }
    return begin_run(im, &start);
}

void run_json_document(struct import *im, uint32_t node)
{
    struct fields f;

    fields_collect(&f, im->tape, node, SET_DOC);
    if (import_is_object(im, f.value[T_STEP]) && f.value[T_RUN] == 0) {
        run_json_step(im, f.value[T_STEP]);
    } else {
        struct open_run *run = run_of_document(im, &f);

        for (size_t i = 0; i < f.extra_count; i++)
            attrs_add_member(im, fields_extra(&f, i));
        attrs_put(im, &(struct scope){ .handle = run->handle, .again = true });
        if (import_is_array(im, f.value[T_STEPS]))
            put_steps(im, run, f.value[T_STEPS], 0, NESTING_MAX);
        if (import_is_object(im, f.value[T_STEP]))
            put_step(im, run, f.value[T_STEP], 0, SIZE_MAX, NESTING_MAX);
    }
    fields_done(&f);
}

/* ---- {"type":"step_complete","data":{...}} ---- */

static bool begins_with(xray_str text, const char *prefix)
{
    const size_t n = strlen(prefix);

    return text.len >= n && memcmp(text.ptr, prefix, n) == 0;
}

void run_json_envelope(struct import *im, uint32_t node)
{
    const uint32_t type = fields_find(im->tape, node, "type"), data = fields_find(im->tape, node, "data");
    const xray_str name = import_string(im, type);

    if (!import_is_object(im, data))
        import_fault(im, node, "an event without data");
    else if (begins_with(name, "run"))
        run_json_run(im, data);
    else if (begins_with(name, "step") || fields_find(im->tape, data, "run_id") != 0)
        run_json_step(im, data);
    else
        import_fault(im, node, "an event of the unknown type \"%.*s\"", (int)(name.len < 60 ? name.len : 60),
                     name.len > 0 ? name.ptr : "");
}
