/* What a document is, by its keys. A file may mix shapes; --from narrows the choice. */
#include "import/shapes.h"

static bool is_type(struct import *im, uint32_t node, enum node_type type)
{
    return node != 0 && import_type(im, node) == type;
}

/* Does the object have one of these keys, with any value but null? */
static bool has_any(struct import *im, uint32_t object, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        if (import_has(im, fields_find(im->tape, object, *keys)))
            return true;
    return false;
}

#define HAS(im, object, ...) has_any((im), (object), (const char *const[]){ __VA_ARGS__, NULL })

typedef void (*reader)(struct import *im, uint32_t node);

static bool wanted(const struct import *im, enum import_shape shape)
{
    return im->from == FROM_AUTO || im->from == shape;
}

static bool is_own(struct import *im, uint32_t o)
{
    const uint32_t kind = fields_find(im->tape, o, "kind");
    static const char *const kinds[] = { "run", "step", "cand", "decision", "note", "loss" };

    if (!is_type(im, kind, JSON_STRING))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (fields_is(im->tape, kind, kinds[i]))
            return i == 5 || is_type(im, fields_find(im->tape, o, "run"), JSON_STRING);
    return false;
}

static bool is_otlp(struct import *im, uint32_t o)
{
    if (HAS(im, o, "resourceSpans", "resource_spans", "batches", "scopeSpans", "scope_spans",
            "instrumentationLibrarySpans", "resourceLogs", "resource_logs", "scopeLogs", "resourceMetrics",
            "resource_metrics", "scopeMetrics"))
        return true;
    return is_type(im, fields_find(im->tape, o, "resource"), JSON_OBJECT) &&
           is_type(im, fields_find(im->tape, o, "spans"), JSON_ARRAY);
}

static bool is_span(struct import *im, uint32_t o)
{
    if (is_type(im, fields_find(im->tape, o, "context"), JSON_OBJECT) ||
        is_type(im, fields_find(im->tape, o, "spanContext"), JSON_OBJECT))
        return HAS(im, o, "name");
    return (HAS(im, o, "traceId") && HAS(im, o, "spanId")) ||
           (HAS(im, o, "trace_id") && HAS(im, o, "span_id") && !HAS(im, o, "event_type", "event_id"));
}

static bool is_envelope(struct import *im, uint32_t o)
{
    return is_type(im, fields_find(im->tape, o, "type"), JSON_STRING) &&
           is_type(im, fields_find(im->tape, o, "data"), JSON_OBJECT) &&
           !HAS(im, o, "event_id", "trace_id", "run_id");
}

/* An event of a tree: parent_event_id and its kin. */
static bool is_event(struct import *im, uint32_t o)
{
    return HAS(im, o, "event_id", "parent_event_id", "event_type") && HAS(im, o, "event_type", "trace_id") &&
           HAS(im, o, "event_id", "trace_id");
}

static bool is_step(struct import *im, uint32_t o)
{
    return HAS(im, o, "run_id") && HAS(im, o, "step_name", "step_type", "name", "step_id") &&
           !HAS(im, o, "pipeline", "pipeline_name");
}

static bool is_run(struct import *im, uint32_t o)
{
    if (HAS(im, o, "pipeline", "pipeline_name") &&
        HAS(im, o, "id", "run_id", "status", "steps", "start_time", "started_at"))
        return true;
    if (is_type(im, fields_find(im->tape, o, "steps"), JSON_ARRAY))
        return HAS(im, o, "id", "run_id", "name", "status");
    return HAS(im, o, "id", "run_id") && HAS(im, o, "status") &&
           HAS(im, o, "name", "started_at", "start_time");
}

static bool is_run_document(struct import *im, uint32_t o)
{
    return is_type(im, fields_find(im->tape, o, "run"), JSON_OBJECT) ||
           is_type(im, fields_find(im->tape, o, "step"), JSON_OBJECT) ||
           (is_type(im, fields_find(im->tape, o, "steps"), JSON_ARRAY) && HAS(im, o, "run_id"));
}

static bool is_langfuse(struct import *im, uint32_t o)
{
    return is_type(im, fields_find(im->tape, o, "trace"), JSON_OBJECT) &&
           is_type(im, fields_find(im->tape, o, "observations"), JSON_ARRAY);
}

static bool is_observation(struct import *im, uint32_t o)
{
    return HAS(im, o, "traceId") && HAS(im, o, "type") && HAS(im, o, "startTime") && HAS(im, o, "id") &&
           !HAS(im, o, "spanId");
}

static reader reader_of(struct import *im, uint32_t o)
{
    if (wanted(im, FROM_XRAY) && is_own(im, o))
        return own_line;
    if (wanted(im, FROM_OTLP) && is_otlp(im, o))
        return otlp_document;
    if (wanted(im, FROM_RUN_JSON) && is_run_document(im, o))
        return run_json_document;
    if (wanted(im, FROM_OTLP) && is_langfuse(im, o))
        return langfuse_document;
    if (wanted(im, FROM_OTLP) && is_span(im, o))
        return otlp_span;
    if (wanted(im, FROM_OTLP) && is_observation(im, o))
        return langfuse_observation;
    if (wanted(im, FROM_EVENTS) && is_event(im, o))
        return run_json_event;
    if (wanted(im, FROM_EVENTS) && is_envelope(im, o))
        return run_json_envelope;
    if (wanted(im, FROM_MESSAGES) && talk_messages(im, o) != 0)
        return talk_document;
    if (wanted(im, FROM_RUN_JSON) && is_step(im, o))
        return run_json_step;
    if (wanted(im, FROM_RUN_JSON) && is_run(im, o))
        return run_json_run;
    return NULL;
}

/* Told what the file is, the few keys that tell shapes apart may be missing. */
static reader reader_by_order(const struct import *im)
{
    switch (im->from) {
    case FROM_XRAY:
        return own_line;
    case FROM_RUN_JSON:
        return run_json_run;
    case FROM_EVENTS:
        return run_json_event;
    case FROM_AUTO:
    case FROM_OTLP:
    case FROM_MESSAGES:
        break;
    }
    return NULL;
}

static void unknown(struct import *im, uint32_t node)
{
    if (im->tape->nonfinite != SIZE_MAX) {
        uint64_t line, column;

        json_stream_place(im->stream, im->tape->nonfinite, &line, &column);
        import_fault_at(im, line, column, "a value was expected (NaN and Infinity are not JSON)");
        return;
    }
    import_fault(im, node, "valid JSON, but no known trace shape");
}

static bool read_value(struct import *im, uint32_t node, int depth);

/* A list of what is known: events, runs, spans, conversations. False: the first element is nothing known. */
static bool read_list(struct import *im, uint32_t list, int depth)
{
    for (uint32_t i = json_first(list); i != json_end(im->tape, list) && !im->stop;
         i = json_at(im->tape, i)->next)
        if (!read_value(im, i, depth)) {
            if (i == json_first(list))
                return false;
            unknown(im, i);
        }
    return true;
}

/* An object whose members are known documents: runs by number, spans by operation. */
static bool read_members(struct import *im, uint32_t object, int depth)
{
    const uint32_t first = json_first(object), end = json_end(im->tape, object);

    for (uint32_t key = first; key != end && !im->stop; key = json_at(im->tape, key + 1)->next)
        if (!read_value(im, key + 1, depth)) {
            if (key == first)
                return false;
            unknown(im, key + 1);
        }
    return first != end;
}

static bool read_object(struct import *im, uint32_t node, int depth)
{
    static const char *const lists[] = { "events", "runs", "traces", "spans", "items", "data", "results" };
    reader r = reader_of(im, node);

    for (size_t i = 0; r == NULL && i < sizeof lists / sizeof lists[0]; i++) {
        const uint32_t list = fields_find(im->tape, node, lists[i]);

        if (is_type(im, list, JSON_ARRAY) && json_first(list) != json_end(im->tape, list) && depth > 0)
            return read_list(im, list, depth - 1);
    }
    if (r == NULL)
        r = reader_by_order(im);
    if (r != NULL) {
        r(im, node);
        return true;
    }
    return depth > 0 && read_members(im, node, depth - 1);
}

static bool read_value(struct import *im, uint32_t node, int depth)
{
    if (import_type(im, node) == JSON_OBJECT)
        return read_object(im, node, depth);
    if (import_type(im, node) != JSON_ARRAY || depth == 0)
        return false;
    if (wanted(im, FROM_MESSAGES) && talk_is_list(im, node)) {
        talk_list(im, node);
        return true;
    }
    return json_first(node) != json_end(im->tape, node) && read_list(im, node, depth - 1);
}

void shape_document(struct import *im)
{
    im->tape = &im->stream->tape;
    if (!read_value(im, 0, 3))
        unknown(im, 0);
    arena_reset(&im->arena);
}
