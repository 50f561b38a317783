/* The columns of a candidates body, in lock-step (spec 8.5). */
#include "format/cands_take.h"

/* Cursors kept for opening batches take at most this much; beyond it, some batches
 * are reached by stepping over those before them. */
#define MARKS_LEN ((size_t)4 << 20)

static struct xf_numcol *evidence_of(struct xf_cands_cursor *cursor)
{
    return (struct xf_numcol *)(void *)(cursor + 1);
}

/* A plain column: its elements. Absent: none. */
static bool open_plain(xray_str table, const char *key, xray_mp *out)
{
    xray_str value;
    uint32_t count;

    *out = xray_mp_over(NULL, 0);
    if (table.ptr == NULL || !xf_mp_find(table, key, &value))
        return true;
    *out = xray_mp_over(value.ptr, value.len);
    return xf_mp_take_array(out, &count);
}

static bool open_number(xray_str table, const char *key, struct xf_numcol *out)
{
    xray_str value = {NULL, 0};

    if (table.ptr != NULL && !xf_mp_find(table, key, &value))
        value = xray_strn(NULL, 0);
    return xf_numcol_open(out, value);
}

static bool open_evidence(const struct xf_cands *c, xray_str evidence, struct xf_cands_cursor *cursor)
{
    xray_mp at = xray_mp_over(evidence.ptr, evidence.len);
    uint32_t count = 0;

    if (evidence.ptr != NULL && !xf_mp_take_array(&at, &count))
        return false;
    for (uint32_t i = 0; i < c->key_count; i++) {
        xray_str column = {NULL, 0};

        if (i < count && !xf_mp_take_value(&at, &column))
            return false;
        if (!xf_numcol_open(&evidence_of(cursor)[i], column))
            return false;
    }
    return true;
}

bool xf_cands_open(const struct xf_cands *c, xray_str table, xray_str evidence, struct xf_cands_cursor *cursor)
{
    cursor->last_item = -1;
    cursor->next = 0;
    return open_plain(table, "shape", &cursor->shape) && open_plain(table, "item", &cursor->item) &&
           open_plain(table, "rank_in", &cursor->rank_in) && open_plain(table, "rank_out", &cursor->rank_out) &&
           open_plain(table, "time", &cursor->time) && open_plain(table, "evidence", &cursor->evidence) &&
           open_number(table, "score", &cursor->score) && open_number(table, "threshold", &cursor->threshold) &&
           open_number(table, "weight", &cursor->weight) && open_evidence(c, evidence, cursor);
}

static bool take_fields(struct xf_cands_cursor *k, unsigned fields, struct xf_cand *out)
{
    bool good = true;

    if (fields & XRAY_HAS_SCORE)
        good &= xf_numcol_next_double(&k->score, &out->score);
    if (fields & XRAY_HAS_THRESHOLD)
        good &= xf_numcol_next_double(&k->threshold, &out->threshold);
    if (fields & XRAY_HAS_RANK_IN)
        good &= xf_mp_take_int(&k->rank_in, &out->rank_in);
    if (fields & XRAY_HAS_RANK_OUT)
        good &= xf_mp_take_int(&k->rank_out, &out->rank_out);
    if (fields & XRAY_HAS_WEIGHT)
        good &= xf_numcol_next_double(&k->weight, &out->weight);
    if (fields & XRAY_HAS_TIME)
        good &= xf_mp_take_int(&k->time, &out->time);
    if (fields & XRAY_HAS_EVIDENCE)
        good &= xf_mp_take_value(&k->evidence, &out->evidence);
    return good;
}

static bool take_evidence(struct xf_cands_cursor *k, const struct xf_shape *s, struct xf_cand_room *room)
{
    for (uint32_t i = 0; i < s->key_count; i++) {
        struct xf_numcol *column = &evidence_of(k)[s->keys[i]];
        xray_str *value = &room->values[i];

        if (!xf_numcol_next(column, value))
            return false;
        /* A key named twice has its second value rebuilt in the same place. */
        if (value->ptr == (const char *)column->scratch) {
            memcpy(room->rebuilt[i], column->scratch, sizeof room->rebuilt[i]);
            value->ptr = (const char *)room->rebuilt[i];
        }
    }
    return true;
}

bool xf_cands_take(const struct xf_cands *c, struct xf_cands_cursor *k, struct xf_cand *out,
                   struct xf_cand_room *room)
{
    int64_t shape, step;

    if (!xf_mp_take_int(&k->shape, &shape) || !xf_mp_take_int(&k->item, &step))
        return false;
    if (shape < 0 || shape >= c->shape_count)
        return false;
    if (step < -(int64_t)XF_ROWS_MAX || step > (int64_t)XF_ROWS_MAX)
        return false;
    k->last_item += step;
    if (k->last_item < 0 || k->last_item >= c->item_count)
        return false;
    out->shape = &c->shapes[shape];
    out->item = (uint32_t)k->last_item;
    k->next++;
    return (out->shape->fields == 0 || take_fields(k, out->shape->fields, out)) &&
           (out->shape->key_count == 0 || take_evidence(k, out->shape, room));
}

static bool mark_batches(struct xf_cands *c, struct xf_cands_cursor *k, uint8_t *marks, struct xf_cand_room *room)
{
    struct xf_cand cand;

    for (uint32_t b = 0; b < c->batch_count; b++) {
        if (b % c->mark_stride == 0)
            memcpy(marks + b / c->mark_stride * c->cursor_len, k, c->cursor_len);
        for (uint32_t i = 0; i < c->batches[b].count; i++)
            if (!xf_cands_take(c, k, &cand, room))
                return false;
    }
    return true;
}

bool xf_cands_mark(struct xf_cands *c, const struct xf_cands_cursor *start, struct xf_arena *arena, bool *no_memory)
{
    const size_t most = MARKS_LEN / c->cursor_len > 0 ? MARKS_LEN / c->cursor_len : 1;
    const size_t count = c->batch_count < most ? c->batch_count : most;
    struct xf_cand_room room;
    struct xf_cands_cursor *k;
    uint8_t *marks;

    if (c->batch_count == 0)
        return true;
    c->mark_stride = (uint32_t)((c->batch_count + count - 1) / count);
    marks = xf_arena_alloc(arena, count * c->cursor_len);
    k = xf_arena_alloc(arena, c->cursor_len);
    room.values = xf_arena_alloc(arena, c->max_keys * sizeof *room.values);
    room.rebuilt = xf_arena_alloc(arena, c->max_keys * sizeof *room.rebuilt);
    if (marks == NULL || k == NULL || room.values == NULL || room.rebuilt == NULL) {
        *no_memory = true;
        return false;
    }
    memcpy(k, start, c->cursor_len);
    c->marks = marks;
    return mark_batches(c, k, marks, &room);
}

void xf_cands_seek(const struct xf_cands *c, uint32_t batch, struct xf_cands_cursor *cursor,
                   struct xf_cand_room *room)
{
    struct xf_cand cand;

    memcpy(cursor, c->marks + (size_t)(batch / c->mark_stride) * c->cursor_len, c->cursor_len);
    /* All candidates were taken once before, so none can fail. */
    while (cursor->next < c->batches[batch].first && xf_cands_take(c, cursor, &cand, room))
        continue;
}
