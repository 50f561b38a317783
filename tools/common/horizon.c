/* See horizon.h. */
#include "common/horizon.h"

#include <stdlib.h>

#include "common/text.h"

static const xray_ref no_value = {NULL, 0, 0};

/* Marks the last step and those around it; the bound ends a way up that goes in a circle. */
static void mark_enclosing(const xray_step_record *steps, size_t count, bool *open)
{
    size_t at = count - 1;

    for (size_t hops = 0; hops < count; hops++) {
        open[at] = true;

        const int64_t parent = steps[at].parent;

        if (steps[at].orphan || parent < 1 || (uint64_t)parent > count)
            return;
        at = (size_t)parent - 1;
    }
}

static bool ended_after(const xray_step_record *step, int64_t now)
{
    return now != XRAY_MISSING && step->end_ns != XRAY_MISSING && step->end_ns > now;
}

static void forget_end_of_step(xray_step_record *s)
{
    s->ended = false;
    s->abandoned = false;
    s->outcome = XRAY_RUNNING;
    s->error_type = xray_s(NULL);
    s->end_ns = s->duration_ns = XRAY_MISSING;
    s->candidates_out = s->candidates_kept = XRAY_MISSING;
    s->reasons = NULL;
    s->reason_count = 0;
    s->tokens_in = s->tokens_out = s->tokens_total = XRAY_MISSING;
    s->tokens_cache_read = s->tokens_cache_write = s->tokens_reasoning = XRAY_MISSING;
    s->cost = XRAY_MISSING;
    s->flags = 0;
    s->error = s->output = s->reasoning = s->sampling = s->metadata = s->attrs = no_value;
}

void horizon_apply(xray_run_record *run, xray_step_record *steps, size_t count)
{
    bool *open = memory_new(count, sizeof *open);
    const int64_t now = steps[count - 1].start_ns;

    mark_enclosing(steps, count, open);
    for (size_t i = 0; i < count; i++) {
        if (open[i] || ended_after(&steps[i], now))
            forget_end_of_step(&steps[i]);
    }
    free(open);
    run->ended = false;
    run->abandoned = false;
    run->outcome = XRAY_RUNNING;
    run->error_type = xray_s(NULL);
    run->end_ns = run->duration_ns = XRAY_MISSING;
    run->cost = XRAY_MISSING;
    run->error = run->output = run->metadata = run->attrs = no_value;
}
