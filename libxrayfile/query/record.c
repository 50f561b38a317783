/* The values of fields: of the run, step or candidate at hand (ql 3). */
#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/mpwrite.h"
#include "query/alias.h"
#include "query/query.h"
#include "store/store.h"

/* ---- recorded values ----------------------------------------------------------------- */

static xray_ref run_ref(const xray_run_record *r, enum xf_value_column column)
{
    switch (column) {
    case XF_COL_ERROR:
        return r->error;
    case XF_COL_TAGS:
        return r->tags;
    case XF_COL_METADATA:
        return r->metadata;
    case XF_COL_ATTRS:
        return r->attrs;
    case XF_COL_INPUT:
        return r->input;
    case XF_COL_OUTPUT:
        return r->output;
    default:
        return (xray_ref){0};
    }
}

static xray_ref step_ref(const xray_step_record *r, enum xf_value_column column)
{
    switch (column) {
    case XF_COL_ERROR:
        return r->error;
    case XF_COL_TAGS:
        return r->tags;
    case XF_COL_METADATA:
        return r->metadata;
    case XF_COL_ATTRS:
        return r->attrs;
    case XF_COL_INPUT:
        return r->input;
    case XF_COL_OUTPUT:
        return r->output;
    case XF_COL_REASONING:
        return r->reasoning;
    case XF_COL_FILTERS:
        return r->filters;
    case XF_COL_PARAMS:
        return r->params;
    case XF_COL_SAMPLING:
        return r->sampling;
    case XF_COL_EVIDENCE:
    case XF_COL_COUNT:
        break;
    }
    return (xray_ref){0};
}

/* Appends the resolved value. 1, 0: there is none, or a status. One that breaks the spec or its limits is a problem of the
 * store, and missing here. */
static int resolve(xray_query *q, xray_ref ref, xray_buffer *out)
{
    const size_t before = out->len;
    xray_error why;
    int r;

    if (ref.data == NULL)
        return 0;
    r = xray_ref_resolve(q->store, ref, out, &why);
    if (r >= 0)
        return 1;
    if (r != XRAY_ECORRUPT && r != XRAY_ELIMIT)
        return xf_fail(q->err, r, why.pos, "%s", why.message);
    out->len = before;
    return 0;
}

/* A candidate's evidence as one map, whichever way it was given. */
static int resolve_evidence(xray_query *q, xray_buffer *out)
{
    const xray_event_record *event = q->at.event;

    if ((event->fields & XRAY_HAS_EVIDENCE) != 0)
        return resolve(q, event->evidence, out);
    if (event->evidence_count == 0)
        return 0;
    xf_mp_map(out, event->evidence_count);
    for (size_t i = 0; i < event->evidence_count; i++) {
        int r;

        xf_mp_text(out, event->evidence_keys[i].ptr, event->evidence_keys[i].len);
        r = resolve(q, event->evidence_values[i], out);
        if (r < 0)
            return r;
        if (r == 0)
            xf_mp_nil(out);
    }
    return out->failed ? xf_fail_memory(q->err) : 1;
}

static struct xf_level *level(xray_query *q, uint32_t depth)
{
    if (q->levels[depth] == NULL)
        q->levels[depth] = xf_alloc(sizeof *q->levels[depth]);
    return q->levels[depth];
}

/* The slot of a column, and whose value it must hold now. NULL: memory is out. */
static struct xf_slot *find_slot(xray_query *q, enum xf_owner owner, enum xf_value_column column,
                                 uint64_t *whose)
{
    struct xf_level *l;

    if (owner == XF_RUN) {
        *whose = 0;
        return &q->run_slots[column];
    }
    *whose = owner == XF_STEP ? (uint64_t)q->at.step : q->at.serial;
    l = level(q, owner == XF_STEP ? q->at.step_level : q->at.cand_level);
    return l == NULL ? NULL : owner == XF_STEP ? &l->step[column] : &l->evidence;
}

int xf_record_column(xray_query *q, enum xf_owner owner, enum xf_value_column column, xray_str *out,
                     bool *there)
{
    uint64_t whose;
    struct xf_slot *slot = find_slot(q, owner, column, &whose);

    if (slot == NULL)
        return xf_fail_memory(q->err);
    if (!slot->valid || slot->epoch != q->epoch || slot->owner != whose) {
        int r;

        slot->valid = false;
        xf_buf_reset(&slot->value);
        if (owner == XF_CAND)
            r = resolve_evidence(q, &slot->value);
        else
            r = resolve(q,
                        owner == XF_RUN ? run_ref(q->run, column) : step_ref(&q->steps[q->at.step], column),
                        &slot->value);
        if (r < 0)
            return r;
        slot->there = r == 1;
        slot->epoch = q->epoch;
        slot->owner = whose;
        slot->valid = true;
    }
    *there = slot->there;
    *out = xray_strn((const char *)slot->value.data, slot->value.len);
    return XRAY_OK;
}

static int get_column(xray_query *q, const struct xf_field_ref *f, struct xf_val *out)
{
    static const struct xf_member message = {.key = {"message", 7}, .quoted = true};
    xray_str data;
    bool there;
    const int r = xf_record_column(q, f->owner, f->field->column, &data, &there);

    *out = xf_val_of(XF_MISSING);
    if (r != XRAY_OK || !there)
        return r;
    if (f->field->id == XF_F_SIZE) {
        if (xf_path_value(data).kind != XF_MISSING)
            *out = xf_val_int((int64_t)data.len);
    } else if (f->field->id == XF_F_ERROR && f->path_count == 0) {
        *out = xf_path_value(data);
        if (out->kind != XF_TEXT)
            *out = xf_path_get(data, &message, 1);
        if (out->kind != XF_TEXT)
            *out = xf_val_of(XF_MISSING);
    } else {
        *out = xf_path_get(data, f->path, f->path_count);
    }
    return XRAY_OK;
}

/* ---- what records hold ------------------------------------------------------------------ */

static struct xf_val text_or_missing(xray_str text)
{
    return text.len > 0 ? xf_val_text(text) : xf_val_of(XF_MISSING);
}

static struct xf_val name_or_missing(const char *name)
{
    return name != NULL ? xf_val_text(xray_s(name)) : xf_val_of(XF_MISSING);
}

static struct xf_val int_or_missing(int64_t i)
{
    return i != XRAY_MISSING ? xf_val_int(i) : xf_val_of(XF_MISSING);
}

static struct xf_val cost_or_missing(int64_t nano)
{
    return nano != XRAY_MISSING ? xf_val_cost(nano) : xf_val_of(XF_MISSING);
}

static struct xf_val status_of(bool ended, bool abandoned, xray_outcome outcome)
{
    return name_or_missing(ended ? xray_outcome_name(outcome) : abandoned ? "abandoned" : "running");
}

static struct xf_val get_run(xray_query *q, const struct xf_field_ref *f)
{
    const xray_run_record *r = q->run;

    switch (f->field->id) {
    case XF_F_ID:
        xf_alias_put_id(r->id, q->id_text);
        return xf_val_text(xray_strn(q->id_text, sizeof q->id_text));
    case XF_F_EXT_ID:
        return text_or_missing(r->ext_id);
    case XF_F_PIPELINE:
        return text_or_missing(r->pipeline);
    case XF_F_VERSION:
        return text_or_missing(r->version);
    case XF_F_PROJECT:
        return text_or_missing(r->project);
    case XF_F_SESSION:
        return text_or_missing(r->session);
    case XF_F_USER:
        return text_or_missing(r->user);
    case XF_F_STATUS:
        return status_of(r->ended, r->abandoned, r->outcome);
    case XF_F_START:
        return int_or_missing(r->start_ns);
    case XF_F_END:
        return int_or_missing(r->end_ns);
    case XF_F_DURATION:
        return int_or_missing(r->duration_ns);
    case XF_F_COST:
        return cost_or_missing(r->cost);
    case XF_F_ERROR_TYPE:
        return text_or_missing(r->error_type);
    case XF_F_TRUNCATED:
        return xf_val_bool((r->flags & XRAY_FLAG_TRUNCATED) != 0);
    case XF_F_SAMPLED:
        return xf_val_bool((r->flags & XRAY_FLAG_SAMPLED) != 0);
    case XF_F_IMPLICIT:
        return xf_val_bool((r->flags & XRAY_FLAG_IMPLICIT) != 0);
    case XF_F_STEPS:
        return q->trace != NULL ? xf_val_int((int64_t)q->step_count) : xf_val_of(XF_UNKNOWN);
    default:
        return xf_val_of(XF_MISSING);
    }
}

/* Arithmetic on two counts of which either may be missing. */
static struct xf_val count_arith(int64_t a, enum xf_arith op, int64_t b)
{
    const struct xf_val left = int_or_missing(a), right = int_or_missing(b);

    return xf_val_arith(&left, op, &right);
}

/* 1 - out / in, in the form that is rounded once: 93 of 100 rejected is the double nearest to 0.93. */
static struct xf_val rejection_rate(int64_t in, int64_t out)
{
    const struct xf_val rejected = count_arith(in, XF_MINUS, out), all = int_or_missing(in);

    if (in == 0 && out != XRAY_MISSING)
        return xf_val_int(0);
    return xf_val_arith(&rejected, XF_OVER, &all);
}

static struct xf_val count_of_reason(const xray_step_record *r, xray_str code)
{
    for (size_t i = 0; i < r->reason_count; i++)
        if (xf_text_compare(r->reasons[i].code, code) == 0)
            return r->reasons[i].count <= INT64_MAX
                       ? xf_val_int((int64_t)r->reasons[i].count)
                       : (struct xf_val){.kind = XF_UINT, .as.u = r->reasons[i].count};
    return xf_val_of(XF_MISSING);
}

static struct xf_val get_tokens(const xray_step_record *r, enum xf_field_id id)
{
    switch (id) {
    case XF_F_TOKENS_IN:
        return int_or_missing(r->tokens_in);
    case XF_F_TOKENS_OUT:
        return int_or_missing(r->tokens_out);
    case XF_F_TOKENS_CACHE_READ:
        return int_or_missing(r->tokens_cache_read);
    case XF_F_TOKENS_CACHE_WRITE:
        return int_or_missing(r->tokens_cache_write);
    case XF_F_TOKENS_REASONING:
        return int_or_missing(r->tokens_reasoning);
    case XF_F_TOKENS_TOTAL:
        if (r->tokens_total != XRAY_MISSING)
            return xf_val_int(r->tokens_total);
        return count_arith(r->tokens_in, XF_PLUS, r->tokens_out);
    default:
        return xf_val_of(XF_MISSING);
    }
}

static struct xf_val get_counts(const xray_step_record *r, const struct xf_field_ref *f)
{
    switch (f->field->id) {
    case XF_F_NUMBER:
        return xf_val_int(r->number);
    case XF_F_PARENT:
        return r->parent > 0 ? xf_val_int(r->parent) : xf_val_of(XF_MISSING);
    case XF_F_CANDIDATES_IN:
        return int_or_missing(r->candidates_in);
    case XF_F_CANDIDATES_OUT:
        return int_or_missing(r->candidates_out);
    case XF_F_CANDIDATES_KEPT:
        return int_or_missing(r->candidates_kept);
    case XF_F_REJECTED:
        return count_arith(r->candidates_in, XF_MINUS, r->candidates_out);
    case XF_F_REJECTION_RATE:
        return rejection_rate(r->candidates_in, r->candidates_out);
    case XF_F_REASONS:
        return count_of_reason(r, f->path[0].key);
    default:
        return get_tokens(r, f->field->id);
    }
}

static struct xf_val get_step(const xray_step_record *r, const struct xf_field_ref *f)
{
    switch (f->field->id) {
    case XF_F_EXT_ID:
        return text_or_missing(r->ext_id);
    case XF_F_NAME:
        return text_or_missing(r->name);
    case XF_F_TYPE:
        return text_or_missing(r->type);
    case XF_F_MODEL:
        return text_or_missing(r->model);
    case XF_F_PROVIDER:
        return text_or_missing(r->provider);
    case XF_F_STATUS:
        return status_of(r->ended, r->abandoned, r->outcome);
    case XF_F_START:
        return int_or_missing(r->start_ns);
    case XF_F_END:
        return int_or_missing(r->end_ns);
    case XF_F_DURATION:
        return int_or_missing(r->duration_ns);
    case XF_F_COST:
        return cost_or_missing(r->cost);
    case XF_F_ERROR_TYPE:
        return text_or_missing(r->error_type);
    case XF_F_TRUNCATED:
        return xf_val_bool((r->flags & XRAY_FLAG_TRUNCATED) != 0);
    case XF_F_SAMPLED:
        return xf_val_bool((r->flags & XRAY_FLAG_SAMPLED) != 0);
    case XF_F_IMPLICIT:
        return xf_val_bool((r->flags & XRAY_FLAG_IMPLICIT) != 0);
    case XF_F_ORPHAN:
        return xf_val_bool(r->orphan);
    default:
        return get_counts(r, f);
    }
}

static struct xf_val number_if(const xray_event_record *e, unsigned field, double d)
{
    return (e->fields & field) != 0 ? xf_val_double(d) : xf_val_of(XF_MISSING);
}

static struct xf_val get_cand(const xray_event_record *e, enum xf_field_id id)
{
    switch (id) {
    case XF_F_ID:
        return xf_val_text(e->item);
    case XF_F_VERDICT:
        return name_or_missing(xray_verdict_name(e->verdict));
    case XF_F_SCORE:
        return number_if(e, XRAY_HAS_SCORE, e->score);
    case XF_F_THRESHOLD:
        return number_if(e, XRAY_HAS_THRESHOLD, e->threshold);
    case XF_F_WEIGHT:
        return number_if(e, XRAY_HAS_WEIGHT, e->weight);
    case XF_F_MARGIN:
        return (e->fields & XRAY_HAS_SCORE) != 0 ? number_if(e, XRAY_HAS_THRESHOLD, e->score - e->threshold)
                                                 : xf_val_of(XF_MISSING);
    case XF_F_RANK_IN:
        return (e->fields & XRAY_HAS_RANK_IN) != 0 ? xf_val_int(e->rank_in) : xf_val_of(XF_MISSING);
    case XF_F_RANK_OUT:
        return (e->fields & XRAY_HAS_RANK_OUT) != 0 ? xf_val_int(e->rank_out) : xf_val_of(XF_MISSING);
    case XF_F_BY:
        return name_or_missing(e->by != XRAY_BY_UNSAID ? xray_by_name(e->by) : NULL);
    case XF_F_PROVENANCE:
        return name_or_missing(e->provenance != XRAY_PROV_UNSAID ? xray_provenance_name(e->provenance)
                                                                 : NULL);
    case XF_F_TIME:
        return int_or_missing(e->time_ns);
    default:
        return xf_val_of(XF_MISSING);
    }
}

/* ---- any field ------------------------------------------------------------------------- */

static int found_one(void *ctx, xray_str text)
{
    (void)ctx;
    (void)text;
    return 1;
}

/* A set without elements is missing. */
static int get_set(xray_query *q, const struct xf_field_ref *f, struct xf_val *out)
{
    const int r = xf_texts_of_set(q, f, found_one, NULL);

    *out = r == 1 ? (struct xf_val){.kind = XF_TEXTS, .as.set = f} : xf_val_of(XF_MISSING);
    return r < 0 ? r : XRAY_OK;
}

static bool is_column(const struct xf_field_ref *f)
{
    return f->field->id == XF_F_VALUE || f->field->id == XF_F_ERROR || f->field->id == XF_F_SIZE;
}

/* Without a trace: the numbers of steps, and what follows from them, take all steps of the run. */
static bool step_tells(const struct xf_field_ref *f)
{
    switch (f->field->id) {
    case XF_F_NUMBER:
    case XF_F_PARENT:
    case XF_F_ORPHAN:
    case XF_F_TEXT:
        return false;
    default:
        return true;
    }
}

/* Does what is known of the run or step at hand tell the field? */
static bool is_known(const xray_query *q, const struct xf_field_ref *f)
{
    if (q->trace != NULL)
        return true;
    if (is_column(f) || f->owner == XF_CAND)
        return false;
    if (f->owner == XF_RUN)
        return q->run != NULL;
    return q->at.step != XF_NO_STEP && step_tells(f);
}

int xf_record_get(xray_query *q, const struct xf_field_ref *f, struct xf_val *out)
{
    if (q->plan.probed == f)
        *out = q->plan.probe;
    else if (!is_known(q, f))
        *out = xf_val_of(XF_UNKNOWN);
    else if (is_column(f))
        return get_column(q, f, out);
    else if (f->field->type == XF_T_SET)
        return get_set(q, f, out);
    else if (f->owner == XF_RUN)
        *out = get_run(q, f);
    else if (f->owner == XF_STEP)
        *out = get_step(&q->steps[q->at.step], f);
    else
        *out = get_cand(q->at.event, f->field->id);
    return XRAY_OK;
}

int xf_record_exists(xray_query *q, const struct xf_field_ref *f)
{
    struct xf_val v;
    int r;

    /* An error that is a map without a message is there all the same. */
    if (f->field->id == XF_F_ERROR && f->path_count == 0 && q->trace != NULL) {
        xray_str data;
        bool there;

        r = xf_record_column(q, f->owner, f->field->column, &data, &there);
        return r < 0 ? r : there && xf_path_value(data).kind != XF_MISSING ? XF_TRUE : XF_FALSE;
    }
    r = xf_record_get(q, f, &v);
    return r < 0 ? r : v.kind == XF_UNKNOWN ? XF_MAYBE : v.kind != XF_MISSING ? XF_TRUE : XF_FALSE;
}
