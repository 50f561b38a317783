/* See choose.h. */
#include "grep/choose.h"

#include "common/runs.h"

enum {
    /* Searching runs one by one reads the payload blocks that their values stand in, which runs that were
     * written at the same time share; all payload in one pass reads every block once, and searches once what
     * steps have in common. Up to this many runs, or one in so many, go one by one. */
    FEW_RUNS = 8,
    FEW_RUNS_OF = 16,
};

void choose_runs(struct grep *g)
{
    g->answers = memory_new(g->run_count, sizeof *g->answers);
    for (size_t i = 0; i < g->run_count; i++) {
        xray_run_record run;

        runs_record(g->store, i, &run);
        g->answers[i] = (uint8_t)selection_test_run(&g->settings.selection, i, &run);
        g->chosen += g->answers[i] != WHERE_NO;
    }
}

bool choose_are_few(const struct grep *g)
{
    return g->chosen <= FEW_RUNS || g->chosen <= g->run_count / FEW_RUNS_OF;
}

/* Candidates are not in the records of steps. */
static enum where_answer test_step(void *ctx, const xray_run_record *run, const xray_step_record *step)
{
    struct grep *g = ctx;
    const enum where_answer answer = selection_test_step(&g->settings.selection, run, step);

    return answer == WHERE_YES && g->settings.unit == XRAY_UNIT_CAND ? WHERE_OPEN : answer;
}

static size_t count_open(const struct grep *g, size_t from)
{
    size_t open = 0;

    for (size_t i = from; i < g->run_count; i++)
        open += g->answers[i] == WHERE_OPEN;
    return open;
}

/* Asks the steps of all runs in one scan, if there is something to ask them. With -v an expression about steps speaks of all
 * steps of a run where the hit is the run. */
void choose_by_scan(struct grep *g, size_t from)
{
    const struct selection *s = &g->settings.selection;

    if (!selection_has_steps(s) || (s->inverts && g->settings.unit == XRAY_UNIT_RUN) || count_open(g, from) <= FEW_RUNS)
        return;
    g->narrowed = narrow_runs(&g->narrow, g->store, g->answers, g->run_count, selection_needs(s), test_step, g);
    g->chosen = 0;
    for (size_t i = 0; i < g->run_count; i++)
        g->chosen += g->answers[i] != WHERE_NO;
}

/* Could the expression hold for anything in the run? */
static bool has_chosen(struct grep *g, xray_trace *trace)
{
    struct selection *s = &g->settings.selection;
    size_t count;

    xray_trace_steps(trace, &count);
    if (!selection_has_steps(s))
        return selection_run(s, g->store, trace);
    for (size_t i = 0; i < count; i++) {
        if (selection_step(s, g->store, trace, i))
            return true;
    }
    return false;
}

/* An expression that the spine alone decides is cheaper than any search of the payload: with a pattern it
 * is asked first of all runs, for it may leave few. */
void choose_by_expression(struct grep *g, size_t from)
{
    for (size_t i = from; i < g->run_count; i++) {
        xray_trace *trace = NULL;
        xray_error err = {0};

        if (g->answers[i] != WHERE_OPEN || (g->narrowed && !g->narrow.open[i]))
            continue;
        if (xray_trace_open(&trace, g->store, i, &err) < 0)
            continue; /* reported when it is searched */
        if (!has_chosen(g, trace)) {
            g->answers[i] = WHERE_NO;
            g->chosen--;
        }
        xray_trace_close(trace);
    }
}
