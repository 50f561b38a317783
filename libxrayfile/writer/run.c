/* Runs in the back end: begin, set, end. */
#include "writer/back.h"

#include "codec/mpwrite.h"
#include "codec/utf8.h"
#include "writer/field.h"

/* The text needs no column where it is just the id as readers print it. */
static bool prints_as_id(const struct xf_run_slot *run, xray_str text)
{
    static const char digits[] = "0123456789abcdef";

    if (text.len != 32)
        return false;
    for (size_t i = 0; i < 32; i++)
        if (text.ptr[i] != digits[i % 2 == 0 ? run->id[i / 2] >> 4 : run->id[i / 2] & 15])
            return false;
    return true;
}

static void name_run(struct xf_run_slot *run, xray_field field, xray_str text)
{
    bool cut = false;

    if (field == XRAY_PIPELINE)
        run->pipeline_len = (uint8_t)xf_utf8_clean(run->pipeline, sizeof run->pipeline, text.ptr, text.len, &cut);
    else
        run->version_len = (uint8_t)xf_utf8_clean(run->version, sizeof run->version, text.ptr, text.len, &cut);
    if (cut)
        run->scope.flags |= XRAY_FLAG_TRUNCATED;
    run->scope.dirty = true;
}

static void take_options(struct xf_run_slot *run, const xray_run_options *o)
{
    struct xf_scope *s = &run->scope;

    if (o->ext_id.len > 0 && !prints_as_id(run, o->ext_id))
        xf_scope_put_ext_id(s, XF_RUN_EXT_ID, o->ext_id);
    if (o->project.len > 0)
        xf_scope_put_text(s, XF_RUN_PROJECT, o->project, XF_NAME_MAX, true);
    if (o->session.len > 0)
        xf_scope_put_text(s, XF_RUN_SESSION, o->session, XF_NAME_MAX, true);
    if (o->user.len > 0)
        xf_scope_put_text(s, XF_RUN_USER, o->user, XF_NAME_MAX, true);
    if (o->parent_run != NULL) {
        const size_t start = xf_row_begin(&s->row);

        xf_mp_bin(&s->row.bytes, o->parent_run, 16);
        xf_row_end(&s->row, XF_RUN_PARENT_RUN, start);
        xf_row_put_bytes(&s->ident, XF_RUN_PARENT_RUN, xf_row_get(&s->row, XF_RUN_PARENT_RUN));
    }
}

struct xf_run_slot *xf_back_run_begin(struct xf_back *b, const struct xf_run_begin *begin)
{
    const xray_run_options *o = &begin->options;
    const uint32_t index = b->status == XRAY_OK ? xf_slot_take(&b->runs, sizeof(struct xf_run_slot)) : UINT32_MAX;
    struct xf_run_slot *run;

    if (index == UINT32_MAX)
        return NULL;
    run = xf_run_at(b, index);
    run->index = index;
    xf_scope_open(b, &run->scope, o->clock, begin->start_mono, begin->start_ns);
    run->scope.begun = o->resume;
    run->has_step_rows = false;
    run->pipeline_len = run->version_len = 0;
    run->seq = begin->seq;
    memcpy(run->id, begin->id, 16);
    name_run(run, XRAY_PIPELINE, begin->pipeline);
    name_run(run, XRAY_PIPELINE_VERSION, o->version);
    take_options(run, o);
    run->scope.dirty = !o->resume;
    return run;
}

int xf_back_run_end(struct xf_back *b, struct xf_run_slot *run, xray_outcome outcome, int64_t end_mono)
{
    int r;

    outcome = xf_scope_outcome(&run->scope, outcome);
    if (outcome != XRAY_RUNNING)
        xf_row_put_int(&run->scope.row, XF_RUN_STATUS, outcome);
    r = xf_commit_run(b, run, outcome != XRAY_RUNNING, end_mono);
    xf_scope_close(&run->scope, r < 0);
    xf_slot_give(&b->runs, run->index);
    return r;
}

int xf_back_run_set(struct xf_run_slot *run, xray_field field, xray_value value)
{
    if (field != XRAY_PIPELINE && field != XRAY_PIPELINE_VERSION)
        return xf_field_set(&run->scope, xf_run_field(field), value);
    if (value.kind != XRAY_VALUE_TEXT)
        return XRAY_EMISUSE;
    name_run(run, field, xf_scrub_text(run->scope.back->scrub, value.as.bytes));
    return XRAY_OK;
}

int xf_back_run_set_int(struct xf_run_slot *run, xray_int_field field, int64_t value)
{
    return field <= XRAY_FLAGS ? xf_field_set_common(&run->scope, field, value, XF_RUN_COST) : XRAY_EMISUSE;
}

int xf_back_run_add(struct xf_run_slot *run, xray_field field, xray_str key, xray_value value)
{
    const struct xf_field f = xf_run_field(field);

    return f.kind == XF_FIELD_MAP ? xf_scope_put_entry(&run->scope, f.column, key, value) : XRAY_EMISUSE;
}
