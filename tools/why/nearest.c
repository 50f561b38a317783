/* See nearest.h. */
#include "why/nearest.h"

#include <strings.h>

#include "common/cli.h"
#include "common/runs.h"
#include "common/spelling.h"

enum { RUNS_MAX = 500, CANDIDATES_MAX = 100000, SHOWN = 3, SHOWN_LEN = 120 };

struct likeness {
    struct text item;
    size_t distance;
};

struct sample {
    xray_str item;
    struct likeness best[SHOWN]; /* the nearest first */
    size_t best_count;
    uint64_t candidates, runs;
    uint64_t partial; /* runs with a step that did not record all of its candidates */
};

/* 0 would be the item itself; SIZE_MAX: not alike. What begins like it, or is the same but for case, is nearer than what is
 * misspelt. */
static size_t distance_of(xray_str item, xray_str id)
{
    const size_t least = item.len < id.len ? item.len : id.len;
    size_t d;

    if (id.len == item.len && strncasecmp(item.ptr, id.ptr, least) == 0)
        return 1;
    if (item.len >= 3 && id.len > item.len && strncasecmp(item.ptr, id.ptr, least) == 0)
        return 2;
    d = spelling_distance(item, id);
    return d <= (item.len + 2) / 4 ? 2 + d : SIZE_MAX;
}

static void consider(struct sample *s, xray_str id)
{
    const size_t distance = id.len <= SHOWN_LEN ? distance_of(s->item, id) : SIZE_MAX;
    struct likeness moved;
    size_t at = s->best_count;

    if (distance == SIZE_MAX || (s->best_count == SHOWN && distance >= s->best[SHOWN - 1].distance))
        return;
    for (size_t i = 0; i < s->best_count; i++)
        if (s->best[i].item.len == id.len && memcmp(s->best[i].item.data, id.ptr, id.len) == 0)
            return;
    if (s->best_count < SHOWN)
        s->best_count++;
    else
        at = SHOWN - 1;
    moved = s->best[at];
    for (; at > 0 && s->best[at - 1].distance > distance; at--)
        s->best[at] = s->best[at - 1];
    moved.distance = distance;
    text_reset(&moved.item);
    text_put(&moved.item, id.ptr, id.len);
    s->best[at] = moved;
}

static void look_at_run(struct sample *s, xray_store *store, size_t run)
{
    xray_trace *trace = NULL;
    size_t count;
    bool partial = false;

    if (xray_trace_open(&trace, store, run, NULL) < 0)
        return;

    const xray_step_record *steps = xray_trace_steps(trace, &count);

    for (size_t i = 0; i < count; i++) {
        xray_events *events = NULL;
        xray_event_record e;
        int64_t recorded = 0;

        if (xray_events_open(&events, trace, steps[i].number, XRAY_EVENT_CANDIDATE, NULL) < 0)
            continue;
        for (; xray_events_next(events, &e, NULL) == 1; recorded++)
            consider(s, e.item);
        xray_events_close(events);
        s->candidates += (uint64_t)recorded;
        partial = partial || (steps[i].flags & XRAY_FLAG_SAMPLED) != 0 ||
                  (steps[i].candidates_in != XRAY_MISSING && steps[i].candidates_in > recorded);
    }
    s->runs++;
    s->partial += partial;
    xray_trace_close(trace);
}

void nearest_say(xray_store *store, xray_str item)
{
    struct sample s = {.item = item};
    struct text list = {0};
    size_t count = 0;

    cli_say(NULL, "there is no record of '%.*s'", (int)(item.len < SHOWN_LEN ? item.len : SHOWN_LEN), item.ptr);
    if (runs_count(store, &count))
        while (count > 0 && s.runs < RUNS_MAX && s.candidates < CANDIDATES_MAX)
            look_at_run(&s, store, --count);
    for (size_t i = 0; i < s.best_count; i++) {
        text_puts(&list, i == 0 ? "" : i + 1 == s.best_count ? " or " : ", ");
        text_put(&list, s.best[i].item.data, s.best[i].item.len);
        text_free(&s.best[i].item);
    }
    if (list.len > 0)
        cli_hint("did you mean %.*s?", (int)list.len, list.data);
    if (s.partial > 0)
        cli_hint("in %zu of %zu runs looked at, steps recorded fewer candidates than came in: "
                 "it may have been there and was not kept", (size_t)s.partial, (size_t)s.runs);
    text_free(&list);
}
