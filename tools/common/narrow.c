/* See narrow.h. */
#include "common/narrow.h"

#include <stdlib.h>

#include "common/input.h"
#include "common/runs.h"

enum {
    FEW_RUNS = 16,  /* are opened rather than scanned for */
    NOT_ASKED = 3,  /* beside enum where_answer */
};

/* ---- the scan ---- */

struct asking {
    struct narrow *narrow;
    xray_store *store;
    const uint8_t *answers;
    narrow_test test;
    void *ctx;
    xray_run_record run; /* of the step asked last */
    size_t run_index;    /* SIZE_MAX: there was none */
};

static void ask_step(struct asking *a, const xray_step_record *step)
{
    size_t i;

    if (xray_store_run_index(a->store, step->run_id, &i, NULL) != 1 || a->answers[i] != WHERE_OPEN)
        return;
    if (i != a->run_index)
        runs_record(a->store, i, &a->run);
    a->run_index = i;
    switch (a->test(a->ctx, &a->run, step)) {
    case WHERE_NO:
        break;
    case WHERE_YES:
        a->narrow->hits[i]++;
        break;
    case WHERE_OPEN:
        a->narrow->open[i] = true;
        break;
    }
}

/* Only blocks that have steps of runs in question are read. */
static int choose_blocks(const struct asking *a, size_t count, xray_scan *scan, xray_error *err)
{
    size_t *runs = memory_new(count, sizeof *runs);
    size_t chosen = 0;
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        if (a->answers[i] == WHERE_OPEN)
            runs[chosen++] = i;
    }
    if (chosen < count)
        r = xray_scan_only(scan, runs, chosen, err);
    free(runs);
    return r;
}

unsigned narrow_without(unsigned needs)
{
    return XRAY_STEP_VALUES | ((needs & XRAY_NEEDS_IDS) == 0 ? XRAY_STEP_IDS : 0) |
           ((needs & XRAY_NEEDS_REASONS) == 0 ? XRAY_STEP_REASONS : 0);
}

static int scan_steps(struct asking *a, size_t count, unsigned needs, xray_error *err)
{
    xray_scan *scan = NULL;
    xray_scan_record record;
    int r = xray_scan_open(&scan, a->store, XRAY_SCAN_STEP, err);

    if (r >= 0)
        r = choose_blocks(a, count, scan, err);
    if (r >= 0)
        xray_scan_without(scan, narrow_without(needs));
    while (r >= 0 && (r = xray_scan_next(scan, &record, err)) == 1)
        ask_step(a, record.step);
    xray_scan_close(scan);
    return r;
}

bool narrow_runs(struct narrow *n, xray_store *store, uint8_t *answers, size_t count, unsigned needs, narrow_test test,
                 void *ctx)
{
    struct asking a = {n, store, answers, test, ctx, .run_index = SIZE_MAX};
    xray_error err = {0};

    n->hits = memory_new(count, sizeof *n->hits);
    n->open = memory_new(count, sizeof *n->open);
    if (scan_steps(&a, count, needs, &err) < 0)
        input_failed(&err);
    else if (xray_store_problem_count(store) == 0) {
        for (size_t i = 0; i < count; i++) {
            if (answers[i] == WHERE_OPEN && !n->open[i] && n->hits[i] == 0)
                answers[i] = WHERE_NO;
        }
        return true;
    }
    for (size_t i = 0; i < count; i++)
        n->open[i] = true;
    return false;
}

void narrow_free(struct narrow *n)
{
    free(n->hits);
    free(n->open);
    *n = (struct narrow){0};
}

/* ---- one by one ---- */

static enum where_answer test_step(void *ctx, const xray_run_record *run, const xray_step_record *step)
{
    return where_test_step(ctx, run, step);
}

/* What an expression about the run as a whole leaves open is not told by its steps. */
static bool is_worth_it(const struct sieve *s)
{
    return !s->scanned && s->opened >= FEW_RUNS && s->hits < s->opened / 2 && where_has_steps(s->where);
}

static void scan(struct sieve *s)
{
    s->scanned = true;
    for (size_t i = 0; i < s->count; i++) {
        xray_run_record run;

        if (s->answers[i] != NOT_ASKED)
            continue;
        runs_record(s->store, i, &run);
        s->answers[i] = (uint8_t)where_test_run(s->where, i, &run);
    }
    narrow_runs(&s->narrow, s->store, s->answers, s->count, where_needs(s->where), test_step, s->where);
}

enum where_answer sieve_test(struct sieve *s, size_t index, const xray_run_record *run)
{
    if (s->answers == NULL) {
        s->answers = memory_new(s->count, sizeof *s->answers);
        memset(s->answers, NOT_ASKED, s->count);
    }
    if (is_worth_it(s))
        scan(s);
    if (s->scanned && s->narrow.hits[index] > 0)
        return WHERE_YES;
    if (s->answers[index] == NOT_ASKED)
        s->answers[index] = (uint8_t)where_test_run(s->where, index, run);
    return (enum where_answer)s->answers[index];
}

void sieve_opened(struct sieve *s, bool hit)
{
    s->opened++;
    s->hits += hit;
}

void sieve_free(struct sieve *s)
{
    free(s->answers);
    narrow_free(&s->narrow);
}
