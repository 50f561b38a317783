/* Candidates, decisions and notes of one step (xray_events): the blocks that the
 * step's details name, one after the other, once for each kind. */
#include "base/fail.h"
#include "base/mem.h"
#include "store/candidate.h"
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
    struct xf_cand_reader reader;
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
    xf_cand_reader_done(&e->reader);
    xf_free(e);
}

/* ---- blocks -------------------------------------------------------------------------------- */

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
        if (!xf_cand_reader_fit(&e->reader, &e->held->as.cands))
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

/* 1, 0: the block has no more of them. */
static int next_candidate(xray_events *e, xray_event_record *rec)
{
    const struct xf_cands *c = &e->held->as.cands;

    while (e->left == 0) {
        const struct xf_batch *batch;

        if (e->at == e->end)
            return 0;
        batch = &c->batches[c->batch_order[e->at]];
        xf_cands_seek(c, c->batch_order[e->at], e->reader.cursor, &e->reader.room);
        e->left = batch->count;
        e->base_time = batch->time;
        e->at++;
    }
    e->left--;
    return xf_cand_reader_next(&e->reader, e->held, e->base_time, rec) ? 1 : 0;
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
