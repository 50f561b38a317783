/* See decision.h. */
#include "why/decision.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "common/events.h"
#include "common/human.h"
#include "common/input.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"
#include "why/choice.h"
#include "why/margin.h"

enum { SHOWN = 5 };

struct entry { /* a candidate that is shown */
    struct text id;
    struct text line;  /* its record as text */
    struct text json;  /* the same as JSON */
    struct text why;   /* what the decision says of it */
    struct text margin; /* how far it was from the limit that it failed; as text or JSON */
    bool has_score;
    bool own_score; /* which its record has, not only the decision */
    double score;
    int64_t rank; /* XRAY_MISSING */
    double missed; /* share of the limit; INFINITY: not known */
};

struct listing { /* the best ones of many, best first */
    struct entry entries[SHOWN];
    size_t count;
    uint64_t all;
};

struct board {
    xray_store *store;
    xray_trace *trace;
    const xray_step_record *step;
    bool json;
    struct choice choice;
    bool selected_seen[CHOICE_MAX], alternative_seen[CHOICE_MAX]; /* those of the decision that have a record */
    struct listing chosen, others;
    struct margin margin;
};

/* ---- which are the best ---- */

/* By score, the highest first; by rank where scores are missing; by what they missed, the least first, where ranks are. What
 * has none of these keeps its place behind. */
static bool is_better(const struct entry *a, const struct entry *b)
{
    if (a->has_score || b->has_score)
        return a->has_score && (!b->has_score || a->score > b->score);
    if (a->rank != XRAY_MISSING || b->rank != XRAY_MISSING)
        return a->rank != XRAY_MISSING && (b->rank == XRAY_MISSING || a->rank < b->rank);
    return a->missed < b->missed;
}

/* The entry to fill, its texts empty; NULL: it is not among the best. */
static struct entry *place(struct listing *l, const struct entry *like)
{
    size_t at = l->count;
    struct entry moved;

    l->all++;
    if (l->count == SHOWN) {
        if (!is_better(like, &l->entries[SHOWN - 1]))
            return NULL;
        at = SHOWN - 1;
    } else {
        l->count++;
    }
    moved = l->entries[at];
    for (; at > 0 && is_better(like, &l->entries[at - 1]); at--)
        l->entries[at] = l->entries[at - 1];
    text_reset(&moved.id);
    text_reset(&moved.line);
    text_reset(&moved.json);
    text_reset(&moved.why);
    text_reset(&moved.margin);
    moved.has_score = like->has_score;
    moved.own_score = like->own_score;
    moved.score = like->score;
    moved.rank = like->rank;
    moved.missed = like->missed;
    l->entries[at] = moved;
    return &l->entries[at];
}

static void listing_free(struct listing *l)
{
    for (size_t i = 0; i < SHOWN; i++) {
        text_free(&l->entries[i].id);
        text_free(&l->entries[i].line);
        text_free(&l->entries[i].json);
        text_free(&l->entries[i].why);
        text_free(&l->entries[i].margin);
    }
}

/* ---- gathering ---- */

static bool put_event_json(struct board *b, const xray_event_record *e, struct text *out)
{
    xray_buffer line = {0};
    const bool ok = xray_event_json(b->store, xray_trace_run(b->trace)->id, b->step->number, e, &line, NULL) >= 0;

    while (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    text_put(out, (const char *)line.data, line.len);
    xray_buffer_free(&line);
    return ok;
}

static void add_candidate(struct board *b, const xray_event_record *e)
{
    const struct alternative *alternative = choice_alternative(&b->choice, e->item);
    const struct text *selected = choice_selected(&b->choice, e->item);
    const bool chosen = selected != NULL || (b->choice.decisions == 0 && e->verdict == XRAY_ACCEPT);
    struct entry like = {
        .has_score = (e->fields & XRAY_HAS_SCORE) != 0 && !isnan(e->score),
        .own_score = (e->fields & XRAY_HAS_SCORE) != 0,
        .score = e->score,
        .rank = (e->fields & XRAY_HAS_RANK_OUT) != 0  ? e->rank_out
                : (e->fields & XRAY_HAS_RANK_IN) != 0 ? e->rank_in
                                                      : XRAY_MISSING,
        .missed = INFINITY,
    };
    struct entry *entry;

    if (selected != NULL)
        b->selected_seen[selected - b->choice.selected] = true;
    if (alternative != NULL)
        b->alternative_seen[alternative - b->choice.alternatives] = true;
    if (!like.has_score && alternative != NULL && alternative->has_score) {
        like.has_score = true;
        like.score = alternative->score;
    }
    if (!like.has_score && chosen && b->choice.has_score && b->choice.selected_count == 1) {
        like.has_score = true;
        like.score = b->choice.score;
    }
    margin_find(&b->margin, b->store, b->step, e);
    if (b->margin.found)
        like.missed = b->margin.share;
    entry = place(chosen ? &b->chosen : &b->others, &like);
    if (entry == NULL)
        return;
    text_put(&entry->id, e->item.ptr, e->item.len);
    if (alternative != NULL)
        text_put(&entry->why, alternative->why_not.data, alternative->why_not.len);
    if (b->json)
        put_event_json(b, e, &entry->json);
    else
        events_put_candidate(&entry->line, b->store, e, 0);
    if (b->margin.found && b->json)
        margin_put_json(&entry->margin, &b->margin);
    else if (b->margin.found)
        margin_put(&entry->margin, &b->margin);
}

/* Who stands in the decision without a record of its own. */
static void add_unrecorded(struct board *b)
{
    const struct choice *c = &b->choice;
    struct entry *entry;

    for (size_t i = 0; i < c->selected_count; i++) {
        const struct entry like = {.has_score = c->has_score && c->selected_count == 1,
                                   .score = c->score, .rank = XRAY_MISSING, .missed = INFINITY};

        if (b->selected_seen[i])
            continue;
        entry = place(&b->chosen, &like);
        if (entry != NULL)
            text_put(&entry->id, c->selected[i].data, c->selected[i].len);
    }
    for (size_t i = 0; i < c->alternative_count; i++) {
        const struct alternative *a = &c->alternatives[i];
        const struct entry like = {.has_score = a->has_score, .score = a->score, .rank = XRAY_MISSING, .missed = INFINITY};

        if (b->alternative_seen[i] || choice_selected(c, text_str(&a->id)) != NULL)
            continue;
        entry = place(&b->others, &like);
        if (entry == NULL)
            continue;
        text_put(&entry->id, a->id.data, a->id.len);
        text_put(&entry->why, a->why_not.data, a->why_not.len);
    }
}

static bool gather(struct board *b)
{
    xray_events *events = NULL;
    xray_event_record e;
    xray_error err = {0};
    int r;

    if (!choice_read(&b->choice, b->store, b->trace, b->step->number))
        return false;
    r = xray_events_open(&events, b->trace, b->step->number, XRAY_EVENT_CANDIDATE, &err);
    while (r >= 0 && (r = xray_events_next(events, &e, &err)) == 1)
        add_candidate(b, &e);
    xray_events_close(events);
    if (r < 0)
        input_failed(&err);
    add_unrecorded(b);
    return r >= 0;
}

/* ---- text ---- */

void decision_put_run(struct text *t, const xray_run_record *run, int id_digits)
{
    const char *status = runs_status(run->ended, run->abandoned, run->outcome);

    text_puts(t, "run ");
    out_style(t, STYLE_ID);
    runs_put_id(t, run->id, id_digits);
    out_style(t, STYLE_NONE);
    text_puts(t, "  ");
    runs_put_pipeline(t, run);
    text_puts(t, "  ");
    out_styled(t, runs_status_style(status), xray_s(status));
    if (run->start_ns != XRAY_MISSING)
        text_puts(t, "  ");
    human_time(t, run->start_ns, 3);
    text_puts(t, "\n");
}

static void put_step(struct text *t, const struct board *b)
{
    const xray_step_record *step = b->step;

    text_printf(t, "%3" PRId64 " ", step->number);
    text_safe(t, step->type, SAFE_LINE);
    text_puts(t, step->type.len > 0 ? " " : "");
    out_styled(t, STYLE_BOLD, step->name);
    if (step->candidates_in != XRAY_MISSING && step->candidates_out != XRAY_MISSING)
        text_printf(t, "  %" PRId64 " → %" PRId64, step->candidates_in, step->candidates_out);
    if (b->choice.name.len > 0) {
        text_puts(t, "  decision ");
        text_safe(t, text_str(&b->choice.name), SAFE_LINE);
    }
    if (b->choice.reason.len > 0) {
        text_puts(t, "  reason: ");
        text_safe(t, text_str(&b->choice.reason), SAFE_LINE);
    }
    text_puts(t, "\n");
}

static void put_entry(struct text *t, const struct board *b, const struct entry *e, bool chosen)
{
    const struct entry *best = b->chosen.count > 0 ? &b->chosen.entries[0] : NULL;

    text_puts(t, chosen ? "      chosen      " : "      not chosen  ");
    if (e->line.len > 0) {
        text_put(t, e->line.data, e->line.len - 1); /* without its newline */
    } else {
        text_puts(t, "(unrecorded)  ");
        text_safe(t, text_str(&e->id), SAFE_LINE);
    }
    if (!e->own_score && e->has_score)
        text_printf(t, "  score %.6g", e->score);
    if (e->why.len > 0) {
        text_puts(t, "  why not: ");
        text_safe(t, text_str(&e->why), SAFE_LINE);
    }
    if (!chosen && e->has_score && best != NULL && best->has_score)
        text_printf(t, "  %.6g %s the chosen", fabs(best->score - e->score), e->score > best->score ? "above" : "below");
    if (e->margin.len > 0) {
        text_puts(t, "  ");
        text_put(t, e->margin.data, e->margin.len);
    }
    text_puts(t, "\n");
}

static void put_rest(struct text *t, const struct listing *l, const char *what)
{
    if (l->all > l->count)
        text_printf(t, "      and %" PRIu64 " more %s\n", l->all - l->count, what);
}

static void put_reasons(struct text *t, const xray_step_record *step)
{
    for (size_t i = 0; i < step->reason_count; i++) {
        text_puts(t, i == 0 ? "      rejected for " : ", ");
        text_safe(t, step->reasons[i].code, SAFE_LINE);
        text_printf(t, " %" PRIu64, step->reasons[i].count);
    }
    text_puts(t, step->reason_count > 0 ? "\n" : "");
}

static void put_board(const struct board *b)
{
    struct text t = {0};

    put_step(&t, b);
    if (b->chosen.all == 0)
        text_puts(&t, "      chosen      none\n");
    for (size_t i = 0; i < b->chosen.count; i++)
        put_entry(&t, b, &b->chosen.entries[i], true);
    put_rest(&t, &b->chosen, "chosen");
    for (size_t i = 0; i < b->others.count; i++)
        put_entry(&t, b, &b->others.entries[i], false);
    put_rest(&t, &b->others, "not chosen");
    put_reasons(&t, b->step);
    out_text(&t);
    text_free(&t);
}

/* ---- JSON ---- */

static void json_listing(struct text *t, const char *name, const struct listing *l)
{
    text_printf(t, ",\"%s\":%" PRIu64 ",\"best_%s\":[", name, l->all, name);
    for (size_t i = 0; i < l->count; i++) {
        const struct entry *e = &l->entries[i];

        text_puts(t, i > 0 ? ",{\"item\":" : "{\"item\":");
        json_string(t, text_str(&e->id));
        if (e->has_score && isfinite(e->score))
            json_rate(t, "score", e->score);
        json_member(t, "why_not", text_str(&e->why));
        text_put(t, e->margin.data, e->margin.len);
        if (e->json.len > 0) {
            text_puts(t, ",\"record\":");
            text_put(t, e->json.data, e->json.len);
        }
        text_puts(t, "}");
    }
    text_puts(t, "]");
}

static void json_board(const struct board *b)
{
    const xray_run_record *run = xray_trace_run(b->trace);
    struct text t = {0};

    text_puts(&t, "{\"kind\":\"decision\",\"run\":\"");
    runs_put_id(&t, run->id, 32);
    text_puts(&t, "\"");
    json_member(&t, "pipeline", run->pipeline);
    json_member(&t, "version", run->version);
    text_printf(&t, ",\"step\":%" PRId64, b->step->number);
    json_member(&t, "name", b->step->name);
    json_member(&t, "type", b->step->type);
    json_member(&t, "decision", text_str(&b->choice.name));
    json_member(&t, "reason", text_str(&b->choice.reason));
    json_listing(&t, "chosen", &b->chosen);
    json_listing(&t, "others", &b->others);
    text_puts(&t, "}\n");
    out_text(&t);
    text_free(&t);
}

/* ---- steps ---- */

/* 2: has a decision; 1: took some and rejected others; 0: neither. */
static int weight_of(xray_trace *trace, const xray_step_record *step)
{
    xray_events *events = NULL;
    xray_event_record e;
    bool took = false, rejected = step->reason_count > 0, decided = false;

    if (xray_events_open(&events, trace, step->number, XRAY_EVENT_CANDIDATE | XRAY_EVENT_DECISION, NULL) < 0)
        return 0;
    while (xray_events_next(events, &e, NULL) == 1) {
        decided = decided || e.kind == XRAY_EVENT_DECISION;
        took = took || (e.kind == XRAY_EVENT_CANDIDATE && e.verdict == XRAY_ACCEPT);
        rejected = rejected || (e.kind == XRAY_EVENT_CANDIDATE && e.verdict == XRAY_REJECT);
    }
    xray_events_close(events);
    return decided ? 2 : took && rejected;
}

static bool show_step(xray_store *store, xray_trace *trace, const xray_step_record *step, bool json)
{
    struct board *b = memory_new(1, sizeof *b);
    bool ok;

    b->store = store;
    b->trace = trace;
    b->step = step;
    b->json = json;
    ok = gather(b);
    if (json)
        json_board(b);
    else
        put_board(b);
    choice_free(&b->choice);
    margin_free(&b->margin);
    listing_free(&b->chosen);
    listing_free(&b->others);
    free(b);
    return ok;
}

bool decision_show(xray_store *store, xray_trace *trace, struct where *where, bool json, int id_digits)
{
    struct text head = {0};
    size_t count, shown = 0, best = 0;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    bool ok = true;
    int most = 0;

    if (!json) {
        decision_put_run(&head, xray_trace_run(trace), id_digits);
        out_text(&head);
    }
    text_free(&head);
    for (size_t i = 0; i < count; i++) {
        if (where_has_steps(where)) {
            if (where_step(where, store, trace, i)) {
                ok = show_step(store, trace, &steps[i], json) && ok;
                shown++;
            }
        } else {
            const int weight = weight_of(trace, &steps[i]);

            if (weight > 0 && weight >= most) {
                most = weight;
                best = i;
            }
        }
    }
    if (most > 0) {
        ok = show_step(store, trace, &steps[best], json);
        shown++;
    }
    return ok && shown > 0;
}
