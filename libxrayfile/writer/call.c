/* The public calls on runs and steps: each appends one operation to the log of its handle. */
#include "writer/call.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "codec/value.h"
#include "base/buf.h"
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
static void choose_id(xray_writer *w, struct xf_slot *run, const xray_run_options *o)
{
    if (o->id != NULL) {
        memcpy(run->id, o->id, 16);
    } else if (o->ext_id.len == 0) {
        xf_origin_new_id(&w->origin, run->id);
    } else if (!id_of_text(o->ext_id, run->id)) {
        const struct xf_hash128 h = xf_hash128(o->ext_id.ptr, o->ext_id.len, 0);

        xf_put_be64(run->id, h.high);
        xf_put_be64(run->id + 8, h.low);
    }
}

/* The clocks are read here, on the caller's thread: the back end may come to it much later. */
static void read_clocks(xray_writer *w, enum xray_clock clock, int64_t *mono, int64_t *now)
{
    *mono = *now = XRAY_MISSING;
    if (clock == XRAY_CLOCK_NOW) {
        *mono = xf_origin_mono(&w->origin);
        *now = xf_origin_now(&w->origin);
    }
}

static bool put_run_begin(struct xf_slot *s, xray_str pipeline, const xray_run_options *o, uint64_t seq)
{
    static const uint8_t none[16];
    const xray_str project = o->project.len > 0 ? o->project : xray_s(s->writer->project);
    const xray_str texts[] = {pipeline, o->ext_id, o->version, project, o->session, o->user};
    size_t len = sizeof(struct xf_op) + 3 * 8 + 3 * 4 + 16;
    int64_t mono, now;
    uint8_t *p;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        len += xf_op_text_size(texts[i]);
    p = xf_op_begin(s, &len, XF_CLASS_SPINE, XF_OP_RUN_BEGIN, 0, 0);
    if (p == NULL)
        return false;
    read_clocks(s->writer, o->clock, &mono, &now);
    p = xf_op_put_i64(xf_op_put_i64(xf_op_put_i64(p, mono), now), (int64_t)seq);
    p = xf_op_put_u32(xf_op_put_u32(xf_op_put_u32(p, o->clock), o->resume), o->parent_run != NULL);
    p = xf_op_put(p, o->parent_run != NULL ? o->parent_run : none, 16);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        p = xf_op_put_text(p, texts[i]);
    xf_log_publish(s, len);
    return true;
}

/* A synchronous writer tells at once whether it worked. */
static uint64_t open_slot(struct xf_slot *s, struct xf_slot *run)
{
    const uint64_t handle = xf_slot_open(s, run);

    if (!s->writer->sync || xf_apply(s) == XRAY_OK)
        return handle;
    xf_apply_end(s);
    return 0;
}

static xray_run begin_run(xray_writer *w, xray_str pipeline, const xray_run_options *o)
{
    struct xf_slot *s;
    uint64_t seq;

    if (!xf_writer_revive(w))
        return 0;
    s = xf_slot_new(w);
    if (s == NULL) {
        xf_call_lost(w, XF_LOST_RUN);
        return 0;
    }
    choose_id(w, s, o);
    pthread_mutex_lock(&w->lock);
    seq = w->run_seq++;
    /* Beyond every number this writer has given out, so a run that is joined again cannot repeat one. */
    s->number = o->resume ? (int64_t)w->steps_begun + 1 : 1;
    pthread_mutex_unlock(&w->lock);
    s->clock = o->clock;
    if (!put_run_begin(s, pipeline, o, seq)) {
        xf_slot_free(s);
        xf_call_lost(w, XF_LOST_RUN);
        return 0;
    }
    return open_slot(s, NULL);
}

xray_run xray_run_begin(xray_writer *w, xray_str pipeline, const xray_run_options *options)
{
    static const xray_run_options defaults;
    xray_run handle;

    if (w == NULL || !xf_enter_writer(w))
        return 0;
    handle = begin_run(w, pipeline, options != NULL ? options : &defaults);
    xf_leave_writer(w);
    return handle;
}

static void number_step(xray_writer *w, struct xf_slot *run, struct xf_slot *s, int64_t given)
{
    s->number = given > 0 ? given : run->number;
    if (s->number >= run->number)
        run->number = s->number + 1;
    pthread_mutex_lock(&w->lock);
    w->steps_begun++;
    if ((int64_t)w->steps_begun < s->number)
        w->steps_begun = (uint64_t)s->number;
    pthread_mutex_unlock(&w->lock);
}

static bool put_step_begin(struct xf_slot *s, xray_str name, xray_str type, int64_t parent, const xray_step_options *o)
{
    const xray_str texts[] = {name, type, o->ext_id, o->parent_ext};
    size_t len = sizeof(struct xf_op) + 3 * 8 + 4;
    int64_t mono, now;
    uint8_t *p;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        len += xf_op_text_size(texts[i]);
    p = xf_op_begin(s, &len, XF_CLASS_SPINE, XF_OP_STEP_BEGIN, 0, 0);
    if (p == NULL)
        return false;
    read_clocks(s->writer, o->clock, &mono, &now);
    p = xf_op_put_i64(xf_op_put_i64(xf_op_put_i64(p, mono), now), o->parent_number > 0 ? o->parent_number : parent);
    p = xf_op_put_u32(p, o->clock);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        p = xf_op_put_text(p, texts[i]);
    xf_log_publish(s, len);
    return true;
}

/* With the run's `busy` held. */
static xray_step begin_step(struct xf_slot *run, xray_str name, xray_str type, int64_t parent,
                            const xray_step_options *options)
{
    static const xray_step_options defaults;
    const xray_step_options *o = options != NULL ? options : &defaults;
    xray_writer *w = run->writer;
    struct xf_slot *s = xf_slot_new(w);

    if (s == NULL) {
        xf_call_lost(w, XF_LOST_STEP);
        return 0;
    }
    s->run = run;
    s->run_handle = atomic_load_explicit(&run->handle, memory_order_relaxed);
    s->clock = o->clock;
    number_step(w, run, s, o->number);
    if (!put_step_begin(s, name, type, parent, o)) {
        xf_slot_free(s);
        xf_call_lost(w, XF_LOST_STEP);
        return 0;
    }
    return open_slot(s, run);
}

xray_step xray_step_begin(xray_run run_handle, xray_str name, xray_str type, const xray_step_options *options)
{
    struct xf_slot *run = xf_enter_run(run_handle);
    xray_step step;

    if (run == NULL)
        return 0;
    step = begin_step(run, name, type, 0, options);
    xf_leave(run);
    return step;
}

/* The parent's `busy` is let go before its run's is taken: the order of locks is the other way round. */
xray_step xray_step_begin_in(xray_step parent_handle, xray_str name, xray_str type, const xray_step_options *options)
{
    struct xf_slot *parent = xf_enter_step(parent_handle);
    uint64_t run;
    int64_t number;
    xray_step step;

    if (parent == NULL)
        return 0;
    run = parent->run_handle;
    number = parent->number;
    xf_leave(parent);
    parent = xf_enter_run(run);
    if (parent == NULL)
        return 0;
    step = begin_step(parent, name, type, number, options);
    xf_leave(parent);
    return step;
}

/* Without waiting for it. */
static void ask_flush(xray_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->asked[w->options.flush == XRAY_FLUSH_SYNC]++;
    xf_thread_wake(w);
    pthread_mutex_unlock(&w->lock);
}

static bool flushes_at_end(const struct xf_slot *s)
{
    const enum xray_flush_when when = s->writer->options.flush;

    return when == XRAY_FLUSH_STEP || (s->run == NULL && when != XRAY_FLUSH_INTERVAL);
}

/* The end has been handed to the thread: lets the slot go and waits until it is in the file. Threads that end
 * steps meanwhile share the next flush. */
static int leave_flushed(struct xf_slot *s)
{
    xray_writer *w = s->writer;
    const uint64_t dropped = s->dropped;
    uint64_t mine;
    int r;

    pthread_mutex_lock(&w->lock);
    w->waiting++; /* the writer stays until we are out */
    mine = ++w->asked[0];
    xf_thread_wake(w);
    pthread_mutex_unlock(&w->lock);
    xf_slot_unlock(s);
    r = xf_writer_wait_flush(w, mine, dropped);
    xf_leave_closed(false);
    return r;
}

/* The end needs no room in the log, so it cannot be lost. */
static int end_slot(struct xf_slot *s, xray_outcome outcome)
{
    xray_writer *w = s->writer;
    const bool at_once = flushes_at_end(s);
    int r = XRAY_OK;

    s->outcome = outcome;
    s->end_mono = s->clock == XRAY_CLOCK_NOW && outcome != XRAY_RUNNING ? xf_origin_mono(&w->origin) : XRAY_MISSING;
    atomic_store_explicit(&s->handle, 0, memory_order_relaxed);
    if (!w->sync) {
        xf_slot_push(s, true); /* the thread cannot end it before we leave */
        if (w->options.flush == XRAY_FLUSH_STEP)
            return leave_flushed(s);
        if (at_once)
            ask_flush(w);
        r = xf_call_trouble(w);
        xf_leave(s);
        return r;
    }
    xf_slot_unlock(s);
    r = xf_apply_end(s);
    if (at_once && r >= 0)
        r = w->options.flush == XRAY_FLUSH_SYNC ? xf_back_sync(w->back) : xf_back_flush(w->back);
    r = r > 0 ? XRAY_OK : r;
    xf_leave_writer(w);
    return r;
}

int xray_step_end(xray_step handle, xray_outcome outcome)
{
    struct xf_slot *s = xf_enter_step(handle);

    return s != NULL ? end_slot(s, outcome) : XRAY_ECLOSED;
}

int xray_run_end(xray_run handle, xray_outcome outcome)
{
    struct xf_slot *s = xf_enter_run(handle);

    return s != NULL ? end_slot(s, outcome) : XRAY_ECLOSED;
}

int xray_run_id(xray_run handle, uint8_t out[16])
{
    struct xf_slot *s = xf_enter_run(handle);

    if (s == NULL)
        return XRAY_ECLOSED;
    memcpy(out, s->id, 16);
    xf_leave(s);
    return XRAY_OK;
}

int64_t xray_step_number(xray_step handle)
{
    struct xf_slot *s = xf_enter_step(handle);
    int64_t number;

    if (s == NULL)
        return 0;
    number = s->number;
    xf_leave(s);
    return number;
}

/* ---- fields ---- */

/* A value this long is worth less than the spine when memory is short. */
#define VALUE_SMALL 64u

/* The value found no room: what stands in its place says how long it was. */
static int lose_value(struct xf_slot *s, xray_field field, const xray_value *v)
{
    size_t len = sizeof(struct xf_op) + 8;
    uint8_t *p = xf_op_begin(s, &len, XF_CLASS_SPINE, XF_OP_VALUE_LOST, (uint8_t)field, 0);

    xf_call_lost(s->writer, XF_LOST_PAYLOAD);
    if (p != NULL) {
        xf_op_put_i64(p, (int64_t)v->as.bytes.len);
        xf_log_publish(s, len);
    }
    return XRAY_ENOMEM;
}

/* What a summary leaves out. */
static bool is_detail(const struct xf_slot *s, struct xf_field f, xray_field field)
{
    return s->writer->options.summary && (f.kind == XF_FIELD_VALUE || f.kind == XF_FIELD_MAP) && field != XRAY_TAGS &&
           field != XRAY_SAMPLING;
}

static int put_set(struct xf_slot *s, struct xf_field f, xray_field field, xray_value value)
{
    const bool is_text = f.kind == XF_FIELD_TEXT || f.kind == XF_FIELD_EXT_ID;
    size_t len;
    uint8_t *p;
    int r;

    if (is_detail(s, f, field))
        return XRAY_OK;
    r = xf_call_value(s, &value);
    if (r < 0 || f.kind == XF_FIELD_NONE || (is_text && value.kind != XRAY_VALUE_TEXT))
        return r < 0 ? r : XRAY_EMISUSE;
    if (is_text && value.as.bytes.ptr == NULL)
        value = xray_textn("", 0);
    len = sizeof(struct xf_op) + xf_op_value_size(&value);
    p = xf_op_begin(s, &len, is_text || len <= VALUE_SMALL ? XF_CLASS_SPINE : XF_CLASS_VALUE, XF_OP_SET, (uint8_t)field, 0);
    if (p == NULL)
        return lose_value(s, field, &value);
    xf_op_put_value(p, &value);
    xf_log_publish(s, len);
    return XRAY_OK;
}

int xray_run_set(xray_run handle, xray_field field, xray_value value)
{
    struct xf_slot *s = xf_enter_run(handle);
    struct xf_field f = xf_run_field(field);

    if (field == XRAY_PIPELINE || field == XRAY_PIPELINE_VERSION)
        f.kind = XF_FIELD_TEXT;
    return s != NULL ? xf_call_done(s, put_set(s, f, field, value)) : XRAY_ECLOSED;
}

int xray_step_set(xray_step handle, xray_field field, xray_value value)
{
    struct xf_slot *s = xf_enter_step(handle);

    return s != NULL ? xf_call_done(s, put_set(s, xf_step_field(field), field, value)) : XRAY_ECLOSED;
}

static int put_set_int(struct xf_slot *s, xray_int_field field, int64_t value)
{
    size_t len = sizeof(struct xf_op) + 8;
    uint8_t *p;

    if ((unsigned)field > (s->run != NULL ? XRAY_TOKENS_TOTAL : XRAY_FLAGS))
        return XRAY_EMISUSE;
    if ((field == XRAY_CANDIDATES_IN || field == XRAY_CANDIDATES_OUT) && value < 0 && value != XRAY_MISSING)
        return XRAY_EMISUSE;
    p = xf_op_begin(s, &len, XF_CLASS_SPINE, XF_OP_SET_INT, (uint8_t)field, 0);
    if (p == NULL) {
        xf_call_lost(s->writer, XF_LOST_PAYLOAD);
        return XRAY_ENOMEM;
    }
    xf_op_put_i64(p, value);
    xf_log_publish(s, len);
    return XRAY_OK;
}

int xray_run_set_int(xray_run handle, xray_int_field field, int64_t value)
{
    struct xf_slot *s = xf_enter_run(handle);

    return s != NULL ? xf_call_done(s, put_set_int(s, field, value)) : XRAY_ECLOSED;
}

int xray_step_set_int(xray_step handle, xray_int_field field, int64_t value)
{
    struct xf_slot *s = xf_enter_step(handle);

    return s != NULL ? xf_call_done(s, put_set_int(s, field, value)) : XRAY_ECLOSED;
}

static int put_add(struct xf_slot *s, struct xf_field f, xray_field field, xray_str key, xray_value value)
{
    size_t len;
    uint8_t *p;
    int r;

    if (is_detail(s, f, field))
        return XRAY_OK;
    r = f.kind == XF_FIELD_MAP ? xf_call_value(s, &value) : XRAY_EMISUSE;
    if (r < 0)
        return r;
    len = sizeof(struct xf_op) + xf_op_text_size(key) + xf_op_value_size(&value);
    p = xf_op_begin(s, &len, XF_CLASS_VALUE, XF_OP_ADD, (uint8_t)field, 0);
    if (p == NULL) {
        xf_call_lost(s->writer, XF_LOST_PAYLOAD);
        return XRAY_ENOMEM;
    }
    xf_op_put_value(xf_op_put_text(p, key), &value);
    xf_log_publish(s, len);
    return XRAY_OK;
}

int xray_run_add(xray_run handle, xray_field field, xray_str key, xray_value value)
{
    struct xf_slot *s = xf_enter_run(handle);

    return s != NULL ? xf_call_done(s, put_add(s, xf_run_field(field), field, key, value)) : XRAY_ECLOSED;
}

int xray_step_add(xray_step handle, xray_field field, xray_str key, xray_value value)
{
    struct xf_slot *s = xf_enter_step(handle);

    return s != NULL ? xf_call_done(s, put_add(s, xf_step_field(field), field, key, value)) : XRAY_ECLOSED;
}
