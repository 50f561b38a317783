/* Candidates, decisions and notes of one step (xray_events): the blocks that the
 * step's details name, one after the other, once for each kind. */
#include "base/fail.h"
#include "base/mem.h"
#include "store/trace.h"

struct xray_events {
    xray_trace *trace;
    const struct xf_detail *details; /* of the step */
    uint32_t detail_count;
    int64_t step; /* as its writer numbers it; XRAY_MISSING: the run itself */
    unsigned kinds;
    unsigned kind;       /* what is given now */
    uint32_t detail;     /* block that comes next */
    struct xf_cached *held;
    uint32_t at, end;    /* batches or rows of the step in the block, in its order */
    uint32_t left;       /* candidates of the present batch */
    int64_t base_time;
    struct xf_cands_cursor *cursor;
    size_t cursor_cap;
    struct xf_cand_room room;
    xray_ref *values;    /* evidence of the present candidate */
    uint32_t room_cap;
};

int xray_events_open(xray_events **out, xray_trace *t, int64_t step_number, unsigned kinds, xray_error *err)
{
    const uint32_t step = step_number == 0 ? XF_OF_RUN : (uint32_t)(step_number - 1);
    uint32_t first = 0, end;
    xray_events *e;

    if (step_number < 0 || step_number > t->count)
        return xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "there is no step number %lld",
                       (long long)step_number);
    e = xf_alloc(sizeof *e);
    if (e == NULL)
        return xf_fail_memory(err);
    for (uint32_t low = 0, high = t->detail_count; low < high; first = low) {
        const uint32_t middle = low + (high - low) / 2;

        if (t->details[middle].step < step)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = first; end < t->detail_count && t->details[end].step == step;)
        end++;
    e->trace = t;
    e->details = first < end ? t->details + first : NULL;
    e->detail_count = end - first;
    e->step = step == XF_OF_RUN ? XRAY_MISSING : t->records[step].raw_number;
    e->kinds = kinds;
    e->kind = XRAY_EVENT_CANDIDATE;
    *out = e;
    return XRAY_OK;
}

void xray_events_close(xray_events *e)
{
    if (e == NULL)
        return;
    xf_block_release(e->trace->store, e->held);
    xf_free(e->cursor);
    xf_free(e->room.values);
    xf_free(e->room.rebuilt);
    xf_free(e->values);
    xf_free(e);
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* Room for the columns and the evidence of this block. Grown by what is needed, kept for the next. */
static bool make_room(xray_events *e, const struct xf_cands *c)
{
    if (c->cursor_len > e->cursor_cap) {
        xf_free(e->cursor);
        e->cursor = xf_alloc(c->cursor_len);
        e->cursor_cap = e->cursor != NULL ? c->cursor_len : 0;
    }
    if (c->max_keys > e->room_cap) {
        xf_free(e->room.values);
        xf_free(e->room.rebuilt);
        xf_free(e->values);
        e->room.values = xf_alloc_array(c->max_keys, sizeof *e->room.values);
        e->room.rebuilt = xf_alloc_array(c->max_keys, sizeof *e->room.rebuilt);
        e->values = xf_alloc_array(c->max_keys, sizeof *e->values);
        e->room_cap = c->max_keys;
        if (e->room.values == NULL || e->room.rebuilt == NULL || e->values == NULL) {
            e->room_cap = 0;
            return false;
        }
    }
    return e->cursor != NULL;
}

static const struct xf_event_rows *rows_of(const xray_events *e)
{
    const struct xf_cands *c = &e->held->as.cands;

    return e->kind == XRAY_EVENT_DECISION ? &c->decisions : &c->notes;
}

/* Holds the next block of the step. 1, 0: there is none for this kind. */
static int next_block(xray_events *e, xray_error *err)
{
    struct xray_store *s = e->trace->store;

    xf_block_release(s, e->held);
    e->held = NULL;
    while (e->detail < e->detail_count) {
        const struct xf_detail *d = &e->details[e->detail++];
        const struct xf_block *b = &s->parts[d->segment].seg->blocks[d->block];
        int r;

        /* Named twice, its records are still there once. */
        if (e->detail > 1 && d[-1].segment == d->segment && d[-1].block == d->block)
            continue;
        if ((e->kind == XRAY_EVENT_CANDIDATE ? b->rows : b->rows2) == 0)
            continue;
        r = xf_block_load(s, d->segment, d->block, &e->held, err);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        if (!make_room(e, &e->held->as.cands))
            return xf_fail_memory(err);
        if (e->kind == XRAY_EVENT_CANDIDATE)
            xf_cands_find(&e->held->as.cands, e->trace->run.id, e->step, &e->at, &e->end);
        else
            xf_events_find(&e->held->as.cands, rows_of(e), e->trace->run.id, e->step, &e->at, &e->end);
        e->left = 0;
        return 1;
    }
    return 0;
}

/* ---- records --------------------------------------------------------------------------------- */

static void fill_candidate(xray_events *e, const struct xf_cand *cand, xray_event_record *rec)
{
    const struct xf_cands *c = &e->held->as.cands;
    const struct xf_shape *s = cand->shape;

    *rec = (xray_event_record){
        .kind = XRAY_EVENT_CANDIDATE,
        .item = c->items[cand->item],
        .verdict = s->verdict,
        .fields = cand->fields,
        .reasons = s->reasons,
        .reason_count = s->reason_count,
        .score = cand->score,
        .threshold = cand->threshold,
        .weight = cand->weight,
        .rank_in = cand->rank_in,
        .rank_out = cand->rank_out,
        .by = s->by,
        .provenance = s->provenance,
        .evidence_count = s->key_count,
        .evidence_keys = s->key_names,
        .evidence_values = e->values,
        .after = XRAY_MISSING,
        .time_ns = XRAY_MISSING,
    };
    for (uint32_t i = 0; i < s->key_count; i++)
        e->values[i] =
            (xray_ref){(const uint8_t *)e->room.values[i].ptr, e->room.values[i].len, e->held->segment};
    if ((cand->fields & XRAY_HAS_EVIDENCE) != 0)
        rec->evidence = (xray_ref){(const uint8_t *)cand->evidence.ptr, cand->evidence.len, e->held->segment};
    if ((cand->fields & XRAY_HAS_TIME) != 0)
        rec->time_ns = (int64_t)((uint64_t)e->base_time + (uint64_t)cand->time);
}

/* 1, 0: the block has no more of them. */
static int next_candidate(xray_events *e, xray_event_record *rec)
{
    const struct xf_cands *c = &e->held->as.cands;
    struct xf_cand cand = {.rank_in = XRAY_MISSING, .rank_out = XRAY_MISSING};

    while (e->left == 0) {
        const struct xf_batch *batch;

        if (e->at == e->end)
            return 0;
        batch = &c->batches[c->batch_order[e->at]];
        xf_cands_seek(c, c->batch_order[e->at], e->cursor, &e->room);
        e->left = batch->count;
        e->base_time = batch->time;
        e->at++;
    }
    e->left--;
    if (!xf_cands_take(c, e->cursor, &cand, &e->room))
        return 0; /* cannot be: all were taken when the block was decoded */
    fill_candidate(e, &cand, rec);
    return 1;
}

static int next_row(xray_events *e, xray_event_record *rec)
{
    const struct xf_event_rows *rows = rows_of(e);
    const uint8_t *base = e->held->as.cands.body;
    struct xf_slice body;
    uint32_t row;

    if (e->at == e->end)
        return 0;
    row = rows->order[e->at++];
    body = xf_cell_slice(rows->columns[XF_EVENT_BODY], row);
    *rec = (xray_event_record){
        .kind = e->kind == XRAY_EVENT_DECISION ? XRAY_EVENT_DECISION : XRAY_EVENT_NOTE,
        .rank_in = XRAY_MISSING,
        .rank_out = XRAY_MISSING,
        .name = xf_slice_text(base, xf_cell_slice(rows->columns[XF_EVENT_NAME], row)),
        .after = xf_cell_int(rows->columns[XF_EVENT_AFTER], row),
        .time_ns = xf_cell_int(rows->columns[XF_EVENT_TIME], row),
    };
    if (body.off != 0)
        rec->body = (xray_ref){base + body.off, body.len, e->held->segment};
    return 1;
}

/* The next kind begins with the first block again. */
static void next_kind(xray_events *e)
{
    e->detail = 0;
    e->kind <<= 1;
}

int xray_events_next(xray_events *e, xray_event_record *rec, xray_error *err)
{
    while (e->kind <= XRAY_EVENT_NOTE) {
        int r = 0;

        if ((e->kinds & e->kind) == 0) {
            next_kind(e);
            continue;
        }
        if (e->held != NULL)
            r = e->kind == XRAY_EVENT_CANDIDATE ? next_candidate(e, rec) : next_row(e, rec);
        if (r > 0)
            return 1;
        r = next_block(e, err);
        if (r < 0)
            return r;
        if (r == 0)
            next_kind(e);
    }
    return 0;
}
