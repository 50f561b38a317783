/* See events.h. */
#include "common/events.h"

#include <inttypes.h>

#include "common/human.h"
#include "common/input.h"
#include "common/out.h"
#include "common/value.h"

enum { MAX_ITEM_COLUMNS = 40, MAX_TEXT_COLUMNS = 80, SHORT_IDS = 5 };

/* Six digits are enough to read; JSON has them all. */
static void put_double(struct text *t, const char *label, double value)
{
    text_printf(t, "%s%.6g", label, value);
}

/* ---- candidates ---- */

static void put_reason_codes(struct text *t, const xray_event_record *e)
{
    for (size_t i = 0; i < e->reason_count; i++) {
        const xray_reason *r = &e->reasons[i];

        text_puts(t, i == 0 ? "  " : ", ");
        out_styled(t, STYLE_BOLD, r->code);
        if (r->rule.len == 0 && r->version.len == 0 && r->params.len == 0)
            continue;
        text_puts(t, " (rule ");
        text_safe(t, r->rule, SAFE_LINE);
        if (r->version.len > 0) {
            text_puts(t, " ");
            text_safe(t, r->version, SAFE_LINE);
        }
        if (r->params.len > 0) {
            text_puts(t, ", params ");
            text_safe(t, r->params, SAFE_LINE);
        }
        text_puts(t, ")");
    }
}

static void put_numbers(struct text *t, const xray_event_record *e)
{
    if (e->fields & XRAY_HAS_SCORE)
        put_double(t, "  score ", e->score);
    if (e->fields & XRAY_HAS_THRESHOLD)
        put_double(t, "  threshold ", e->threshold);
    if ((e->fields & XRAY_HAS_RANK_IN) && (e->fields & XRAY_HAS_RANK_OUT))
        text_printf(t, "  rank %" PRId64 " → %" PRId64, e->rank_in, e->rank_out);
    else if (e->fields & XRAY_HAS_RANK_IN)
        text_printf(t, "  rank in %" PRId64, e->rank_in);
    else if (e->fields & XRAY_HAS_RANK_OUT)
        text_printf(t, "  rank out %" PRId64, e->rank_out);
    if (e->fields & XRAY_HAS_WEIGHT)
        put_double(t, "  weight ", e->weight);
}

static void put_evidence(struct text *t, xray_store *store, const xray_event_record *e)
{
    if (e->fields & XRAY_HAS_EVIDENCE) {
        text_puts(t, "  ");
        value_pairs(t, store, e->evidence);
        return;
    }
    for (size_t i = 0; i < e->evidence_count; i++) {
        text_puts(t, i == 0 ? "  " : " ");
        text_safe(t, e->evidence_keys[i], SAFE_LINE);
        text_puts(t, "=");
        value_word(t, store, e->evidence_values[i]);
    }
}

void events_put_candidate(struct text *t, xray_store *store, const xray_event_record *e, size_t item_width)
{
    static const enum style styles[] = {STYLE_NONE, STYLE_GOOD, STYLE_BAD, STYLE_WARN, STYLE_WARN};
    const char *verdict = xray_verdict_name(e->verdict);
    const char *by = e->by != XRAY_BY_UNSAID ? xray_by_name(e->by) : NULL;
    const char *provenance = e->provenance != XRAY_PROV_UNSAID ? xray_provenance_name(e->provenance) : NULL;
    size_t mark = t->len;

    out_styled(t, e->verdict >= XRAY_ACCEPT && e->verdict <= XRAY_MODIFY ? styles[e->verdict] : STYLE_NONE,
               xray_s(verdict));
    text_pad(t, mark, 6);
    text_puts(t, "  ");
    mark = t->len;
    text_safe(t, e->item, SAFE_LINE);
    text_pad(t, mark, item_width);
    put_reason_codes(t, e);
    put_numbers(t, e);
    put_evidence(t, store, e);
    if (by != NULL)
        text_printf(t, "  by %s", by);
    if (provenance != NULL)
        text_printf(t, "  %s", provenance);
    if (e->time_ns != XRAY_MISSING) {
        text_puts(t, "  ");
        human_time(t, e->time_ns, 3);
    }
    while (t->data[t->len - 1] == ' ')
        t->len--;
    text_puts(t, "\n");
}

/* ---- decisions and notes ---- */

/* The parts of a decision's map (spec 8.6) that a line has room for. */
struct decision_parts {
    xray_mp selected; /* over the elements */
    uint32_t selected_count;
    bool has_selected;
    xray_str reason;
    bool has_score;
    double score;
};

static bool is_named(const xray_mp_item *key, const char *name)
{
    return key->type == XRAY_MP_STR && key->bytes.len == strlen(name) &&
           memcmp(key->bytes.ptr, name, key->bytes.len) == 0;
}

static void take_part(struct decision_parts *d, const xray_mp_item *key, xray_mp member)
{
    xray_mp_item item;

    if (!xray_mp_next(&member, &item))
        return;
    if (is_named(key, "selected") && item.type == XRAY_MP_ARRAY) {
        d->selected = member;
        d->selected_count = item.count;
        d->has_selected = true;
    } else if (is_named(key, "reason") && item.type == XRAY_MP_STR) {
        d->reason = item.bytes;
    } else if (is_named(key, "score") && item.type == XRAY_MP_FLOAT) {
        d->score = item.d;
        d->has_score = true;
    } else if (is_named(key, "score") && item.type == XRAY_MP_INT) {
        d->score = (double)item.i;
        d->has_score = true;
    }
}

static struct decision_parts parse_decision(const xray_buffer *body)
{
    struct decision_parts d = {0};
    xray_mp cursor = xray_mp_over(body->data, body->len);
    xray_mp_item item;
    const uint32_t members = xray_mp_next(&cursor, &item) && item.type == XRAY_MP_MAP ? item.count : 0;

    for (uint32_t i = 0; i < members && xray_mp_next(&cursor, &item); i++) {
        const xray_mp member = cursor;

        if (!xray_mp_skip(&cursor))
            break;
        take_part(&d, &item, member);
    }
    return d;
}

static void put_selected(struct text *t, struct decision_parts *d)
{
    xray_buffer json = {0};

    if (!d->has_selected)
        return;
    text_puts(t, d->selected_count == 0 ? "  selected none" : "  selected ");
    for (uint32_t i = 0; i < d->selected_count && i < SHORT_IDS; i++) {
        const uint8_t *begin = d->selected.at;
        xray_mp_item item;
        xray_mp peek = d->selected;

        if (!xray_mp_next(&peek, &item) || !xray_mp_skip(&d->selected))
            break;
        text_puts(t, i > 0 ? ", " : "");
        json.len = 0;
        if (item.type == XRAY_MP_STR)
            out_styled(t, STYLE_GOOD, item.bytes);
        else if (xray_msgpack_json(begin, (size_t)(d->selected.at - begin), &json, NULL) == 0)
            text_safe(t, xray_strn((const char *)json.data, json.len), SAFE_LINE);
    }
    if (d->selected_count > SHORT_IDS)
        text_printf(t, " (+%" PRIu32 " more)", d->selected_count - SHORT_IDS);
    xray_buffer_free(&json);
}

static void put_event_name(struct text *t, const char *kind, const xray_event_record *e, size_t indent)
{
    text_fill(t, ' ', indent);
    out_style(t, STYLE_BOLD);
    text_puts(t, kind);
    out_style(t, STYLE_NONE);
    if (e->name.len > 0) {
        text_puts(t, " ");
        text_safe(t, e->name, SAFE_LINE);
    }
}

static void put_decision_line(struct text *t, xray_store *store, const xray_event_record *e, size_t indent)
{
    xray_buffer body = {0};

    put_event_name(t, "decision", e, indent);
    if (e->body.data != NULL && xray_ref_resolve(store, e->body, &body, NULL) == 0) {
        struct decision_parts d = parse_decision(&body);

        put_selected(t, &d);
        if (d.has_score)
            put_double(t, "  score ", d.score);
        if (d.reason.len > 0) {
            const size_t mark = t->len + 10;

            text_puts(t, "  reason: ");
            text_safe(t, d.reason, SAFE_LINE);
            text_cut(t, mark, MAX_TEXT_COLUMNS);
        }
    }
    text_puts(t, "\n");
    xray_buffer_free(&body);
}

static void put_event_block(struct text *t, xray_store *store, const xray_event_record *e, size_t indent)
{
    struct text label = {0};

    text_puts(&label, e->kind == XRAY_EVENT_DECISION ? "decision" : "note");
    if (e->name.len > 0) {
        text_puts(&label, " ");
        text_safe(&label, e->name, SAFE_LINE);
    }
    if (e->after != XRAY_MISSING && e->after > 0)
        text_printf(&label, " (after %" PRId64 " candidates)", e->after);
    if (e->time_ns != XRAY_MISSING) {
        text_puts(&label, " ");
        human_time(&label, e->time_ns, 3);
    }
    text_put(&label, "", 1);
    if (e->body.data != NULL)
        value_block(t, store, label.data, e->body, indent);
    else
        text_printf(t, "%*s%s\n", (int)indent, "", label.data);
    text_free(&label);
}

/* ---- all ---- */

static size_t item_width(xray_trace *trace, int64_t step_number)
{
    xray_events *events = NULL;
    xray_event_record e;
    struct text item = {0};
    size_t width = 0;

    if (xray_events_open(&events, trace, step_number, XRAY_EVENT_CANDIDATE, NULL) < 0)
        return 0;
    while (width < MAX_ITEM_COLUMNS && xray_events_next(events, &e, NULL) == 1) {
        text_reset(&item);
        text_safe(&item, e.item, SAFE_LINE);
        if (item.len > 0 && text_width(item.data, item.len) > width)
            width = text_width(item.data, item.len);
    }
    xray_events_close(events);
    text_free(&item);
    return width < MAX_ITEM_COLUMNS ? width : MAX_ITEM_COLUMNS;
}

static void put_event(struct text *t, xray_store *store, const xray_event_record *e,
                      enum events_detail detail, size_t indent, size_t width)
{
    switch (e->kind) {
    case XRAY_EVENT_CANDIDATE:
        text_fill(t, ' ', indent);
        events_put_candidate(t, store, e, width);
        break;
    case XRAY_EVENT_DECISION:
        if (detail == EVENTS_SHORT)
            put_decision_line(t, store, e, indent);
        else
            put_event_block(t, store, e, indent);
        break;
    case XRAY_EVENT_NOTE:
        put_event_block(t, store, e, indent);
        break;
    }
}

void events_show(xray_store *store, xray_trace *trace, int64_t step_number, enum events_detail detail,
                 size_t indent, const struct events_filter *filter)
{
    const unsigned all = XRAY_EVENT_CANDIDATE | XRAY_EVENT_DECISION | XRAY_EVENT_NOTE;
    const unsigned kinds = filter != NULL           ? XRAY_EVENT_CANDIDATE
                           : detail == EVENTS_SHORT ? XRAY_EVENT_DECISION
                                                    : all;
    const size_t width = (kinds & XRAY_EVENT_CANDIDATE) != 0 ? item_width(trace, step_number) : 0;
    xray_events *events = NULL;
    xray_event_record e;
    xray_error err = {0};
    struct text t = {0};
    int r = xray_events_open(&events, trace, step_number, kinds, &err);

    while (r >= 0 && (r = xray_events_next(events, &e, &err)) == 1) {
        if (filter != NULL && !filter->wants(filter->ctx, filter->step, &e))
            continue;
        text_reset(&t);
        put_event(&t, store, &e, detail, indent, width);
        out_text(&t);
    }
    if (r < 0)
        input_failed(&err);
    xray_events_close(events);
    text_free(&t);
}
