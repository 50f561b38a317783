/* See context.h. Steps of a trace are numbered 1, 2, 3, ..., so the parent of a step is found by its number.
 */
#include "grep/context.h"

#include <stdlib.h>

static void add_neighbours(const struct context *context, size_t count, size_t at, bool *shown)
{
    const size_t first = context->before < at ? at - (size_t)context->before : 0;
    const size_t last = context->after < count - 1 - at ? at + (size_t)context->after : count - 1;

    for (size_t i = first; i <= last; i++)
        shown[i] = true;
}

/* Index of the parent, or `count` where there is none. */
static size_t parent_of(const xray_step_record *steps, size_t count, size_t at)
{
    const int64_t parent = steps[at].parent;

    return steps[at].orphan || parent < 1 || (uint64_t)parent > count ? count : (size_t)parent - 1;
}

/* The library leaves no cycles, but a loop that trusts files is bounded all the same. */
static void add_ancestors(const xray_step_record *steps, size_t count, size_t at, bool *shown)
{
    for (size_t hops = 0; at < count && hops < count; hops++) {
        shown[at] = true;
        at = parent_of(steps, count, at);
    }
}

/* A step is inside of a match if one of its ancestors is one. Each step is decided once: the way up ends
 * where the answer is known. */
static void add_children(const xray_step_record *steps, size_t count, const uint64_t *hits, bool *shown)
{
    enum { UNKNOWN, INSIDE, OUTSIDE };
    uint8_t *known = memory_new(count, sizeof *known);

    for (size_t i = 0; i < count; i++)
        known[i] = hits[i] > 0 ? INSIDE : UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        size_t hops = 0;

        while (at < count && known[at] == UNKNOWN && hops++ < count)
            at = parent_of(steps, count, at);

        const uint8_t answer = at < count && known[at] == INSIDE ? INSIDE : OUTSIDE;

        for (at = i; at < count && known[at] == UNKNOWN; at = parent_of(steps, count, at))
            known[at] = answer;
        shown[i] = shown[i] || known[i] == INSIDE;
    }
    free(known);
}

void context_choose(const struct context *context, const xray_step_record *steps, size_t count,
                    const uint64_t *hits, bool *shown)
{
    for (size_t i = 0; i < count; i++) {
        shown[i] = shown[i] || context->whole_run;
        if (hits[i] == 0)
            continue;
        shown[i] = true;
        if (context->whole_run)
            continue; /* all are shown already */
        add_neighbours(context, count, i, shown);
        if (context->ancestors)
            add_ancestors(steps, count, i, shown);
    }
    if (context->children && !context->whole_run)
        add_children(steps, count, hits, shown);
}
