/* See path.h. */
#include "why/path.h"

#include <inttypes.h>

#include "common/events.h"
#include "common/human.h"
#include "common/input.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"
#include "why/margin.h"

static bool is_item(void *ctx, size_t step, const xray_event_record *e)
{
    const xray_str *item = ctx;

    (void)step;
    return e->item.len == item->len && (item->len == 0 || memcmp(e->item.ptr, item->ptr, item->len) == 0);
}

/* What there is of the item in one step. */
struct stay {
    uint64_t seen;  /* candidates recorded, of any item */
    uint64_t count; /* records of the item */
    int verdict;    /* the last one */
    struct margin *margin;
};

/* The records of the item as JSON, or NULL. */
static bool survey(xray_store *store, xray_trace *trace, const xray_step_record *step, xray_str *item, struct stay *s,
                   xray_buffer *json)
{
    xray_events *events = NULL;
    xray_event_record e;
    xray_error err = {0};
    int r = xray_events_open(&events, trace, step->number, XRAY_EVENT_CANDIDATE, &err);

    *s = (struct stay){.margin = s->margin};
    s->margin->found = false;
    while (r >= 0 && (r = xray_events_next(events, &e, &err)) == 1) {
        s->seen++;
        if (!is_item(item, 0, &e))
            continue;
        s->count++;
        s->verdict = e.verdict;
        margin_find(s->margin, store, step, &e);
        if (json != NULL)
            r = xray_event_json(store, xray_trace_run(trace)->id, step->number, &e, json, &err);
    }
    xray_events_close(events);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

/* May the item have been there, without a record? */
static bool is_partial(const xray_step_record *step, const struct stay *s)
{
    return (step->candidates_in != XRAY_MISSING && step->candidates_in > (int64_t)s->seen) ||
           (step->flags & XRAY_FLAG_SAMPLED) != 0;
}

static bool is_sampled(const xray_step_record *step)
{
    return (step->flags & XRAY_FLAG_SAMPLED) != 0 || step->sampling.data != NULL;
}

/* Why a step has no record of the item. */
static const char *absence(const xray_step_record *step, const struct stay *s, int64_t left)
{
    return left != 0             ? "not evaluated after rejection"
           : is_partial(step, s) ? "not recorded or not seen"
                                 : "not seen";
}

static void put_absence(struct text *t, const xray_step_record *step, const struct stay *s, int64_t left)
{
    text_printf(t, "  %s", absence(step, s, left));
    if (left != 0 || !is_partial(step, s))
        return;
    text_puts(t, is_sampled(step) ? ": candidates were sampled, " : s->seen == 0 ? ": only counts were recorded, " : ": ");
    human_count(t, (int64_t)s->seen);
    if (step->candidates_in != XRAY_MISSING) {
        text_puts(t, " of ");
        human_count(t, step->candidates_in);
    }
    text_puts(t, " candidates recorded; it may have been there and was not kept");
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
        put_absence(&t, step, s, left);
    } else if (s->margin->found) {
        text_puts(&t, "  ");
        margin_put(&t, s->margin);
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
    if (s->count == 0) {
        json_member(t, "absent", xray_s(absence(step, s, left)));
        text_printf(t, ",\"recorded\":%" PRIu64, s->seen);
        json_count(t, "candidates_in", step->candidates_in);
        if (is_sampled(step))
            text_puts(t, ",\"sampled\":true");
    }
    if (s->margin->found)
        margin_put_json(t, s->margin);
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
    struct margin margin = {0};
    struct text t = {0};
    bool first = true;

    *left = 0;
    if (json)
        json_head(&t, trace, item);
    else
        put_head(trace, item, id_digits);
    for (size_t i = 0; i < count; i++) {
        struct stay s = {.margin = &margin};

        records.len = 0;
        if (!survey(store, trace, &steps[i], &item, &s, json ? &records : NULL) ||
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
    margin_free(&margin);
    xray_buffer_free(&records);
    return found;
}
