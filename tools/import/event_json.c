/* What happens inside a step: {"type":"reject","item_id":"B07X","reason":"price_too_high",
 * "data":{"price":129}}, decisions, and anything else as a note (shapes.h). */
#include "import/shapes.h"

#include "common/text.h"
#include "import/times.h"

#define EVIDENCE_MAX 64 /* entries written one by one; more go as one map */
#define REASONS_MAX 16

static int64_t time_of(struct import *im, uint32_t node)
{
    xray_value v;

    if (!import_has(im, node))
        return XRAY_MISSING;
    v = import_value(im, node);
    if (v.kind == XRAY_VALUE_INT)
        return time_from_integer(v.as.i);
    if (v.kind == XRAY_VALUE_DOUBLE)
        return time_from_number(v.as.d);
    return v.kind == XRAY_VALUE_TEXT ? time_parse(v.as.bytes) : XRAY_MISSING;
}

/* ---- candidates ---- */

/* Evidence on its way: a list while it is short and plain. */
struct evidence {
    xray_attr list[EVIDENCE_MAX];
    uint32_t nodes[EVIDENCE_MAX];
    size_t count;
    bool overflow;
};

static void add_evidence(struct import *im, struct evidence *e, uint32_t key)
{
    if (e->count == EVIDENCE_MAX) {
        e->overflow = true;
        return;
    }
    e->nodes[e->count] = key + 1;
    e->list[e->count].key = import_text(im, key);
    e->list[e->count++].value = import_value(im, key + 1);
}

static void add_evidence_object(struct import *im, struct evidence *e, uint32_t object)
{
    for (uint32_t key = json_first(object); key != json_end(im->tape, object);
         key = json_at(im->tape, key + 1)->next)
        add_evidence(im, e, key);
}

static size_t reasons_of(struct import *im, const struct fields *f, xray_reason *out)
{
    const uint32_t list = f->value[T_REASONS];
    size_t count = 0;

    if (import_has(im, f->value[T_REASON]) || import_has(im, f->value[T_RULE]))
        out[count++] = (xray_reason){
            .code = import_text_of(im, f->value[T_REASON]),
            .rule = import_text_of(im, f->value[T_RULE]),
            .version = import_text_of(im, f->value[T_RULE_VERSION]),
        };
    if (import_has(im, list) && import_type(im, list) == JSON_STRING && count < REASONS_MAX)
        out[count++].code = import_text(im, list);
    if (!import_has(im, list) || import_type(im, list) != JSON_ARRAY)
        return count;
    for (uint32_t i = json_first(list); i != json_end(im->tape, list) && count < REASONS_MAX;
         i = json_at(im->tape, i)->next) {
        if (import_is_object(im, i))
            out[count++] = (xray_reason){
                .code = import_text_of(im, fields_find(im->tape, i, "code")),
                .rule = import_text_of(im, fields_find(im->tape, i, "rule")),
                .version = import_text_of(im, fields_find(im->tape, i, "version")),
                .params = import_text_of(im, fields_find(im->tape, i, "params")),
            };
        else
            out[count++].code = import_text(im, i);
    }
    return count;
}

/* Numbers of the candidate; what is none becomes evidence. */
static void put_numbers(struct import *im, const struct fields *f, xray_candidate *c, struct evidence *e)
{
    const struct number {
        enum field_target target;
        unsigned bit;
        double *real;
        int64_t *integer;
    } numbers[] = {
        { T_SCORE, XRAY_HAS_SCORE, &c->score, NULL },
        { T_THRESHOLD, XRAY_HAS_THRESHOLD, &c->threshold, NULL },
        { T_WEIGHT, XRAY_HAS_WEIGHT, &c->weight, NULL },
        { T_RANK_IN, XRAY_HAS_RANK_IN, NULL, &c->rank_in },
        { T_RANK_OUT, XRAY_HAS_RANK_OUT, NULL, &c->rank_out },
    };

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct number *n = &numbers[i];
        const uint32_t node = f->value[n->target];

        if (!import_has(im, node))
            continue;
        if (n->real != NULL ? import_double(im, node, n->real) : import_int(im, node, n->integer))
            c->fields |= n->bit;
        else
            add_evidence(im, e, f->key[n->target]);
    }
}

/* A list of evidence that the library refuses is settled as a map. */
static void record(struct import *im, const struct scope *sc, xray_candidate *c, const struct evidence *e)
{
    const int r = xray_step_candidate(sc->handle, c);
    struct json_map m = { 0 };

    if (r == XRAY_OK || (r == XRAY_ECLOSED && (im->writer != NULL || e->count == 0)))
        return;
    if ((c->fields & XRAY_HAS_EVIDENCE) == 0) {
        for (size_t i = 0; i < e->count; i++)
            json_map_add(&m, e->list[i].key, e->list[i].value);
        c->evidence_value = json_map_value(&m);
        c->fields |= XRAY_HAS_EVIDENCE;
    }
    import_candidate(im, sc, c, e->count > 0 ? e->nodes[0] : 0);
    json_map_free(&m);
}

static void put_candidate(struct import *im, const struct scope *sc, const struct fields *f, int verdict)
{
    xray_candidate c = { .verdict = (xray_verdict)verdict, .item = import_text_of(im, f->value[T_ITEM]) };
    xray_reason reasons[REASONS_MAX] = { 0 };
    struct evidence e = { .count = 0 };
    const int by = xray_by_parse(import_text_of(im, f->value[T_BY]));
    const int provenance = xray_provenance_parse(import_text_of(im, f->value[T_PROVENANCE]));

    c.reasons = reasons;
    c.reason_count = reasons_of(im, f, reasons);
    put_numbers(im, f, &c, &e);
    c.by = by > 0 ? (xray_by)by : XRAY_BY_UNSAID;
    c.provenance = provenance > 0 ? (xray_provenance)provenance : XRAY_PROV_UNSAID;
    if (by < 0 && import_has(im, f->value[T_BY]))
        add_evidence(im, &e, f->key[T_BY]);
    if (provenance < 0 && import_has(im, f->value[T_PROVENANCE]))
        add_evidence(im, &e, f->key[T_PROVENANCE]);
    c.time_ns = time_of(im, f->value[T_TIME]);
    if (c.time_ns != XRAY_MISSING)
        c.fields |= XRAY_HAS_TIME;
    else if (import_has(im, f->value[T_TIME]))
        add_evidence(im, &e, f->key[T_TIME]);
    if (import_is_object(im, f->value[T_EVIDENCE]))
        add_evidence_object(im, &e, f->value[T_EVIDENCE]);
    else if (import_has(im, f->value[T_EVIDENCE]))
        add_evidence(im, &e, f->key[T_EVIDENCE]);
    for (size_t i = 0; i < f->extra_count; i++)
        add_evidence(im, &e, fields_extra(f, i));
    c.evidence = e.list;
    c.evidence_count = e.count;
    if (e.overflow) {
        c.fields |= XRAY_HAS_EVIDENCE;
        c.evidence_value = import_value(im, f->value[T_EVIDENCE]);
    }
    record(im, sc, &c, &e);
    im->counts.candidates++;
}

/* ---- decisions and notes ---- */

static void add_selected(struct import *im, struct json_map *body, uint32_t node)
{
    const xray_str raw = json_text(im->tape, node);
    struct text t = { 0 };

    if (import_type(im, node) == JSON_ARRAY) {
        json_map_add(body, xray_s("selected"), import_value(im, node));
        return;
    }
    text_puts(&t, "[");
    if (import_type(im, node) != JSON_NULL) /* none was selected */
        text_put(&t, raw.ptr, raw.len);
    text_puts(&t, "]");
    json_map_add(body, xray_s("selected"), xray_jsonn(t.data, t.len));
    text_free(&t);
}

static bool same_text(xray_str a, xray_str b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* True if `outer` has the same member with the same value: SDKs repeat a decision's reason in its "data". */
static bool is_repeated(struct import *im, const struct fields *outer, uint32_t key)
{
    for (size_t i = 0; outer != NULL && i < outer->extra_count; i++) {
        const uint32_t other = fields_extra(outer, i);

        if (same_text(json_text(im->tape, other), json_text(im->tape, key)) &&
            same_text(json_text(im->tape, other + 1), json_text(im->tape, key + 1)))
            return true;
    }
    return false;
}

/* The members of a decision (outer is NULL), and of the "data" inside it. */
static void gather_decision(struct import *im, const struct fields *f, const struct fields *outer,
                            struct json_map *body, xray_str *name, int64_t *time_ns)
{
    if (name->len == 0)
        *name = import_text_of(im, f->value[T_NAME]);
    if (*time_ns == XRAY_MISSING)
        *time_ns = time_of(im, f->value[T_TIME]);
    if (f->value[T_SELECTED] != 0)
        add_selected(im, body, f->value[T_SELECTED]);
    for (size_t i = 0; i < f->extra_count; i++) {
        const uint32_t key = fields_extra(f, i);

        if (import_has(im, key + 1) && !is_repeated(im, outer, key))
            json_map_add(body, import_text(im, key), import_value(im, key + 1));
    }
}

void event_json_decision(struct import *im, const struct scope *sc, uint32_t node)
{
    xray_decision d = XRAY_DECISION_INIT;
    struct json_map body = { 0 };
    struct fields f, inner;
    xray_value value;

    d.time_ns = XRAY_MISSING;
    fields_collect(&f, im->tape, node, SET_DECISION);
    if (import_is_object(im, f.value[T_EVIDENCE])) {
        fields_collect(&inner, im->tape, f.value[T_EVIDENCE], SET_DECISION);
        if (inner.value[T_SELECTED] != 0) /* the fuller of the two: a list */
            f.value[T_SELECTED] = 0;
        gather_decision(im, &f, NULL, &body, &d.name, &d.time_ns);
        gather_decision(im, &inner, &f, &body, &d.name, &d.time_ns);
        fields_done(&inner);
    } else {
        gather_decision(im, &f, NULL, &body, &d.name, &d.time_ns);
        if (import_has(im, f.value[T_EVIDENCE]))
            json_map_add(&body, import_text(im, f.key[T_EVIDENCE]), import_value(im, f.value[T_EVIDENCE]));
    }
    if (d.name.len == 0)
        d.name = xray_s("decision");
    value = json_map_value(&body);
    import_decide(im, sc, &d, node, value);
    json_map_free(&body);
    fields_done(&f);
}

static void put_note(struct import *im, const struct scope *sc, uint32_t node, const struct fields *f)
{
    const xray_str kind = import_text_of(im, f->value[T_VERDICT]),
                   name = kind.len > 0 ? kind : xray_s("event");
    const int64_t time_ns = time_of(im, f->value[T_TIME]);

    import_note(im, sc, name, node, import_value(im, node), XRAY_MISSING, time_ns);
}

static bool is_decision(xray_str kind)
{
    static const char *const words[] = { "decision", "decide", "select", "selected" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (import_str_is(kind, words[i]))
            return true;
    return false;
}

uint32_t event_json_list(struct import *im, const struct scope *sc, uint32_t array, uint32_t skip)
{
    uint32_t count = 0;

    for (uint32_t i = json_first(array); i != json_end(im->tape, array); i = json_at(im->tape, i)->next) {
        struct fields f;
        int verdict;

        if (count++ < skip)
            continue;
        fields_collect(&f, im->tape, i, SET_EVENT);
        verdict = xray_verdict_parse(import_text_of(im, f.value[T_VERDICT]));
        if (verdict > 0 && sc->is_step && import_has(im, f.value[T_ITEM]))
            put_candidate(im, sc, &f, verdict);
        else if (is_decision(import_text_of(im, f.value[T_VERDICT])))
            event_json_decision(im, sc, i);
        else
            put_note(im, sc, i, &f);
        fields_done(&f);
    }
    return count > skip ? count : skip;
}
