/* Our own NDJSON, spec 13: what xray-cat -j prints. Read so exactly that printing it
 * again gives the same bytes. A step stays open while its events follow, a run while
 * its steps do. */
#include "import/shapes.h"

#include <stdlib.h>

#include "common/text.h"
#include "import/histogram.h"
#include "import/times.h"

#define EVIDENCE_MAX 64
#define REASONS_MAX 64

/* What is known of the current step when its line is read and written when it ends, behind its events: they
 * would be counted on top of it. */
struct own_counts {
    xray_outcome outcome;
    struct histogram reasons; /* given by the line */
    struct text name, type;
    bool contradicted; /* an event was rejected for a reason that the histogram does not have */
};

static int64_t integer_of(struct import *im, uint32_t node)
{
    int64_t v;

    return import_has(im, node) && import_int(im, node, &v) ? v : XRAY_MISSING;
}

/* ---- the current step ---- */

/* A given histogram says all, whatever the events say: a later row of the step replaces the one that counted them. */
static void settle_histogram(struct open_run *run)
{
    const struct own_counts *own = run->own;
    const xray_step_options options = { .number = run->current_number, .clock = XRAY_CLOCK_NONE };
    const xray_step again = xray_step_begin(run->handle, xray_strn(own->name.data, own->name.len),
                                            xray_strn(own->type.data, own->type.len), &options);

    histogram_put(&own->reasons, again);
    xray_step_end(again, own->outcome);
}

static void finish_step(struct open_run *run)
{
    if (run->current_number == 0)
        return;
    histogram_put(&run->own->reasons, run->current);
    xray_step_end(run->current, run->own->outcome);
    if (run->own->contradicted)
        settle_histogram(run);
    histogram_reset(&run->own->reasons);
    run->own->contradicted = false;
    run->current = 0;
    run->current_number = 0;
}

void own_finish(struct open_run *run)
{
    if (run->own == NULL)
        return;
    finish_step(run);
    histogram_done(&run->own->reasons);
    text_free(&run->own->name);
    text_free(&run->own->type);
    free(run->own);
    run->own = NULL;
}

/* ---- runs ---- */

static xray_outcome outcome_of(struct import *im, const struct fields *f)
{
    const int outcome = xray_outcome_parse(import_string(im, f->value[T_STATUS]));

    return outcome > 0 ? (xray_outcome)outcome : XRAY_RUNNING;
}

/* The run of a line, begun if this is the first one of it. */
static struct open_run *run_of(struct import *im, const struct fields *f)
{
    const xray_str id = import_string(im, f->value[T_RUN_ID]);
    struct open_run *run = runs_find(&im->runs, id); /* nearly always this */
    uint8_t bytes[16], parent[16];

    if (run == NULL) {
        struct run_start start = { .id = id, .id_only = true };

        if (id.len != 32 || !begin_parse_id(id, bytes)) {
            import_fault(im, f->key[T_RUN_ID], "a run must be 32 hexadecimal digits");
            return NULL;
        }
        start.pipeline = import_string(im, f->value[T_PIPELINE]);
        start.version = import_string(im, f->value[T_VERSION]);
        if (begin_parse_id(import_string(im, f->value[T_PARENT_RUN]), parent))
            start.parent_run = parent;
        run = begin_run(im, &start);
    }
    if (run->own == NULL)
        run->own = memory_new(1, sizeof *run->own);
    return run;
}

static void read_run(struct import *im, struct fields *f)
{
    struct open_run *run = run_of(im, f);
    struct scope sc;

    if (run == NULL)
        return;
    sc = (struct scope){ .handle = run->handle, .again = run->described };
    if (f->value[T_PIPELINE] == 0)
        xray_run_set(run->handle, XRAY_PIPELINE, xray_text(""));
    scope_put_fields(im, &sc, f);
    attrs_put(im, &sc);
    if (import_has(im, f->value[T_ID]))
        xray_run_set(run->handle, XRAY_EXT_ID, import_value(im, f->value[T_ID]));
    run->outcome = outcome_of(im, f);
    run->described = true;
}

/* ---- steps ---- */

static void keep_text(struct text *t, xray_str text)
{
    text_reset(t);
    text_put(t, text.ptr, text.len);
}

static void read_step(struct import *im, struct fields *f)
{
    struct open_run *run = run_of(im, f);
    const int64_t number = integer_of(im, f->value[T_NUMBER]), parent = integer_of(im, f->value[T_PARENT]);
    const xray_step_options options = {
        .number = number,
        .parent_number = parent > 0 ? parent : 0,
        .ext_id = import_string(im, f->value[T_ID]),
        .parent_ext = import_string(im, f->value[T_PARENT_EXT]),
        .clock = XRAY_CLOCK_NONE,
    };
    struct scope sc = { .is_step = true };

    if (run == NULL)
        return;
    if (number <= 0 || number == run->current_number) {
        import_fault(im, number <= 0 ? 0 : f->value[T_NUMBER], "a step must have a number of its own");
        return;
    }
    finish_step(run);
    sc.handle = xray_step_begin(run->handle, import_string(im, f->value[T_NAME]),
                                import_string(im, f->value[T_TYPE]), &options);
    keep_text(&run->own->name, import_string(im, f->value[T_NAME]));
    keep_text(&run->own->type, import_string(im, f->value[T_TYPE]));
    f->value[T_NAME] = f->value[T_TYPE] = 0;
    run->current = sc.handle;
    run->current_number = number;
    run->own->outcome = outcome_of(im, f);
    im->counts.steps++;
    scope_put_fields(im, &sc, f);
    attrs_put(im, &sc);
    if (import_has(im, f->value[T_REASONS])) {
        if (import_type(im, f->value[T_REASONS]) == JSON_OBJECT) {
            histogram_read(&run->own->reasons, im, f->value[T_REASONS]);
            histogram_put(&run->own->reasons, sc.handle); /* now for their order, at the end for their counts */
        } else
            import_fault(im, f->value[T_REASONS], "reasons of a step must be an object");
    }
}

/* ---- events ---- */

/* The run of an event whose step is the current one, or that has no step. */
static struct open_run *run_of_event(struct import *im, const struct fields *f)
{
    struct open_run *run = run_of(im, f);

    if (run == NULL)
        return NULL;
    if (f->value[T_NUMBER] != 0 && integer_of(im, f->value[T_NUMBER]) != run->current_number) {
        import_fault(im, f->value[T_NUMBER], "an event must stand behind its step");
        return NULL;
    }
    return run;
}

static bool read_reasons(struct import *im, uint32_t list, xray_reason *out, size_t *count)
{
    if (import_type(im, list) != JSON_ARRAY)
        return false;
    for (uint32_t i = json_first(list); i != json_end(im->tape, list); i = json_at(im->tape, i)->next) {
        xray_reason *r = &out[*count];

        if (*count == REASONS_MAX || import_type(im, i) != JSON_OBJECT)
            return false;
        *r = (xray_reason){ 0 };
        for (uint32_t key = json_first(i); key != json_end(im->tape, i);
             key = json_at(im->tape, key + 1)->next) {
            const xray_str text = import_string(im, key + 1);

            if (fields_is(im->tape, key, "code"))
                r->code = text;
            else if (fields_is(im->tape, key, "rule"))
                r->rule = text;
            else if (fields_is(im->tape, key, "version"))
                r->version = text;
            else if (fields_is(im->tape, key, "params"))
                r->params = text;
        }
        ++*count;
    }
    return true;
}

static bool put_real(struct import *im, const struct fields *f, enum field_target t, unsigned bit,
                     double *out, unsigned *fields)
{
    if (!import_has(im, f->value[t]))
        return true;
    *fields |= bit;
    return import_double(im, f->value[t], out);
}

static bool put_integer(struct import *im, const struct fields *f, enum field_target t, unsigned bit,
                        int64_t *out, unsigned *fields)
{
    if (!import_has(im, f->value[t]))
        return true;
    *fields |= bit;
    return import_int(im, f->value[t], out);
}

/* As a list where it is a plain one; {}, {"$map":...} and long ones as a whole. */
static void put_evidence(struct import *im, uint32_t object, xray_attr *list, xray_candidate *c)
{
    size_t count = 0;

    c->evidence = list;
    if (!import_has(im, object))
        return;
    if (import_type(im, object) == JSON_OBJECT)
        for (uint32_t key = json_first(object); key != json_end(im->tape, object) && count <= EVIDENCE_MAX;
             key = json_at(im->tape, key + 1)->next)
            if (count++ < EVIDENCE_MAX) {
                list[count - 1].key = import_text(im, key);
                list[count - 1].value = import_value(im, key + 1);
            }
    if (count == 0 || count > EVIDENCE_MAX ||
        (count == 1 && list[0].key.len > 0 && list[0].key.ptr[0] == '$')) {
        c->fields |= XRAY_HAS_EVIDENCE;
        c->evidence_value = import_value(im, object);
        return;
    }
    c->evidence_count = count;
}

/* Whether the given histogram has no such event. */
static bool contradicts(const struct own_counts *own, const xray_candidate *c)
{
    if (own->reasons.count == 0 || c->verdict != XRAY_REJECT)
        return false;
    for (size_t i = 0; i < c->reason_count; i++)
        if (c->reasons[i].code.len > 0 && !histogram_has(&own->reasons, c->reasons[i].code))
            return true;
    return false;
}

static void read_candidate(struct import *im, const struct fields *f)
{
    struct open_run *run = run_of_event(im, f);
    const int verdict = xray_verdict_parse(import_string(im, f->value[T_VERDICT]));
    const int by = xray_by_parse(import_string(im, f->value[T_BY]));
    const int provenance = xray_provenance_parse(import_string(im, f->value[T_PROVENANCE]));
    xray_candidate c = { .item = import_string(im, f->value[T_ITEM]), .verdict = (xray_verdict)verdict };
    xray_reason reasons[REASONS_MAX];
    xray_attr evidence[EVIDENCE_MAX];
    bool ok = verdict > 0;

    if (run == NULL)
        return;
    c.reasons = reasons;
    if (import_has(im, f->value[T_REASONS]))
        ok = ok && read_reasons(im, f->value[T_REASONS], reasons, &c.reason_count);
    ok = ok && put_real(im, f, T_SCORE, XRAY_HAS_SCORE, &c.score, &c.fields);
    ok = ok && put_real(im, f, T_THRESHOLD, XRAY_HAS_THRESHOLD, &c.threshold, &c.fields);
    ok = ok && put_real(im, f, T_WEIGHT, XRAY_HAS_WEIGHT, &c.weight, &c.fields);
    ok = ok && put_integer(im, f, T_RANK_IN, XRAY_HAS_RANK_IN, &c.rank_in, &c.fields);
    ok = ok && put_integer(im, f, T_RANK_OUT, XRAY_HAS_RANK_OUT, &c.rank_out, &c.fields);
    ok = ok && put_integer(im, f, T_TIME, XRAY_HAS_TIME, &c.time_ns, &c.fields);
    if (!ok || f->value[T_NUMBER] == 0) {
        import_fault(im, 0,
                     f->value[T_NUMBER] == 0 ? "a candidate without its step"
                                             : "this is no candidate of spec 13");
        return;
    }
    c.by = by > 0 ? (xray_by)by : XRAY_BY_UNSAID;
    c.provenance = provenance > 0 ? (xray_provenance)provenance : XRAY_PROV_UNSAID;
    put_evidence(im, f->value[T_EVIDENCE], evidence, &c);
    if (run->current != 0 && xray_step_candidate(run->current, &c) < 0)
        import_fault(im, f->value[T_EVIDENCE],
                     "evidence that cannot be kept (a key twice, or nested too deeply)");
    else {
        run->own->contradicted |= contradicts(run->own, &c);
        im->counts.candidates++;
    }
}

static void read_event(struct import *im, const struct fields *f, bool decision)
{
    struct open_run *run = run_of_event(im, f);
    const bool of_step = f->value[T_NUMBER] != 0;
    const uint32_t node = f->value[T_BODY];
    const xray_value body = import_has(im, node) ? import_value(im, node) : xray_nil();
    xray_decision d = XRAY_DECISION_INIT;
    struct scope sc = { .is_step = of_step };

    if (run == NULL)
        return;
    sc.handle = of_step ? run->current : run->handle;
    d.name = import_string(im, f->value[T_NAME]);
    d.after = integer_of(im, f->value[T_AFTER]);
    d.time_ns = integer_of(im, f->value[T_TIME]);
    if (decision)
        import_decide(im, &sc, &d, node, body);
    else
        import_note(im, &sc, d.name, node, body, d.after, d.time_ns);
}

static void read_loss(struct import *im, const struct fields *f)
{
    const xray_str cause = import_string(im, f->value[T_CAUSE]), what = import_string(im, f->value[T_WHAT]);
    const int64_t count = integer_of(im, f->value[T_COUNT]);
    char cause_text[64], what_text[64];

    if (count < 0 || cause.len >= sizeof cause_text || what.len >= sizeof what_text) {
        import_fault(im, 0, "this is no loss of spec 13");
        return;
    }
    memcpy(cause_text, cause.len > 0 ? cause.ptr : "", cause.len);
    memcpy(what_text, what.len > 0 ? what.ptr : "", what.len);
    cause_text[cause.len] = what_text[what.len] = '\0';
    if (im->writer != NULL)
        xray_writer_report_loss(im->writer, cause_text, what_text, (uint64_t)count,
                                integer_of(im, f->value[T_FROM]), integer_of(im, f->value[T_TO]));
}

void own_line(struct import *im, uint32_t node)
{
    struct fields f;
    uint32_t kind;

    fields_collect(&f, im->tape, node, SET_OWN);
    kind = f.value[T_KIND];
    im->own = true;
    if (kind == 0)
        import_fault(im, node, "a line of our own NDJSON has a \"kind\"");
    else if (fields_is(im->tape, kind, "cand"))
        read_candidate(im, &f);
    else if (fields_is(im->tape, kind, "step"))
        read_step(im, &f);
    else if (fields_is(im->tape, kind, "run"))
        read_run(im, &f);
    else if (fields_is(im->tape, kind, "decision") || fields_is(im->tape, kind, "note"))
        read_event(im, &f, fields_is(im->tape, kind, "decision"));
    else if (fields_is(im->tape, kind, "loss"))
        read_loss(im, &f);
    else
        import_fault(im, kind, "a line of the unknown kind %.*s", (int)(json_at(im->tape, kind)->len % 64),
                     json_text(im->tape, kind).ptr);
    im->own = false;
    fields_done(&f);
}
