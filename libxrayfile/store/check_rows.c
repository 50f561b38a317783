/* Checking the rows of a spine or candidates block (check.h): times, counts, content digest. */
#include "store/check.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/fail.h"
#include "codec/mpwrite.h"
#include "store/resolve.h"

/* What the numbers of a step are counted under. */
enum { CANDIDATES = 'n', LEFT_OVER = 'o', REASON = 'r', BEGUN = 'b' };

static const xray_str no_text = {NULL, 0};

/* ---- shared ---------------------------------------------------------------------------- */

static int bad_block(struct xf_check *c, const struct xf_block *b, const char *why)
{
    c->holes = true;
    xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)b->ordinal, b->pos,
                 "%s: %s; lost: %" PRIu32 " and %" PRIu32 " rows; other blocks are not touched",
                 b->kind == XF_SPINE ? "spine" : "candidates", why, b->rows, b->rows2);
    return XRAY_ECORRUPT;
}

static int count(struct xf_check *c, const uint8_t *run_id, int64_t step, char what, xray_str text, uint64_t n,
                 xray_error *err)
{
    return xf_counts_add(&c->counts, xf_counts_key(&c->counts, run_id, step, what, text), n) ? XRAY_OK
                                                                                             : xf_fail_memory(err);
}

static uint64_t counted(const struct xf_check *c, const uint8_t *run_id, int64_t step, char what, xray_str text)
{
    return xf_counts_get(&c->counts, xf_counts_key(&c->counts, run_id, step, what, text));
}

/* Appends a stored value, resolved. One that cannot be resolved (too large) makes the digest unknown. */
static int put_value(struct xf_check *c, xray_str value, xray_buffer *out, xray_error *err)
{
    xray_error why;
    const int r = xf_resolve(c->s, (uint32_t)c->part, value, out, &why);

    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r < 0) {
        c->content_known = false;
        xf_put_lost(out);
    }
    return XRAY_OK;
}

static void put_slice(xray_buffer *out, const uint8_t *body, struct xf_slice s)
{
    if (s.off == 0)
        xf_mp_nil(out);
    else
        xf_mp_str(out, body + s.off, s.len);
}

static void put_int(xray_buffer *out, int64_t v)
{
    if (v == XRAY_MISSING)
        xf_mp_nil(out);
    else
        xf_mp_int(out, v);
}

/* ---- spine ------------------------------------------------------------------------------ */

/* [index, count, ...] becomes [code, count, ...]. */
static void put_reasons(xray_buffer *out, const struct xf_spine *s, struct xf_slice slice)
{
    xray_mp c = xray_mp_over(s->body + slice.off, slice.len);
    uint32_t members;
    int64_t v;

    xf_mp_take_array(&c, &members); /* its form was checked when the block was decoded */
    xf_mp_array(out, members);
    for (uint32_t i = 0; i < members && xf_mp_take_int(&c, &v); i++) {
        if (i % 2 == 0)
            xf_mp_str(out, s->strings[v].ptr, s->strings[v].len);
        else
            xf_mp_int(out, v);
    }
}

static int put_cell(struct xf_check *c, const struct xf_spine *s, enum xf_encoding encoding, union xf_cell cell,
                    unsigned column, xray_error *err)
{
    struct xf_row *row = &c->row;
    size_t start;
    int r = XRAY_OK;

    if (encoding == XF_ENC_INT || encoding == XF_ENC_DELTA) {
        if (cell.i != XRAY_MISSING)
            xf_row_put_int(row, column, cell.i);
        return XRAY_OK;
    }
    if (encoding == XF_ENC_RUN || encoding == XF_ENC_NONE || cell.s.off == 0)
        return XRAY_OK;
    start = xf_row_begin(row);
    if (encoding == XF_ENC_STR)
        xf_mp_str(&row->bytes, s->body + cell.s.off, cell.s.len);
    else if (encoding == XF_ENC_REASONS)
        put_reasons(&row->bytes, s, cell.s);
    else if (encoding == XF_ENC_VALUE)
        r = put_value(c, xray_strn((const char *)s->body + cell.s.off, cell.s.len), &row->bytes, err);
    else
        xf_buf_put(&row->bytes, s->body + cell.s.off, cell.s.len);
    if (r < 0)
        return r;
    if (row->bytes.failed)
        return xf_fail_memory(err);
    xf_row_end(row, column, start);
    return XRAY_OK;
}

static int digest_row(struct xf_check *c, const struct xf_spine *s, enum xf_table table, uint32_t row,
                      xray_error *err)
{
    const bool is_run = table == XF_TABLE_RUNS;
    const struct xf_column *columns = is_run ? xf_run_columns : xf_step_columns;
    const unsigned column_count = is_run ? (unsigned)XF_RUN_COLUMNS : (unsigned)XF_STEP_COLUMNS;
    const union xf_cell *const *cells = is_run ? s->runs : s->steps;
    const int64_t run = xf_cell_int(cells[0], row);
    const struct xf_run_ref ref = {
        .id = xf_spine_run_id(s, run),
        .pipeline = s->pipelines != NULL ? xf_slice_text(s->body, s->pipelines[run].s) : no_text,
        .version = s->versions != NULL ? xf_slice_text(s->body, s->versions[run].s) : no_text,
    };
    int r = XRAY_OK;

    xf_row_reset(&c->row);
    for (unsigned k = 1; k < column_count && r >= 0; k++)
        if (cells[k] != NULL)
            r = put_cell(c, s, columns[k].encoding, cells[k][row], k, err);
    if (r < 0)
        return r;
    xf_record_row(&c->content, &c->digest_record, &c->record, table, c->seg->writer_id, &ref, &c->row);
    return c->record.failed ? xf_fail_memory(err) : XRAY_OK;
}

static void add_times(struct xf_time_range *range, int64_t start, int64_t dur, int64_t end)
{
    if (end == XRAY_MISSING && start != XRAY_MISSING && dur != XRAY_MISSING)
        end = (int64_t)((uint64_t)start + (uint64_t)dur);
    xf_time_range_add(range, start);
    xf_time_range_add(range, end);
}

/* A begin that was there before: readers join both, so one of them may hide what the other said. */
static int check_begin(struct xf_check *c, const struct xf_block *b, const uint8_t *run_id, int64_t step,
                       xray_error *err)
{
    if (counted(c, run_id, step, BEGUN, no_text) > 0) {
        if (step == XRAY_MISSING)
            xf_check_say(c, XF_CHECK_NOTE, (int64_t)b->ordinal, b->pos,
                         "run %02x%02x%02x%02x... begins twice in this segment", run_id[0], run_id[1], run_id[2],
                         run_id[3]);
        else
            xf_check_say(c, XF_CHECK_NOTE, (int64_t)b->ordinal, b->pos,
                         "step %" PRId64 " of run %02x%02x%02x%02x... begins twice in this segment", step, run_id[0],
                         run_id[1], run_id[2], run_id[3]);
    }
    return count(c, run_id, step, BEGUN, no_text, 1, err);
}

/* Counts and histogram of a step that began in this segment and of which every candidate was recorded. What the
 * application says itself may differ from what it recorded: a note. */
static void check_counts(struct xf_check *c, const struct xf_block *b, const struct xf_spine *s, uint32_t row)
{
    const uint8_t *run_id = xf_spine_run_id(s, s->steps[XF_STEP_RUN][row].i);
    const int64_t step = xf_cell_int(s->steps[XF_STEP_STEP], row);
    const int64_t in = xf_cell_int(s->steps[XF_STEP_IN], row), out = xf_cell_int(s->steps[XF_STEP_OUT], row);
    const int64_t flags = xf_cell_int(s->steps[XF_STEP_FLAGS], row);
    const struct xf_slice reasons = xf_cell_slice(s->steps[XF_STEP_REASONS], row);
    const uint64_t n = counted(c, run_id, step, CANDIDATES, no_text);
    const uint64_t left = counted(c, run_id, step, LEFT_OVER, no_text);
    const int64_t block = (int64_t)b->ordinal;
    xray_mp at = xray_mp_over(s->body + reasons.off, reasons.len);
    uint32_t members;

    if (c->holes || c->counts.full || n == 0 || counted(c, run_id, step, BEGUN, no_text) == 0 ||
        (flags != XRAY_MISSING && (flags & (int64_t)XRAY_FLAG_SAMPLED) != 0) ||
        xf_cell_int(s->steps[XF_STEP_KEPT], row) != XRAY_MISSING)
        return;
    if (in != XRAY_MISSING && (uint64_t)in != n)
        xf_check_say(c, XF_CHECK_NOTE, block, b->pos,
                     "step %" PRId64 " of run %02x%02x%02x%02x... says %" PRId64 " candidates in, %" PRIu64
                     " are recorded",
                     step, run_id[0], run_id[1], run_id[2], run_id[3], in, n);
    if (out != XRAY_MISSING && (uint64_t)out != left)
        xf_check_say(c, XF_CHECK_NOTE, block, b->pos,
                     "step %" PRId64 " of run %02x%02x%02x%02x... says %" PRId64 " candidates out, %" PRIu64
                     " are recorded",
                     step, run_id[0], run_id[1], run_id[2], run_id[3], out, left);
    if (reasons.off == 0 || !xf_mp_take_array(&at, &members) || members / 2 > XF_REASONS_MAX)
        return;
    for (uint32_t i = 0; i < members / 2; i++) {
        int64_t index = 0, said = 0;
        uint64_t met;

        xf_mp_take_int(&at, &index);
        xf_mp_take_int(&at, &said);
        met = counted(c, run_id, step, REASON, s->strings[index]);
        if ((uint64_t)said != met)
            xf_check_say(c, XF_CHECK_NOTE, block, b->pos,
                         "step %" PRId64 " of run %02x%02x%02x%02x... says %" PRId64
                         " rejections for \"%.*s\", %" PRIu64 " are recorded",
                         step, run_id[0], run_id[1], run_id[2], run_id[3], said,
                         (int)(s->strings[index].len < 60 ? s->strings[index].len : 60), s->strings[index].ptr, met);
    }
}

/* `details` names candidates blocks that stand before this one (spec 7.5, 4.6). It is a hint: readers pass over what
 * holds no candidates. A loss block stands where a repair found the candidates gone. */
static bool check_details(struct xf_check *c, const struct xf_block *b, const struct xf_spine *s)
{
    bool told = false;

    for (uint32_t i = 0; i < s->detail_rows; i++) {
        const int64_t ordinal = xf_cell_int(s->details[XF_DETAIL_BLOCK], i);
        const int64_t index = xf_segment_find_block(c->seg, (uint64_t)ordinal);
        const struct xf_block *named = index >= 0 ? &c->seg->blocks[index] : NULL;

        if ((uint64_t)ordinal >= b->ordinal) {
            char text[96];

            snprintf(text, sizeof text, "details name block %" PRId64 ", which does not stand before it", ordinal);
            return bad_block(c, b, text) == XRAY_OK;
        }
        if (!told && named != NULL && named->kind != XF_CANDIDATES && named->kind != XF_LOSS) {
            xf_check_say(c, XF_CHECK_NOTE, (int64_t)b->ordinal, b->pos,
                         "details name block %" PRId64 ", which holds no candidates", ordinal);
            told = true;
        }
    }
    return true;
}

int xf_check_spine(struct xf_check *c, const struct xf_block *b, xray_error *err)
{
    const xray_str body = xray_strn((const char *)c->body.data, c->body.len);
    struct xf_time_range range = {INT64_MAX, INT64_MIN};
    struct xf_spine s;
    xray_error why;
    int r = xf_spine_decode(&s, body, false, &c->arena, &why);

    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r < 0 || s.step_rows != b->rows || s.run_rows != b->rows2)
        return bad_block(c, b, r < 0 ? why.message : "rows of the body are not those that its header counts");
    for (uint32_t i = 0; i < s.run_rows; i++)
        add_times(&range, xf_cell_int(s.runs[XF_RUN_START], i), xf_cell_int(s.runs[XF_RUN_DUR], i),
                  xf_cell_int(s.runs[XF_RUN_END], i));
    for (uint32_t i = 0; i < s.step_rows; i++)
        add_times(&range, xf_cell_int(s.steps[XF_STEP_START], i), xf_cell_int(s.steps[XF_STEP_DUR], i),
                  xf_cell_int(s.steps[XF_STEP_END], i));
    if (!xf_check_times(c, b, &range))
        return XRAY_ECORRUPT;
    if (!check_details(c, b, &s))
        return XRAY_ECORRUPT;
    for (uint32_t i = 0; i < s.run_rows && r >= 0; i++) {
        const int64_t state = xf_cell_int(s.runs[XF_RUN_STATE], i);

        if (state != XRAY_MISSING && (state & XF_STATE_BEGIN) != 0)
            r = check_begin(c, b, xf_spine_run_id(&s, s.runs[XF_RUN_RUN][i].i), XRAY_MISSING, err);
        if (r >= 0 && c->content_known)
            r = digest_row(c, &s, XF_TABLE_RUNS, i, err);
    }
    for (uint32_t i = 0; i < s.step_rows && r >= 0; i++) {
        const int64_t state = xf_cell_int(s.steps[XF_STEP_STATE], i);

        if (state != XRAY_MISSING && (state & XF_STATE_BEGIN) != 0)
            r = check_begin(c, b, xf_spine_run_id(&s, s.steps[XF_STEP_RUN][i].i),
                            xf_cell_int(s.steps[XF_STEP_STEP], i), err);
        if (r >= 0 && state != XRAY_MISSING && (state & XF_STATE_END) != 0)
            check_counts(c, b, &s, i);
        if (r >= 0 && c->content_known)
            r = digest_row(c, &s, XF_TABLE_STEPS, i, err);
    }
    return r;
}

/* ---- candidates --------------------------------------------------------------------------- */


/* One candidate for the counts of its step: a code counts as often as it is given. */
static int count_candidate(struct xf_check *c, const uint8_t *run_id, int64_t step, const struct xf_shape *s,
                           uint64_t n, xray_error *err)
{
    int r = count(c, run_id, step, CANDIDATES, no_text, n, err);

    if (r >= 0 && (s->verdict == XRAY_ACCEPT || s->verdict == XRAY_MODIFY))
        r = count(c, run_id, step, LEFT_OVER, no_text, n, err);
    for (uint32_t i = 0; i < s->reason_count && r >= 0 && s->verdict == XRAY_REJECT; i++) {
        if (s->reasons[i].code.len > 0)
            r = count(c, run_id, step, REASON, s->reasons[i].code, n, err);
    }
    return r;
}

/* Reasons as arrays of str or nil, trailing nils left out (spec 8.2). */
static void put_shape_reasons(xray_buffer *out, const struct xf_shape *s)
{
    xf_mp_array(out, s->reason_count);
    for (uint32_t i = 0; i < s->reason_count; i++) {
        const xray_str members[4] = {s->reasons[i].code, s->reasons[i].rule, s->reasons[i].version,
                                     s->reasons[i].params};
        size_t n = 4;

        while (n > 0 && members[n - 1].ptr == NULL)
            n--;
        xf_mp_array(out, n);
        for (size_t k = 0; k < n; k++) {
            if (members[k].ptr == NULL)
                xf_mp_nil(out);
            else
                xf_mp_str(out, members[k].ptr, members[k].len);
        }
    }
}

/* The number as it stands in its column: an integer stays one. `at` is the column before it was taken. */
static void put_number(xray_buffer *out, struct xf_numcol *at, bool there)
{
    xray_str value;

    if (there && xf_numcol_next(at, &value))
        xf_buf_put(out, value.ptr, value.len);
    else
        xf_mp_nil(out);
}

static int put_evidence(struct xf_check *c, const struct xf_cand *cand, const struct xf_cand_room *room,
                        xray_error *err)
{
    const struct xf_shape *s = cand->shape;
    int r = XRAY_OK;

    if ((cand->fields & XRAY_HAS_EVIDENCE) != 0)
        return put_value(c, cand->evidence, &c->record, err);
    if (s->key_count == 0) {
        xf_mp_nil(&c->record);
        return XRAY_OK;
    }
    xf_mp_map(&c->record, s->key_count);
    for (uint32_t i = 0; i < s->key_count && r >= 0; i++) {
        xf_mp_str(&c->record, s->key_names[i].ptr, s->key_names[i].len);
        r = put_value(c, room->values[i], &c->record, err);
    }
    return r;
}

/* Appends `c` of spec 10.3 and adds the record. `before` is the cursor before the candidate was taken. */
static int digest_candidate(struct xf_check *c, const struct xf_cands *cands, const struct xf_batch *batch,
                            struct xf_cands_cursor *before, const struct xf_cand *cand,
                            const struct xf_cand_room *room, xray_error *err)
{
    const xray_str item = cands->items[cand->item];
    const unsigned f = cand->fields;
    int r;

    xf_mp_array(&c->record, 12);
    xf_mp_str(&c->record, item.ptr, item.len);
    xf_mp_int(&c->record, cand->shape->verdict);
    put_shape_reasons(&c->record, cand->shape);
    put_number(&c->record, &before->score, (f & XRAY_HAS_SCORE) != 0);
    put_number(&c->record, &before->threshold, (f & XRAY_HAS_THRESHOLD) != 0);
    put_int(&c->record, (f & XRAY_HAS_RANK_IN) != 0 ? cand->rank_in : XRAY_MISSING);
    put_int(&c->record, (f & XRAY_HAS_RANK_OUT) != 0 ? cand->rank_out : XRAY_MISSING);
    put_number(&c->record, &before->weight, (f & XRAY_HAS_WEIGHT) != 0);
    put_int(&c->record,
            (f & XRAY_HAS_TIME) != 0 ? (int64_t)((uint64_t)batch->time + (uint64_t)cand->time) : XRAY_MISSING);
    xf_mp_int(&c->record, cand->shape->by);
    xf_mp_int(&c->record, cand->shape->provenance);
    r = put_evidence(c, cand, room, err);
    if (r < 0)
        return r;
    if (c->record.failed)
        return xf_fail_memory(err);
    xf_digest_add(&c->content, c->record.data, c->record.len);
    return XRAY_OK;
}

static int check_batch(struct xf_check *c, const struct xf_cands *cands, const struct xf_batch *batch,
                       struct xf_cands_cursor *cursor, struct xf_cand_room *room, struct xf_time_range *range,
                       xray_error *err)
{
    const uint8_t *run_id = cands->run_ids + (size_t)batch->run * 16;
    const struct xf_owner owner = {.writer_id = c->seg->writer_id, .run_id = run_id, .step = batch->step};
    const struct xf_shape *same = NULL;
    uint64_t same_count = 0;
    struct xf_cand cand;
    size_t head;
    int r = XRAY_OK;

    xf_record_begin(&c->record, XF_TABLE_CANDS, &owner, 1);
    head = c->record.len;
    for (uint32_t i = 0; i < batch->count && r >= 0; i++) {
        struct xf_cands_cursor before = *cursor;

        if (!xf_cands_take(cands, cursor, &cand, room))
            break; /* they were all taken when the block was decoded */
        if ((cand.fields & XRAY_HAS_TIME) != 0)
            xf_time_range_add(range, (int64_t)((uint64_t)batch->time + (uint64_t)cand.time));
        if (cand.shape != same) { /* runs of one shape are counted at once */
            if (same != NULL)
                r = count_candidate(c, run_id, batch->step, same, same_count, err);
            same = cand.shape;
            same_count = 0;
        }
        same_count++;
        c->record.len = head;
        if (r >= 0 && c->content_known)
            r = digest_candidate(c, cands, batch, &before, &cand, room, err);
    }
    if (r >= 0 && same != NULL)
        r = count_candidate(c, run_id, batch->step, same, same_count, err);
    return r;
}

static int check_events(struct xf_check *c, const struct xf_cands *cands, const struct xf_event_rows *rows,
                        enum xf_table table, struct xf_time_range *range, xray_error *err)
{
    int r = XRAY_OK;

    for (uint32_t i = 0; i < rows->count && r >= 0; i++) {
        const struct xf_owner owner = {
            .writer_id = c->seg->writer_id,
            .run_id = cands->run_ids + (size_t)xf_cell_int(rows->columns[XF_EVENT_RUN], i) * 16,
            .step = xf_cell_int(rows->columns[XF_EVENT_STEP], i),
        };
        const struct xf_slice body = xf_cell_slice(rows->columns[XF_EVENT_BODY], i);
        const int64_t time_ns = xf_cell_int(rows->columns[XF_EVENT_TIME], i);

        xf_time_range_add(range, time_ns);
        if (!c->content_known)
            continue;
        xf_record_begin(&c->record, table, &owner, 4);
        put_int(&c->record, xf_cell_int(rows->columns[XF_EVENT_AFTER], i));
        put_slice(&c->record, cands->body, xf_cell_slice(rows->columns[XF_EVENT_NAME], i));
        put_int(&c->record, time_ns);
        if (body.off == 0)
            xf_mp_nil(&c->record);
        else
            r = put_value(c, xray_strn((const char *)cands->body + body.off, body.len), &c->record, err);
        if (c->record.failed)
            return xf_fail_memory(err);
        xf_digest_add(&c->content, c->record.data, c->record.len);
    }
    return r;
}

static int check_batches(struct xf_check *c, const struct xf_cands *cands, struct xf_time_range *range,
                         xray_error *err)
{
    struct xf_cand_room room;
    struct xf_cands_cursor *cursor;
    int r = XRAY_OK;

    if (cands->batch_count == 0)
        return XRAY_OK;
    xf_buf_reset(&c->cursor);
    cursor = (struct xf_cands_cursor *)(void *)xf_buf_extend(&c->cursor, cands->cursor_len);
    room.values = xf_arena_alloc(&c->arena, (cands->max_keys + 1) * sizeof *room.values);
    room.rebuilt = xf_arena_alloc(&c->arena, (cands->max_keys + 1) * sizeof *room.rebuilt);
    if (cursor == NULL || room.values == NULL || room.rebuilt == NULL)
        return xf_fail_memory(err);
    xf_cands_seek(cands, 0, cursor, &room);
    for (uint32_t i = 0; i < cands->batch_count && r >= 0; i++)
        r = check_batch(c, cands, &cands->batches[i], cursor, &room, range, err);
    return r;
}

int xf_check_candidates(struct xf_check *c, const struct xf_block *b, xray_error *err)
{
    const xray_str body = xray_strn((const char *)c->body.data, c->body.len);
    struct xf_time_range range = {INT64_MAX, INT64_MIN};
    struct xf_cands cands;
    xray_error why;
    int r = xf_cands_decode(&cands, body, &c->arena, &why);

    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r < 0 || cands.cand_count != b->rows || (uint64_t)cands.decisions.count + cands.notes.count != b->rows2)
        return bad_block(c, b, r < 0 ? why.message : "rows of the body are not those that its header counts");
    r = check_batches(c, &cands, &range, err);
    if (r >= 0)
        r = check_events(c, &cands, &cands.decisions, XF_TABLE_DECISIONS, &range, err);
    if (r >= 0)
        r = check_events(c, &cands, &cands.notes, XF_TABLE_NOTES, &range, err);
    if (r < 0)
        return r;
    c->totals.decisions += cands.decisions.count;
    c->totals.notes += cands.notes.count;
    return xf_check_times(c, b, &range) ? XRAY_OK : XRAY_ECORRUPT;
}
