/* Queries as the public header has them (section 6). */
#include "query/query.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "os/clock.h"
#include "query/canon.h"
#include "query/check.h"
#include "query/parse.h"
#include "query/plan.h"
#include "store/trace.h"

/* ---- parsing -------------------------------------------------------------------------- */

/* The canonical form must be a query too, so the limits of ql 2.7 hold for it as well. */
static int print_canonical(struct xf_query_source *source, xray_query *q)
{
    const int depth = xf_canon_print(q->root, &q->canonical);

    if (q->canonical.failed)
        return xf_source_fail_memory(source);
    if (depth > XF_QUERY_MAX_DEPTH)
        return xf_source_fail(source, XRAY_ELIMIT, 0, 1, "split it, or leave out parentheses",
                              "nesting is deeper than %d with all parentheses written", XF_QUERY_MAX_DEPTH);
    if (q->canonical.len > XF_QUERY_MAX_LEN)
        return xf_source_fail(source, XRAY_ELIMIT, 0, 1, "keep long lists in a file: f in @file",
                              "the query is longer than 1 MiB with all scopes written");
    return XRAY_OK;
}

static int build(struct xf_query_source *source, xray_query *q)
{
    int r;

    /* The tree points into the text. Longer ones are refused before they are looked at. */
    if (source->text.len > 0 && source->text.len <= XF_QUERY_MAX_LEN) {
        source->text.ptr = xf_arena_copy(&q->arena, source->text.ptr, source->text.len);
        if (source->text.ptr == NULL)
            return xf_source_fail_memory(source);
    }
    q->regexes = xf_regex_env_new(source->options->match_limit);
    if (q->regexes == NULL)
        return xf_source_fail_memory(source);
    r = xf_parse(source, q->regexes, &q->root);
    if (r == XRAY_OK)
        r = xf_check(source, q, source->options->unit);
    return r == XRAY_OK ? print_canonical(source, q) : r;
}

int xray_query_parse(xray_query **out, xray_str text, const xray_query_options *options,
                     xray_query_error *error)
{
    static const xray_query_options defaults;
    xray_query *q = xf_alloc(sizeof *q);
    struct xf_query_source source = {
        .text = text.ptr != NULL ? text : xray_strn("", 0),
        .arena = q != NULL ? &q->arena : NULL,
        .error = error,
        .options = options != NULL ? options : &defaults,
    };
    int r;

    if (q == NULL)
        return xf_source_fail_memory(&source);
    source.now_ns = source.options->now_ns != 0 ? source.options->now_ns : xf_clock_real();
    r = build(&source, q);
    if (r != XRAY_OK) {
        xray_query_free(q);
        return r;
    }
    *out = q;
    return XRAY_OK;
}

static void free_level(struct xf_level *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < XF_COL_COUNT; i++)
        xray_buffer_free(&l->step[i].value);
    xray_buffer_free(&l->evidence.value);
    xf_free(l);
}

void xray_query_free(xray_query *q)
{
    if (q == NULL)
        return;
    for (size_t i = 0; i < XF_COL_COUNT; i++)
        xray_buffer_free(&q->run_slots[i].value);
    for (size_t i = 0; i <= XF_QUERY_MAX_DEPTH; i++)
        free_level(q->levels[i]);
    while (q->folds != NULL) {
        struct xf_fold *fold = q->folds;

        q->folds = fold->next;
        xray_buffer_free(&fold->buffer);
        xf_free(fold);
    }
    xf_plan_done(&q->plan);
    xf_regex_env_free(q->regexes);
    xray_buffer_free(&q->canonical);
    xf_arena_done(&q->arena);
    xf_free(q);
}

enum xray_unit xray_query_unit(const xray_query *q)
{
    return q->unit;
}

unsigned xray_query_needs(const xray_query *q)
{
    return q->needs;
}

int xray_query_canonical(const xray_query *q, xray_buffer *out)
{
    const size_t n = q->canonical.len;
    uint8_t *at = xf_buf_extend(out, n);

    if (at == NULL)
        return XRAY_ENOMEM;
    memcpy(at, q->canonical.data, n);
    return XRAY_OK;
}

/* ---- testing -------------------------------------------------------------------------- */

static void begin(xray_query *q, xray_store *s, xray_trace *t, const xray_run_record *run, xray_error *err)
{
    if (t == NULL || t->serial != q->serial) /* what was found out about this trace still holds */
        q->epoch++;
    q->serial = t != NULL ? t->serial : 0;
    q->store = s;
    q->trace = t;
    q->run = run;
    q->steps = NULL;
    q->step_count = 0;
    q->err = err;
    q->optional_missing = false;
    q->at = (struct xf_binding){.step = XF_NO_STEP};
    if (t != NULL)
        q->steps = xray_trace_steps(t, &q->step_count);
}

int xray_query_test_run(xray_query *q, const xray_run_record *run)
{
    int r;

    begin(q, NULL, NULL, run, NULL);
    r = xf_eval_truth(q, q->root);
    return r < 0 ? XF_MAYBE : r; /* a pattern that is too expensive is reported when the run is opened */
}

int xray_query_test_step(xray_query *q, const xray_run_record *run, const xray_step_record *step)
{
    int r;

    begin(q, NULL, NULL, run, NULL);
    q->steps = step;
    q->step_count = 1;
    q->at.step = 0;
    r = xf_eval_truth(q, q->root);
    return r < 0 ? XF_MAYBE : r; /* as above */
}

/* With the element of the query's unit bound. */
static int test_here(xray_query *q, void *ctx)
{
    (void)ctx;
    return xf_eval_truth(q, q->root);
}

static int test_step(xray_query *q, void *ctx)
{
    return q->unit == XRAY_UNIT_CAND ? xf_each_element(q, XF_CAND, test_here, ctx) : test_here(q, ctx);
}

int xray_query_match_run(xray_query *q, xray_store *s, xray_trace *t, xray_error *err)
{
    begin(q, s, t, xray_trace_run(t), err);
    return q->unit == XRAY_UNIT_RUN ? xf_eval_truth(q, q->root)
                                    : xf_each_element(q, XF_STEP, test_step, NULL);
}

int xray_query_match_step(xray_query *q, xray_store *s, xray_trace *t, size_t step, xray_error *err)
{
    begin(q, s, t, xray_trace_run(t), err);
    if (step >= q->step_count)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "the run has %zu steps", q->step_count);
    q->at.step = step;
    return test_step(q, NULL);
}

int xray_query_match_event(xray_query *q, xray_store *s, xray_trace *t, size_t step,
                           const xray_event_record *event, xray_error *err)
{
    begin(q, s, t, xray_trace_run(t), err);
    if (step >= q->step_count)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "the run has %zu steps", q->step_count);
    q->at.step = step;
    q->at.event = event;
    q->at.serial = ++q->next_serial;
    return xf_eval_truth(q, q->root);
}
