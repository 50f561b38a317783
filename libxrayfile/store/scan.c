/* One pass over a store: every run, step and loss, joined (spec 7.2), in the order
 * in which they became complete. What is open is kept in memory, nothing else. */
#include "store/store.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "store/ahead.h"
#include "store/pending.h"
#include "store/runs.h"

enum phase { STEPS, RUNS }; /* tables of a spine block, in the order in which they are gone through */

struct xray_scan {
    xray_store *store;
    unsigned kinds;
    unsigned without; /* parts of step records: XRAY_STEP_* */
    uint32_t *segments; /* by rank, as they were when the scan was opened */
    uint32_t *blocks;   /* how many each had */
    uint32_t segment_count;
    uint64_t *only; /* the blocks to be looked at, segment << 32 | block, ascending; NULL: all */
    size_t only_count;
    uint32_t rank, block; /* what is loaded next, ahead of what is held */
    struct xf_ahead ahead;
    struct xf_cached *held; /* the block we are in */
    uint32_t segment;       /* its segment */
    enum phase phase;
    uint32_t row;
    struct xf_pending_table steps, runs;
    struct xf_pending *yielded; /* the record borrows it until the next call */
    struct xf_scratch scratch;
    xray_step_record step;
    xray_run_record run;
    xray_loss_record loss;
};

static bool is_wanted(const xray_scan *sc, const struct xf_block *b)
{
    if (b->kind == XF_LOSS)
        return (sc->kinds & XRAY_SCAN_LOSS) != 0;
    if (b->kind != XF_SPINE)
        return false;
    return ((sc->kinds & XRAY_SCAN_STEP) != 0 && b->rows > 0) ||
           ((sc->kinds & XRAY_SCAN_RUN) != 0 && b->rows2 > 0);
}

static int compare_blocks(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool is_among(const xray_scan *sc, uint32_t segment, uint32_t block)
{
    const uint64_t key = (uint64_t)segment << 32 | block;

    return sc->only == NULL ||
           bsearch(&key, sc->only, sc->only_count, sizeof *sc->only, compare_blocks) != NULL;
}

/* For the read-ahead: the next block that has anything. */
static bool next_wanted(void *ctx, uint32_t *segment, uint32_t *block)
{
    xray_scan *sc = ctx;

    for (; sc->rank < sc->segment_count; sc->rank++, sc->block = 0) {
        *segment = sc->segments[sc->rank];
        while (sc->block < sc->blocks[sc->rank]) {
            *block = sc->block++;
            if (is_wanted(sc, &sc->store->parts[*segment].seg->blocks[*block]) &&
                is_among(sc, *segment, *block))
                return true;
        }
    }
    return false;
}

int xray_scan_open(xray_scan **out, xray_store *s, unsigned kinds, xray_error *err)
{
    xray_scan *sc = xf_alloc(sizeof *sc);

    if (sc == NULL)
        return xf_fail_memory(err);
    sc->store = s;
    sc->kinds = kinds;
    sc->segment_count = s->part_count;
    sc->segments = xf_alloc_array(s->part_count, sizeof *sc->segments);
    sc->blocks = xf_alloc_array(s->part_count, sizeof *sc->blocks);
    sc->ahead = (struct xf_ahead){.store = s, .next = next_wanted, .ctx = sc};
    if (sc->segments == NULL || sc->blocks == NULL || xf_ahead_open(&sc->ahead, NULL) < 0) {
        xray_scan_close(sc);
        return xf_fail_memory(err);
    }
    for (uint32_t i = 0; i < s->part_count; i++) {
        sc->segments[i] = s->order[i];
        sc->blocks[i] = s->parts[s->order[i]].seg->block_count;
    }
    sc->steps.table = XF_TABLE_STEPS;
    sc->runs.table = XF_TABLE_RUNS;
    sc->steps.seed = sc->runs.seed = s->seed;
    *out = sc;
    return XRAY_OK;
}

void xray_scan_close(xray_scan *sc)
{
    if (sc == NULL)
        return;
    xf_ahead_release(&sc->ahead, sc->held);
    xf_ahead_close(&sc->ahead);
    xf_pending_free(sc->yielded);
    xf_pending_done(&sc->steps);
    xf_pending_done(&sc->runs);
    xf_scratch_done(&sc->scratch);
    xf_free(sc->segments);
    xf_free(sc->blocks);
    xf_free(sc->only);
    xf_free(sc);
}

/* Rows of runs have values that the light form does not lack. */
void xray_scan_without(xray_scan *sc, unsigned parts)
{
    sc->without = parts;
    sc->ahead.light = (parts & XRAY_STEP_VALUES) != 0;
}

void xray_scan_once(xray_scan *sc)
{
    sc->ahead.passes = true;
}

int xray_scan_only(xray_scan *sc, const size_t *runs, size_t count, xray_error *err)
{
    struct xf_run_list *list;
    size_t places = 0;
    int r = xf_run_list_get(sc->store, &list, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        for (uint32_t p = list->runs[runs[i]].first_place; p != XF_NO_PLACE; p = list->places[p].next)
            places++;
    xf_free(sc->only);
    sc->only = xf_alloc_array(places, sizeof *sc->only);
    sc->only_count = 0;
    if (sc->only == NULL)
        return xf_fail_memory(err);
    for (size_t i = 0; i < count; i++)
        for (uint32_t p = list->runs[runs[i]].first_place; p != XF_NO_PLACE; p = list->places[p].next)
            sc->only[sc->only_count++] = (uint64_t)list->places[p].segment << 32 | list->places[p].block;
    if (places > 1)
        qsort(sc->only, places, sizeof *sc->only, compare_blocks);
    return XRAY_OK;
}

/* ---- yielding ---------------------------------------------------------------------- */

static int yield_step(xray_scan *sc, const struct xf_view *v, const uint8_t *run_id, uint32_t segment,
                      bool ended, uint32_t last_segment, xray_scan_record *rec, xray_error *err)
{
    const struct xf_part *part = &sc->store->parts[segment];

    if (xf_view_fill_step(v, sc->without, &sc->scratch, &sc->step) < 0)
        return xf_fail_memory(err);
    memcpy(sc->step.run_id, run_id, 16);
    memcpy(sc->step.writer_id, part->seg->writer_id, 16);
    sc->step.segment = segment;
    sc->step.ended = ended;
    sc->step.abandoned = !ended && xf_part_is_over(&sc->store->parts[last_segment]);
    *rec = (xray_scan_record){.kind = XRAY_SCAN_STEP, .step = &sc->step};
    return 1;
}

static int yield_run(xray_scan *sc, const struct xf_view *v, const uint8_t *run_id, uint32_t segment,
                     bool ended, uint32_t last_segment, xray_scan_record *rec, xray_error *err)
{
    if (xf_view_fill_run(v, &sc->scratch, &sc->run) < 0)
        return xf_fail_memory(err);
    memcpy(sc->run.id, run_id, 16);
    sc->run.segment = segment;
    sc->run.ended = ended;
    sc->run.abandoned = !ended && xf_part_is_over(&sc->store->parts[last_segment]);
    *rec = (xray_scan_record){.kind = XRAY_SCAN_RUN, .run = &sc->run};
    return 1;
}

static int yield_pending(xray_scan *sc, struct xf_pending_table *t, struct xf_pending *p,
                         xray_scan_record *rec, xray_error *err)
{
    const struct xf_view v = xf_joined_view(&p->joined);
    const bool ended = (p->joined.state & XF_STATE_END) != 0;

    xf_pending_remove(t, p);
    sc->yielded = p;
    if (t->table == XF_TABLE_STEPS)
        return yield_step(sc, &v, p->key.run_id, p->first_segment, ended, p->last_segment, rec, err);
    return yield_run(sc, &v, p->key.run_id, p->first_segment, ended, p->last_segment, rec, err);
}

/* Joins a row to what is pending of its run or step. 1 if that is complete and was yielded. */
static int join_row(xray_scan *sc, struct xf_pending_table *t, const struct xf_pending_key *key,
                    const struct xf_view *v, xray_scan_record *rec, xray_error *err)
{
    struct xf_pending *p = xf_pending_get(t, key, sc->segment);

    if (p == NULL || xf_joined_add(&p->joined, v) < 0)
        return xf_fail_memory(err);
    p->last_segment = sc->segment;
    return (p->joined.state & XF_STATE_END) != 0 ? yield_pending(sc, t, p, rec, err) : 0;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* The usual row is complete in itself and nothing is pending of its step: no memory, no table. */
static int take_step(xray_scan *sc, uint32_t row, xray_scan_record *rec, xray_error *err)
{
    const struct xf_spine *s = &sc->held->as.spine;
    const struct xf_view v = xf_view_step(s, row, sc->segment);
    const uint8_t *run_id = xf_spine_run_id(s, xf_view_int(&v, XF_STEP_RUN));
    const bool ends = (xf_view_int(&v, XF_STEP_STATE) & XF_STATE_END) != 0;
    struct xf_pending_key key;

    if (ends && sc->steps.count == 0)
        return yield_step(sc, &v, run_id, sc->segment, true, sc->segment, rec, err);
    memcpy(key.run_id, run_id, 16);
    key.writer = sc->store->parts[sc->segment].writer;
    key.step = xf_view_int(&v, XF_STEP_STEP);
    if (ends && xf_pending_find(&sc->steps, &key) == NULL)
        return yield_step(sc, &v, run_id, sc->segment, true, sc->segment, rec, err);
    return join_row(sc, &sc->steps, &key, &v, rec, err);
}

static int take_run(xray_scan *sc, uint32_t row, xray_scan_record *rec, xray_error *err)
{
    const struct xf_spine *s = &sc->held->as.spine;
    const struct xf_view v = xf_view_run(s, row, sc->segment);
    const uint8_t *run_id = xf_spine_run_id(s, xf_view_int(&v, XF_RUN_RUN));
    const bool ends = (xf_view_int(&v, XF_RUN_STATE) & XF_STATE_END) != 0;
    struct xf_pending_key key = {.writer = 0};

    memcpy(key.run_id, run_id, 16);
    if (ends && xf_pending_find(&sc->runs, &key) == NULL)
        return yield_run(sc, &v, run_id, sc->segment, true, sc->segment, rec, err);
    return join_row(sc, &sc->runs, &key, &v, rec, err);
}

static int take_loss(xray_scan *sc, uint32_t row, xray_scan_record *rec)
{
    const struct xf_loss *l = &sc->held->as.loss.rows[row];

    sc->loss = (xray_loss_record){
        .segment = sc->segment,
        .cause = l->cause,
        .what = l->what,
        .count = l->count,
        .from_ns = l->from_ns,
        .to_ns = l->to_ns,
    };
    *rec = (xray_scan_record){.kind = XRAY_SCAN_LOSS, .loss = &sc->loss};
    return 1;
}

/* Goes on in the block that is held. 0: it has nothing more. */
static int next_of_block(xray_scan *sc, xray_scan_record *rec, xray_error *err)
{
    const struct xf_cached *e = sc->held;
    int r = 0;

    if (e->kind == XF_LOSS)
        return sc->row < e->as.loss.count ? take_loss(sc, sc->row++, rec) : 0;
    if (sc->phase == STEPS && (sc->kinds & XRAY_SCAN_STEP) != 0)
        while (r == 0 && sc->row < e->as.spine.step_rows)
            r = take_step(sc, sc->row++, rec, err);
    if (r != 0)
        return r;
    if (sc->phase == STEPS) {
        sc->phase = RUNS;
        sc->row = 0;
    }
    if ((sc->kinds & XRAY_SCAN_RUN) != 0)
        while (r == 0 && sc->row < e->as.spine.run_rows)
            r = take_run(sc, sc->row++, rec, err);
    return r;
}

/* ---- blocks ------------------------------------------------------------------------------ */

/* Holds the next block that has anything. 1, 0 at the end. */
static int next_block(xray_scan *sc, xray_error *err)
{
    int r;

    xf_ahead_release(&sc->ahead, sc->held);
    sc->held = NULL;
    r = xf_ahead_next(&sc->ahead, &sc->held, err);
    if (r <= 0)
        return r;
    sc->segment = sc->held->segment;
    sc->phase = STEPS;
    sc->row = 0;
    return 1;
}

int xray_scan_next(xray_scan *sc, xray_scan_record *rec, xray_error *err)
{
    xf_pending_free(sc->yielded);
    sc->yielded = NULL;
    for (;;) {
        int r = sc->held != NULL ? next_of_block(sc, rec, err) : 0;

        if (r != 0)
            return r;
        r = next_block(sc, err);
        if (r < 0)
            return r;
        if (r == 0)
            break;
    }
    if (sc->steps.oldest != NULL)
        return yield_pending(sc, &sc->steps, sc->steps.oldest, rec, err);
    if (sc->runs.oldest != NULL)
        return yield_pending(sc, &sc->runs, sc->runs.oldest, rec, err);
    return 0;
}
