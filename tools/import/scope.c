/* Foreign values into the fields of runs and steps (import.h). */
#include "import/import.h"

#include <math.h>

#include "common/text.h"
#include "import/times.h"

enum kind { TEXT, VALUE, MAP, TAGS, ERROR, TIME, NANO, MILLI, SECOND, COST, INTEGER };

static const struct rule {
    enum kind kind;
    bool run, step;
    int field; /* xray_field or xray_int_field */
} rules[T_PLACED] = {
    [T_PIPELINE] = { TEXT, true, false, XRAY_PIPELINE },
    [T_VERSION] = { TEXT, true, false, XRAY_PIPELINE_VERSION },
    [T_PROJECT] = { TEXT, true, false, XRAY_PROJECT },
    [T_SESSION] = { TEXT, true, false, XRAY_SESSION },
    [T_USER] = { TEXT, true, false, XRAY_USER },
    [T_NAME] = { TEXT, false, true, XRAY_NAME },
    [T_TYPE] = { TEXT, false, true, XRAY_TYPE },
    [T_MODEL] = { TEXT, false, true, XRAY_MODEL },
    [T_PROVIDER] = { TEXT, false, true, XRAY_PROVIDER },
    [T_INPUT] = { VALUE, true, true, XRAY_INPUT },
    [T_OUTPUT] = { VALUE, true, true, XRAY_OUTPUT },
    [T_REASONING] = { VALUE, false, true, XRAY_REASONING },
    [T_FILTERS] = { VALUE, false, true, XRAY_FILTERS },
    [T_PARAMS] = { MAP, false, true, XRAY_PARAMS },
    [T_SAMPLING] = { MAP, false, true, XRAY_SAMPLING },
    [T_ERROR] = { ERROR, true, true, XRAY_ERROR },
    [T_TAGS] = { TAGS, true, true, XRAY_TAGS },
    [T_METADATA] = { MAP, true, true, XRAY_METADATA },
    [T_START] = { TIME, true, true, XRAY_START },
    [T_END] = { TIME, true, true, XRAY_END },
    [T_DURATION] = { NANO, true, true, XRAY_DURATION },
    [T_DURATION_MS] = { MILLI, true, true, XRAY_DURATION },
    [T_DURATION_S] = { SECOND, true, true, XRAY_DURATION },
    [T_COST] = { COST, true, true, XRAY_COST },
    [T_FLAGS] = { INTEGER, true, true, XRAY_FLAGS },
    [T_SEQUENCE] = { INTEGER, false, true, XRAY_SEQUENCE },
    [T_IN] = { INTEGER, false, true, XRAY_CANDIDATES_IN },
    [T_OUT] = { INTEGER, false, true, XRAY_CANDIDATES_OUT },
    [T_KEPT] = { INTEGER, false, true, XRAY_CANDIDATES_KEPT },
    [T_TOK_IN] = { INTEGER, false, true, XRAY_TOKENS_IN },
    [T_TOK_OUT] = { INTEGER, false, true, XRAY_TOKENS_OUT },
    [T_TOK_CACHE_READ] = { INTEGER, false, true, XRAY_TOKENS_CACHE_READ },
    [T_TOK_CACHE_WRITE] = { INTEGER, false, true, XRAY_TOKENS_CACHE_WRITE },
    [T_TOK_REASONING] = { INTEGER, false, true, XRAY_TOKENS_REASONING },
    [T_TOK_TOTAL] = { INTEGER, false, true, XRAY_TOKENS_TOTAL },
};

void scope_int(const struct scope *sc, xray_int_field field, int64_t value)
{
    if (sc->is_step)
        xray_step_set_int(sc->handle, field, value);
    else
        xray_run_set_int(sc->handle, field, value);
}

static void set_value(struct import *im, const struct scope *sc, int field, uint32_t node, xray_value value)
{
    for (int tries = 0; tries < 2; tries++) {
        const int r = sc->is_step ? xray_step_set(sc->handle, (xray_field)field, value)
                                  : xray_run_set(sc->handle, (xray_field)field, value);

        if (r == XRAY_OK || !import_settle(im, r, node, &value))
            return;
    }
}

static bool is_number(const xray_value *v, double *out)
{
    if (v->kind == XRAY_VALUE_INT)
        *out = (double)v->as.i;
    else if (v->kind == XRAY_VALUE_UINT)
        *out = (double)v->as.u;
    else if (v->kind == XRAY_VALUE_DOUBLE)
        *out = v->as.d;
    else
        return false;
    return isfinite(*out);
}

/* Our own NDJSON writes 64-bit integers of any size and sign, as text where they are times. */
static int64_t own_integer(const xray_value *v)
{
    int64_t i;

    if (v->kind == XRAY_VALUE_TEXT && integer_parse(v->as.bytes, &i))
        return i;
    return v->kind == XRAY_VALUE_INT ? v->as.i : XRAY_MISSING;
}

static int64_t time_of(const xray_value *v)
{
    if (v->kind == XRAY_VALUE_INT)
        return time_from_integer(v->as.i);
    if (v->kind == XRAY_VALUE_DOUBLE && isfinite(v->as.d))
        return time_from_number(v->as.d);
    return v->kind == XRAY_VALUE_TEXT ? time_parse(v->as.bytes) : XRAY_MISSING;
}

/* `unit`: nanoseconds in one of the number. */
static int64_t duration_of(const xray_value *v, double unit)
{
    double d;

    if (!is_number(v, &d) || d < 0 || d * unit > 9.2e18)
        return XRAY_MISSING;
    return v->kind == XRAY_VALUE_INT ? v->as.i * (int64_t)unit : llround(d * unit);
}

static int64_t cost_of(struct import *im, uint32_t node, const xray_value *v)
{
    double d;

    if (v->kind == XRAY_VALUE_TEXT || v->kind == XRAY_VALUE_JSON)
        return nano_parse(v->as.bytes);
    if (!is_number(v, &d))
        return XRAY_MISSING;
    if (node != 0 && (import_type(im, node) == JSON_INT || import_type(im, node) == JSON_REAL))
        return nano_parse(json_text(im->tape, node)); /* the text is exact */
    return nano_from_number(d);
}

static int64_t integer_of(const xray_value *v)
{
    int64_t i;
    double d;

    if (v->kind == XRAY_VALUE_TEXT)
        return integer_parse(v->as.bytes, &i) && i >= 0 ? i : XRAY_MISSING;
    if (v->kind == XRAY_VALUE_INT)
        return v->as.i >= 0 ? v->as.i : XRAY_MISSING;
    return is_number(v, &d) && d == floor(d) && d >= 0 && d < 9e15 ? (int64_t)d : XRAY_MISSING;
}

static bool is_container(const xray_value *v, char open)
{
    return v->kind == XRAY_VALUE_JSON && v->as.bytes.ptr[0] == open;
}

/* ["a","b"] becomes {"a":true,"b":true}. */
static bool put_tag_list(struct import *im, const struct scope *sc, uint32_t node)
{
    struct json_map m = { 0 };

    for (uint32_t i = json_first(node); i != json_end(im->tape, node); i = json_at(im->tape, i)->next)
        if (import_type(im, i) != JSON_STRING)
            return false;
    for (uint32_t i = json_first(node); i != json_end(im->tape, node); i = json_at(im->tape, i)->next)
        json_map_add(&m, import_text(im, i), xray_bool(true));
    if (m.count > 0)
        set_value(im, sc, XRAY_TAGS, node, json_map_value(&m));
    json_map_free(&m);
    return true;
}

/* A text that holds JSON, in sources that write it so. */
static xray_value open_text(struct import *im, xray_value value)
{
    struct json_tape inner = { 0 };
    const xray_str text = value.as.bytes;

    if (im->json_in_strings && value.kind == XRAY_VALUE_TEXT && text.len > 1 &&
        (import_inner(&inner, text) ||
         (text.ptr[0] == '"' && json_tape_read(&inner, text.ptr, text.len, true) == JSON_DONE &&
          inner.end == text.len)))
        value = xray_jsonn(text.ptr, text.len);
    json_tape_free(&inner);
    return value;
}

static bool put_by_rule(struct import *im, const struct scope *sc, const struct rule *rule, uint32_t node,
                        xray_value value)
{
    int64_t number = XRAY_MISSING;

    switch (rule->kind) {
    case TEXT:
        if (value.kind != XRAY_VALUE_TEXT)
            return false;
        set_value(im, sc, rule->field, node, value);
        return true;
    case TAGS:
        if (!im->own && is_container(&value, '[') && node != 0 && import_type(im, node) == JSON_ARRAY)
            return put_tag_list(im, sc, node);
        /* fall through */
    case MAP:
        value = open_text(im, value);
        if (!is_container(&value, '{') && !im->own)
            return false;
        set_value(im, sc, rule->field, node, value);
        return true;
    case ERROR:
        if (value.kind != XRAY_VALUE_TEXT && !is_container(&value, '{') && !im->own)
            return false;
        set_value(im, sc, rule->field, node, value);
        return true;
    case VALUE:
        set_value(im, sc, rule->field, node, open_text(im, value));
        return true;
    case TIME:
        number = im->own ? own_integer(&value) : time_of(&value);
        break;
    case NANO:
        number = im->own ? own_integer(&value) : integer_of(&value);
        break;
    case MILLI:
        number = duration_of(&value, 1e6);
        break;
    case SECOND:
        number = duration_of(&value, 1e9);
        break;
    case COST:
        number = cost_of(im, node, &value);
        break;
    case INTEGER:
        number = im->own ? own_integer(&value) : integer_of(&value);
        break;
    }
    if (number == XRAY_MISSING)
        return false;
    scope_int(sc, (xray_int_field)rule->field, number);
    return true;
}

bool scope_put(struct import *im, const struct scope *sc, enum field_target target, uint32_t node,
               xray_value value)
{
    const struct rule *rule = &rules[target];

    if (sc->is_step ? !rule->step : !rule->run)
        return false;
    return put_by_rule(im, sc, rule, node, value);
}

/* ---- events ---- */

void import_candidate(struct import *im, const struct scope *sc, xray_candidate *c, uint32_t node)
{
    int r = xray_step_candidate(sc->handle, c);

    if (r == XRAY_OK || (c->fields & XRAY_HAS_EVIDENCE) == 0)
        return;
    if (import_settle(im, r, node, &c->evidence_value))
        r = xray_step_candidate(sc->handle, c);
    if (r == XRAY_ESYNTAX || r == XRAY_ELIMIT) {
        c->fields &= ~XRAY_HAS_EVIDENCE;
        c->evidence_count = 0;
        xray_step_candidate(sc->handle, c);
    }
}

void import_decide(struct import *im, const struct scope *sc, xray_decision *d, uint32_t node,
                   xray_value body)
{
    d->body = &body;
    for (int tries = 0; tries < 2; tries++) {
        const int r = sc->is_step ? xray_step_decide(sc->handle, d) : xray_run_decide(sc->handle, d);

        if (r == XRAY_OK || !import_settle(im, r, node, &body))
            break;
    }
    d->body = NULL;
}

void import_note(struct import *im, const struct scope *sc, xray_str name, uint32_t node, xray_value body,
                 int64_t after, int64_t time_ns)
{
    for (int tries = 0; tries < 2; tries++) {
        const int r = sc->is_step ? xray_step_note(sc->handle, name, body, after, time_ns)
                                  : xray_run_note(sc->handle, name, body, after, time_ns);

        if (r == XRAY_OK || !import_settle(im, r, node, &body))
            return;
    }
}

/* ---- attrs ---- */

void attrs_add(struct import *im, xray_str key, xray_value value)
{
    json_map_add(&im->attrs, key, value);
}

void attrs_add_member(struct import *im, uint32_t key)
{
    attrs_add(im, import_text(im, key), import_value(im, key + 1));
}

void attrs_add_object(struct import *im, uint32_t object)
{
    for (uint32_t key = json_first(object); key != json_end(im->tape, object);
         key = json_at(im->tape, key + 1)->next)
        attrs_add_member(im, key);
}

/* What a run or step that was seen before has in its attrs stays; entries with the same key are replaced. */
static void merge_attrs(struct import *im, const struct scope *sc, struct json_map *m)
{
    const xray_value all = json_map_value(m);
    struct json_tape tape = { 0 };

    if (json_tape_read(&tape, all.as.bytes.ptr, all.as.bytes.len, true) != JSON_DONE)
        return;
    for (uint32_t i = json_first(0); i != json_end(&tape, 0); i = json_at(&tape, i + 1)->next) {
        const xray_str quoted = json_text(&tape, i), text = json_text(&tape, i + 1);
        char *key = arena_take(&im->arena, quoted.len);
        const size_t len = json_unescape(key, quoted.ptr, quoted.len);
        xray_value value = xray_jsonn(text.ptr, text.len);

        for (int tries = 0; tries < 2; tries++) {
            const int r = sc->is_step
                              ? xray_step_add(sc->handle, XRAY_ATTRS_FIELD, xray_strn(key, len), value)
                              : xray_run_add(sc->handle, XRAY_ATTRS_FIELD, xray_strn(key, len), value);

            if (r == XRAY_OK || !import_settle(im, r, 0, &value))
                break;
        }
    }
    json_tape_free(&tape);
}

void attrs_put_map(struct import *im, const struct scope *sc, struct json_map *m)
{
    if (m->count > 0 && sc->again && !m->pairs)
        merge_attrs(im, sc, m);
    else if (m->count > 0)
        set_value(im, sc, XRAY_ATTRS_FIELD, 0, json_map_value(m));
    json_map_reset(m);
}

void attrs_put(struct import *im, const struct scope *sc)
{
    attrs_put_map(im, sc, &im->attrs);
}

/* ---- all fields of an object ---- */

/* A total that is the sum says nothing. */
static bool is_sum(struct import *im, const struct fields *f)
{
    int64_t in, out, total;

    return import_has(im, f->value[T_TOK_TOTAL]) && import_has(im, f->value[T_TOK_IN]) &&
           import_has(im, f->value[T_TOK_OUT]) && import_int(im, f->value[T_TOK_TOTAL], &total) &&
           import_int(im, f->value[T_TOK_IN], &in) && import_int(im, f->value[T_TOK_OUT], &out) && in >= 0 &&
           out >= 0 && in <= total && total - in == out;
}

void scope_put_usage(struct import *im, const struct scope *sc, uint32_t object)
{
    struct json_map rest = { 0 };
    struct fields f;

    fields_collect(&f, im->tape, object, SET_USAGE);
    for (int t = T_TOK_IN; t <= T_TOK_TOTAL; t++) {
        const uint32_t node = f.value[t];

        if (!import_has(im, node) || (t == T_TOK_TOTAL && !im->own && is_sum(im, &f)))
            continue;
        if (!scope_put(im, sc, (enum field_target)t, node, import_value(im, node)))
            json_map_add(&rest, import_text(im, f.key[t]), import_value(im, node));
    }
    for (size_t i = 0; i < f.extra_count; i++) {
        const uint32_t key = fields_extra(&f, i);

        json_map_add(&rest, import_text(im, key), import_value(im, key + 1));
    }
    if (rest.count > 0)
        attrs_add(im, xray_s("usage"), json_map_value(&rest));
    json_map_free(&rest);
    fields_done(&f);
}

void scope_put_fields(struct import *im, const struct scope *sc, const struct fields *f)
{
    for (int t = 0; t < T_PLACED; t++)
        if (import_has(im, f->value[t]) && (t != T_TOK_TOTAL || im->own || !is_sum(im, f)) &&
            !scope_put(im, sc, (enum field_target)t, f->value[t], import_value(im, f->value[t])))
            attrs_add_member(im, f->key[t]);
    if (import_has(im, f->value[T_USAGE])) {
        if (import_type(im, f->value[T_USAGE]) == JSON_OBJECT)
            scope_put_usage(im, sc, f->value[T_USAGE]);
        else
            attrs_add_member(im, f->key[T_USAGE]);
    }
    if (import_has(im, f->value[T_ATTRS])) {
        if (im->own && f->extra_count == 0)
            set_value(im, sc, XRAY_ATTRS_FIELD, f->value[T_ATTRS], import_value(im, f->value[T_ATTRS]));
        else if (import_type(im, f->value[T_ATTRS]) == JSON_OBJECT)
            attrs_add_object(im, f->value[T_ATTRS]);
        else
            attrs_add_member(im, f->key[T_ATTRS]);
    }
    for (size_t i = 0; i < f->extra_count; i++)
        if (im->own || import_has(im, fields_extra(f, i) + 1)) /* elsewhere null says nothing */
            attrs_add_member(im, fields_extra(f, i));
}

/* ---- outcome ---- */

static int outcome_of_number(double reward)
{
    return reward >= 1 ? XRAY_SUCCESS : reward > 0 ? XRAY_PARTIAL : XRAY_FAILURE;
}

xray_outcome import_outcome(struct import *im, const struct fields *f)
{
    const uint32_t status = f->value[T_STATUS], success = f->value[T_SUCCESS], reward = f->value[T_REWARD];
    double d;

    if (import_has(im, status) && import_type(im, status) == JSON_STRING) {
        const int outcome = fields_outcome(import_text(im, status));

        if (outcome >= 0)
            return (xray_outcome)outcome;
    }
    if (import_has(im, status))
        attrs_add_member(im, f->key[T_STATUS]);
    if (import_has(im, success) && import_type(im, success) != JSON_BOOL)
        attrs_add_member(im, f->key[T_SUCCESS]);
    if (import_has(im, f->value[T_ERROR]))
        return XRAY_FAILURE;
    if (import_has(im, success) && import_type(im, success) == JSON_BOOL)
        return json_text(im->tape, success).ptr[0] == 't' ? XRAY_SUCCESS : XRAY_FAILURE;
    if (import_has(im, reward) && import_double(im, reward, &d))
        return (xray_outcome)outcome_of_number(d);
    if (import_has(im, f->value[T_END]) || import_has(im, f->value[T_DURATION]) ||
        import_has(im, f->value[T_DURATION_MS]) || import_has(im, f->value[T_DURATION_S]))
        return XRAY_SUCCESS;
    return XRAY_RUNNING;
}
