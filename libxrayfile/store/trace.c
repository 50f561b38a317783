/* Opening one run: its rows are joined, its steps numbered, their parents found (spec 7.2). */
#include "store/trace.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "store/parents.h"
#include "store/runs.h"

struct opener {
    struct xray_trace *t;
    uint8_t run_id[16];
    uint32_t *rows; /* scratch: rows of the run in one table of one block */
    uint32_t row_count, row_cap;
    struct xf_pending **detail_steps; /* the step of each detail, NULL: the run */
    uint32_t detail_steps_cap;
};

/* ---- rows of one block ------------------------------------------------------------------ */

static bool add_rows(struct opener *o, const struct xf_by_run *by_run, uint32_t run)
{
    for (uint32_t i = by_run->start[run]; i < by_run->start[run + 1]; i++) {
        void *rows = o->rows;
        const bool room = xf_store_grow(&rows, o->row_count, &o->row_cap, sizeof *o->rows);

        o->rows = rows;
        if (!room)
            return false;
        o->rows[o->row_count++] = by_run->order[i];
    }
    return true;
}

static int compare_rows(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

enum which { RUNS, STEPS, DETAILS };

/* Gathers the run's rows of a table in their order. The run may stand in the block's run table more than
 * once: those places follow each other. */
static bool gather(struct opener *o, const struct xf_cached *e, const struct xf_run_place *places,
                   uint32_t place, enum which which)
{
    const struct xf_by_run *by_run = which == RUNS ? &e->runs : which == STEPS ? &e->steps : &e->details;
    uint32_t entries = 0;

    o->row_count = 0;
    for (; place != XF_NO_PLACE && places[place].segment == e->segment && places[place].block == e->block;
         place = places[place].next) {
        const uint32_t run = places[place].run; /* an index may say anything */

        if (run >= e->as.spine.run_count || memcmp(xf_spine_run_id(&e->as.spine, run), o->run_id, 16) != 0)
            continue;
        if (!add_rows(o, by_run, run))
            return false;
        entries++;
    }
    if (entries > 1 && o->row_count > 1)
        qsort(o->rows, o->row_count, sizeof *o->rows, compare_rows);
    return true;
}

static bool join(struct opener *o, struct xf_pending_table *table, int64_t step, uint32_t writer,
                 const struct xf_view *v, uint32_t segment)
{
    struct xf_pending_key key = {.writer = writer, .step = step};
    struct xf_pending *p;

    memcpy(key.run_id, o->run_id, 16);
    p = xf_pending_get(table, &key, segment);
    if (p == NULL || xf_joined_add(&p->joined, v) < 0)
        return false;
    p->last_segment = segment;
    return true;
}

static bool join_runs(struct opener *o, const struct xf_cached *e)
{
    for (uint32_t i = 0; i < o->row_count; i++) {
        const struct xf_view v = xf_view_run(&e->as.spine, o->rows[i], e->segment);

        if (!join(o, &o->t->runs, 0, 0, &v, e->segment))
            return false;
    }
    return true;
}

static bool join_steps(struct opener *o, const struct xf_cached *e)
{
    const uint32_t writer = o->t->store->parts[e->segment].writer;

    for (uint32_t i = 0; i < o->row_count; i++) {
        const struct xf_view v = xf_view_step(&e->as.spine, o->rows[i], e->segment);

        if (!join(o, &o->t->steps, xf_view_int(&v, XF_STEP_STEP), writer, &v, e->segment))
            return false;
    }
    return true;
}

/* The step that a detail names. One whose rows are lost is still made: it has candidates. */
static struct xf_pending *step_of_detail(struct opener *o, int64_t step, uint32_t segment)
{
    struct xf_pending_key key = {.writer = o->t->store->parts[segment].writer, .step = step};

    memcpy(key.run_id, o->run_id, 16);
    return xf_pending_get(&o->t->steps, &key, segment);
}

static bool grow_details(struct opener *o)
{
    struct xray_trace *t = o->t;
    void *details = t->details, *steps = o->detail_steps;
    const bool room = xf_store_grow(&details, t->detail_count, &t->detail_cap, sizeof *t->details) &&
                      xf_store_grow(&steps, t->detail_count, &o->detail_steps_cap, sizeof *o->detail_steps);

    t->details = details;
    o->detail_steps = steps;
    return room;
}

/* `step` NULL: of the run itself. */
static bool add_detail(struct opener *o, struct xf_pending *step, uint32_t segment, uint32_t block)
{
    struct xray_trace *t = o->t;

    if (!grow_details(o))
        return false;
    o->detail_steps[t->detail_count] = step;
    t->details[t->detail_count++] = (struct xf_detail){XF_OF_RUN, segment, block};
    return true;
}

static bool take_details(struct opener *o, const struct xf_cached *e)
{
    const struct xf_segment *seg = o->t->store->parts[e->segment].seg;

    for (uint32_t i = 0; i < o->row_count; i++) {
        const union xf_cell *const *details = e->as.spine.details;
        const int64_t ordinal = xf_cell_int(details[XF_DETAIL_BLOCK], o->rows[i]);
        const int64_t number = xf_cell_int(details[XF_DETAIL_STEP], o->rows[i]);
        const int64_t block = xf_segment_find_block(seg, (uint64_t)ordinal);
        struct xf_pending *step = NULL;

        if (number != XRAY_MISSING) {
            step = step_of_detail(o, number, e->segment);
            if (step == NULL)
                return false;
        }
        if (block < 0 || seg->blocks[block].kind != XF_CANDIDATES)
            continue; /* lost with its block, which is among the problems */
        if (!add_detail(o, step, e->segment, (uint32_t)block))
            return false;
    }
    return true;
}

/* A record of this run in a candidates block that no spine need have named: kept if its step is known. */
static bool take_owner(struct opener *o, const struct xf_cached *e, int64_t run, int64_t step)
{
    struct xf_pending_key key = {.writer = o->t->store->parts[e->segment].writer, .step = step};
    struct xf_pending *p = NULL;

    if (memcmp(e->as.cands.run_ids + (size_t)run * 16, o->run_id, 16) != 0)
        return true;
    memcpy(key.run_id, o->run_id, 16);
    if (step != XRAY_MISSING) {
        p = xf_pending_find(&o->t->steps, &key);
        if (p == NULL)
            return true;
    }
    return add_detail(o, p, e->segment, e->block);
}

static bool take_rows(struct opener *o, const struct xf_cached *e, const struct xf_event_rows *rows)
{
    bool good = true;

    for (uint32_t i = 0; i < rows->count && good; i++)
        good = take_owner(o, e, xf_cell_int(rows->columns[XF_EVENT_RUN], i),
                          xf_cell_int(rows->columns[XF_EVENT_STEP], i));
    return good;
}

/* Candidates blocks that no spine names. What it does name comes twice then, which events.c expects. */
static int take_loose(struct opener *o, const struct xf_run_list *list, uint32_t place, xray_error *err)
{
    for (; place != XF_NO_PLACE; place = list->places[place].next) {
        struct xf_cached *e;
        bool good = true;
        int r = xf_block_load(o->t->store, list->places[place].segment, list->places[place].block, &e, err);

        if (r < 0)
            return r;
        if (r == 0)
            continue;
        for (uint32_t i = 0; i < e->as.cands.batch_count && good; i++)
            good = take_owner(o, e, e->as.cands.batches[i].run, e->as.cands.batches[i].step);
        good = good && take_rows(o, e, &e->as.cands.decisions) && take_rows(o, e, &e->as.cands.notes);
        xf_block_release(o->t->store, e);
        if (!good)
            return xf_fail_memory(err);
    }
    return XRAY_OK;
}

static int take_block(struct opener *o, const struct xf_run_place *places, uint32_t place, xray_error *err)
{
    struct xf_cached *e;
    bool good;
    int r = xf_block_load(o->t->store, places[place].segment, places[place].block, &e, err);

    if (r <= 0)
        return r;
    r = xf_block_index_rows(e, err);
    if (r >= 0) {
        good = gather(o, e, places, place, RUNS) && join_runs(o, e) && gather(o, e, places, place, STEPS) &&
               join_steps(o, e) && gather(o, e, places, place, DETAILS) && take_details(o, e);
        if (!good)
            r = xf_fail_memory(err);
    }
    xf_block_release(o->t->store, e);
    return r;
}

/* All blocks that have rows of the run. */
static int take_blocks(struct opener *o, const struct xf_run_list *list, uint32_t place, xray_error *err)
{
    int r = XRAY_OK;

    while (place != XF_NO_PLACE && r >= 0) {
        const struct xf_run_place *here = &list->places[place];

        r = take_block(o, list->places, place, err);
        do /* the rest of this block's places were taken with the first */
            place = list->places[place].next;
        while (place != XF_NO_PLACE && list->places[place].segment == here->segment &&
               list->places[place].block == here->block);
    }
    return r;
}

/* ---- numbers -------------------------------------------------------------------------------- */

struct rank { /* what steps are sorted by */
    uint32_t writer; /* place of the writer among those of this run */
    int64_t step;
    struct xf_pending *p;
};

static int compare_ranks(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;

    if (x->writer != y->writer)
        return x->writer < y->writer ? -1 : 1;
    return (x->step > y->step) - (x->step < y->step);
}

/* Writers come in the order of their first rows in this run: what other segments hold must not
 * change its numbers. Rows were joined in the order of the segments. */
static bool rank_steps(const struct xray_trace *t, struct rank *ranks)
{
    uint32_t *places = xf_alloc_array(t->store->writers.count, sizeof *places); /* by writer, from 1 */
    uint32_t writers = 0, i = 0;

    if (places == NULL)
        return false;
    for (struct xf_pending *p = t->steps.oldest; p != NULL; p = p->newer) {
        uint32_t *place = &places[p->key.writer];

        if (*place == 0)
            *place = ++writers;
        ranks[i++] = (struct rank){*place, p->key.step, p};
    }
    xf_free(places);
    return true;
}

/* Puts the steps in order and fills t->rows. */
static bool number_steps(struct xray_trace *t)
{
    const uint32_t count = (uint32_t)t->steps.count;
    struct rank *ranks = xf_alloc_array(count, sizeof *ranks);

    t->rows = xf_arena_alloc(&t->arena, ((size_t)count + 1) * sizeof(struct xf_pending *));
    if (ranks == NULL || t->rows == NULL || !rank_steps(t, ranks)) {
        xf_free(ranks);
        return false;
    }
    if (count > 1)
        qsort(ranks, count, sizeof *ranks, compare_ranks);
    for (uint32_t i = 0; i < count; i++) {
        t->rows[i] = ranks[i].p;
        ranks[i].p->index = i;
    }
    t->count = count;
    xf_free(ranks);
    return true;
}

struct sorted_detail {
    struct xf_detail detail;
    uint32_t rank; /* of its segment */
};

static int compare_details(const void *a, const void *b)
{
    const struct sorted_detail *x = a, *y = b;

    if (x->detail.step != y->detail.step)
        return x->detail.step < y->detail.step ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->detail.block > y->detail.block) - (x->detail.block < y->detail.block);
}

/* Steps are numbered now, so details can say whose they are. */
static bool sort_details(struct opener *o)
{
    struct xray_trace *t = o->t;
    struct sorted_detail *list = xf_alloc_array(t->detail_count, sizeof *list);

    if (list == NULL)
        return false;
    for (uint32_t i = 0; i < t->detail_count; i++) {
        list[i] = (struct sorted_detail){t->details[i], t->store->parts[t->details[i].segment].rank};
        if (o->detail_steps[i] != NULL)
            list[i].detail.step = o->detail_steps[i]->index;
    }
    if (t->detail_count > 1)
        qsort(list, t->detail_count, sizeof *list, compare_details);
    for (uint32_t i = 0; i < t->detail_count; i++)
        t->details[i] = list[i].detail;
    xf_free(list);
    return true;
}

/* ---- records ---------------------------------------------------------------------------------- */

/* Moves what the scratch holds into the arena: records outlive it. */
static bool keep_text(struct xf_arena *arena, xray_str *text, const char *room)
{
    if (text->ptr != room)
        return true;
    text->ptr = xf_arena_copy(arena, room, text->len);
    return text->ptr != NULL;
}

static bool fill_step(struct xray_trace *t, struct xf_pending *p, struct xf_scratch *scratch,
                      xray_step_record *out)
{
    const struct xf_part *first = &t->store->parts[p->first_segment];
    struct xf_view v;

    if (!p->joined.begun) { /* known only by its candidates */
        xf_joined_begin(&p->joined);
        p->joined.cells[XF_STEP_STEP].i = p->key.step;
    }
    v = xf_joined_view(&p->joined);
    if (xf_view_fill_step(&v, 0, scratch, out) < 0 || !keep_text(&t->arena, &out->ext_id, scratch->ext_id) ||
        !keep_text(&t->arena, &out->parent_ext, scratch->parent_ext))
        return false;
    if (out->reason_count > 0) {
        out->reasons = xf_arena_copy(&t->arena, out->reasons, out->reason_count * sizeof *out->reasons);
        if (out->reasons == NULL)
            return false;
    }
    memcpy(out->run_id, p->key.run_id, 16);
    memcpy(out->writer_id, first->seg->writer_id, 16);
    out->segment = p->first_segment;
    out->ended = (p->joined.state & XF_STATE_END) != 0;
    out->abandoned = !out->ended && xf_part_is_over(&t->store->parts[p->last_segment]);
    return true;
}

static bool fill_steps(struct xray_trace *t)
{
    struct xf_scratch scratch = {0};
    bool good = true;

    t->records = xf_alloc_array(t->count, sizeof *t->records);
    if (t->records == NULL)
        return false;
    for (uint32_t i = 0; i < t->count && good; i++) {
        good = fill_step(t, t->rows[i], &scratch, &t->records[i]);
        t->records[i].number = i + 1;
    }
    xf_scratch_done(&scratch);
    return good && xf_parents_resolve(t->records, t->rows, t->count);
}

/* The list knows what is true of the run as a whole; its values are those of the joined rows. */
static bool fill_run(struct xray_trace *t, const struct xf_run_list *list, uint32_t index)
{
    struct xf_pending *p = t->runs.oldest;
    struct xf_scratch scratch = {0};
    struct xf_view v;
    char ext_id[36];
    xray_run_record r;
    xray_str *const texts[] = {&t->run.ext_id,  &t->run.pipeline, &t->run.version,   &t->run.project,
                               &t->run.session, &t->run.user,     &t->run.error_type};

    xf_run_list_record(t->store, list, index, ext_id, &t->run);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i]->ptr == NULL)
            continue;
        texts[i]->ptr = xf_arena_copy(&t->arena, texts[i]->ptr, texts[i]->len);
        if (texts[i]->ptr == NULL)
            return false;
    }
    if (p == NULL)
        return true;
    v = xf_joined_view(&p->joined);
    if (xf_view_fill_run(&v, &scratch, &r) < 0)
        return false;
    t->run.error = r.error;
    t->run.tags = r.tags;
    t->run.metadata = r.metadata;
    t->run.input = r.input;
    t->run.output = r.output;
    t->run.attrs = r.attrs;
    return true;
}

/* ---- opening -------------------------------------------------------------------------------------- */

static int open_trace(struct opener *o, const struct xf_run_list *list, uint32_t index, xray_error *err)
{
    int r;

    memcpy(o->run_id, list->runs[index].id, 16);
    r = take_blocks(o, list, list->runs[index].first_place, err);
    if (r >= 0)
        r = take_loose(o, list, list->runs[index].first_loose, err);
    if (r < 0)
        return r;
    if (!number_steps(o->t) || !sort_details(o))
        return xf_fail_memory(err);
    if (!fill_steps(o->t) || !fill_run(o->t, list, index))
        return xf_fail_memory(err);
    return XRAY_OK;
}

int xray_trace_open(xray_trace **out, xray_store *s, size_t run_index, xray_error *err)
{
    struct opener o = {.t = NULL};
    struct xf_run_list *list;
    int r = xf_run_list_get(s, &list, err);

    if (r < 0)
        return r;
    if (run_index >= list->count)
        return xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "there is no run number %zu", run_index);
    o.t = xf_alloc(sizeof *o.t);
    if (o.t == NULL)
        return xf_fail_memory(err);
    o.t->store = s;
    o.t->serial = s->seed + ++s->traces_opened;
    o.t->runs.table = XF_TABLE_RUNS;
    o.t->steps.table = XF_TABLE_STEPS;
    o.t->runs.seed = o.t->steps.seed = s->seed;
    r = open_trace(&o, list, (uint32_t)run_index, err);
    xf_free(o.rows);
    xf_free(o.detail_steps);
    if (r < 0) {
        xray_trace_close(o.t);
        return r;
    }
    *out = o.t;
    return XRAY_OK;
}

void xray_trace_close(xray_trace *t)
{
    if (t == NULL)
        return;
    xf_pending_done(&t->runs);
    xf_pending_done(&t->steps);
    xf_arena_done(&t->arena);
    xf_free(t->records);
    xf_free(t->details);
    xf_free(t);
}

const xray_run_record *xray_trace_run(const xray_trace *t)
{
    return &t->run;
}

const xray_step_record *xray_trace_steps(const xray_trace *t, size_t *count)
{
    *count = t->count;
    return t->records;
}
