/* Steps: begin, set, end. */
#include "writer/internal.h"

#include "base/buf.h"
#include "writer/field.h"

static void link_step(xray_writer *w, struct xf_run_slot *run, struct xf_step_slot *step, uint32_t index)
{
    step->previous = 0;
    step->next = run->open_steps;
    if (run->open_steps != 0)
        xf_step_at(w, run->open_steps - 1)->previous = index + 1;
    run->open_steps = index + 1;
}

static void unlink_step(xray_writer *w, struct xf_step_slot *step)
{
    if (step->previous != 0)
        xf_step_at(w, step->previous - 1)->next = step->next;
    else
        xf_run_at(w, step->run)->open_steps = step->next;
    if (step->next != 0)
        xf_step_at(w, step->next - 1)->previous = step->previous;
}

static void number_step(xray_writer *w, struct xf_run_slot *run, struct xf_step_slot *step, int64_t given)
{
    step->number = given > 0 ? given : run->next_number;
    if (step->number >= run->next_number)
        run->next_number = step->number + 1;
    w->steps_begun++;
    if ((int64_t)w->steps_begun < step->number)
        w->steps_begun = (uint64_t)step->number;
}

static void take_options(struct xf_step_slot *step, xray_str name, xray_str type, int64_t parent,
                         const xray_step_options *o)
{
    struct xf_scope *s = &step->scope;

    if (name.len > 0)
        xf_scope_put_text(s, XF_STEP_NAME, name, XF_NAME_MAX, true);
    if (type.len > 0)
        xf_scope_put_text(s, XF_STEP_TYPE, type, XF_NAME_MAX, true);
    if (o->ext_id.len > 0)
        xf_scope_put_ext_id(s, XF_STEP_EXT_ID, o->ext_id);
    if (o->parent_number > 0)
        parent = o->parent_number;
    if (parent > 0) {
        xf_row_put_int(&s->row, XF_STEP_PARENT, parent);
        xf_row_put_int(&s->ident, XF_STEP_PARENT, parent);
    } else if (o->parent_ext.len > 0) {
        xf_scope_put_ext_id(s, XF_STEP_PARENT_EXT, o->parent_ext);
    }
}

/* With the writer locked. */
static xray_step begin_locked(xray_writer *w, uint32_t run_index, xray_str name, xray_str type, int64_t parent,
                              const xray_step_options *options)
{
    static const xray_step_options defaults;
    const xray_step_options *o = options != NULL ? options : &defaults;
    struct xf_run_slot *run = xf_run_at(w, run_index);
    struct xf_step_slot *step;
    uint32_t index;

    w->stats.accepted++;
    index = w->status == XRAY_OK ? xf_slot_take(w, &w->steps, sizeof *step) : UINT32_MAX;
    if (index == UINT32_MAX) {
        w->stats.dropped++;
        return 0;
    }
    step = xf_step_at(w, index);
    xf_scope_open(w, &step->scope, o->clock);
    step->run = run_index;
    step->counted_in = step->counted_out = 0;
    step->given_in = step->given_out = XRAY_MISSING;
    step->reason_count = step->last_reason = 0;
    step->counts_changed = false;
    xf_buf_reset(&step->codes);
    number_step(w, run, step, o->number);
    take_options(step, name, type, parent, o);
    step->scope.dirty = true;
    link_step(w, run, step, index);
    return xf_handle_of_step(w, index);
}

xray_step xray_step_begin(xray_run run_handle, xray_str name, xray_str type, const xray_step_options *options)
{
    xray_writer *w;
    struct xf_run_slot *run = xf_enter_run(run_handle, &w);
    xray_step step;

    if (run == NULL)
        return 0;
    step = begin_locked(w, (uint32_t)run_handle & 0xffffff, name, type, 0, options);
    xf_leave(w);
    return step;
}

xray_step xray_step_begin_in(xray_step parent_handle, xray_str name, xray_str type, const xray_step_options *options)
{
    xray_writer *w;
    struct xf_step_slot *parent = xf_enter_step(parent_handle, &w);
    xray_step step;

    if (parent == NULL)
        return 0;
    step = begin_locked(w, parent->run, name, type, parent->number, options);
    xf_leave(w);
    return step;
}

int xray_step_end(xray_step handle, xray_outcome outcome)
{
    xray_writer *w;
    struct xf_step_slot *step = xf_enter_step(handle, &w);
    int r;

    if (step == NULL)
        return XRAY_ECLOSED;
    if (outcome != XRAY_RUNNING)
        xf_row_put_int(&step->scope.row, XF_STEP_STATUS, outcome);
    r = xf_commit_step(w, step, outcome != XRAY_RUNNING);
    unlink_step(w, step);
    xf_scope_close(&step->scope);
    xf_slot_give(&w->steps, (uint32_t)handle & 0xffffff);
    xf_leave(w);
    return r;
}

int64_t xray_step_number(xray_step handle)
{
    xray_writer *w;
    struct xf_step_slot *step = xf_enter_step(handle, &w);
    int64_t number;

    if (step == NULL)
        return 0;
    number = step->number;
    xf_leave(w);
    return number;
}

int xray_step_set(xray_step handle, xray_field field, xray_value value)
{
    xray_writer *w;
    struct xf_step_slot *step = xf_enter_step(handle, &w);
    int r;

    if (step == NULL)
        return XRAY_ECLOSED;
    r = xf_field_set(&step->scope, xf_step_field(field), value);
    xf_leave(w);
    return r;
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

static int set_int(struct xf_step_slot *step, xray_int_field field, int64_t value)
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

int xray_step_set_int(xray_step handle, xray_int_field field, int64_t value)
{
    xray_writer *w;
    struct xf_step_slot *step = xf_enter_step(handle, &w);
    int r;

    if (step == NULL)
        return XRAY_ECLOSED;
    r = set_int(step, field, value);
    xf_leave(w);
    return r;
}

int xray_step_add(xray_step handle, xray_field field, xray_str key, xray_value value)
{
    xray_writer *w;
    struct xf_step_slot *step = xf_enter_step(handle, &w);
    struct xf_field f = xf_step_field(field);
    int r = XRAY_EMISUSE;

    if (step == NULL)
        return XRAY_ECLOSED;
    if (f.kind == XF_FIELD_MAP)
        r = xf_scope_put_entry(w, &step->scope, f.column, key, value);
    xf_leave(w);
    return r;
}
