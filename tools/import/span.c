/* A span becomes a step; the one without parent describes the run (span.h). */
#include "import/span.h"

#include "common/text.h"
#include "import/begin.h"
#include "import/shapes.h"

/* Attributes of the span at hand and of its resource; spans do not nest. */
static struct span_attrs attrs, resource;

static xray_str text_value(const struct span_attr *a)
{
    return a != NULL && a->value.kind == XRAY_VALUE_TEXT ? a->value.as.bytes : xray_strn(NULL, 0);
}

/* ---- the run ---- */

static uint64_t hash_node(struct import *im, uint32_t node)
{
    return node != 0 ? runs_hash(&im->runs, json_text(im->tape, node)) : 0;
}

static struct open_run *open_run(struct import *im, const struct span *s)
{
    struct run_start start = { .id = s->trace, .id_only = s->trace.len == 32 };
    struct open_run *run;
    uint8_t id[16];

    span_attrs_read(im, &resource, s->resource != 0 ? fields_find(im->tape, s->resource, "attributes") : 0,
                    false);
    start.id_only = begin_parse_id(s->trace, id);
    start.pipeline = text_value(span_attrs_find(&resource, "service.name"));
    if (start.pipeline.len == 0 && s->parent.len == 0 && s->fields.value[T_NAME] != 0)
        start.pipeline = import_text(im, s->fields.value[T_NAME]);
    start.version = text_value(span_attrs_find(&resource, "service.version"));
    run = begin_run(im, &start);
    if (!run->described && run->outcome == XRAY_RUNNING)
        run->outcome = XRAY_PARTIAL; /* until its root comes */
    return run;
}

/* The resource and the scope of the first span are kept with the run, others with their spans. */
static void put_surroundings(struct import *im, const struct span *s, struct open_run *run)
{
    const struct surrounding {
        uint32_t node;
        const char *name;
        uint64_t *known;
    } both[] = {
        { s->resource, "resource", &run->resource_hash },
        { s->scope, "scope", &run->scope_hash },
    };

    for (int i = 0; i < 2; i++) {
        struct json_map all = { 0 }, one = { 0 };
        const uint64_t hash = hash_node(im, both[i].node);
        xray_value value;

        if (both[i].node == 0 || hash == *both[i].known ||
            json_first(both[i].node) == json_end(im->tape, both[i].node))
            continue;
        span_attrs_put(&resource, &all);
        value = i == 0 ? json_map_value(&all) : import_value(im, both[i].node);
        if (*both[i].known == 0) {
            json_map_add(&one, xray_s(both[i].name), value);
            attrs_put_map(im, &(struct scope){ .handle = run->handle, .again = true }, &one);
            *both[i].known = hash;
        } else {
            attrs_add(im, xray_s(both[i].name), value);
        }
        json_map_free(&all);
        json_map_free(&one);
    }
}

static void describe_run(struct import *im, const struct span *s, struct open_run *run, xray_outcome outcome)
{
    const xray_str service = text_value(span_attrs_find(&resource, "service.name"));
    const xray_str version = text_value(span_attrs_find(&resource, "service.version"));
    const struct scope sc = { .handle = run->handle };

    if (run->described && run->outcome != XRAY_RUNNING) /* a root may come again, with its end */
        return;                                         /* the first root counts */
    run->described = true;
    run->outcome = outcome;
    if (s->start_ns != XRAY_MISSING)
        scope_int(&sc, XRAY_START, s->start_ns);
    if (s->end_ns != XRAY_MISSING)
        scope_int(&sc, XRAY_END, s->end_ns);
    if (service.len > 0)
        xray_run_set(run->handle, XRAY_PIPELINE, xray_textn(service.ptr, service.len));
    else if (s->fields.value[T_NAME] != 0 && import_type(im, s->fields.value[T_NAME]) == JSON_STRING)
        scope_put(im, &sc, T_PIPELINE, s->fields.value[T_NAME], import_value(im, s->fields.value[T_NAME]));
    if (version.len > 0)
        xray_run_set(run->handle, XRAY_PIPELINE_VERSION, xray_textn(version.ptr, version.len));
    if (s->message != 0 && s->code == 2)
        scope_put(im, &sc, T_ERROR, s->message, import_value(im, s->message));
}

/* ---- attributes ---- */

/* What has been placed, by target, so that the second of two names for one field is kept apart. */
struct placing {
    struct scope step, run;
    bool is_root;
    bool taken[T_TARGETS];
    bool text_input, text_output; /* the mime type says that it is no JSON */
    xray_str status;
    const struct span_attr *docs, *rerank_in, *rerank_out, *reasons;
};

static bool is_json_text(const xray_value *v, struct json_tape *tape)
{
    return v->kind == XRAY_VALUE_TEXT && import_inner(tape, v->as.bytes);
}

/* A text that holds JSON, as JSON. */
static xray_value open_json(xray_value v)
{
    struct json_tape tape = { 0 };

    if (is_json_text(&v, &tape))
        v = xray_jsonn(v.as.bytes.ptr, v.as.bytes.len);
    json_tape_free(&tape);
    return v;
}

static bool put_both(struct import *im, const struct placing *p, const struct span_attr *a, xray_value v)
{
    const enum field_target t = (enum field_target)a->target;

    if (p->is_root && (t == T_INPUT || t == T_OUTPUT || t == T_METADATA || t == T_TAGS))
        scope_put(im, &p->run, t, a->node, v);
    return scope_put(im, &p->step, t, a->node, v);
}

static bool is_list(const struct span_attr *a)
{
    const xray_value v = open_json(a->value);

    return v.kind == XRAY_VALUE_JSON && v.as.bytes.ptr[0] == '[';
}

/* A list of messages as {"messages":[...]}; anything else as it is. */
static bool put_talk(struct import *im, const struct placing *p, const struct span_attr *a)
{
    const xray_value v = open_json(a->value);
    struct json_map m = { 0 };
    bool ok;

    if (v.kind != XRAY_VALUE_JSON || v.as.bytes.ptr[0] != '[')
        return put_both(im, p, a, v);
    json_map_add(&m, xray_s("messages"), v);
    ok = put_both(im, p, a, json_map_value(&m));
    json_map_free(&m);
    return ok;
}

static bool put_param(const struct placing *p, const struct span_attr *a)
{
    size_t dot = a->key.len;

    while (dot > 0 && a->key.ptr[dot - 1] != '.')
        dot--;
    return p->step.handle == 0 ||
           xray_step_add(p->step.handle, XRAY_PARAMS, xray_strn(a->key.ptr + dot, a->key.len - dot),
                         a->value) == XRAY_OK;
}

/* {"price_too_high":46,...}, as JSON or in a text. */
static bool put_reasons(struct import *im, const struct scope *step, const struct span_attr *a)
{
    xray_value v = open_json(a->value);
    xray_mp c;
    xray_mp_item map, code, count;

    im->packed.len = 0;
    if (v.kind != XRAY_VALUE_JSON || !import_pack(im, a->node, v, &im->packed))
        return false;
    c = xray_mp_over(im->packed.data, im->packed.len);
    if (!xray_mp_next(&c, &map) || map.type != XRAY_MP_MAP)
        return false;
    for (uint32_t i = 0; i < map.count; i++)
        if (xray_mp_next(&c, &code) && code.type == XRAY_MP_STR && xray_mp_next(&c, &count) &&
            count.type == XRAY_MP_INT)
            xray_step_set_reason_count(step->handle, code.bytes, count.i);
        else
            return false;
    return true;
}

static bool place(struct import *im, struct placing *p, const struct span_attr *a)
{
    switch ((enum attr_how)a->how) {
    case HOW_UNKNOWN:
        return false;
    case HOW_STEP:
        return put_both(im, p, a, a->value);
    case HOW_JSON:
        if ((a->target == T_INPUT && p->text_input) || (a->target == T_OUTPUT && p->text_output))
            return put_both(im, p, a, a->value);
        return put_both(im, p, a, open_json(a->value));
    case HOW_RUN:
        return scope_put(im, &p->run, (enum field_target)a->target, a->node, a->value);
    case HOW_PARAM:
        return put_param(p, a);
    case HOW_TYPE:
        return true; /* it was looked at before the step began */
    case HOW_TALK:
        return put_talk(im, p, a);
    case HOW_DOCS:
        p->docs = is_list(a) ? a : NULL;
        return p->docs != NULL;
    case HOW_RERANK_IN:
        p->rerank_in = is_list(a) ? a : NULL;
        return p->rerank_in != NULL;
    case HOW_RERANK_OUT:
        p->rerank_out = is_list(a) ? a : NULL;
        return p->rerank_out != NULL;
    case HOW_REASONS:
        p->reasons = a; /* put behind the events, which count as well */
        return true;
    case HOW_STATUS:
        p->status = text_value(a);
        return xray_outcome_parse(p->status) >= 0;
    case HOW_MIME:
        return false;
    }
    return false;
}

static void look_at_mime(struct placing *p)
{
    const xray_str in = text_value(span_attrs_find(&attrs, "input.mime_type"));
    const xray_str out = text_value(span_attrs_find(&attrs, "output.mime_type"));

    p->text_input = in.len >= 5 && memcmp(in.ptr, "text/", 5) == 0;
    p->text_output = out.len >= 5 && memcmp(out.ptr, "text/", 5) == 0;
}

/* The attribute of a target that comes first in the table. */
static const struct span_attr *best_of(enum field_target target, enum attr_how how)
{
    const struct span_attr *best = NULL;

    for (size_t i = 0; i < attrs.count; i++) {
        const struct span_attr *a = &attrs.list[i];

        if (a->target == target && a->how == how && a->rank != UINT16_MAX &&
            (best == NULL || a->rank < best->rank))
            best = a;
    }
    return best;
}

static bool is_best(const struct span_attr *a)
{
    for (size_t i = 0; i < attrs.count; i++) {
        const struct span_attr *b = &attrs.list[i];

        if (b != a && b->rank < a->rank && b->target == a->target && b->how != HOW_MIME &&
            b->how != HOW_PARAM)
            return false;
    }
    return true;
}

static bool token_count(enum field_target target, int64_t *out)
{
    const struct span_attr *a = best_of(target, HOW_STEP);

    if (a == NULL || a->value.kind != XRAY_VALUE_INT)
        return false;
    *out = a->value.as.i;
    return true;
}

/* A total of tokens that is the sum says nothing. */
static bool is_sum(const struct span_attr *a)
{
    int64_t in, out;

    return a->target == T_TOK_TOTAL && a->value.kind == XRAY_VALUE_INT && token_count(T_TOK_IN, &in) &&
           token_count(T_TOK_OUT, &out) && in >= 0 && out >= 0 && a->value.as.i >= in &&
           a->value.as.i - in == out;
}

static void put_attributes(struct import *im, struct placing *p)
{
    look_at_mime(p);
    for (size_t i = 0; i < attrs.count; i++) {
        const struct span_attr *a = &attrs.list[i];
        const bool list = a->how == HOW_PARAM || a->target == T_EVENTS;

        if (is_sum(a))
            continue;
        if (a->rank == UINT16_MAX || (!list && (p->taken[a->target] || !is_best(a)))) {
            attrs_add(im, a->key, a->value);
            continue;
        }
        p->taken[a->target] = !list;
        if (!place(im, p, a))
            attrs_add(im, a->key, a->value);
    }
}

/* ---- the step ---- */

static xray_outcome outcome_of(const struct span *s, xray_str status)
{
    const int said = xray_outcome_parse(status);

    if (status.len > 0 && said >= 0)
        return (xray_outcome)said;
    if (s->code == 2)
        return XRAY_FAILURE;
    /* Most instrumentations leave the status of what went well unset. */
    return s->end_ns != XRAY_MISSING ? XRAY_SUCCESS : XRAY_RUNNING;
}

/* Members of the span that have no place: kind, links, trace state. What is as good as not there is left out.
 */
static void put_rest(struct import *im, const struct span *s)
{
    for (size_t i = 0; i < s->fields.extra_count; i++) {
        const uint32_t key = fields_extra(&s->fields, i);
        const xray_str text = json_text(im->tape, key + 1);
        const bool empty =
            import_type(im, key + 1) == JSON_NULL || (text.len == 1 && text.ptr[0] == '0') ||
            (text.len == 2 && (text.ptr[0] == '"' || text.ptr[0] == '[' || text.ptr[0] == '{'));

        if (!empty)
            attrs_add_member(im, key);
    }
    if (s->message != 0 && s->code != 2)
        attrs_add(im, xray_s("status_message"), import_value(im, s->message));
}

static xray_str type_of(struct import *im, const struct span *s)
{
    const struct span_attr *a = best_of(T_TYPE, HOW_TYPE);
    const uint32_t kind = s->fields.value[T_TYPE];

    if (a != NULL && a->value.kind == XRAY_VALUE_TEXT)
        return a->rank == 0 ? a->value.as.bytes : span_attrs_type(im, a->value.as.bytes);
    if (import_has(im, kind) && import_type(im, kind) == JSON_STRING)
        return span_attrs_type(im, import_text(im, kind));
    return xray_strn(NULL, 0);
}

static void fill_step(struct import *im, struct span *s, struct open_run *run, struct step_at_hand *step)
{
    struct placing p = { .step = step->scope,
                         .run = { .handle = run->handle },
                         .is_root = s->parent.len == 0 };
    const uint32_t events = s->fields.value[T_EVENTS];
    const bool again = step->scope.again;
    bool exception = false;
    xray_outcome outcome;

    if (s->start_ns != XRAY_MISSING)
        scope_int(&step->scope, XRAY_START, s->start_ns);
    if (s->end_ns != XRAY_MISSING)
        scope_int(&step->scope, XRAY_END, s->end_ns);
    put_attributes(im, &p);
    outcome = outcome_of(s, p.status);
    if (events != 0 && import_type(im, events) == JSON_ARRAY)
        step->events = span_events_put(im, &step->scope, events, step->events, &exception);
    if (p.rerank_in != NULL && p.rerank_out == NULL)
        attrs_add(im, p.rerank_in->key, p.rerank_in->value);
    if (!again)
        span_docs_put(im, &step->scope, p.docs, p.rerank_in, p.rerank_out);
    if (p.reasons != NULL && !put_reasons(im, &step->scope, p.reasons))
        attrs_add(im, p.reasons->key, p.reasons->value);
    if (s->message != 0 && s->code == 2 && !exception)
        scope_put(im, &step->scope, T_ERROR, s->message, import_value(im, s->message));
    put_rest(im, s);
    put_surroundings(im, s, run);
    attrs_put(im, &step->scope);
    if (p.is_root)
        describe_run(im, s, run, outcome);
    begin_stretch(run, s->start_ns, s->end_ns);
    end_step(im, run, step, outcome);
}

void span_put(struct import *im, struct span *s)
{
    struct step_start start = { .id = s->id, .parent = s->parent };
    struct open_run *run;
    struct step_at_hand step;

    if (s->trace.len == 0 || s->id.len == 0) {
        import_fault(im, s->node, "a span without %s", s->trace.len == 0 ? "trace id" : "id");
        return;
    }
    run = open_run(im, s);
    span_attrs_read(im, &attrs, s->fields.value[T_ATTRS], true);
    start.type = type_of(im, s);
    if (s->fields.value[T_NAME] != 0 && import_type(im, s->fields.value[T_NAME]) == JSON_STRING)
        start.name = import_text(im, s->fields.value[T_NAME]);
    if (begin_step(im, run, &start, &step) != STEP_ENDED)
        fill_step(im, s, run, &step);
}
