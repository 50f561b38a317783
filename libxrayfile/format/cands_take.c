/* The columns of a candidates body, in lock-step (spec 8.5). */
#include "format/cands_take.h"

/* Cursors kept for opening batches take at most this much; beyond it, some batches
 * are reached by stepping over those before them. */
#define MARKS_LEN ((size_t)4 << 20)

static struct xf_numcol *evidence_of(struct xf_cands_cursor *cursor)
{
    return (struct xf_numcol *)(void *)(cursor + 1);
}

/* A column of plain elements. */
static bool open_plain(xray_str column, xray_mp *out)
{
    uint32_t count;

    *out = xray_mp_over(column.ptr, column.len);
    return xf_mp_take_array(out, &count);
}

bool xf_cands_take_columns(xray_mp *c, struct xf_cands_cursor *k, struct xf_arena *arena)
{
    const struct {
        const char *name;
        xray_mp *plain;
        struct xf_numcol *number;
    } columns[] = {
        {"shape", &k->shape, NULL},       {"item", &k->item, NULL},       {"score", NULL, &k->score},
        {"threshold", NULL, &k->threshold}, {"rank_in", &k->rank_in, NULL}, {"rank_out", &k->rank_out, NULL},
        {"weight", NULL, &k->weight},     {"time", &k->time, NULL},       {"evidence", &k->evidence, NULL},
    };
    const size_t count = sizeof columns / sizeof *columns;
    unsigned taken = 0;
    uint32_t pairs;

    if (!xf_mp_take_map(c, &pairs))
        return false;
    for (uint32_t i = 0; i < pairs; i++) {
        xray_str name, value;
        size_t n = 0;

        if (!xf_mp_take_str(c, &name) || !xf_mp_take_value(c, &value))
            return false;
        while (n < count &&
               !(strlen(columns[n].name) == name.len && memcmp(columns[n].name, name.ptr, name.len) == 0))
            n++;
        if (n == count || (taken >> n & 1) != 0)
            continue;
        taken |= 1u << n;
        if (!(columns[n].plain != NULL ? open_plain(value, columns[n].plain)
                                       : xf_numcol_open(columns[n].number, value, arena)))
            return false;
    }
    return true;
}

bool xf_cands_take_evidence(xray_mp *c, struct xf_numcol *columns, uint32_t count, struct xf_arena *arena)
{
    uint32_t there;

    if (!xf_mp_take_array(c, &there))
        return false;
    for (uint32_t i = 0; i < there; i++) {
        xray_str column;

        if (!xf_mp_take_value(c, &column) || (i < count && !xf_numcol_open(&columns[i], column, arena)))
            return false;
    }
    return true;
}

/* Takes a number; one that is nil is not there. */
static bool take_number(struct xf_numcol *c, unsigned field, double *number, unsigned *fields)
{
    bool nil = false;

    if (!xf_numcol_next_double(c, number, &nil))
        return false;
    if (nil)
        *fields &= ~field;
    return true;
}

static bool take_int(xray_mp *c, unsigned field, int64_t *number, unsigned *fields)
{
    if (!xf_mp_take_int_here(c, number))
        return false;
    if (*number == XRAY_MISSING)
        *fields &= ~field;
    return true;
}

static bool take_whole(xray_mp *c, xray_str *value, unsigned *fields)
{
    if (!xf_mp_take_value(c, value))
        return false;
    if (value->len == 1 && (uint8_t)value->ptr[0] == 0xc0)
        *fields &= ~XRAY_HAS_EVIDENCE;
    return true;
}

static bool take_fields(struct xf_cands_cursor *k, unsigned fields, struct xf_cand *out)
{
    bool good = true;

    if (fields & XRAY_HAS_SCORE)
        good &= take_number(&k->score, XRAY_HAS_SCORE, &out->score, &out->fields);
    if (fields & XRAY_HAS_THRESHOLD)
        good &= take_number(&k->threshold, XRAY_HAS_THRESHOLD, &out->threshold, &out->fields);
    if (fields & XRAY_HAS_RANK_IN)
        good &= take_int(&k->rank_in, XRAY_HAS_RANK_IN, &out->rank_in, &out->fields);
    if (fields & XRAY_HAS_RANK_OUT)
        good &= take_int(&k->rank_out, XRAY_HAS_RANK_OUT, &out->rank_out, &out->fields);
    if (fields & XRAY_HAS_WEIGHT)
        good &= take_number(&k->weight, XRAY_HAS_WEIGHT, &out->weight, &out->fields);
    if (fields & XRAY_HAS_TIME)
        good &= take_int(&k->time, XRAY_HAS_TIME, &out->time, &out->fields);
    if (fields & XRAY_HAS_EVIDENCE)
        good &= take_whole(&k->evidence, &out->evidence, &out->fields);
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

bool xf_cands_take_head(const struct xf_cands *c, struct xf_cands_cursor *k, struct xf_cand *out)
{
    int64_t shape, step;

    if (!xf_mp_take_int_here(&k->shape, &shape) || !xf_mp_take_int_here(&k->item, &step))
        return false;
    if (shape < 0 || shape >= c->shape_count)
        return false;
    if (step < -(int64_t)XF_ROWS_MAX || step > (int64_t)XF_ROWS_MAX)
        return false;
    k->last_item += step;
    if (k->last_item < 0 || k->last_item >= c->item_count)
        return false;
    out->shape = &c->shapes[shape];
    out->fields = out->shape->fields;
    out->item = (uint32_t)k->last_item;
    k->next++;
    return true;
}

bool xf_cands_take(const struct xf_cands *c, struct xf_cands_cursor *k, struct xf_cand *out,
                   struct xf_cand_room *room)
{
    return xf_cands_take_head(c, k, out) && (out->shape->fields == 0 || take_fields(k, out->shape->fields, out)) &&
           (out->shape->key_count == 0 || take_evidence(k, out->shape, room));
}

/* Columns with more elements than candidates have were written for other shapes. */
static bool is_used_up(const struct xf_cands *c, struct xf_cands_cursor *k)
{
    for (uint32_t i = 0; i < c->key_count; i++)
        if (evidence_of(k)[i].left > 0)
            return false;
    return k->shape.left == 0 && k->item.left == 0 && k->rank_in.left == 0 && k->rank_out.left == 0 &&
           k->time.left == 0 && k->evidence.left == 0 && k->score.left == 0 && k->threshold.left == 0 &&
           k->weight.left == 0;
}

static bool mark_batches(struct xf_cands *c, struct xf_cands_cursor *k, uint8_t *marks,
                         struct xf_cand_room *room)
{
    struct xf_cand cand;

    for (uint32_t b = 0; b < c->batch_count; b++) {
        if (b % c->mark_stride == 0)
            memcpy(marks + b / c->mark_stride * c->cursor_len, k, c->cursor_len);
        for (uint32_t i = 0; i < c->batches[b].count; i++)
            if (!xf_cands_take(c, k, &cand, room))
                return false;
    }
    return is_used_up(c, k);
}

bool xf_cands_mark(struct xf_cands *c, struct xf_cands_cursor *start, struct xf_arena *arena, bool *no_memory)
{
    const size_t most = MARKS_LEN / c->cursor_len > 0 ? MARKS_LEN / c->cursor_len : 1;
    const size_t count = c->batch_count < most ? c->batch_count : most;
    struct xf_cand_room room;
    uint8_t *marks;

    if (c->batch_count == 0)
        return is_used_up(c, start);
    c->mark_stride = (uint32_t)((c->batch_count + count - 1) / count);
    marks = xf_arena_alloc(arena, count * c->cursor_len);
    room.values = xf_arena_alloc(arena, c->max_keys * sizeof *room.values);
    room.rebuilt = xf_arena_alloc(arena, c->max_keys * sizeof *room.rebuilt);
    if (marks == NULL || room.values == NULL || room.rebuilt == NULL) {
        *no_memory = true;
        return false;
    }
    c->marks = marks;
    return mark_batches(c, start, marks, &room);
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
