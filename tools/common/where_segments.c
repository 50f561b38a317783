/* Which segments can hold what is wanted (where.h): the question to the catalogue of a store. */
#include "common/human.h"
#include "common/input.h"
#include "common/runs.h"
#include "common/where.h"

static bool any_of(const struct where_list *patterns, const xray_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < patterns->count; k++) {
            if (name_matches(patterns->items[k], names[i]))
                return true;
        }
    }
    return patterns->count == 0;
}

/* What can rule out a segment by the catalogue alone. */
enum filter {
    BY_NOTHING,
    BY_PIPELINE,
    BY_TIME,
    BY_STATUS,
    BY_TYPE,
    BY_STEP,
    BY_EXPRESSION,
    FILTERS
};

static uint64_t segments_by[FILTERS]; /* counted for --stats, which is printed when the rest is gone */

static bool began_meanwhile(const struct where *w, const xray_segment_facts *facts)
{
    if (w->since == NULL && w->until == NULL)
        return true;
    return facts->start_min_ns != XRAY_MISSING && facts->start_max_ns >= w->since_ns &&
           facts->start_min_ns < w->until_ns;
}

static bool has_status(const struct where *w, const xray_segment_facts *facts)
{
    for (size_t i = 0; i < facts->status_count; i++)
        if (w->status != NULL && facts->statuses[i].len == strlen(w->status) &&
            memcmp(facts->statuses[i].ptr, w->status, facts->statuses[i].len) == 0)
            return true;
    return w->status == NULL;
}

/* Numbers of steps are in every segment. */
static bool names_number(const struct where *w)
{
    for (size_t i = 0; i < w->steps.count; i++)
        if (where_is_number(w->steps.items[i]))
            return true;
    return false;
}

/* What run_is_named, step_is_named and the expressions say of runs and steps, of those of a segment: which of them rules it out. */
static enum filter ruled_out_by(struct where *w, const xray_segment_facts *facts)
{
    if (!any_of(&w->pipelines, facts->pipelines, facts->pipeline_count))
        return BY_PIPELINE;
    if (!began_meanwhile(w, facts))
        return BY_TIME;
    if (!has_status(w, facts))
        return BY_STATUS;
    if (facts->step_types_known && !any_of(&w->types, facts->step_types, facts->step_type_count))
        return BY_TYPE;
    if (facts->step_names_known && !names_number(w) && !any_of(&w->steps, facts->step_names, facts->step_name_count))
        return BY_STEP;
    if (w->query != NULL && xray_query_test_segment(w->query, facts) == 0)
        return BY_EXPRESSION;
    return BY_NOTHING;
}

static bool wants_segment(void *ctx, const xray_segment_facts *facts)
{
    struct where *w = ctx;
    const enum filter filter = ruled_out_by(w, facts);

    segments_by[filter]++;
    return filter == BY_NOTHING;
}

/* What input.h says of the segments that were left out. */
static void describe_narrowing(struct text *t)
{
    static const char *const names[FILTERS] = {"", "-p", "--since or --until", "--status", "-t", "-s", "-W"};
    const char *separator = " (";

    for (int k = BY_NOTHING + 1; k < FILTERS; k++) {
        if (segments_by[k] == 0)
            continue;
        text_printf(t, "%s%s: ", separator, names[k]);
        human_count(t, (int64_t)segments_by[k]);
        separator = ", ";
    }
    text_puts(t, separator[0] == ',' ? ")" : "");
}

void where_narrow(struct where *w)
{
    if (w->ids.count == 0 && where_is_all(w))
        return;
    w->scope_ids = memory_new(w->ids.count, sizeof *w->scope_ids);
    for (size_t i = 0; i < w->ids.count; i++)
        w->scope_ids[i] = xray_s(w->ids.items[i]);
    w->scope = (xray_store_scope){.ids = w->scope_ids, .id_count = w->ids.count, .wants = wants_segment, .ctx = w};
    input_set_scope(&w->scope, describe_narrowing);
}
