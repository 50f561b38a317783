/* Records as lines of NDJSON (spec 13). */
#include <inttypes.h>

#include "base/buf.h"
#include "base/fail.h"
#include "codec/mpwrite.h"
#include "store/resolve.h"

struct line {
    struct xray_store *s;
    xray_buffer *out;
    size_t start;
    bool first; /* of the members of an object */
    int status; /* of the first failure */
    xray_error *err;
};

static struct line begin(struct xray_store *s, xray_buffer *out, xray_error *err)
{
    const struct line l = {.s = s, .out = out, .start = out->len, .first = true, .err = err};

    xf_buf_put_u8(out, '{');
    return l;
}

/* A line is whole or not there at all. */
static int finish(struct line *l)
{
    xf_buf_put(l->out, "}\n", 2);
    if (l->status >= 0 && l->out->failed)
        l->status = xf_fail_memory(l->err);
    if (l->status < 0)
        l->out->len = l->start;
    return l->status;
}

static void put_key(struct line *l, const char *key)
{
    if (!l->first)
        xf_buf_put_u8(l->out, ',');
    l->first = false;
    xf_buf_put_u8(l->out, '"');
    xf_buf_puts(l->out, key);
    xf_buf_put(l->out, "\":", 2);
}

static void put_text(struct line *l, const char *key, xray_str text)
{
    if (text.len == 0)
        return;
    put_key(l, key);
    xray_json_string(text, l->out);
}

static void put_name(struct line *l, const char *key, const char *name)
{
    if (name != NULL)
        put_text(l, key, xray_s(name));
}

static void put_int(struct line *l, const char *key, int64_t v)
{
    if (v == XRAY_MISSING)
        return;
    put_key(l, key);
    xf_buf_printf(l->out, "%" PRId64, v);
}

/* Times and durations are strings: they go beyond what a double holds. */
static void put_ns(struct line *l, const char *key, int64_t v)
{
    if (v == XRAY_MISSING)
        return;
    put_key(l, key);
    xf_buf_printf(l->out, "\"%" PRId64 "\"", v);
}

/* Nano-units as a decimal number, exact, without zeros at its end. */
static void put_cost(struct line *l, const char *key, int64_t v)
{
    const uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    uint32_t fraction = (uint32_t)(magnitude % 1000000000);
    int digits = 9;

    if (v == XRAY_MISSING)
        return;
    put_key(l, key);
    xf_buf_printf(l->out, "%s%" PRIu64, v < 0 ? "-" : "", magnitude / 1000000000);
    if (fraction == 0)
        return;
    for (; fraction % 10 == 0; fraction /= 10)
        digits--;
    xf_buf_printf(l->out, ".%0*" PRIu32, digits, fraction);
}

static void put_id(struct line *l, const char *key, const uint8_t id[16])
{
    put_key(l, key);
    xf_buf_put_u8(l->out, '"');
    for (int i = 0; i < 16; i++)
        xf_buf_printf(l->out, "%02x", id[i]);
    xf_buf_put_u8(l->out, '"');
}

/* Fills the store's scratch with the resolved value. One that breaks the spec or its limits is a problem of the store, and
 * not the end of the line. */
static void resolve(struct line *l, xray_ref ref)
{
    xray_buffer *value = &l->s->value;
    xray_error why;
    const int status = xray_ref_resolve(l->s, ref, value, &why);

    if (status >= 0)
        return;
    if (status == XRAY_ECORRUPT || status == XRAY_ELIMIT)
        xf_put_lost(value);
    else
        l->status = xf_fail(l->err, status, why.pos, "%s", why.message);
}

/* Prints what the scratch holds. */
static void print(struct line *l, const char *key)
{
    if (l->status >= 0 && l->s->value.failed)
        l->status = xf_fail_memory(l->err);
    if (l->status < 0)
        return;
    put_key(l, key);
    l->status = xray_msgpack_json(l->s->value.data, l->s->value.len, l->out, l->err);
}

static void put_value(struct line *l, const char *key, xray_ref ref)
{
    if (ref.data == NULL || l->status < 0)
        return;
    xf_buf_reset(&l->s->value);
    resolve(l, ref);
    print(l, key);
}

static void put_flags(struct line *l, uint32_t flags)
{
    if (flags != 0)
        put_int(l, "flags", flags);
}

/* ---- runs and steps -------------------------------------------------------------------- */

/* An ext_id that is nothing but the id says nothing. */
static bool is_same_id(xray_str ext_id, const uint8_t id[16])
{
    static const char digits[] = "0123456789abcdef";

    if (ext_id.len != 32)
        return false;
    for (int i = 0; i < 32; i++)
        if (ext_id.ptr[i] != digits[i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15])
            return false;
    return true;
}

int xray_run_json(xray_store *s, const xray_run_record *run, xray_buffer *out, xray_error *err)
{
    struct line l = begin(s, out, err);

    put_name(&l, "kind", "run");
    put_id(&l, "run", run->id);
    if (!is_same_id(run->ext_id, run->id))
        put_text(&l, "ext_id", run->ext_id);
    put_text(&l, "pipeline", run->pipeline);
    put_text(&l, "version", run->version);
    put_text(&l, "project", run->project);
    put_text(&l, "session", run->session);
    put_text(&l, "user", run->user);
    if (run->has_parent_run)
        put_id(&l, "parent_run", run->parent_run);
    put_name(&l, "status", xray_outcome_name(run->outcome));
    put_ns(&l, "start", run->start_ns);
    put_ns(&l, "end", run->end_ns);
    put_ns(&l, "duration", run->duration_ns);
    put_cost(&l, "cost", run->cost);
    put_flags(&l, run->flags);
    put_value(&l, "error", run->error);
    put_value(&l, "tags", run->tags);
    put_value(&l, "metadata", run->metadata);
    put_value(&l, "input", run->input);
    put_value(&l, "output", run->output);
    put_value(&l, "attrs", run->attrs);
    return finish(&l);
}

static void put_histogram(struct line *l, const xray_step_record *step)
{
    if (step->reason_count == 0)
        return;
    put_key(l, "reasons");
    xf_buf_put_u8(l->out, '{');
    for (size_t i = 0; i < step->reason_count; i++) {
        if (i > 0)
            xf_buf_put_u8(l->out, ',');
        xray_json_string(step->reasons[i].code, l->out);
        xf_buf_printf(l->out, ":%" PRIu64, step->reasons[i].count);
    }
    xf_buf_put_u8(l->out, '}');
}

static void put_tokens(struct line *l, const xray_step_record *step)
{
    const struct {
        const char *key;
        int64_t count;
    } members[] = {
        {"input", step->tokens_in},
        {"output", step->tokens_out},
        {"cache_read", step->tokens_cache_read},
        {"cache_write", step->tokens_cache_write},
        {"reasoning", step->tokens_reasoning},
        {"total", step->tokens_total},
    };
    bool any = false;

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        any |= members[i].count != XRAY_MISSING;
    if (!any)
        return;
    put_key(l, "tokens");
    xf_buf_put_u8(l->out, '{');
    l->first = true;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        put_int(l, members[i].key, members[i].count);
    xf_buf_put_u8(l->out, '}');
    l->first = false;
}

static void put_place(struct line *l, const xray_step_record *step)
{
    put_name(l, "kind", "step");
    put_id(l, "run", step->run_id);
    put_int(l, "step", step->number);
    put_text(l, "ext_id", step->ext_id);
    if (step->parent > 0)
        put_int(l, "parent", step->parent);
    else
        put_text(l, "parent_ext", step->parent_ext);
    put_int(l, "sequence", step->sequence);
}

int xray_step_json(xray_store *s, const xray_step_record *step, xray_buffer *out, xray_error *err)
{
    struct line l = begin(s, out, err);

    put_place(&l, step);
    put_text(&l, "name", step->name);
    put_text(&l, "type", step->type);
    put_name(&l, "status", xray_outcome_name(step->outcome));
    put_ns(&l, "start", step->start_ns);
    put_ns(&l, "end", step->end_ns);
    put_ns(&l, "duration", step->duration_ns);
    put_int(&l, "candidates_in", step->candidates_in);
    put_int(&l, "candidates_out", step->candidates_out);
    put_int(&l, "kept", step->candidates_kept);
    put_histogram(&l, step);
    put_text(&l, "model", step->model);
    put_text(&l, "provider", step->provider);
    put_tokens(&l, step);
    put_cost(&l, "cost", step->cost);
    put_flags(&l, step->flags);
    put_value(&l, "error", step->error);
    put_value(&l, "filters", step->filters);
    put_value(&l, "params", step->params);
    put_value(&l, "sampling", step->sampling);
    put_value(&l, "tags", step->tags);
    put_value(&l, "metadata", step->metadata);
    put_value(&l, "attrs", step->attrs);
    put_value(&l, "input", step->input);
    put_value(&l, "output", step->output);
    put_value(&l, "reasoning", step->reasoning);
    return finish(&l);
}

/* ---- events --------------------------------------------------------------------------------- */

static void put_reasons(struct line *l, const xray_event_record *event)
{
    if (event->reason_count == 0)
        return;
    put_key(l, "reasons");
    xf_buf_put_u8(l->out, '[');
    for (size_t i = 0; i < event->reason_count; i++) {
        xf_buf_puts(l->out, i > 0 ? ",{" : "{");
        l->first = true;
        put_text(l, "code", event->reasons[i].code);
        put_text(l, "rule", event->reasons[i].rule);
        put_text(l, "version", event->reasons[i].version);
        put_text(l, "params", event->reasons[i].params);
        xf_buf_put_u8(l->out, '}');
    }
    xf_buf_put_u8(l->out, ']');
    l->first = false;
}

static void put_number(struct line *l, const char *key, unsigned fields, unsigned field, double v)
{
    if ((fields & field) == 0)
        return;
    put_key(l, key);
    xray_json_double(v, l->out);
}

/* The list as the map that it is: keys may recur or need escaping, which the printer of values knows. */
static void put_evidence(struct line *l, const xray_event_record *event)
{
    xray_buffer *map = &l->s->value;

    if ((event->fields & XRAY_HAS_EVIDENCE) != 0) {
        put_value(l, "evidence", event->evidence);
        return;
    }
    if (event->evidence_count == 0 || l->status < 0)
        return;
    xf_buf_reset(map);
    xf_mp_map(map, event->evidence_count);
    for (size_t i = 0; i < event->evidence_count && l->status >= 0; i++) {
        xf_mp_str(map, event->evidence_keys[i].ptr, event->evidence_keys[i].len);
        resolve(l, event->evidence_values[i]);
    }
    print(l, "evidence");
}

static void put_candidate(struct line *l, const xray_event_record *event)
{
    const unsigned fields = event->fields;

    put_key(l, "item");
    xray_json_string(event->item, l->out);
    put_name(l, "verdict", xray_verdict_name(event->verdict));
    put_reasons(l, event);
    put_number(l, "score", fields, XRAY_HAS_SCORE, event->score);
    put_number(l, "threshold", fields, XRAY_HAS_THRESHOLD, event->threshold);
    if ((fields & XRAY_HAS_RANK_IN) != 0)
        put_int(l, "rank_in", event->rank_in);
    if ((fields & XRAY_HAS_RANK_OUT) != 0)
        put_int(l, "rank_out", event->rank_out);
    put_number(l, "weight", fields, XRAY_HAS_WEIGHT, event->weight);
    put_ns(l, "time", event->time_ns);
    if (event->by != XRAY_BY_UNSAID)
        put_name(l, "by", xray_by_name(event->by));
    if (event->provenance != XRAY_PROV_UNSAID)
        put_name(l, "provenance", xray_provenance_name(event->provenance));
    put_evidence(l, event);
}

int xray_event_json(xray_store *s, const uint8_t run_id[16], int64_t step_number,
                    const xray_event_record *event, xray_buffer *out, xray_error *err)
{
    struct line l = begin(s, out, err);

    put_name(&l, "kind",
             event->kind == XRAY_EVENT_CANDIDATE  ? "cand"
             : event->kind == XRAY_EVENT_DECISION ? "decision"
                                                  : "note");
    put_id(&l, "run", run_id);
    if (step_number > 0)
        put_int(&l, "step", step_number);
    if (event->kind == XRAY_EVENT_CANDIDATE) {
        put_candidate(&l, event);
    } else {
        put_int(&l, "after", event->after);
        put_text(&l, "name", event->name);
        put_ns(&l, "time", event->time_ns);
        put_value(&l, "body", event->body);
    }
    return finish(&l);
}

int xray_loss_json(const xray_loss_record *loss, xray_buffer *out)
{
    struct line l = begin(NULL, out, NULL);

    put_name(&l, "kind", "loss");
    put_text(&l, "cause", loss->cause);
    put_text(&l, "what", loss->what);
    put_key(&l, "count");
    xf_buf_printf(out, "%" PRIu64, loss->count);
    put_ns(&l, "from", loss->from_ns);
    put_ns(&l, "to", loss->to_ns);
    return finish(&l);
}
