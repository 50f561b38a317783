/* See summary.h. */
#include "grep/summary.h"

#include <inttypes.h>

#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"

enum { MAX_REASONS = 3 };

/* ---- text ---- */

static void put_gap(struct text *t, size_t mark)
{
    if (t->len > mark)
        text_puts(t, "  ");
}

static void put_counts(struct text *t, size_t mark, const xray_step_record *step)
{
    double rate;

    if (step->candidates_in == XRAY_MISSING && step->candidates_out == XRAY_MISSING)
        return;
    put_gap(t, mark);
    human_count(t, step->candidates_in);
    text_puts(t, step->candidates_in != XRAY_MISSING ? " → " : "→ ");
    human_count(t, step->candidates_out);
    if (rejection_rate(step->candidates_in, step->candidates_out, &rate)) {
        text_puts(t, "  ");
        human_rate(t, rate);
    }
}

/* The first ones: they stand in the order of first use. */
static void put_reasons(struct text *t, size_t mark, const xray_step_record *step)
{
    for (size_t i = 0; i < step->reason_count && i < MAX_REASONS; i++) {
        if (i == 0)
            put_gap(t, mark);
        else
            text_puts(t, ", ");
        text_safe(t, step->reasons[i].code, SAFE_LINE);
        text_puts(t, " ");
        human_count(t, (int64_t)step->reasons[i].count);
    }
    if (step->reason_count > MAX_REASONS)
        text_printf(t, " (+%zu more)", step->reason_count - MAX_REASONS);
}

void summary_step(struct text *t, const xray_step_record *step)
{
    const char *status = runs_status(step->ended, step->abandoned, step->outcome);
    const size_t mark = t->len;

    out_styled(t, STYLE_DIM, step->type);
    put_gap(t, mark);
    out_styled(t, runs_status_style(status), xray_s(status));
    put_counts(t, mark, step);
    if (step->duration_ns != XRAY_MISSING) {
        put_gap(t, mark);
        human_duration(t, step->duration_ns);
    }
    if (step->cost != XRAY_MISSING) {
        put_gap(t, mark);
        human_money(t, step->cost);
    }
    put_reasons(t, mark, step);
    if (step->error_type.len > 0) {
        put_gap(t, mark);
        out_styled(t, STYLE_BAD, step->error_type);
    }
}

static void put_number(struct text *t, const char *label, double d)
{
    xray_buffer number = {0};

    if (xray_json_double(d, &number) == 0)
        text_printf(t, "  %s %.*s", label, (int)number.len, (const char *)number.data);
    xray_buffer_free(&number);
}

void summary_candidate(struct text *t, const xray_event_record *event)
{
    const char *verdict = xray_verdict_name(event->verdict);

    text_puts(t, verdict != NULL ? verdict : "?");
    for (size_t i = 0; i < event->reason_count; i++) {
        text_puts(t, i == 0 ? "  " : ", ");
        text_safe(t, event->reasons[i].code, SAFE_LINE);
    }
    if ((event->fields & XRAY_HAS_SCORE) != 0)
        put_number(t, "score", event->score);
    if ((event->fields & XRAY_HAS_THRESHOLD) != 0)
        put_number(t, "threshold", event->threshold);
    if ((event->fields & XRAY_HAS_RANK_IN) != 0)
        text_printf(t, "  rank in %" PRId64, event->rank_in);
    if ((event->fields & XRAY_HAS_RANK_OUT) != 0)
        text_printf(t, "  rank out %" PRId64, event->rank_out);
}

/* ---- JSON ---- */

/* Nanoseconds are strings: they do not fit the numbers of many JSON parsers. */
static void put_ns(struct text *t, const char *name, int64_t ns)
{
    if (ns != XRAY_MISSING)
        text_printf(t, ",\"%s\":\"%" PRId64 "\"", name, ns);
}

void summary_run_json(struct text *t, const xray_run_record *run)
{
    text_puts(t, "{\"id\":\"");
    runs_put_id(t, run->id, 32);
    text_puts(t, "\"");
    json_member(t, "ext_id", run->ext_id);
    json_member(t, "pipeline", run->pipeline);
    json_member(t, "version", run->version);
    json_member(t, "status", xray_s(runs_status(run->ended, run->abandoned, run->outcome)));
    put_ns(t, "start", run->start_ns);
    put_ns(t, "duration", run->duration_ns);
    json_cost(t, "cost", run->cost);
    json_member(t, "error_type", run->error_type);
    text_puts(t, "}");
}

void summary_step_json(struct text *t, const xray_step_record *step)
{
    if (step == NULL) {
        text_puts(t, "{\"number\":0}");
        return;
    }
    text_printf(t, "{\"number\":%" PRId64, step->number);
    if (step->parent > 0)
        json_count(t, "parent", step->parent);
    json_member(t, "name", step->name);
    json_member(t, "type", step->type);
    json_member(t, "status", xray_s(runs_status(step->ended, step->abandoned, step->outcome)));
    put_ns(t, "start", step->start_ns);
    put_ns(t, "duration", step->duration_ns);
    json_count(t, "candidates_in", step->candidates_in);
    json_count(t, "candidates_out", step->candidates_out);
    json_member(t, "model", step->model);
    json_cost(t, "cost", step->cost);
    json_member(t, "error_type", step->error_type);
    text_puts(t, "}");
}

static void put_double(struct text *t, const char *name, double d)
{
    xray_buffer number = {0};

    if (d - d == 0 && xray_json_double(d, &number) == 0) /* infinities and NaN are no JSON */
        text_printf(t, ",\"%s\":%.*s", name, (int)number.len, (const char *)number.data);
    xray_buffer_free(&number);
}

void summary_candidate_json(struct text *t, const xray_event_record *event)
{
    const char *verdict = xray_verdict_name(event->verdict);

    text_puts(t, "{\"item\":");
    json_string(t, event->item);
    json_member(t, "verdict", xray_s(verdict));
    for (size_t i = 0; i < event->reason_count; i++) {
        text_puts(t, i == 0 ? ",\"reasons\":[" : ",");
        json_string(t, event->reasons[i].code);
    }
    if (event->reason_count > 0)
        text_puts(t, "]");
    if ((event->fields & XRAY_HAS_SCORE) != 0)
        put_double(t, "score", event->score);
    if ((event->fields & XRAY_HAS_THRESHOLD) != 0)
        put_double(t, "threshold", event->threshold);
    if ((event->fields & XRAY_HAS_RANK_IN) != 0)
        json_count(t, "rank_in", event->rank_in);
    if ((event->fields & XRAY_HAS_RANK_OUT) != 0)
        json_count(t, "rank_out", event->rank_out);
    text_puts(t, "}");
}
