/* Runs: begin, set, end. */
#include "writer/internal.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "writer/field.h"

/* An id given as text that is an id already: 32 hex digits, or a UUID. */
static bool id_of_text(xray_str text, uint8_t out[16])
{
    size_t digits = 0;

    if (text.len != 32 && text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        int d;

        if (text.len == 36 && (i == 8 || i == 13 || i == 18 || i == 23)) {
            if (c != '-')
                return false;
            continue;
        }
        d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (d < 0)
            return false;
        out[digits / 2] = (uint8_t)(digits % 2 == 0 ? d << 4 : out[digits / 2] | d);
        digits++;
    }
    return true;
}

/* Other text is hashed, so that the same text means the same run in every file. */
static void choose_id(xray_writer *w, struct xf_run_slot *run, const xray_run_options *o)
{
    if (o->id != NULL) {
        memcpy(run->id, o->id, 16);
    } else if (o->ext_id.len == 0) {
        xf_writer_new_id(w, run->id);
    } else if (!id_of_text(o->ext_id, run->id)) {
        const struct xf_hash128 h = xf_hash128(o->ext_id.ptr, o->ext_id.len, 0);

        xf_put_be64(run->id, h.high);
        xf_put_be64(run->id + 8, h.low);
    }
}

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
        run->pipeline_len = (uint8_t)xf_clean_text(run->pipeline, sizeof run->pipeline, text, &cut);
    else
        run->version_len = (uint8_t)xf_clean_text(run->version, sizeof run->version, text, &cut);
    if (cut)
        run->scope.flags |= XRAY_FLAG_TRUNCATED;
    run->scope.dirty = true;
}

static void take_options(xray_writer *w, struct xf_run_slot *run, const xray_run_options *o)
{
    struct xf_scope *s = &run->scope;

    choose_id(w, run, o);
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

xray_run xray_run_begin(xray_writer *w, xray_str pipeline, const xray_run_options *options)
{
    static const xray_run_options defaults;
    const xray_run_options *o = options != NULL ? options : &defaults;
    struct xf_run_slot *run;
    xray_run handle = 0;
    uint32_t index;

    if (w == NULL)
        return 0;
    xf_enter_writer(w);
    w->stats.accepted++;
    index = w->status == XRAY_OK ? xf_slot_take(w, &w->runs, sizeof *run) : UINT32_MAX;
    if (index == UINT32_MAX) {
        w->stats.dropped++;
        xf_leave(w);
        return 0;
    }
    run = xf_run_at(w, index);
    xf_scope_open(w, &run->scope, o->clock);
    run->scope.begun = o->resume;
    run->scope.dirty = !o->resume;
    run->open_steps = 0;
    run->has_step_rows = false;
    run->pipeline_len = run->version_len = 0;
    run->seq = w->run_seq++;
    /* Beyond every number this writer has given out, so a run that is joined again cannot repeat one. */
    run->next_number = o->resume ? (int64_t)w->steps_begun + 1 : 1;
    name_run(run, XRAY_PIPELINE, pipeline);
    name_run(run, XRAY_PIPELINE_VERSION, o->version);
    take_options(w, run, o);
    run->scope.dirty = !o->resume;
    handle = xf_handle_of_run(w, index);
    xf_leave(w);
    return handle;
}

/* Steps still open get their last row as they stand: begun, not ended. */
static void abandon_steps(xray_writer *w, struct xf_run_slot *run)
{
    while (run->open_steps != 0) {
        const uint32_t index = run->open_steps - 1;
        struct xf_step_slot *step = xf_step_at(w, index);

        run->open_steps = step->next;
        if (w->status == XRAY_OK)
            xf_commit_step(w, step, false);
        xf_scope_close(&step->scope);
        xf_slot_give(&w->steps, index);
    }
}

int xray_run_end(xray_run handle, xray_outcome outcome)
{
    xray_writer *w;
    struct xf_run_slot *run = xf_enter_run(handle, &w);
    int r;

    if (run == NULL)
        return XRAY_ECLOSED;
    abandon_steps(w, run);
    if (outcome != XRAY_RUNNING)
        xf_row_put_int(&run->scope.row, XF_RUN_STATUS, outcome);
    r = xf_commit_run(w, run, outcome != XRAY_RUNNING);
    if (r < 0 && !run->scope.begun)
        w->stats.dropped++;
    xf_scope_close(&run->scope);
    xf_slot_give(&w->runs, (uint32_t)handle & 0xffffff);
    xf_leave(w);
    return r;
}

int xray_run_id(xray_run handle, uint8_t out[16])
{
    xray_writer *w;
    struct xf_run_slot *run = xf_enter_run(handle, &w);

    if (run == NULL)
        return XRAY_ECLOSED;
    memcpy(out, run->id, 16);
    xf_leave(w);
    return XRAY_OK;
}

int xray_run_set(xray_run handle, xray_field field, xray_value value)
{
    xray_writer *w;
    struct xf_run_slot *run = xf_enter_run(handle, &w);
    int r;

    if (run == NULL)
        return XRAY_ECLOSED;
    if (field == XRAY_PIPELINE || field == XRAY_PIPELINE_VERSION) {
        r = value.kind == XRAY_VALUE_TEXT ? XRAY_OK : XRAY_EMISUSE;
        if (r == XRAY_OK)
            name_run(run, field, value.as.bytes);
    } else {
        r = xf_field_set(&run->scope, xf_run_field(field), value);
    }
    xf_leave(w);
    return r;
}

int xray_run_set_int(xray_run handle, xray_int_field field, int64_t value)
{
    xray_writer *w;
    struct xf_run_slot *run = xf_enter_run(handle, &w);
    int r;

    if (run == NULL)
        return XRAY_ECLOSED;
    r = field <= XRAY_FLAGS ? xf_field_set_common(&run->scope, field, value, XF_RUN_COST) : XRAY_EMISUSE;
    xf_leave(w);
    return r;
}

int xray_run_add(xray_run handle, xray_field field, xray_str key, xray_value value)
{
    xray_writer *w;
    struct xf_run_slot *run = xf_enter_run(handle, &w);
    struct xf_field f = xf_run_field(field);
    int r = XRAY_EMISUSE;

    if (run == NULL)
        return XRAY_ECLOSED;
    if (f.kind == XF_FIELD_MAP)
        r = xf_scope_put_entry(w, &run->scope, f.column, key, value);
    xf_leave(w);
    return r;
}
