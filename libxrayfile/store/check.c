/* Checking one file (check.h): the walk, the headers, what all bodies have in common. */
#include "store/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/fail.h"
#include "format/body_scan.h"
#include "os/clock.h"

#define NO_BLOCK (-1)

/* ---- findings ----------------------------------------------------------------------- */

void xf_check_say(struct xf_check *c, enum xf_check_kind kind, int64_t block, uint64_t pos, const char *format, ...)
{
    xray_error safe;
    char text[sizeof safe.message];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    xf_fail(&safe, XRAY_ECORRUPT, pos, "%s", text); /* escapes what files hold */
    if (kind == XF_CHECK_DAMAGE)
        c->damages++;
    else if (kind == XF_CHECK_NOTE)
        c->notes++;
    if (c->sink->finding != NULL)
        c->sink->finding(c->sink->ctx, kind, block, pos, safe.message);
}

/* What goes with a block that cannot be read. */
static void say_bad(struct xf_check *c, const struct xf_block *b, const char *why)
{
    const int64_t block = (int64_t)b->ordinal;

    c->holes = true;
    switch (b->kind) {
    case XF_PAYLOAD:
        xf_check_say(c, XF_CHECK_DAMAGE, block, b->pos,
                     "payload: %s; lost: %" PRIu32 " parts, %" PRIu32 " values; other blocks are not touched", why,
                     b->rows, b->rows2);
        break;
    case XF_CANDIDATES:
        xf_check_say(c, XF_CHECK_DAMAGE, block, b->pos,
                     "candidates: %s; lost: %" PRIu32 " candidates, %" PRIu32
                     " decisions and notes; other blocks are not touched",
                     why, b->rows, b->rows2);
        break;
    case XF_SPINE:
        xf_check_say(c, XF_CHECK_DAMAGE, block, b->pos,
                     "spine: %s; lost: %" PRIu32 " step rows, %" PRIu32 " run rows; other blocks are not touched", why,
                     b->rows, b->rows2);
        break;
    case XF_LOSS:
        xf_check_say(c, XF_CHECK_DAMAGE, block, b->pos, "loss: %s; lost: %" PRIu32 " loss rows; records are not touched",
                     why, b->rows);
        break;
    default:
        xf_check_say(c, XF_CHECK_DAMAGE, block, b->pos, "%s: %s; records are not touched",
                     b->kind == XF_SEAL ? "seal" : "block of unknown kind", why);
        break;
    }
}

/* ---- times --------------------------------------------------------------------------- */

void xf_time_range_add(struct xf_time_range *r, int64_t time_ns)
{
    if (time_ns == XRAY_MISSING)
        return;
    r->min = time_ns < r->min ? time_ns : r->min;
    r->max = time_ns > r->max ? time_ns : r->max;
}

bool xf_check_times(struct xf_check *c, const struct xf_block *b, const struct xf_time_range *r)
{
    if (r->min < b->time_min || r->max > b->time_max) {
        char why[160];

        snprintf(why, sizeof why,
                 "header says times %" PRId64 " to %" PRId64 ", rows have %" PRId64 " to %" PRId64
                 ": filters by time miss some",
                 b->time_min, b->time_max, r->min, r->max);
        say_bad(c, b, why);
        return false;
    }
    if (r->min != b->time_min || r->max != b->time_max)
        xf_check_say(c, XF_CHECK_NOTE, (int64_t)b->ordinal, b->pos,
                     "header says times %" PRId64 " to %" PRId64 ", rows have %" PRId64 " to %" PRId64, b->time_min,
                     b->time_max, r->min, r->max);
    return true;
}

/* ---- headers --------------------------------------------------------------------------- */

/* Numbers go on from block to block; where blocks were lost, they may jump. */
static bool check_numbers(struct xf_check *c, const struct xf_header *h, const struct xf_block *b)
{
    const unsigned k = h->kind;
    const uint64_t most = k == XF_PAYLOAD ? c->slack : c->holes ? UINT64_MAX / 2 : 0;
    uint64_t jump, jump2;

    if (k > XF_LOSS || k == 0)
        return true;
    jump = h->first - c->next[k];
    jump2 = h->first2 - c->next2[k];
    if (h->first < c->next[k] || h->first2 < c->next2[k] || jump > most || jump2 > most) {
        char why[160];

        snprintf(why, sizeof why,
                 "its rows are numbered from %" PRIu64 " and %" PRIu64 ", those before end at %" PRIu64 " and %" PRIu64,
                 h->first, h->first2, c->next[k], c->next2[k]);
        say_bad(c, b, why);
        return false;
    }
    c->next[k] = h->first + h->rows;
    c->next2[k] = h->first2 + h->rows2;
    if (k == XF_PAYLOAD)
        c->slack = 0;
    return true;
}

static void add_header_totals(struct xf_check *c, const struct xf_header *h)
{
    if (h->kind == XF_SEAL)
        return;
    c->raw += h->raw_len;
    c->stored += h->stored_len;
    switch (h->kind) {
    case XF_PAYLOAD:
        c->totals.parts += h->rows;
        c->totals.values += h->rows2;
        break;
    case XF_CANDIDATES: c->totals.candidates += h->rows; break;
    case XF_SPINE:
        c->totals.steps += h->rows;
        c->totals.runs += h->rows2;
        break;
    default: break;
    }
}

/* ---- bodies ----------------------------------------------------------------------------- */

/* The first key of a body repeats the kind for people; the header decides (spec 4.4). */
static void check_kind_key(struct xf_check *c, const struct xf_block *b, xray_str body)
{
    static const char *const names[6] = {NULL, "payload", "candidates", "spine", "loss", "seal"};
    xray_mp cursor = xray_mp_over(body.ptr, body.len);
    xray_str key, value;
    uint32_t count;

    if (b->kind > XF_SEAL || names[b->kind] == NULL)
        return;
    if (!xf_mp_take_map(&cursor, &count) || count == 0 || !xf_mp_take_str(&cursor, &key) ||
        !xf_mp_take_str(&cursor, &value) || key.len != 4 || memcmp(key.ptr, "kind", 4) != 0 ||
        value.len != strlen(names[b->kind]) || memcmp(value.ptr, names[b->kind], value.len) != 0)
        xf_check_say(c, XF_CHECK_NOTE, (int64_t)b->ordinal, b->pos, "body does not begin with kind \"%s\"",
                     names[b->kind]);
}

/* References, canonical form, text. */
static bool check_items(struct xf_check *c, const struct xf_block *b, xray_str body,
                        const struct xf_body_regions *regions)
{
    const bool own = b->kind == XF_PAYLOAD; /* its values refer to its own parts */
    const uint64_t parts = own ? b->first + b->rows : c->next[XF_PAYLOAD] + c->slack;
    const uint64_t values = own ? b->first2 + b->rows2 : c->next2[XF_PAYLOAD] + c->slack;
    const int64_t block = (int64_t)b->ordinal;
    struct xf_body_scan scan;
    char why[160] = "";

    if (!xf_body_scan(body, regions, &scan)) {
        say_bad(c, b, "its body is not MessagePack to the end");
        return false;
    }
    c->part_end = scan.part_end;
    c->value_end = scan.value_end;
    if (scan.part_end > parts)
        snprintf(why, sizeof why, "refers to part %" PRIu64 ", but only %" PRIu64 " are there before it",
                 scan.part_end - 1, parts);
    else if (scan.value_end > values)
        snprintf(why, sizeof why, "refers to value %" PRIu64 ", but only %" PRIu64 " are there before it",
                 scan.value_end - 1, values);
    else if (scan.nested != 0)
        snprintf(why, sizeof why, "reference inside a %s at byte %zu of its body",
                 scan.nested < regions->parts_to ? "part" : "value", scan.nested);
    else if (scan.broken != 0)
        snprintf(why, sizeof why, "malformed reference or missing value at byte %zu of its body", scan.broken);
    if (why[0] != '\0') {
        say_bad(c, b, why);
        return false;
    }
    if (scan.odd != 0)
        xf_check_say(c, XF_CHECK_NOTE, block, b->pos, "MessagePack at byte %zu of the body is not in its shortest form",
                     scan.odd);
    if (scan.text != 0)
        xf_check_say(c, XF_CHECK_NOTE, block, b->pos, "str at byte %zu of the body is not UTF-8", scan.text);
    return true;
}

static int check_payload(struct xf_check *c, const struct xf_block *b, struct xf_body_regions *regions,
                         xray_error *err)
{
    const xray_str body = xray_strn((const char *)c->body.data, c->body.len);
    struct xf_payload p;
    xray_error why;
    const int r = xf_payload_decode(&p, body, &c->arena, &why);

    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r < 0 || p.part_count != b->rows || p.value_count != b->rows2) {
        say_bad(c, b, r < 0 ? why.message : "rows of the body are not those that its header counts");
        return XRAY_ECORRUPT;
    }
    if (p.part_count > 0) {
        regions->parts_from = p.parts[0];
        regions->parts_to = p.parts[p.part_count];
    }
    if (p.value_count > 0) {
        regions->values_from = p.values[0];
        regions->values_to = p.values[p.value_count];
    }
    return XRAY_OK;
}

static int check_loss(struct xf_check *c, const struct xf_block *b, xray_error *err)
{
    const xray_str body = xray_strn((const char *)c->body.data, c->body.len);
    const struct xf_loss *rows;
    uint32_t count;
    xray_error why;
    const int r = xf_loss_decode(&rows, &count, body, &c->arena, &why);

    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r < 0 || count != b->rows) {
        say_bad(c, b, r < 0 ? why.message : "rows of the body are not those that its header counts");
        return XRAY_ECORRUPT;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t n = rows[i].count;

        c->totals.lost = n > UINT64_MAX - c->totals.lost ? UINT64_MAX : c->totals.lost + n;
    }
    return XRAY_OK;
}

/* XRAY_OK, XRAY_ECORRUPT (why was said), XRAY_EIO, XRAY_ENOMEM. */
static int check_body(struct xf_check *c, const struct xf_header *h, uint32_t index, xray_error *err)
{
    const struct xf_block *b = &c->seg->blocks[index];
    struct xf_file_reader reader = {c->s, c->file};
    const struct xf_source source = xf_file_source(&reader, 0);
    const struct xf_digest content = c->content;
    const struct xf_seal_totals totals = c->totals;
    struct xf_body_regions regions = {0};
    xray_error why = {0};
    xray_str body;
    int r = xf_segment_body(c->seg, b, &source, c->s->z, &c->stored_bytes, &c->body, &why);

    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r < 0) {
        say_bad(c, b, why.message);
        return XRAY_ECORRUPT;
    }
    body = xray_strn((const char *)c->body.data, c->body.len);
    xf_arena_reset(&c->arena);
    if (b->kind == XF_PAYLOAD)
        r = check_payload(c, b, &regions, err);
    if (r >= 0 && !check_items(c, b, body, &regions))
        r = XRAY_ECORRUPT;
    if (r >= 0 && b->kind == XF_LOSS)
        r = check_loss(c, b, err);
    if (r >= 0 && b->kind == XF_CANDIDATES)
        r = xf_check_candidates(c, b, err);
    if (r >= 0 && b->kind == XF_SPINE)
        r = xf_check_spine(c, b, err);
    if (r >= 0 && b->kind == XF_SEAL)
        r = xf_check_seal(c, h, b->pos);
    if (r >= 0) {
        check_kind_key(c, b, body);
    } else { /* nothing of a bad block counts */
        c->content = content;
        c->totals = totals;
    }
    return r;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static int64_t find_part(const struct xray_store *s, uint32_t file, uint64_t base)
{
    for (uint32_t i = 0; i < s->part_count; i++)
        if (s->parts[i].file == file && s->parts[i].seg->base == base)
            return i;
    return -1;
}

static int begin_segment(struct xf_check *c, const struct xf_walk_step *step)
{
    c->inside = true;
    c->named = step->named;
    c->refused = step->refused;
    c->holes = c->sealed = false;
    c->part = step->refused ? -1 : find_part(c->s, c->file, step->from);
    c->seg = c->part >= 0 ? c->s->parts[c->part].seg : NULL;
    c->base = step->from;
    c->end = step->to;
    c->torn_bytes = c->blocks = 0;
    memset(c->next, 0, sizeof c->next);
    memset(c->next2, 0, sizeof c->next2);
    c->slack = 0;
    c->header_digest = 0;
    c->totals = (struct xf_seal_totals){0};
    c->raw = c->stored = 0;
    c->content = (struct xf_digest){0};
    c->content_known = c->deep && c->seg != NULL;
    c->damages = c->notes = 0;
    xf_counts_reset(&c->counts);
    if (step->refused)
        xf_check_say(c, XF_CHECK_NEWER, NO_BLOCK, step->from, "segment is not checked: %s", step->why.message);
    else if (!step->named)
        xf_check_say(c, XF_CHECK_DAMAGE, NO_BLOCK, step->from,
                     "the hello is damaged; two blocks vouch for the segment, whose writer and clock are unknown; its "
                     "blocks are not touched");
    else if (c->seg == NULL)
        xf_check_say(c, XF_CHECK_NOTE, NO_BLOCK, step->from,
                     "another copy of this segment is longer or comes first: of this one only headers are checked");
    return c->sink->begin != NULL ? c->sink->begin(c->sink->ctx, c, step) : XRAY_OK;
}

static int end_segment(struct xf_check *c)
{
    if (!c->inside)
        return XRAY_OK;
    c->inside = false;
    if (c->counts.full)
        xf_check_say(c, XF_CHECK_NOTE, NO_BLOCK, c->base,
                     "counts of the steps were not all compared with their candidates: there are too many");
    return c->sink->end != NULL ? c->sink->end(c->sink->ctx, c) : XRAY_OK;
}

static int take_block(struct xf_check *c, const struct xf_walk_step *step, xray_error *err)
{
    const struct xf_header *h = &step->header;
    uint8_t bytes[XF_HEADER_LEN];
    int64_t index;
    bool good = true;
    int r = XRAY_OK;

    c->blocks++;
    c->end = step->to;
    c->sealed = h->kind == XF_SEAL;
    if (c->refused)
        return XRAY_OK;
    c->part_end = c->value_end = 0;
    index = c->seg != NULL ? xf_segment_find_block(c->seg, h->ordinal) : -1;
    if (c->seg != NULL && index < 0) { /* critical and unknown: the store stopped here */
        c->refused = true;
        xf_check_say(c, XF_CHECK_NEWER, (int64_t)h->ordinal, step->from,
                     "critical block of kind %u, which this reader does not know: the rest of the segment is not checked",
                     h->kind);
        return XRAY_OK;
    }
    if (step->unchained)
        xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)h->ordinal, step->from,
                     "chain: its prev is %016" PRIx64
                     ", which is not the block before it; the block itself is whole",
                     h->prev);
    if (index >= 0) {
        good = check_numbers(c, h, &c->seg->blocks[index]);
        if (good && (c->deep || h->kind == XF_SEAL)) {
            r = check_body(c, h, (uint32_t)index, err);
            if (r == XRAY_ENOMEM || r == XRAY_EIO)
                return r;
            good = r >= 0;
        }
        c->seg->blocks[index].bad |= !good;
    }
    add_header_totals(c, h);
    xf_header_encode(h, bytes);
    c->header_digest = xf_header_digest(bytes);
    return c->sink->block != NULL ? c->sink->block(c->sink->ctx, c, step, index, good) : XRAY_OK;
}

static int take_gap(struct xf_check *c, const struct xf_walk_step *step, uint64_t ordinal)
{
    const uint64_t len = step->to - step->from;

    if (step->torn) {
        c->torn_bytes = len;
        return XRAY_OK;
    }
    if (c->refused)
        return XRAY_OK;
    if (!c->inside || c->sealed) {
        xf_check_say(c, XF_CHECK_DAMAGE, NO_BLOCK, step->from,
                     "%" PRIu64 " bytes %s that are no segment; what is before and behind is not touched", len,
                     c->inside ? "after the seal" : "");
        return c->sink->junk != NULL ? c->sink->junk(c->sink->ctx, c, step->from, step->to) : XRAY_OK;
    }
    c->holes = true;
    /* Not more than the bytes have room for: what a header says of ordinals is a stranger's word. */
    if (step->missing <= len / XF_HEADER_LEN)
        c->slack += step->missing * XF_ROWS_MAX;
    xf_check_say(c, XF_CHECK_DAMAGE, (int64_t)ordinal, step->from,
                 "%s; %" PRIu64 " bytes are skipped, %" PRIu64 " block%s missing; blocks behind are not touched",
                 step->why.message, len, step->missing, step->missing == 1 ? " is" : "s are");
    return c->sink->gap != NULL ? c->sink->gap(c->sink->ctx, c, step, ordinal) : XRAY_OK;
}

static int take_end(struct xf_check *c, const struct xf_walk_step *step)
{
    const uint64_t len = step->to - step->from;

    if (len == 0 || !c->inside || c->refused)
        return XRAY_OK;
    if (!c->sealed) {
        c->torn_bytes = len;
        if (!step->torn)
            xf_check_say(c, XF_CHECK_DAMAGE, NO_BLOCK, step->from,
                         "%" PRIu64 " bytes behind the last whole block are more than one torn block; the blocks before "
                         "them are not touched", len);
        return XRAY_OK;
    }
    xf_check_say(c, XF_CHECK_DAMAGE, NO_BLOCK, step->from,
                 "%" PRIu64 " bytes after the seal, which belong to no segment; the segment is not touched", len);
    return c->sink->junk != NULL ? c->sink->junk(c->sink->ctx, c, step->from, step->to) : XRAY_OK;
}

static int take_step(struct xf_check *c, const struct xf_walk_step *step, uint64_t ordinal, xray_error *err)
{
    int r = XRAY_OK;

    switch (step->event) {
    case XF_WALK_SEGMENT:
        r = end_segment(c);
        return r < 0 ? r : begin_segment(c, step);
    case XF_WALK_BLOCK: return take_block(c, step, err);
    case XF_WALK_GAP: return take_gap(c, step, ordinal);
    case XF_WALK_REFUSED:
        c->refused = true;
        xf_check_say(c, XF_CHECK_NEWER, (int64_t)ordinal, step->from, "%s; the rest of the segment is not checked",
                     step->why.message);
        return XRAY_OK;
    case XF_WALK_END:
        r = take_end(c, step);
        return r < 0 ? r : end_segment(c);
    }
    return r;
}

static void done(struct xf_check *c)
{
    xf_counts_done(&c->counts);
    xf_arena_done(&c->arena);
    xray_buffer_free(&c->body);
    xray_buffer_free(&c->stored_bytes);
    xray_buffer_free(&c->record);
    xray_buffer_free(&c->value);
    xray_buffer_free(&c->cursor);
    xf_row_done(&c->row);
}

int xf_check_file(struct xray_store *s, uint32_t file, bool deep, const struct xf_check_sink *sink, xray_error *err)
{
    struct xf_check c = {.s = s, .file = file, .deep = deep, .sink = sink};
    struct xf_file_reader reader = {s, file};
    const struct xf_source source = xf_file_source(&reader, s->files[file].size);
    const struct xf_place start = {0};
    struct xf_walk_step step = {.event = XF_WALK_GAP};
    struct xf_walk w;
    int r = XRAY_OK;

    xf_random(&c.counts.seed, sizeof c.counts.seed);
    xf_walk_init(&w, &source, &start);
    while (r >= 0 && step.event != XF_WALK_END) {
        const uint64_t ordinal = w.place.next_ordinal;

        r = xf_walk_next(&w, &step, err);
        if (r >= 0)
            r = take_step(&c, &step, ordinal, err);
    }
    xf_walk_done(&w);
    done(&c);
    return r;
}
