/* See fields.h: the values of named fields. */
#include <inttypes.h>

#include "common/fields.h"
#include "common/fieldtable.h"
#include "common/human.h"
#include "common/jsonline.h"
#include "common/runs.h"

/* ---- sets ---- */

/* Adds an element to a set: "a,b" and ["a","b"]. */
static void add_element(struct cell *c, xray_str element)
{
    if (element.len == 0)
        return;
    text_puts(&c->json, c->kind == CELL_MISSING ? "[" : ",");
    text_puts(&c->text, c->kind == CELL_MISSING ? "" : ",");
    c->kind = CELL_JSON;
    json_string(&c->json, element);
    text_put(&c->text, element.ptr, element.len);
}

static void end_set(struct cell *c)
{
    if (c->kind == CELL_JSON)
        text_puts(&c->json, "]");
}

static void get_codes(const xray_step_record *step, struct cell *c)
{
    cell_clear(c);
    for (size_t i = 0; i < step->reason_count; i++)
        add_element(c, step->reasons[i].code);
    end_set(c);
}

/* reasons.CODE is a count; reasons alone all of them. */
static void get_histogram(const struct named_field *f, const xray_step_record *step, struct cell *c)
{
    cell_clear(c);
    for (size_t i = 0; i < step->reason_count; i++) {
        const xray_reason_count *r = &step->reasons[i];

        if (f->path_count == 0) {
            text_puts(&c->json, i == 0 ? "{" : ",");
            json_string(&c->json, r->code);
            text_printf(&c->json, ":%" PRIu64, r->count);
        } else if (r->code.len == f->path[0].name.len &&
                   memcmp(r->code.ptr, f->path[0].name.data, r->code.len) == 0) {
            cell_set_int(c, CELL_INT, (int64_t)r->count);
            return;
        }
    }
    if (c->json.len > 0) {
        text_puts(&c->json, "}");
        text_put(&c->text, c->json.data, c->json.len);
        c->kind = CELL_JSON;
    }
}

static void get_event_set(const xray_event_record *e, bool rules, struct cell *c)
{
    cell_clear(c);
    for (size_t i = 0; i < e->reason_count; i++)
        add_element(c, rules ? e->reasons[i].rule : e->reasons[i].code);
    end_set(c);
}

static void set_bool(struct cell *c, bool is)
{
    cell_set_int(c, CELL_BOOL, is);
}

/* ---- runs ---- */

static void set_id(struct cell *c, const uint8_t id[16])
{
    cell_clear(c);
    c->kind = CELL_TEXT;
    runs_put_id(&c->text, id, 32);
}

static void get_run(const struct named_field *f, const struct record *r, struct cell *c)
{
    const xray_run_record *run = r->run;
    size_t steps = 0;

    switch (f->entry->id) {
    case F_ID:
        set_id(c, run->id);
        break;
    case F_EXT_ID:
        cell_set_text(c, run->ext_id);
        break;
    case F_PIPELINE:
        cell_set_text(c, run->pipeline);
        break;
    case F_VERSION:
        cell_set_text(c, run->version);
        break;
    case F_PROJECT:
        cell_set_text(c, run->project);
        break;
    case F_SESSION:
        cell_set_text(c, run->session);
        break;
    case F_USER:
        cell_set_text(c, run->user);
        break;
    case F_STATUS:
        cell_set_text(c, xray_s(runs_status(run->ended, run->abandoned, run->outcome)));
        break;
    case F_START:
        cell_set_int(c, CELL_TIME, run->start_ns);
        break;
    case F_END:
        cell_set_int(c, CELL_TIME, run->end_ns);
        break;
    case F_DURATION:
        cell_set_int(c, CELL_DURATION, run->duration_ns);
        break;
    case F_COST:
        cell_set_int(c, CELL_COST, run->cost);
        break;
    case F_ERROR_TYPE:
        cell_set_text(c, run->error_type);
        break;
    case F_STEPS:
        if (r->trace != NULL)
            xray_trace_steps(r->trace, &steps);
        cell_set_int(c, CELL_INT, r->trace != NULL ? (int64_t)steps : r->step_count);
        break;
    case F_TRUNCATED:
        set_bool(c, (run->flags & XRAY_FLAG_TRUNCATED) != 0);
        break;
    case F_SAMPLED:
        set_bool(c, (run->flags & XRAY_FLAG_SAMPLED) != 0);
        break;
    case F_IMPLICIT:
        set_bool(c, (run->flags & XRAY_FLAG_IMPLICIT) != 0);
        break;
    case F_ERROR:
        field_get_value(f, r->store, run->error, c);
        break;
    case F_TAGS:
        field_get_value(f, r->store, run->tags, c);
        break;
    case F_METADATA:
        field_get_value(f, r->store, run->metadata, c);
        break;
    case F_ATTRS:
        field_get_value(f, r->store, run->attrs, c);
        break;
    case F_INPUT:
        field_get_value(f, r->store, run->input, c);
        break;
    case F_OUTPUT:
        field_get_value(f, r->store, run->output, c);
        break;
    case F_INPUT_SIZE:
        field_get_size(r->store, run->input, c);
        break;
    case F_OUTPUT_SIZE:
        field_get_size(r->store, run->output, c);
        break;
    default:
        cell_clear(c);
    }
}

/* ---- steps ---- */

static void get_counts(const struct named_field *f, const xray_step_record *step, struct cell *c)
{
    double rate;

    if (f->entry->id == F_REJECTED) {
        const bool both = step->candidates_in != XRAY_MISSING && step->candidates_out != XRAY_MISSING;

        cell_set_int(c, CELL_INT, both ? step->candidates_in - step->candidates_out : XRAY_MISSING);
    } else if (rejection_rate(step->candidates_in, step->candidates_out, &rate)) {
        cell_set_double(c, rate);
    } else {
        cell_clear(c);
    }
}

static void get_tokens(const struct named_field *f, const xray_step_record *s, struct cell *c)
{
    int64_t total = s->tokens_total;

    if (total == XRAY_MISSING && s->tokens_in != XRAY_MISSING && s->tokens_out != XRAY_MISSING &&
        __builtin_add_overflow(s->tokens_in, s->tokens_out, &total))
        total = XRAY_MISSING;
    cell_set_int(c, CELL_INT,
                 f->entry->id == F_TOKENS_IN            ? s->tokens_in
                 : f->entry->id == F_TOKENS_OUT         ? s->tokens_out
                 : f->entry->id == F_TOKENS_CACHE_READ  ? s->tokens_cache_read
                 : f->entry->id == F_TOKENS_CACHE_WRITE ? s->tokens_cache_write
                 : f->entry->id == F_TOKENS_REASONING   ? s->tokens_reasoning
                                                        : total);
}

static void get_step_value(const struct named_field *f, const struct record *r, struct cell *c)
{
    const xray_step_record *s = r->step;

    switch (f->entry->id) {
    case F_ERROR:
        field_get_value(f, r->store, s->error, c);
        break;
    case F_TAGS:
        field_get_value(f, r->store, s->tags, c);
        break;
    case F_METADATA:
        field_get_value(f, r->store, s->metadata, c);
        break;
    case F_ATTRS:
        field_get_value(f, r->store, s->attrs, c);
        break;
    case F_INPUT:
        field_get_value(f, r->store, s->input, c);
        break;
    case F_OUTPUT:
        field_get_value(f, r->store, s->output, c);
        break;
    case F_REASONING:
        field_get_value(f, r->store, s->reasoning, c);
        break;
    case F_FILTERS:
        field_get_value(f, r->store, s->filters, c);
        break;
    case F_PARAMS:
        field_get_value(f, r->store, s->params, c);
        break;
    case F_SAMPLING:
        field_get_value(f, r->store, s->sampling, c);
        break;
    case F_INPUT_SIZE:
        field_get_size(r->store, s->input, c);
        break;
    case F_OUTPUT_SIZE:
        field_get_size(r->store, s->output, c);
        break;
    default:
        cell_clear(c);
    }
}

static void get_step(const struct named_field *f, const struct record *r, struct cell *c)
{
    const xray_step_record *s = r->step;

    switch (f->entry->id) {
    case F_EXT_ID:
        cell_set_text(c, s->ext_id);
        break;
    case F_NAME:
        cell_set_text(c, s->name);
        break;
    case F_TYPE:
        cell_set_text(c, s->type);
        break;
    case F_MODEL:
        cell_set_text(c, s->model);
        break;
    case F_PROVIDER:
        cell_set_text(c, s->provider);
        break;
    case F_ERROR_TYPE:
        cell_set_text(c, s->error_type);
        break;
    case F_STATUS:
        cell_set_text(c, xray_s(runs_status(s->ended, s->abandoned, s->outcome)));
        break;
    case F_START:
        cell_set_int(c, CELL_TIME, s->start_ns);
        break;
    case F_END:
        cell_set_int(c, CELL_TIME, s->end_ns);
        break;
    case F_DURATION:
        cell_set_int(c, CELL_DURATION, s->duration_ns);
        break;
    case F_COST:
        cell_set_int(c, CELL_COST, s->cost);
        break;
    case F_NUMBER:
        cell_set_int(c, CELL_INT, s->number);
        break;
    case F_PARENT:
        cell_set_int(c, CELL_INT, s->parent > 0 ? s->parent : XRAY_MISSING);
        break;
    case F_ORPHAN:
        set_bool(c, s->orphan);
        break;
    case F_TRUNCATED:
        set_bool(c, (s->flags & XRAY_FLAG_TRUNCATED) != 0);
        break;
    case F_SAMPLED:
        set_bool(c, (s->flags & XRAY_FLAG_SAMPLED) != 0);
        break;
    case F_IMPLICIT:
        set_bool(c, (s->flags & XRAY_FLAG_IMPLICIT) != 0);
        break;
    case F_CANDIDATES_IN:
        cell_set_int(c, CELL_INT, s->candidates_in);
        break;
    case F_CANDIDATES_OUT:
        cell_set_int(c, CELL_INT, s->candidates_out);
        break;
    case F_CANDIDATES_KEPT:
        cell_set_int(c, CELL_INT, s->candidates_kept);
        break;
    case F_REJECTED:
    case F_REJECTION_RATE:
        get_counts(f, s, c);
        break;
    case F_REASON:
        get_codes(s, c);
        break;
    case F_REASONS:
        get_histogram(f, s, c);
        break;
    case F_TOKENS_IN:
    case F_TOKENS_OUT:
    case F_TOKENS_CACHE_READ:
    case F_TOKENS_CACHE_WRITE:
    case F_TOKENS_REASONING:
    case F_TOKENS_TOTAL:
        get_tokens(f, s, c);
        break;
    default:
        get_step_value(f, r, c);
    }
}

/* ---- candidates ---- */

static void set_number(struct cell *c, const xray_event_record *e, unsigned has, double d)
{
    if ((e->fields & has) == has)
        cell_set_double(c, d);
    else
        cell_clear(c);
}

static void get_cand(const struct named_field *f, const struct record *r, struct cell *c)
{
    const xray_event_record *e = r->event;

    switch (f->entry->id) {
    case F_ID:
        cell_set_text(c, e->item);
        break;
    case F_VERDICT:
        cell_set_text(c, xray_s(xray_verdict_name(e->verdict)));
        break;
    case F_REASON:
        get_event_set(e, false, c);
        break;
    case F_RULE:
        get_event_set(e, true, c);
        break;
    case F_SCORE:
        set_number(c, e, XRAY_HAS_SCORE, e->score);
        break;
    case F_THRESHOLD:
        set_number(c, e, XRAY_HAS_THRESHOLD, e->threshold);
        break;
    case F_MARGIN:
        set_number(c, e, XRAY_HAS_SCORE | XRAY_HAS_THRESHOLD, e->score - e->threshold);
        break;
    case F_WEIGHT:
        set_number(c, e, XRAY_HAS_WEIGHT, e->weight);
        break;
    case F_RANK_IN:
        cell_set_int(c, CELL_INT, (e->fields & XRAY_HAS_RANK_IN) != 0 ? e->rank_in : XRAY_MISSING);
        break;
    case F_RANK_OUT:
        cell_set_int(c, CELL_INT, (e->fields & XRAY_HAS_RANK_OUT) != 0 ? e->rank_out : XRAY_MISSING);
        break;
    case F_BY:
        cell_set_text(c, xray_s(e->by != XRAY_BY_UNSAID ? xray_by_name(e->by) : NULL));
        break;
    case F_PROVENANCE:
        cell_set_text(c,
                      xray_s(e->provenance != XRAY_PROV_UNSAID ? xray_provenance_name(e->provenance) : NULL));
        break;
    case F_TIME:
        cell_set_int(c, CELL_TIME, e->time_ns);
        break;
    case F_EVIDENCE:
        field_get_evidence(f, r, c);
        break;
    default:
        cell_clear(c);
    }
}

void field_get(const struct named_field *f, const struct record *r, struct cell *out)
{
    if (f->own != NULL) {
        cell_clear(out);
        f->own->get(r, out);
    } else if (f->owner == FIELD_OF_RUN && r->run != NULL) {
        get_run(f, r, out);
    } else if (f->owner == FIELD_OF_STEP && r->step != NULL) {
        get_step(f, r, out);
    } else if (f->owner == FIELD_OF_CAND && r->event != NULL) {
        get_cand(f, r, out);
    } else {
        cell_clear(out);
    }
}
