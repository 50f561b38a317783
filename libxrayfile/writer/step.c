/* Steps in the back end: begin, set, end. */
#include "writer/back.h"

#include "codec/mpwrite.h"
#include "writer/field.h"

static void take_options(struct xf_step_slot *step, const struct xf_step_begin *o)
{
    struct xf_scope *s = &step->scope;

    if (o->name.len > 0)
        xf_scope_put_text(s, XF_STEP_NAME, o->name, XF_NAME_MAX, true);
    if (o->type.len > 0)
        xf_scope_put_text(s, XF_STEP_TYPE, o->type, XF_NAME_MAX, true);
    if (o->ext_id.len > 0)
        xf_scope_put_ext_id(s, XF_STEP_EXT_ID, o->ext_id);
    if (o->parent > 0) {
        xf_row_put_int(&s->row, XF_STEP_PARENT, o->parent);
        xf_row_put_int(&s->ident, XF_STEP_PARENT, o->parent);
    } else if (o->parent_ext.len > 0) {
        xf_scope_put_ext_id(s, XF_STEP_PARENT_EXT, o->parent_ext);
    }
}

struct xf_step_slot *xf_back_step_begin(struct xf_back *b, struct xf_run_slot *run, const struct xf_step_begin *begin)
{
    const uint32_t index = b->status == XRAY_OK ? xf_slot_take(&b->steps, sizeof(struct xf_step_slot)) : UINT32_MAX;
    struct xf_step_slot *step;

    if (index == UINT32_MAX)
        return NULL;
    step = xf_step_at(b, index);
    step->index = index;
    xf_scope_open(b, &step->scope, begin->clock, begin->start_mono, begin->start_ns);
    step->run = run;
    step->number = begin->number;
    step->counted_in = step->counted_out = 0;
    step->given_in = step->given_out = XRAY_MISSING;
    step->not_kept = 0;
    step->left_out = step->told = false;
    step->counts_changed = false;
    xf_reasons_reset(&step->reasons);
    take_options(step, begin);
    step->scope.dirty = true;
    return step;
}

/* How its candidates were sampled, where the application has not said it (spec 7.4). */
static void tell_sampling(struct xf_back *b, struct xf_step_slot *step)
{
    struct xf_row *row = &step->scope.row;
    size_t start;

    if (!step->left_out || step->told || !b->sampled)
        return;
    start = xf_row_begin(row);
    xf_mp_map(&row->bytes, 6);
    xf_mp_cstr(&row->bytes, "mode");
    xf_mp_cstr(&row->bytes, "rate");
    xf_mp_cstr(&row->bytes, "rate");
    xf_mp_double(&row->bytes, b->sample_rate);
    xf_mp_cstr(&row->bytes, "seen");
    xf_mp_int(&row->bytes, step->counted_in);
    xf_mp_cstr(&row->bytes, "kept");
    xf_mp_int(&row->bytes, step->scope.cand_total);
    xf_mp_cstr(&row->bytes, "method");
    xf_mp_cstr(&row->bytes, "hash of item and run");
    xf_mp_cstr(&row->bytes, "seed");
    xf_mp_uint(&row->bytes, b->sample_seed);
    xf_row_end(row, XF_STEP_SAMPLING, start);
}

int xf_back_step_end(struct xf_back *b, struct xf_step_slot *step, xray_outcome outcome, int64_t end_mono)
{
    int r;

    outcome = xf_scope_outcome(&step->scope, outcome);
    if ((step->run->scope.flags & XRAY_FLAG_IMPLICIT) != 0) /* that run is this step */
        step->run->scope.failed |= outcome == XRAY_FAILURE;
    tell_sampling(b, step);
    if (outcome != XRAY_RUNNING)
        xf_row_put_int(&step->scope.row, XF_STEP_STATUS, outcome);
    r = xf_commit_step(b, step, outcome != XRAY_RUNNING, end_mono);
    xf_scope_close(&step->scope, r < 0);
    xf_slot_give(&b->steps, step->index);
    return r;
}

int xf_back_step_set(struct xf_step_slot *step, xray_field field, xray_value value)
{
    step->told |= field == XRAY_SAMPLING;
    return xf_field_set(&step->scope, xf_step_field(field), value);
}

static int set_count(struct xf_step_slot *step, int64_t *count, int64_t value)
{
    if (value < 0 && value != XRAY_MISSING)
        return XRAY_EMISUSE;
    *count = value;
    step->counts_changed = true;
    step->scope.dirty = true;
    return XRAY_OK;
}

int xf_back_step_set_int(struct xf_step_slot *step, xray_int_field field, int64_t value)
{
    static const unsigned char columns[] = {
        [XRAY_CANDIDATES_KEPT] = XF_STEP_KEPT,
        [XRAY_SEQUENCE] = XF_STEP_SEQUENCE,
        [XRAY_TOKENS_IN] = XF_STEP_TOK_IN,
        [XRAY_TOKENS_OUT] = XF_STEP_TOK_OUT,
        [XRAY_TOKENS_CACHE_READ] = XF_STEP_TOK_CACHE_READ,
        [XRAY_TOKENS_CACHE_WRITE] = XF_STEP_TOK_CACHE_WRITE,
        [XRAY_TOKENS_REASONING] = XF_STEP_TOK_REASONING,
        [XRAY_TOKENS_TOTAL] = XF_STEP_TOK_TOTAL,
    };

    if (field <= XRAY_FLAGS)
        return xf_field_set_common(&step->scope, field, value, XF_STEP_COST);
    if (field == XRAY_CANDIDATES_IN)
        return set_count(step, &step->given_in, value);
    if (field == XRAY_CANDIDATES_OUT)
        return set_count(step, &step->given_out, value);
    if ((size_t)field >= sizeof columns)
        return XRAY_EMISUSE;
    step->scope.dirty = true;
    if (value == XRAY_MISSING)
        xf_row_unset(&step->scope.row, columns[field]);
    else
        xf_row_put_int(&step->scope.row, columns[field], value);
    return XRAY_OK;
}

int xf_back_step_add(struct xf_step_slot *step, xray_field field, xray_str key, xray_value value)
{
    const struct xf_field f = xf_step_field(field);

    return f.kind == XF_FIELD_MAP ? xf_scope_put_entry(&step->scope, f.column, key, value) : XRAY_EMISUSE;
}
