/* See candidate.h. */
#include "store/candidate.h"

#include "base/mem.h"

bool xf_cand_reader_fit(struct xf_cand_reader *r, const struct xf_cands *c)
{
    if (c->cursor_len > r->cursor_cap) {
        xf_free(r->cursor);
        r->cursor = xf_alloc(c->cursor_len);
        r->cursor_cap = r->cursor != NULL ? c->cursor_len : 0;
    }
    if (c->max_keys > r->room_cap) {
        xf_free(r->room.values);
        xf_free(r->room.rebuilt);
        xf_free(r->values);
        r->room.values = xf_alloc_array(c->max_keys, sizeof *r->room.values);
        r->room.rebuilt = xf_alloc_array(c->max_keys, sizeof *r->room.rebuilt);
        r->values = xf_alloc_array(c->max_keys, sizeof *r->values);
        r->room_cap = c->max_keys;
        if (r->room.values == NULL || r->room.rebuilt == NULL || r->values == NULL) {
            r->room_cap = 0;
            return false;
        }
    }
    return r->cursor != NULL;
}

void xf_cand_reader_done(struct xf_cand_reader *r)
{
    xf_free(r->cursor);
    xf_free(r->room.values);
    xf_free(r->room.rebuilt);
    xf_free(r->values);
    *r = (struct xf_cand_reader){0};
}

static void fill(struct xf_cand_reader *r, const struct xf_cached *block, const struct xf_cand *cand,
                 int64_t base_time, xray_event_record *rec)
{
    const struct xf_shape *s = cand->shape;

    *rec = (xray_event_record){
        .kind = XRAY_EVENT_CANDIDATE,
        .item = block->as.cands.items[cand->item],
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
        .evidence_values = r->values,
        .after = XRAY_MISSING,
        .time_ns = XRAY_MISSING,
    };
    for (uint32_t i = 0; i < s->key_count; i++)
        r->values[i] = (xray_ref){(const uint8_t *)r->room.values[i].ptr, r->room.values[i].len, block->segment};
    if ((cand->fields & XRAY_HAS_EVIDENCE) != 0)
        rec->evidence = (xray_ref){(const uint8_t *)cand->evidence.ptr, cand->evidence.len, block->segment};
    if ((cand->fields & XRAY_HAS_TIME) != 0)
        rec->time_ns = (int64_t)((uint64_t)base_time + (uint64_t)cand->time);
}

bool xf_cand_reader_next(struct xf_cand_reader *r, const struct xf_cached *block, int64_t base_time,
                         xray_event_record *rec)
{
    struct xf_cand cand = {.rank_in = XRAY_MISSING, .rank_out = XRAY_MISSING};

    if (!xf_cands_take(&block->as.cands, r->cursor, &cand, &r->room))
        return false;
    fill(r, block, &cand, base_time, rec);
    return true;
}
