/* See path.h. */
#include "why/path.h"

#include <inttypes.h>
#include <math.h>

#include "common/events.h"
#include "common/human.h"
#include "common/input.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"

static bool is_item(void *ctx, size_t step, const xray_event_record *e)
{
    const xray_str *item = ctx;

    (void)step;
    return e->item.len == item->len && (item->len == 0 || memcmp(e->item.ptr, item->ptr, item->len) == 0);
}

/* What there is of the item in one step. */
struct stay {
    uint64_t seen;     /* candidates recorded, of any item */
    uint64_t count;    /* records of the item */
    int verdict;       /* the last one */
    bool has_margin;
    double margin;     /* how far the score is below the threshold, as a share of it */
};

static void look(struct stay *s, const xray_event_record *e)
{
    s->count++;
    s->verdict = e->verdict;
    s->has_margin = (e->fields & XRAY_HAS_SCORE) != 0 && (e->fields & XRAY_HAS_THRESHOLD) != 0 &&
                    e->threshold != 0 && e->verdict == XRAY_REJECT && isfinite(e->score) && isfinite(e->threshold);
    if (s->has_margin)
        s->margin = fabs(e->threshold - e->score) / fabs(e->threshold);
}

/* The records of the item as JSON, or NULL. */
static bool survey(xray_store *store, xray_trace *trace, int64_t step, xray_str *item, struct stay *s, xray_buffer *json)
{
    xray_events *events = NULL;
    xray_event_record e;
    xray_error err = {0};
    int r = xray_events_open(&events, trace, step, XRAY_EVENT_CANDIDATE, &err);

    *s = (struct stay){0};
    while (r >= 0 && (r = xray_events_next(events, &e, &err)) == 1) {
        s->seen++;
        if (!is_item(item, 0, &e))
            continue;
        look(s, &e);
        if (json != NULL)
            r = xray_event_json(store, xray_trace_run(trace)->id, step, &e, json, &err);
    }
    xray_events_close(events);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

/* Why a step has no record of the item. */
static const char *absence(const xray_step_record *step, const struct stay *s, int64_t left)
{
    if (left != 0)
        return "not evaluated after rejection";
    if (step->candidates_in != XRAY_MISSING && step->candidates_in > (int64_t)s->seen)
        return "not recorded or not seen";
    return "not seen";
}

static bool counts_candidates(const xray_step_record *step, const struct stay *s)
{
    return s->seen > 0 || step->candidates_in != XRAY_MISSING || step->candidates_out != XRAY_MISSING;
}

/* ---- text ---- */

static void put_head(xray_trace *trace, xray_str item, int id_digits)
{
    const xray_run_record *run = xray_trace_run(trace);
    const char *status = runs_status(run->ended, run->abandoned, run->outcome);
    struct text t = {0};

    out_styled(&t, STYLE_BOLD, item);
    text_puts(&t, " in run ");
    out_style(&t, STYLE_ID);
    runs_put_id(&t, run->id, id_digits);
    out_style(&t, STYLE_NONE);
    text_puts(&t, "  ");
    runs_put_pipeline(&t, run);
    text_puts(&t, "  ");
    out_styled(&t, runs_status_style(status), xray_s(status));
    if (run->start_ns != XRAY_MISSING)
        text_puts(&t, "  ");
    human_time(&t, run->start_ns, 3);
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

static void put_step(const xray_step_record *step, const struct stay *s, int64_t left)
{
    struct text t = {0};

    text_printf(&t, "%3" PRId64 " ", step->number);
    text_safe(&t, step->type, SAFE_LINE);
    text_puts(&t, step->type.len > 0 ? " " : "");
    out_styled(&t, STYLE_BOLD, step->name);
    if (s->count == 0) {
        text_printf(&t, "  %s", absence(step, s, left));
        if (left == 0 && step->candidates_in != XRAY_MISSING && step->candidates_in > (int64_t)s->seen)
            text_printf(&t, " (%" PRIu64 " of %" PRId64 " candidates recorded)", s->seen, step->candidates_in);
    } else if (s->has_margin) {
        text_puts(&t, "  missed by ");
        human_rate(&t, s->margin);
    }
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

/* ---- JSON ---- */

static void json_head(struct text *t, xray_trace *trace, xray_str item)
{
    const xray_run_record *run = xray_trace_run(trace);

    text_puts(t, "{\"kind\":\"path\",\"run\":\"");
    runs_put_id(t, run->id, 32);
    text_puts(t, "\"");
    json_member(t, "pipeline", run->pipeline);
    json_member(t, "version", run->version);
    text_puts(t, ",\"item\":");
    json_string(t, item);
    text_puts(t, ",\"steps\":[");
}

static void json_step(struct text *t, const xray_step_record *step, const struct stay *s, int64_t left,
                      const xray_buffer *records, bool first)
{
    text_printf(t, "%s{\"step\":%" PRId64, first ? "" : ",", step->number);
    json_member(t, "name", step->name);
    json_member(t, "type", step->type);
    if (s->count == 0)
        json_member(t, "absent", xray_s(absence(step, s, left)));
    if (s->has_margin)
        json_rate(t, "missed_by", s->margin);
    text_puts(t, ",\"records\":[");
    for (size_t i = 0; i < records->len; i++) /* lines become elements; strings hold no newline */
        if (records->data[i] != '\n')
            text_put(t, (const char *)records->data + i, 1);
        else if (i + 1 < records->len)
            text_puts(t, ",");
    text_puts(t, "]}");
}

/* ---- both ---- */

size_t path_print(xray_store *store, xray_trace *trace, xray_str item, bool json, int id_digits, int64_t *left,
                  struct text *left_name)
{
    const struct events_filter filter = {is_item, &item, 0};
    size_t count, found = 0;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    xray_buffer records = {0};
    struct text t = {0};
    bool first = true;

    *left = 0;
    if (json)
        json_head(&t, trace, item);
    else
        put_head(trace, item, id_digits);
    for (size_t i = 0; i < count; i++) {
        struct stay s;

        records.len = 0;
        if (!survey(store, trace, steps[i].number, &item, &s, json ? &records : NULL) ||
            !counts_candidates(&steps[i], &s))
            continue;
        found += s.count;
        if (json) {
            json_step(&t, &steps[i], &s, *left, &records, first);
        } else {
            put_step(&steps[i], &s, *left);
            if (s.count > 0)
                events_show(store, trace, steps[i].number, EVENTS_FULL, 6, &filter);
        }
        first = false;
        if (s.count > 0) {
            *left = s.verdict == XRAY_REJECT ? steps[i].number : 0;
            text_reset(left_name);
            text_put(left_name, steps[i].name.ptr, steps[i].name.len);
        }
    }
    if (json) {
        text_puts(&t, "]}\n");
        out_text(&t);
    }
    text_free(&t);
    xray_buffer_free(&records);
    return found;
}
