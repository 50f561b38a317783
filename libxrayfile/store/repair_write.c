/* Writing a repaired segment (repair.h). */
#include "store/repair.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "codec/mpwrite.h"
#include "format/loss_build.h"
#include "os/out.h"
#include "store/resolve.h"

#define LEVEL 6
#define HELLO_LEN_MAX (XF_HELLO_HEAD + XF_HELLO_MAX + XF_HELLO_TAIL)

static const char cause_damage[] = "damage", cause_torn[] = "torn";

/* ---- losses -------------------------------------------------------------------------------- */

static int add_loss(struct xf_repair *r, const char *cause, const char *what, uint64_t count)
{
    void *list = r->pending;
    bool room;

    if (count == 0)
        return XRAY_OK;
    for (uint32_t i = 0; i < r->pending_count; i++)
        if (r->pending[i].cause == cause && strcmp(r->pending[i].what, what) == 0) {
            r->pending[i].count += count;
            return XRAY_OK;
        }
    room = xf_store_grow(&list, r->pending_count, &r->pending_cap, sizeof *r->pending);
    r->pending = list;
    if (!room)
        return xf_fail_memory(r->err);
    r->pending[r->pending_count++] = (struct xf_loss_row){.cause = cause, .what = what, .count = count};
    return XRAY_OK;
}

/* What a header says that its block held. */
static int add_block_loss(struct xf_repair *r, const char *cause, unsigned kind, uint64_t rows, uint64_t rows2)
{
    int status;

    switch (kind) {
    case XF_PAYLOAD: return add_loss(r, cause, "payload", rows + rows2);
    case XF_CANDIDATES:
        status = add_loss(r, cause, "candidate", rows);
        return status < 0 ? status : add_loss(r, cause, "record", rows2);
    case XF_SPINE:
        status = add_loss(r, cause, "step", rows);
        return status < 0 ? status : add_loss(r, cause, "run", rows2);
    default: return add_loss(r, cause, "block", 1);
    }
}

/* ---- blocks --------------------------------------------------------------------------------- */

static int put_block(struct xf_repair *r, const struct xf_block_info *info)
{
    if (r->file == NULL) {
        xf_buf_reset(&r->out.body);
        return XRAY_OK;
    }
    return xf_segment_out_block(&r->out, info, NULL, r->err);
}

/* A loss block with what is pending, which may be nothing: then it only takes the place of a block that is gone. */
static int put_losses(struct xf_repair *r)
{
    struct xf_block_info info = {.kind = XF_LOSS, .rows = r->pending_count, .first = r->losses,
                                 .time_min = INT64_MAX, .time_max = INT64_MIN};

    struct xf_losses losses = {.count = 0};
    int status = XRAY_OK;

    for (uint32_t i = 0; i < r->pending_count && status == XRAY_OK; i++) {
        const struct xf_loss_row *row = &r->pending[i];

        status = xf_losses_add(&losses, xray_s(row->cause), xray_s(row->what), row->count, XRAY_MISSING, XRAY_MISSING);
    }
    r->totals.lost = xf_losses_sum(r->totals.lost, losses.total);
    r->result->lost_records += losses.total;
    xf_buf_reset(&r->out.body);
    xf_losses_encode(&losses, &r->out.body);
    xf_losses_done(&losses);
    if (status < 0)
        return xf_fail_memory(r->err);
    r->losses += r->pending_count;
    r->pending_count = 0;
    return put_block(r, &info);
}

static void put_tombstones(xray_buffer *b, const char *lengths, const char *elements, uint64_t count)
{
    size_t start, len = 0;

    xf_mp_cstr(b, lengths);
    xf_mp_array(b, count);
    start = b->len;
    xf_put_lost(b);
    len = b->len - start;
    b->len = start;
    for (uint64_t i = 0; i < count; i++)
        xf_mp_uint(b, len);
    xf_mp_cstr(b, elements);
    xf_mp_array(b, count);
    for (uint64_t i = 0; i < count; i++)
        xf_put_lost(b);
}

/* A payload block whose parts and values are lost: references to them read as lost, and later numbers stay right. */
static int put_lost_payload(struct xf_repair *r, uint64_t parts, uint64_t values)
{
    const struct xf_block_info info = {
        .kind = XF_PAYLOAD,
        .rows = (uint32_t)parts,
        .rows2 = (uint32_t)values,
        .first = r->parts,
        .first2 = r->values,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
    };
    xray_buffer *b = &r->out.body;

    xf_buf_reset(b);
    xf_mp_map(b, 5);
    xf_mp_cstr(b, "kind");
    xf_mp_cstr(b, "payload");
    put_tombstones(b, "part_len", "parts", parts);
    put_tombstones(b, "value_len", "values", values);
    r->parts += parts;
    r->values += values;
    r->totals.parts += parts;
    r->totals.values += values;
    return put_block(r, &info);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static int read_exactly(struct xf_repair *r, uint64_t pos, void *out, size_t n)
{
    size_t got = 0;
    const int status = r->source->read(r->source->ctx, pos, out, n, &got, r->err);

    if (status < 0)
        return status;
    return got == n ? XRAY_OK : xf_fail(r->err, XRAY_ETRUNCATED, pos, "the file has become shorter");
}

/* Numbers of rows go on without holes; those of parts and values are what references mean, and stay. */
static void renumber(struct xf_repair *r, struct xf_header *h)
{
    switch (h->kind) {
    case XF_PAYLOAD:
        r->parts = h->first + h->rows;
        r->values = h->first2 + h->rows2;
        r->totals.parts += h->rows;
        r->totals.values += h->rows2;
        break;
    case XF_CANDIDATES:
        h->first = r->candidates;
        h->first2 = r->events;
        r->candidates += h->rows;
        r->events += h->rows2;
        r->totals.candidates += h->rows;
        break;
    case XF_SPINE:
        h->first = r->steps;
        h->first2 = r->runs;
        r->steps += h->rows;
        r->runs += h->rows2;
        r->totals.steps += h->rows;
        r->totals.runs += h->rows2;
        break;
    case XF_LOSS:
        h->first = r->losses;
        r->losses += h->rows;
        break;
    default: break;
    }
}

static int keep_block(struct xf_repair *r, const struct xf_block *b)
{
    uint8_t bytes[XF_HEADER_LEN];
    struct xf_header h;
    int status = read_exactly(r, b->pos, bytes, sizeof bytes);

    if (status >= 0)
        status = xf_header_decode(&h, bytes, b->pos, r->err);
    if (status < 0)
        return status;
    xf_repair_tell(r, XRAY_REPAIR_KEPT, (int64_t)b->ordinal, b->pos, "kept");
    r->result->kept++;
    renumber(r, &h);
    if (r->file == NULL)
        return XRAY_OK;
    xf_buf_reset(&r->out.stored);
    if (!xf_buf_reserve(&r->out.stored, h.stored_len))
        return xf_fail_memory(r->err);
    status = read_exactly(r, b->pos + XF_HEADER_LEN, r->out.stored.data, h.stored_len);
    if (status < 0)
        return status;
    r->out.stored.len = h.stored_len;
    return xf_segment_out_frame(&r->out, &h, r->err);
}

/* ---- what is lost ---------------------------------------------------------------------------- */

static void lose(struct xf_repair *r, uint64_t blocks, uint64_t bytes)
{
    r->result->lost += blocks;
    r->result->dropped_bytes += bytes;
    r->result->lossy = true;
}

static int lose_block(struct xf_repair *r, const struct xf_block *b, bool numbered)
{
    const bool is_payload = b->kind == XF_PAYLOAD && numbered;
    int status;

    xf_repair_tell(r, XRAY_REPAIR_LOST, (int64_t)b->ordinal, b->pos, "lost, with %" PRIu32 " and %" PRIu32 " rows",
                   b->rows, b->rows2);
    lose(r, 1, (uint64_t)XF_HEADER_LEN + b->stored_len);
    if (b->kind == XF_SEAL) /* a new one is written */
        return XRAY_OK;
    status = add_block_loss(r, cause_damage, numbered || b->kind != XF_PAYLOAD ? b->kind : 0, b->rows, b->rows2);
    if (status < 0)
        return status;
    xf_repair_tell(r, XRAY_REPAIR_ADDED, (int64_t)b->ordinal, b->pos,
                   is_payload ? "payload that says it is lost takes its place" : "a loss block takes its place");
    return is_payload ? put_lost_payload(r, b->rows, b->rows2) : put_losses(r);
}

/* The next block of a kind that has numbers, from item i on. */
static const struct xf_block *next_of(const struct xf_plan *p, const struct xf_segment *seg, uint32_t i, unsigned kind)
{
    for (; i < p->count; i++) {
        const struct xf_plan_item *item = &p->items[i];

        if (item->kind != XF_PLAN_GAP && seg->blocks[item->index].kind == kind &&
            (item->kind == XF_PLAN_GOOD || item->numbered))
            return &seg->blocks[item->index];
    }
    return NULL;
}

/* How many parts and values a gap must stand for: up to where the next payload begins; or, where another gap comes first
 * or no payload at all, as far as the blocks up to there refer. */
static void missing_payload(const struct xf_repair *r, const struct xf_segment *seg, uint32_t i, uint64_t *parts,
                            uint64_t *values)
{
    const struct xf_plan *p = &r->plan;
    uint64_t part_end = 0, value_end = 0;

    for (i++; i < p->count && p->items[i].kind != XF_PLAN_GAP; i++) {
        const struct xf_plan_item *item = &p->items[i];
        const struct xf_block *b = &seg->blocks[item->index];

        if (b->kind == XF_PAYLOAD && (item->kind == XF_PLAN_GOOD || item->numbered)) {
            part_end = b->first;
            value_end = b->first2;
            break;
        }
        part_end = item->part_end > part_end ? item->part_end : part_end;
        value_end = item->value_end > value_end ? item->value_end : value_end;
    }
    *parts = part_end > r->parts ? part_end - r->parts : 0;
    *values = value_end > r->values ? value_end - r->values : 0;
}

/* Records that the numbers of later blocks show to be missing; if none do, the blocks themselves are counted. */
static int count_gap(struct xf_repair *r, const struct xf_segment *seg, uint32_t i, uint64_t missing, uint64_t payload)
{
    static const unsigned kinds[] = {XF_CANDIDATES, XF_SPINE};
    bool known = payload > 0;
    int status = payload > 0 ? add_loss(r, cause_damage, "payload", payload) : XRAY_OK;

    for (size_t k = 0; k < 2 && status >= 0; k++) {
        const struct xf_block *next = next_of(&r->plan, seg, i, kinds[k]);
        const uint64_t rows = next != NULL ? next->first - r->seen[kinds[k]] : 0;
        const uint64_t rows2 = next != NULL ? next->first2 - r->seen2[kinds[k]] : 0;

        if (next == NULL || (rows == 0 && rows2 == 0))
            continue;
        known = true;
        r->seen[kinds[k]] = next->first;
        r->seen2[kinds[k]] = next->first2;
        status = add_block_loss(r, cause_damage, kinds[k], rows, rows2);
    }
    return status < 0 || known ? status : add_loss(r, cause_damage, "block", missing);
}

static int lose_gap(struct xf_repair *r, const struct xf_segment *seg, uint32_t i)
{
    const struct xf_plan_item *item = &r->plan.items[i];
    const uint64_t len = item->to - item->from;
    uint64_t parts, values;
    int status;

    xf_repair_tell(r, XRAY_REPAIR_LOST, -1, item->from, "%" PRIu64 " bytes lost, in which %" PRIu64 " block%s stood",
                   len, item->missing, item->missing == 1 ? "" : "s");
    lose(r, item->missing, len);
    missing_payload(r, seg, i, &parts, &values);
    status = count_gap(r, seg, i, item->missing, parts + values);
    if (item->missing > len / XF_HEADER_LEN)
        return xf_fail(r->err, XRAY_ECORRUPT, item->from,
                       "the numbers of blocks jump by %" PRIu64 " over %" PRIu64
                       " bytes: no accident does that, and there is nothing to repair",
                       item->missing, len);
    for (uint64_t n = 0; n < item->missing && status >= 0; n++) {
        const uint64_t some = parts < XF_ROWS_MAX ? parts : XF_ROWS_MAX;
        const uint64_t some2 = values < XF_ROWS_MAX ? values : XF_ROWS_MAX;

        status = some > 0 || some2 > 0 ? put_lost_payload(r, some, some2) : put_losses(r);
        parts -= some;
        values -= some2;
    }
    xf_repair_tell(r, XRAY_REPAIR_ADDED, -1, item->from, "blocks that say what is lost take their place");
    return status;
}

/* A torn tail: its first header may be whole, and say what was being written. */
static int lose_tail(struct xf_repair *r, const struct xf_check *c)
{
    uint8_t bytes[XF_HEADER_LEN];
    struct xf_header h;
    size_t got = 0;
    int status;

    if (c->torn_bytes == 0)
        return XRAY_OK;
    xf_repair_tell(r, XRAY_REPAIR_LOST, -1, c->end, "torn tail of %" PRIu64 " bytes cut", c->torn_bytes);
    r->result->dropped_bytes += c->torn_bytes;
    status = r->source->read(r->source->ctx, c->end, bytes, sizeof bytes, &got, r->err);
    if (status < 0)
        return status;
    if (got != sizeof bytes || c->torn_bytes < sizeof bytes || xf_header_decode(&h, bytes, c->end, NULL) < 0 ||
        memcmp(h.segment, c->seg->id, 16) != 0 || h.pos != c->end - c->base) {
        r->result->lossy = true;
        return add_loss(r, cause_torn, "block", 1);
    }
    if (h.kind == XF_SEAL) /* of which a new one is written */
        return XRAY_OK;
    r->result->lossy = true;
    return add_block_loss(r, cause_torn, h.kind, h.rows, h.rows2);
}

/* ---- the segment ------------------------------------------------------------------------------ */

static int copy_bytes(struct xf_repair *r, uint64_t from, uint64_t to)
{
    uint8_t piece[64 * 1024];
    int status = XRAY_OK;

    while (from < to && status >= 0) {
        const size_t n = to - from < sizeof piece ? (size_t)(to - from) : sizeof piece;

        status = read_exactly(r, from, piece, n);
        if (status >= 0)
            status = xf_out_append_bytes(r->file->fd, piece, n, r->err);
        from += n;
    }
    return status;
}

/* The hello as it stands; one that is damaged is made anew from what is known. */
static int begin_segment(struct xf_repair *r, const struct xf_check *c)
{
    const struct xf_segment *seg = c->seg;
    struct xf_hello hello = {
        .version = XRAY_FORMAT_VERSION,
        .min_reader = XRAY_FORMAT_VERSION,
        .pid = XRAY_MISSING,
        .process_start = XRAY_MISSING,
        .clock_real = XRAY_MISSING,
        .clock_mono = XRAY_MISSING,
    };
    xray_buffer frame = {0};
    int status = XRAY_OK;

    if (r->file == NULL)
        return XRAY_OK;
    if (c->named) {
        uint8_t head[XF_HELLO_HEAD];
        size_t len;

        status = read_exactly(r, c->base, head, sizeof head);
        len = (size_t)xf_get_u16(head + 5) + 256 + XF_HELLO_HEAD + XF_HELLO_TAIL;
        if (status >= 0 && xf_buf_extend(&frame, len < HELLO_LEN_MAX ? len : HELLO_LEN_MAX) == NULL)
            status = xf_fail_memory(r->err);
        if (status >= 0)
            status = read_exactly(r, c->base, frame.data, frame.len);
    } else {
        memcpy(hello.id, seg->id, 16);
        memcpy(hello.writer_id, seg->writer_id, 16);
        status = xf_hello_encode(&hello, &frame, r->err);
    }
    if (status >= 0)
        status = xf_segment_out_resume(&r->out, r->file->fd, seg->id, xray_strn((const char *)frame.data, frame.len),
                                       LEVEL, r->err);
    xray_buffer_free(&frame);
    return status;
}

static int write_items(struct xf_repair *r, const struct xf_check *c)
{
    int status = XRAY_OK;

    for (uint32_t i = 0; i < r->plan.count && status >= 0; i++) {
        const struct xf_plan_item *item = &r->plan.items[i];
        const struct xf_block *b;

        if (item->kind == XF_PLAN_GAP) {
            status = lose_gap(r, c->seg, i);
            continue;
        }
        b = &c->seg->blocks[item->index];
        if (item->kind == XF_PLAN_BAD)
            status = lose_block(r, b, item->numbered);
        else if (b->kind != XF_SEAL)
            status = keep_block(r, b);
        if (b->kind <= XF_LOSS && (item->kind == XF_PLAN_GOOD || item->numbered)) {
            r->seen[b->kind] = b->first + b->rows;
            r->seen2[b->kind] = b->first2 + b->rows2;
        }
    }
    return status;
}

static int finish_segment(struct xf_repair *r)
{
    int status = r->pending_count > 0 ? put_losses(r) : XRAY_OK;

    r->totals.decisions = r->plan.decisions;
    r->totals.notes = r->plan.notes;
    r->totals.lost = r->plan.lost > UINT64_MAX - r->totals.lost ? UINT64_MAX : r->totals.lost + r->plan.lost;
    xf_repair_tell(r, XRAY_REPAIR_ADDED, -1, UINT64_MAX, "seal");
    if (status < 0 || r->file == NULL)
        return status;
    r->out.content = r->plan.content;
    return xf_segment_out_seal(&r->out, &r->totals, NULL, r->err);
}

int xf_repair_segment(struct xf_repair *r, const struct xf_check *c)
{
    int status;

    r->result->segments++;
    if (r->plan.intact && c->sealed) {
        xf_repair_tell(r, XRAY_REPAIR_KEPT, -1, c->base, "segment sealed and intact: copied as it is");
        r->result->kept += c->blocks;
        return r->file != NULL ? copy_bytes(r, c->base, c->end) : XRAY_OK;
    }
    r->result->unchanged = false;
    r->parts = r->values = r->candidates = r->events = r->steps = r->runs = r->losses = 0;
    memset(r->seen, 0, sizeof r->seen);
    memset(r->seen2, 0, sizeof r->seen2);
    r->totals = (struct xf_seal_totals){0};
    r->pending_count = 0;
    status = begin_segment(r, c);
    if (status >= 0)
        status = write_items(r, c);
    if (status >= 0 && r->plan.cut) {
        xf_repair_tell(r, XRAY_REPAIR_LOST, -1, r->plan.cut_from,
                       "cut here: %" PRIu64 " blocks from here to the end of the file are dropped", r->plan.cut_blocks);
        lose(r, r->plan.cut_blocks, r->source->size - r->plan.cut_from);
        status = add_loss(r, cause_damage, "block", r->plan.cut_blocks);
    } else if (status >= 0) {
        status = lose_tail(r, c);
    }
    return status < 0 ? status : finish_segment(r);
}
