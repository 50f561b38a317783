/* The writer's calls with plain arguments, for other languages (public header, section 7). */
#include "base/buf.h"
#include "base/fail.h"
#include "codec/mpread.h"
#include "xrayfile.h"

_Static_assert(XRAY_AS_TEXT == XRAY_VALUE_TEXT && XRAY_AS_JSON == XRAY_VALUE_JSON &&
                   XRAY_AS_MSGPACK == XRAY_VALUE_MSGPACK,
               "the numbers of the header are those of the enumeration");

static bool is_kind(int as)
{
    return as == XRAY_AS_TEXT || as == XRAY_AS_JSON || as == XRAY_AS_MSGPACK;
}

static xray_value value_of(int as, const void *data, size_t len)
{
    return xray_bytes_value((enum xray_value_kind)as, data, len);
}

int xray_json_check(const char *json, size_t json_len, xray_error *err)
{
    xray_buffer packed = {0};
    const int r = xray_value_pack(xray_jsonn(json, json_len), true, &packed, err);

    xray_buffer_free(&packed);
    return r;
}

/* ---- options ---- */

struct open_options {
    xray_writer_options options;
    xray_fixed fixed;
    xray_str app;
    xray_str id;
    xray_str redact;
    xray_str project;
};

static bool take_id(const char *hex, size_t len, uint8_t out[16])
{
    for (size_t i = 0; i < len; i++) {
        const char c = hex[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
    }
    return len == 32;
}

static bool is_key(xray_str key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.ptr, name, key.len) == 0;
}

static bool take_text(const xray_mp_item *item, xray_str *out)
{
    if (item->type == XRAY_MP_STR)
        *out = item->bytes;
    return item->type == XRAY_MP_STR || item->type == XRAY_MP_NIL;
}

static bool take_int(const xray_mp_item *item, int64_t least, int64_t most, int64_t *out)
{
    if (item->type == XRAY_MP_NIL)
        return true;
    if (item->type != XRAY_MP_INT || item->i < least || item->i > most)
        return false;
    *out = item->i;
    return true;
}

static bool take_bool(const xray_mp_item *item, bool *out)
{
    *out = item->type == XRAY_MP_BOOL && item->boolean;
    return item->type == XRAY_MP_BOOL || item->type == XRAY_MP_NIL;
}

static bool take_double(const xray_mp_item *item, double *out)
{
    if (item->type == XRAY_MP_FLOAT)
        *out = item->d;
    else if (item->type == XRAY_MP_INT)
        *out = (double)item->i;
    return item->type == XRAY_MP_FLOAT || item->type == XRAY_MP_INT || item->type == XRAY_MP_NIL;
}

static bool take_flush(const xray_mp_item *item, enum xray_flush_when *out)
{
    static const char *const words[] = {"interval", "run", "sync", "step"}; /* in the order of the enumeration */

    for (int i = 0; item->type == XRAY_MP_STR && i < 4; i++)
        if (is_key(item->bytes, words[i])) {
            *out = (enum xray_flush_when)i;
            return true;
        }
    return item->type == XRAY_MP_NIL;
}

/* One option; false if its value is not of its type. */
static bool take_option(struct open_options *o, xray_str key, xray_str value)
{
    xray_mp c = xray_mp_over(value.ptr, value.len);
    xray_mp_item item = {0};
    int64_t n = 0;
    bool good = true;

    if (!xray_mp_next(&c, &item))
        return false;
    if (is_key(key, "app"))
        return take_text(&item, &o->app);
    if (is_key(key, "id"))
        return take_text(&item, &o->id);
    if (is_key(key, "redact"))
        return take_text(&item, &o->redact);
    if (is_key(key, "project"))
        return take_text(&item, &o->project);
    if (is_key(key, "flush"))
        return take_flush(&item, &o->options.flush);
    if (is_key(key, "sample_rate"))
        return take_double(&item, &o->options.sample_rate);
    if (is_key(key, "time_ns"))
        return take_int(&item, INT64_MIN + 1, INT64_MAX, &o->fixed.time_ns);
    if (is_key(key, "tick_ns"))
        return take_int(&item, 0, INT64_MAX, &o->fixed.tick_ns);
    if (is_key(key, "level")) {
        good = take_int(&item, 0, 19, &n);
        o->options.level = (int)n;
    } else if (is_key(key, "segment_bytes")) {
        good = take_int(&item, 0, INT64_MAX, &n);
        o->options.segment_bytes = (uint64_t)n;
    } else if (is_key(key, "flush_interval_ms")) {
        good = take_int(&item, 0, INT32_MAX, &n);
        o->options.flush_interval_ms = (unsigned)n;
    } else if (is_key(key, "memory_bytes")) {
        good = take_int(&item, 0, INT64_MAX, &n);
        o->options.memory_bytes = (size_t)n;
    } else if (is_key(key, "segment_age_s")) {
        good = take_int(&item, 0, INT32_MAX, &n);
        o->options.segment_age_s = (unsigned)n;
    } else if (is_key(key, "no_host")) {
        good = take_bool(&item, &o->options.no_host);
    } else if (is_key(key, "sync")) {
        good = take_bool(&item, &o->options.sync);
    }
    return good;
}

static int take_options(struct open_options *o, const xray_buffer *packed, xray_error *err)
{
    xray_mp c = xray_mp_over(packed->data, packed->len);
    uint32_t count = 0;

    if (!xf_mp_take_map(&c, &count))
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "the options of a writer must be an object");
    for (uint32_t i = 0; i < count; i++) {
        xray_str key = {NULL, 0}, value = {NULL, 0};

        if (!xf_mp_take_str(&c, &key) || !xf_mp_take_value(&c, &value) || !take_option(o, key, value))
            return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "option %.*s has a value that it cannot have",
                           (int)(key.len < 40 ? key.len : 40), key.len > 0 ? key.ptr : "");
    }
    if (o->id.len > 0 && !take_id(o->id.ptr, o->id.len, o->fixed.id))
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "option id must be 32 hexadecimal digits");
    if (o->id.len > 0)
        o->options.fixed = &o->fixed;
    return XRAY_OK;
}

int xray_writer_open_json(xray_writer **out, const char *dir, const char *json, size_t json_len, xray_error *err)
{
    struct open_options o = {.app = {NULL, 0}};
    xray_buffer packed = {0}, texts = {0};
    char app[128] = "";
    int r = XRAY_OK;

    if (json != NULL && json_len > 0) {
        r = xray_value_pack(xray_jsonn(json, json_len), false, &packed, err);
        if (r == XRAY_OK)
            r = take_options(&o, &packed, err);
    }
    if (r == XRAY_OK) {
        const size_t n = o.app.len < sizeof app ? o.app.len : sizeof app - 1;

        if (n > 0)
            memcpy(app, o.app.ptr, n);
        o.options.app = n > 0 ? app : NULL;
        xf_buf_put(&texts, o.redact.ptr, o.redact.len);
        xf_buf_put_u8(&texts, '\0');
        xf_buf_put(&texts, o.project.ptr, o.project.len);
        xf_buf_put_u8(&texts, '\0');
        o.options.redact = o.redact.len > 0 ? (const char *)texts.data : NULL;
        o.options.project = o.project.len > 0 ? (const char *)texts.data + o.redact.len + 1 : NULL;
        r = texts.failed ? xf_fail_memory(err) : xray_writer_open(out, dir, &o.options, err);
    }
    xray_buffer_free(&texts);
    xray_buffer_free(&packed);
    return r;
}

/* ---- runs and steps ---- */

xray_run xray_run_begin_plain(xray_writer *w, const char *pipeline, size_t pipeline_len, const char *version,
                              size_t version_len, const char *ext_id, size_t ext_id_len, const uint8_t *id,
                              const uint8_t *parent_run, unsigned flags)
{
    const xray_run_options options = {
        .id = id,
        .ext_id = xray_strn(ext_id, ext_id_len),
        .version = xray_strn(version, version_len),
        .parent_run = parent_run,
        .clock = (flags & XRAY_PLAIN_NO_CLOCK) != 0 ? XRAY_CLOCK_NONE : XRAY_CLOCK_NOW,
        .resume = (flags & XRAY_PLAIN_RESUME) != 0,
    };

    return xray_run_begin(w, xray_strn(pipeline, pipeline_len), &options);
}

xray_step xray_step_begin_plain(xray_run run, xray_step parent, const char *name, size_t name_len, const char *type,
                                size_t type_len, const char *ext_id, size_t ext_id_len, unsigned flags)
{
    const xray_step_options options = {
        .ext_id = xray_strn(ext_id, ext_id_len),
        .clock = (flags & XRAY_PLAIN_NO_CLOCK) != 0 ? XRAY_CLOCK_NONE : XRAY_CLOCK_NOW,
    };
    const xray_str called = xray_strn(name, name_len), kind = xray_strn(type, type_len);

    return parent != 0 ? xray_step_begin_in(parent, called, kind, &options)
                       : xray_step_begin(run, called, kind, &options);
}

int xray_run_set_bytes(xray_run run, int field, int as, const void *data, size_t len)
{
    return is_kind(as) ? xray_run_set(run, (xray_field)field, value_of(as, data, len)) : XRAY_EMISUSE;
}

int xray_step_set_bytes(xray_step step, int field, int as, const void *data, size_t len)
{
    return is_kind(as) ? xray_step_set(step, (xray_field)field, value_of(as, data, len)) : XRAY_EMISUSE;
}

int xray_run_add_bytes(xray_run run, int field, const char *key, size_t key_len, int as, const void *data, size_t len)
{
    return is_kind(as) ? xray_run_add(run, (xray_field)field, xray_strn(key, key_len), value_of(as, data, len))
                       : XRAY_EMISUSE;
}

int xray_step_add_bytes(xray_step step, int field, const char *key, size_t key_len, int as, const void *data,
                        size_t len)
{
    return is_kind(as) ? xray_step_add(step, (xray_field)field, xray_strn(key, key_len), value_of(as, data, len))
                       : XRAY_EMISUSE;
}

/* ---- candidates, decisions, notes ---- */

int xray_step_candidate_plain(xray_step step, const char *item, size_t item_len, int verdict, const char *reason,
                              size_t reason_len, const char *evidence, size_t evidence_len)
{
    const xray_reason one = {.code = xray_strn(reason, reason_len)};
    const xray_candidate c = {
        .item = xray_strn(item, item_len),
        .verdict = (xray_verdict)verdict,
        .reasons = &one,
        .reason_count = reason_len > 0,
        .fields = evidence_len > 0 ? XRAY_HAS_EVIDENCE : 0,
        .evidence_value = xray_jsonn(evidence, evidence_len),
    };

    return xray_step_candidate(step, &c);
}

int xray_step_count_reason(xray_step step, const char *code, size_t code_len, int64_t count)
{
    return xray_step_set_reason_count(step, xray_strn(code, code_len), count);
}

int xray_step_decide_json(xray_step step, const char *name, size_t name_len, const char *json, size_t json_len)
{
    const xray_value body = xray_jsonn(json, json_len);
    const xray_decision d = {.name = xray_strn(name, name_len), .body = &body, .after = XRAY_MISSING};

    return xray_step_decide(step, &d);
}

int xray_run_decide_json(xray_run run, const char *name, size_t name_len, const char *json, size_t json_len)
{
    const xray_value body = xray_jsonn(json, json_len);
    const xray_decision d = {.name = xray_strn(name, name_len), .body = &body, .after = XRAY_MISSING};

    return xray_run_decide(run, &d);
}

int xray_step_note_json(xray_step step, const char *name, size_t name_len, const char *json, size_t json_len)
{
    return xray_step_note(step, xray_strn(name, name_len), xray_jsonn(json, json_len), XRAY_MISSING, 0);
}

int xray_run_note_json(xray_run run, const char *name, size_t name_len, const char *json, size_t json_len)
{
    return xray_run_note(run, xray_strn(name, name_len), xray_jsonn(json, json_len), XRAY_MISSING, 0);
}
