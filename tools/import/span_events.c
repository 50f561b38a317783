/* Events of a span: exceptions, our own candidates and decisions, anything else as a note (span.h). */
#include "import/span.h"

#include "common/text.h"

static struct span_attrs attrs; /* of the event at hand */

static xray_str text_of(const char *key)
{
    const struct span_attr *a = span_attrs_find(&attrs, key);

    return a != NULL && a->value.kind == XRAY_VALUE_TEXT ? a->value.as.bytes : xray_strn(NULL, 0);
}

static bool number_of(const char *key, double *out)
{
    const struct span_attr *a = span_attrs_find(&attrs, key);

    if (a == NULL || (a->value.kind != XRAY_VALUE_DOUBLE && a->value.kind != XRAY_VALUE_INT))
        return false;
    *out = a->value.kind == XRAY_VALUE_INT ? (double)a->value.as.i : a->value.as.d;
    return true;
}

static bool integer_of(const char *key, int64_t *out)
{
    const struct span_attr *a = span_attrs_find(&attrs, key);

    if (a == NULL || a->value.kind != XRAY_VALUE_INT)
        return false;
    *out = a->value.as.i;
    return true;
}

static bool begins_with(xray_str text, const char *prefix)
{
    const size_t n = strlen(prefix);

    return text.len >= n && memcmp(text.ptr, prefix, n) == 0;
}

/* {"type":..,"message":..,"stack":..} from exception.type, .message and .stacktrace. */
static void put_exception(const struct scope *sc)
{
    static const char *const from[] = { "exception.type", "exception.message", "exception.stacktrace" };
    static const char *const to[] = { "type", "message", "stack" };
    struct json_map m = { 0 };

    for (int i = 0; i < 3; i++) {
        const xray_str text = text_of(from[i]);

        if (text.ptr != NULL)
            json_map_add(&m, xray_s(to[i]), xray_textn(text.ptr, text.len));
    }
    if (m.count > 0)
        xray_step_set(sc->handle, XRAY_ERROR, json_map_value(&m));
    json_map_free(&m);
}

static void put_candidate(struct import *im, const struct scope *sc, int64_t time_ns)
{
    const int verdict = xray_verdict_parse(text_of("xray.candidate.verdict"));
    const int by = xray_by_parse(text_of("xray.candidate.by"));
    const int provenance = xray_provenance_parse(text_of("xray.candidate.provenance"));
    xray_candidate c = { .item = text_of("xray.candidate.id"),
                         .verdict = (xray_verdict)verdict,
                         .time_ns = time_ns };
    const xray_reason reason = { .code = text_of("xray.candidate.reason"),
                                 .rule = text_of("xray.candidate.rule"),
                                 .version = text_of("xray.candidate.rule_version"),
                                 .params = text_of("xray.candidate.params") };
    static const char evidence[] = "xray.candidate.evidence.";
    struct json_map m = { 0 };

    c.reasons = &reason;
    c.reason_count = reason.code.len > 0 || reason.rule.len > 0;
    c.fields |= time_ns != XRAY_MISSING ? XRAY_HAS_TIME : 0;
    c.fields |= number_of("xray.candidate.score", &c.score) ? XRAY_HAS_SCORE : 0;
    c.fields |= number_of("xray.candidate.threshold", &c.threshold) ? XRAY_HAS_THRESHOLD : 0;
    c.fields |= number_of("xray.candidate.weight", &c.weight) ? XRAY_HAS_WEIGHT : 0;
    c.fields |= integer_of("xray.candidate.rank_in", &c.rank_in) ? XRAY_HAS_RANK_IN : 0;
    c.fields |= integer_of("xray.candidate.rank_out", &c.rank_out) ? XRAY_HAS_RANK_OUT : 0;
    c.by = by > 0 ? (xray_by)by : XRAY_BY_UNSAID;
    c.provenance = provenance > 0 ? (xray_provenance)provenance : XRAY_PROV_UNSAID;
    for (size_t i = 0; i < attrs.count; i++)
        if (begins_with(attrs.list[i].key, evidence))
            json_map_add(&m,
                         xray_strn(attrs.list[i].key.ptr + sizeof evidence - 1,
                                   attrs.list[i].key.len - sizeof evidence + 1),
                         attrs.list[i].value);
    if (m.count > 0) {
        c.fields |= XRAY_HAS_EVIDENCE;
        c.evidence_value = json_map_value(&m);
    }
    import_candidate(im, sc, &c, 0);
    im->counts.candidates++;
    json_map_free(&m);
}

static void put_decision(struct import *im, const struct scope *sc, int64_t time_ns)
{
    static const char prefix[] = "xray.decision.";
    const size_t skip = sizeof prefix - 1;
    xray_decision d = XRAY_DECISION_INIT;
    struct json_map m = { 0 };

    d.name = text_of("xray.decision.name");
    d.time_ns = time_ns;
    for (size_t i = 0; i < attrs.count; i++) {
        const struct span_attr *a = &attrs.list[i];
        struct json_tape tape = { 0 };
        xray_value v = a->value;

        if (!begins_with(a->key, prefix) ||
            (a->key.len == skip + 4 && memcmp(a->key.ptr + skip, "name", 4) == 0))
            continue;
        if (v.kind == XRAY_VALUE_TEXT && import_inner(&tape, v.as.bytes))
            v = xray_jsonn(v.as.bytes.ptr, v.as.bytes.len);
        json_map_add(&m, xray_strn(a->key.ptr + skip, a->key.len - skip), v);
        json_tape_free(&tape);
    }
    import_decide(im, sc, &d, 0, json_map_value(&m));
    json_map_free(&m);
}

static void put_note(struct import *im, const struct scope *sc, xray_str name, const struct fields *f,
                     int64_t time_ns)
{
    struct json_map m = { 0 };

    span_attrs_put(&attrs, &m);
    for (size_t i = 0; i < f->extra_count; i++) {
        const uint32_t key = fields_extra(f, i);
        const xray_str text = json_text(im->tape, key + 1);

        if (text.len != 1 || text.ptr[0] != '0') /* droppedAttributesCount */
            json_map_add(&m, import_text(im, key), import_value(im, key + 1));
    }
    import_note(im, sc, name, 0, json_map_value(&m), XRAY_MISSING, time_ns);
    json_map_free(&m);
}

uint32_t span_events_put(struct import *im, const struct scope *sc, uint32_t array, uint32_t skip,
                         bool *error)
{
    uint32_t count = 0;

    *error = false;
    for (uint32_t i = json_first(array); i != json_end(im->tape, array); i = json_at(im->tape, i)->next) {
        struct fields f;
        xray_str name = xray_strn(NULL, 0);
        int64_t time_ns;

        if (import_type(im, i) != JSON_OBJECT || count++ < skip)
            continue;
        fields_collect(&f, im->tape, i, SET_SPAN_EVENT);
        if (f.value[T_NAME] != 0 && import_type(im, f.value[T_NAME]) == JSON_STRING)
            name = import_text(im, f.value[T_NAME]);
        time_ns = span_time(im, f.value[T_TIME], true);
        span_attrs_read(im, &attrs, f.value[T_ATTRS], false);
        if (import_str_is(name, "xray.candidate") &&
            xray_verdict_parse(text_of("xray.candidate.verdict")) > 0) {
            put_candidate(im, sc, time_ns);
        } else if (import_str_is(name, "xray.decision")) {
            put_decision(im, sc, time_ns);
        } else {
            if (import_str_is(name, "exception")) {
                put_exception(sc);
                *error = true;
            }
            put_note(im, sc, name, &f, time_ns);
        }
        fields_done(&f);
    }
    return count > skip ? count : skip;
}
