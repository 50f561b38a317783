/* See versus.h. */
#include "why/versus.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/events.h"
#include "common/input.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"
#include "why/choice.h"
#include "why/decision.h"
#include "why/margin.h"

enum { SIDES = 2 };

struct side { /* one of the items in one step */
    uint64_t records;
    int verdict;        /* of the last record */
    bool selected;      /* by a decision of the step */
    struct text lines;  /* its records, as text or JSON elements */
    struct text margin;
};

struct duel {
    xray_store *store;
    xray_trace *trace;
    xray_str items[SIDES];
    bool json;
    struct side sides[SIDES]; /* in the step that was looked at last */
    struct choice choice;
    struct margin margin;
    uint64_t seen[SIDES]; /* records in all steps */
    bool failed;
};

static bool is_item(xray_str a, xray_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void add_record(struct duel *d, struct side *s, const xray_step_record *step, const xray_event_record *e)
{
    s->records++;
    s->verdict = e->verdict;
    if (d->json) {
        xray_buffer line = {0};

        if (xray_event_json(d->store, xray_trace_run(d->trace)->id, step->number, e, &line, NULL) >= 0) {
            while (line.len > 0 && line.data[line.len - 1] == '\n')
                line.len--;
            text_puts(&s->lines, s->lines.len > 0 ? "," : "");
            text_put(&s->lines, (const char *)line.data, line.len);
        }
        xray_buffer_free(&line);
    } else {
        text_puts(&s->lines, "      ");
        events_put_candidate(&s->lines, d->store, e, 0);
    }
    margin_find(&d->margin, d->store, step, e);
    text_reset(&s->margin);
    if (d->margin.found && d->json)
        margin_put_json(&s->margin, &d->margin);
    else if (d->margin.found)
        margin_put(&s->margin, &d->margin);
}

static void look(struct duel *d, const xray_step_record *step)
{
    xray_events *events = NULL;
    xray_event_record e;
    xray_error err = {0};
    int r;

    choice_free(&d->choice);
    for (int k = 0; k < SIDES; k++) {
        d->sides[k].records = 0;
        text_reset(&d->sides[k].lines);
        text_reset(&d->sides[k].margin);
    }
    d->failed = !choice_read(&d->choice, d->store, d->trace, step->number) || d->failed;
    r = xray_events_open(&events, d->trace, step->number, XRAY_EVENT_CANDIDATE, &err);
    while (r >= 0 && (r = xray_events_next(events, &e, &err)) == 1)
        for (int k = 0; k < SIDES; k++)
            if (is_item(e.item, d->items[k]))
                add_record(d, &d->sides[k], step, &e);
    xray_events_close(events);
    if (r < 0) {
        input_failed(&err);
        d->failed = true;
    }
    for (int k = 0; k < SIDES; k++) {
        d->sides[k].selected = choice_selected(&d->choice, d->items[k]) != NULL;
        d->seen[k] += d->sides[k].records + d->sides[k].selected;
    }
}

static bool passes(const struct side *s)
{
    return s->selected || (s->records > 0 && s->verdict != XRAY_REJECT && s->verdict != XRAY_DEFER);
}

static bool is_there(const struct side *s)
{
    return s->records > 0 || s->selected;
}

static bool part(const struct duel *d)
{
    const struct side *a = &d->sides[0], *b = &d->sides[1];

    if (!is_there(a) && !is_there(b))
        return false;
    return is_there(a) != is_there(b) || passes(a) != passes(b) || a->selected != b->selected;
}

/* The index of the step at which they part; `count`: none. *common: where both were before. */
static size_t find_parting(struct duel *d, const xray_step_record *steps, size_t count, struct text *common)
{
    for (size_t i = 0; i < count; i++) {
        look(d, &steps[i]);
        if (part(d))
            return i;
        if (!is_there(&d->sides[0]))
            continue;
        if (d->json) {
            text_puts(common, common->len > 0 ? "," : "");
            text_printf(common, "%" PRId64, steps[i].number);
        } else {
            text_puts(common, common->len > 0 ? ", " : "");
            text_safe(common, steps[i].name, SAFE_LINE);
        }
        if (!passes(&d->sides[0])) /* both are out */
            return count;
    }
    return count;
}

static void put_side(struct text *t, const struct duel *d, int k)
{
    const struct side *s = &d->sides[k];
    const xray_str id = d->items[k];
    const struct alternative *a = choice_alternative(&d->choice, id);

    text_put(t, s->lines.data, s->lines.len);
    if (s->records == 0) {
        text_puts(t, "      ");
        out_styled(t, STYLE_BOLD, id);
        text_puts(t, s->selected || a != NULL ? " has no record of its own here\n" : " has no record here: not seen, or not recorded\n");
    }
    if (s->margin.len > 0) {
        text_puts(t, "          ");
        text_put(t, s->margin.data, s->margin.len);
        text_puts(t, "\n");
    }
    if (s->selected) {
        text_puts(t, "          selected");
        if (d->choice.has_score && d->choice.selected_count == 1)
            text_printf(t, "  score %.6g", d->choice.score);
        if (d->choice.reason.len > 0) {
            text_puts(t, "  reason: ");
            text_safe(t, text_str(&d->choice.reason), SAFE_LINE);
        }
        text_puts(t, "\n");
    } else if (a != NULL) {
        text_puts(t, "          not selected");
        if (a->has_score)
            text_printf(t, "  score %.6g", a->score);
        if (a->why_not.len > 0) {
            text_puts(t, "  why not: ");
            text_safe(t, text_str(&a->why_not), SAFE_LINE);
        }
        text_puts(t, "\n");
    }
}

static void put_text(struct duel *d, const xray_step_record *step, const struct text *common, int id_digits)
{
    struct text t = {0};

    out_styled(&t, STYLE_BOLD, d->items[0]);
    text_puts(&t, ", not ");
    out_styled(&t, STYLE_BOLD, d->items[1]);
    text_puts(&t, ", in ");
    decision_put_run(&t, xray_trace_run(d->trace), id_digits);
    if (common->len > 0) {
        text_puts(&t, "  the same at ");
        text_put(&t, common->data, common->len);
        text_puts(&t, "\n");
    }
    if (step == NULL) {
        text_puts(&t, "  their fates do not part\n");
    } else {
        text_printf(&t, "%3" PRId64 " ", step->number);
        text_safe(&t, step->type, SAFE_LINE);
        text_puts(&t, step->type.len > 0 ? " " : "");
        out_styled(&t, STYLE_BOLD, step->name);
        text_puts(&t, "  here they part\n");
        put_side(&t, d, 0);
        put_side(&t, d, 1);
    }
    out_text(&t);
    text_free(&t);
}

static void json_side(struct text *t, const struct duel *d, int k)
{
    const struct side *s = &d->sides[k];
    const struct alternative *a = choice_alternative(&d->choice, d->items[k]);

    text_puts(t, k > 0 ? ",{\"item\":" : "{\"item\":");
    json_string(t, d->items[k]);
    text_printf(t, ",\"passed\":%s,\"selected\":%s", passes(s) ? "true" : "false", s->selected ? "true" : "false");
    if (a != NULL)
        json_member(t, "why_not", text_str(&a->why_not));
    text_put(t, s->margin.data, s->margin.len);
    text_puts(t, ",\"records\":[");
    text_put(t, s->lines.data, s->lines.len);
    text_puts(t, "]}");
}

static void put_json(struct duel *d, const xray_step_record *step, const struct text *common)
{
    const xray_run_record *run = xray_trace_run(d->trace);
    struct text t = {0};

    text_puts(&t, "{\"kind\":\"versus\",\"run\":\"");
    runs_put_id(&t, run->id, 32);
    text_puts(&t, "\"");
    json_member(&t, "pipeline", run->pipeline);
    json_member(&t, "version", run->version);
    text_puts(&t, ",\"item\":");
    json_string(&t, d->items[0]);
    text_puts(&t, ",\"other\":");
    json_string(&t, d->items[1]);
    text_puts(&t, ",\"same\":[");
    text_put(&t, common->data, common->len);
    text_puts(&t, "]");
    if (step != NULL) {
        text_printf(&t, ",\"step\":%" PRId64, step->number);
        json_member(&t, "name", step->name);
        json_member(&t, "type", step->type);
        json_member(&t, "reason", text_str(&d->choice.reason));
        text_puts(&t, ",\"sides\":[");
        json_side(&t, d, 0);
        json_side(&t, d, 1);
        text_puts(&t, "]");
    }
    text_puts(&t, "}\n");
    out_text(&t);
    text_free(&t);
}

bool versus_show(xray_store *store, xray_trace *trace, xray_str item, xray_str other, bool json, int id_digits)
{
    struct duel *d = memory_new(1, sizeof *d);
    struct text common = {0};
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    bool found;
    size_t at;

    d->store = store;
    d->trace = trace;
    d->items[0] = item;
    d->items[1] = other;
    d->json = json;
    at = find_parting(d, steps, count, &common);
    found = d->seen[0] + d->seen[1] > 0;
    if (found && json)
        put_json(d, at < count ? &steps[at] : NULL, &common);
    else if (found)
        put_text(d, at < count ? &steps[at] : NULL, &common, id_digits);
    found = found && !d->failed;
    for (int k = 0; k < SIDES; k++) {
        text_free(&d->sides[k].lines);
        text_free(&d->sides[k].margin);
    }
    text_free(&common);
    choice_free(&d->choice);
    margin_free(&d->margin);
    free(d);
    return found;
}
