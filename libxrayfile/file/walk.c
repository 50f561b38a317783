/* Stepping over the blocks of a file (walk.h). */
#include "file/walk.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"

#define WINDOW_LEN ((size_t)16 * 1024)   /* read ahead while blocks are small */
#define SMALL_BLOCK ((uint32_t)2 * 1024) /* beyond it a header costs less to read than what stands before it */
#define HELLO_USUAL ((size_t)4 * 1024)
#define SEARCH_LEN ((size_t)256 * 1024)  /* piece in which damage is searched */
#define HELLO_FRAME_MAX (XF_HELLO_HEAD + XF_HELLO_MAX + XF_HELLO_TAIL)
/* Looking at something that pretends to be a hello costs a hash of up to 64 KiB. A file of
 * nothing but pretenders must still be searched in linear time. */
#define HELLO_BUDGET ((uint64_t)64 << 20)

static const uint8_t block_start[12] = {0x58, 0x2A, 0x4D, 0x18, 0x70, 0, 0, 0, 0x58, 0x52, 0x42, 0x31};

void xf_walk_init(struct xf_walk *w, const struct xf_source *source, const struct xf_place *place)
{
    *w = (struct xf_walk){
        .source = *source, .place = *place, .read_ahead = WINDOW_LEN, .hello_budget = HELLO_BUDGET};
}

void xf_walk_done(struct xf_walk *w)
{
    xray_buffer_free(&w->window);
    xray_buffer_free(&w->hello);
    xray_buffer_free(&w->body);
}

/* ---- reading --------------------------------------------------------------- */

/* Replaces *out by n bytes at pos, fewer at the end of the file. */
static int read_into(struct xf_walk *w, uint64_t pos, size_t n, xray_buffer *out, xray_error *err)
{
    const uint64_t left = pos < w->source.size ? w->source.size - pos : 0;
    size_t got = 0;
    int r = XRAY_OK;

    if (n > left)
        n = (size_t)left;
    xf_buf_reset(out);
    if (!xf_buf_reserve(out, n > 0 ? n : 1))
        return xf_fail_memory(err);
    if (n > 0)
        r = w->source.read(w->source.ctx, pos, out->data, n, &got, err);
    if (r < 0)
        return r;
    out->len = got;
    w->bytes_read += got;
    return XRAY_OK;
}

/* Borrows n bytes at pos, fewer at the end of the file, until the next read. */
static int peek(struct xf_walk *w, uint64_t pos, size_t n, xray_str *out, xray_error *err)
{
    const bool inside = pos >= w->window_pos && pos - w->window_pos <= w->window.len;
    uint64_t off = inside ? pos - w->window_pos : 0;

    if (!inside || w->window.len - off < n) {
        const int r = read_into(w, pos, n > w->read_ahead ? n : w->read_ahead, &w->window, err);

        if (r < 0) {
            xf_buf_reset(&w->window);
            return r;
        }
        w->window_pos = pos;
        off = 0;
    }

    const size_t have = w->window.len - (size_t)off;

    *out = xray_strn((const char *)w->window.data + off, have < n ? have : n);
    return XRAY_OK;
}

/* ---- looking at one position ------------------------------------------------- */

/* Few are longer than HELLO_USUAL, and a store of many segments reads one of each. */
static int read_hello(struct xf_walk *w, uint64_t pos, xray_error *err)
{
    const int r = read_into(w, pos, HELLO_USUAL, &w->hello, err);

    if (r < 0 || w->hello.len < HELLO_USUAL ||
        XF_HELLO_HEAD + (size_t)xf_get_u16(w->hello.data + 5) + 256 + XF_HELLO_TAIL <= HELLO_USUAL)
        return r;
    return read_into(w, pos, HELLO_FRAME_MAX, &w->hello, err);
}

/* What xf_hello_decode takes for a hello, or refuses as newer, is one. */
static int look_at_hello(struct xf_walk *w, uint64_t pos, struct xf_look *look, xray_error *err)
{
    int64_t len;
    const int r = read_hello(w, pos, err);

    if (r < 0)
        return r;
    len = xf_hello_decode(&look->hello, w->hello.data, w->hello.len, &look->why);
    if (len < 0 && len != XRAY_EUNSUPPORTED) {
        look->seen = XF_SEEN_JUNK;
        look->why.pos = pos;
        return XRAY_OK;
    }
    look->seen = XF_SEEN_HELLO;
    look->refused = len < 0;
    if (look->refused) /* well-formed, so its length field can be believed */
        len = (int64_t)xf_get_u16(w->hello.data + 5) + 256 + XF_HELLO_HEAD + XF_HELLO_TAIL;
    look->len = (uint64_t)len;
    look->digest = xf_hash64(w->hello.data, (size_t)len, 0);
    return XRAY_OK;
}

static uint64_t block_len(const struct xf_header *h)
{
    return (uint64_t)XF_HEADER_LEN + h->stored_len;
}

/* All of spec 4.2 but the body. */
static bool is_expected(struct xf_walk *w, uint64_t pos, const struct xf_place *place, struct xf_look *look)
{
    const struct xf_header *h = &look->header;

    if (memcmp(h->segment, place->segment, 16) != 0)
        xf_fail(&look->why, XRAY_ECORRUPT, pos, "a block of another segment");
    else if (h->pos != pos - place->base)
        xf_fail(&look->why, XRAY_ECORRUPT, pos, "a block that belongs at byte %" PRIu64 " of its segment",
                h->pos);
    else if (h->ordinal != place->next_ordinal)
        xf_fail(&look->why, XRAY_ECORRUPT, pos, "block %" PRIu64 " where block %" PRIu64 " is expected",
                h->ordinal, place->next_ordinal);
    else if (block_len(h) > w->source.size - pos)
        xf_fail(&look->why, XRAY_ETRUNCATED, pos, "block %" PRIu64 " stops early", h->ordinal);
    else
        return true;
    return false;
}

/* Tells what stands at pos for a walk that is at `place`. */
static int look_at(struct xf_walk *w, uint64_t pos, const struct xf_place *place, struct xf_look *look,
                   xray_error *err)
{
    xray_str bytes;
    int r = peek(w, pos, XF_HEADER_LEN, &bytes, err);

    if (r < 0)
        return r;
    *look = (struct xf_look){.seen = XF_SEEN_JUNK};
    if (bytes.len == 0) {
        look->seen = XF_SEEN_END;
        return XRAY_OK;
    }
    if (xf_hello_looks_like((const uint8_t *)bytes.ptr, bytes.len))
        return look_at_hello(w, pos, look, err);
    if (!place->inside || place->sealed) {
        xf_fail(&look->why, XRAY_ECORRUPT, pos, "no hello starts here");
        return XRAY_OK;
    }
    if (bytes.len < XF_HEADER_LEN) {
        xf_fail(&look->why, XRAY_ETRUNCATED, pos, "%zu bytes are no block header", bytes.len);
        return XRAY_OK;
    }
    r = xf_header_decode(&look->header, (const uint8_t *)bytes.ptr, pos, &look->why);
    if (r == XRAY_EUNSUPPORTED && memcmp(bytes.ptr + XF_H_SEGMENT, place->segment, 16) == 0)
        look->seen = XF_SEEN_NEWER;
    if (r < 0)
        return XRAY_OK;
    look->digest = xf_header_digest((const uint8_t *)bytes.ptr);
    if (is_expected(w, pos, place, look))
        look->seen = XF_SEEN_BLOCK;
    return XRAY_OK;
}

/* 1 if the body's checksum is right, 0 if not. */
static int check_body(struct xf_walk *w, uint64_t pos, const struct xf_header *h, xray_error *err)
{
    const int r = read_into(w, pos + XF_HEADER_LEN, h->stored_len, &w->body, err);

    if (r < 0)
        return r;
    return w->body.len == h->stored_len && xf_body_checksum(h, w->body.data, w->body.len) == h->body;
}

/* ---- finding the way after damage (spec 4.7, 3.4) -------------------------------- */

struct found {
    enum { FOUND_NOTHING, FOUND_BLOCK, FOUND_HELLO, FOUND_NAMELESS } what;
    uint64_t pos;
    struct xf_header header; /* FOUND_BLOCK, and the first of the pair of FOUND_NAMELESS */
};

static bool fits(const struct xf_walk *w, uint64_t pos, const struct xf_header *h)
{
    return block_len(h) <= w->source.size - pos;
}

static bool is_own(const struct xf_walk *w, uint64_t pos, const struct xf_header *h)
{
    const struct xf_place *p = &w->place;

    return p->inside && !p->sealed && memcmp(h->segment, p->segment, 16) == 0 && h->pos == pos - p->base &&
           h->ordinal >= p->next_ordinal && fits(w, pos, h);
}

/* Whether `bytes` at pos begin a pair of blocks that vouch for a segment starting at `start`, whose hello is
 * damaged. The start must agree: an image of blocks inside a payload says another. */
static int is_pair(struct xf_walk *w, uint64_t start, uint64_t pos, const struct xf_header *h,
                   const uint8_t *bytes, xray_error *err)
{
    uint8_t next[XF_HEADER_LEN];
    struct xf_header second;
    const uint64_t next_pos = pos + block_len(h);
    size_t got = 0;
    int r;

    if (h->pos != pos - start || !fits(w, pos, h))
        return 0;
    r = w->source.read(w->source.ctx, next_pos, next, sizeof next, &got, err);
    if (r < 0)
        return r;
    w->bytes_read += got;
    return got == sizeof next && xf_header_decode(&second, next, next_pos, NULL) == XRAY_OK &&
           memcmp(second.segment, h->segment, 16) == 0 && second.ordinal == h->ordinal + 1 &&
           second.pos == next_pos - start && second.prev == xf_header_digest(bytes);
}

/* A hello inside a gap may be an image in a payload. It is the start of a segment for sure where
 * nothing of the present one can be expected, or where no block has room before it. */
static bool is_beyond_doubt(const struct xf_walk *w, uint64_t gap, uint64_t pos)
{
    return !w->place.inside || w->place.sealed || pos - gap < XF_HEADER_LEN;
}

static int try_hello(struct xf_walk *w, uint64_t pos, struct found *f, xray_error *err)
{
    struct xf_look look = {0};
    int r;

    if (w->hello_budget < HELLO_FRAME_MAX)
        return XRAY_OK;
    r = look_at_hello(w, pos, &look, err);
    w->hello_budget -= w->hello.len < w->hello_budget ? w->hello.len : w->hello_budget;
    if (r >= 0 && look.seen == XF_SEEN_HELLO)
        *f = (struct found){.what = FOUND_HELLO, .pos = pos};
    return r;
}

static int try_block(struct xf_walk *w, uint64_t gap, uint64_t pos, const uint8_t *bytes, struct found *f,
                     xray_error *err)
{
    struct xf_header h;
    int r;

    if (xf_header_decode(&h, bytes, pos, NULL) < 0)
        return XRAY_OK;
    if (is_own(w, pos, &h)) {
        *f = (struct found){.what = FOUND_BLOCK, .pos = pos, .header = h};
        return XRAY_OK;
    }
    if (f->what != FOUND_NOTHING)
        return XRAY_OK;
    r = is_pair(w, gap, pos, &h, bytes, err);
    if (r > 0)
        *f = (struct found){.what = FOUND_NAMELESS, .pos = pos, .header = h};
    return r < 0 ? r : XRAY_OK;
}

/* Searches one piece of the file. `count` positions are tried; behind the last of them there are
 * enough bytes for a header, unless the file ends. */
static int search_piece(struct xf_walk *w, uint64_t gap, uint64_t pos, const xray_buffer *piece, size_t count,
                        struct found *f, xray_error *err)
{
    const uint8_t *p = piece->data;
    int r = XRAY_OK;

    for (size_t i = 0; i < count && i + sizeof block_start <= piece->len && r >= 0; i++) {
        const size_t left = piece->len - i;

        if (p[i + 3] == 0x18 && left >= XF_HEADER_LEN &&
            memcmp(p + i, block_start, sizeof block_start) == 0) {
            r = try_block(w, gap, pos + i, p + i, f, err);
            if (f->what == FOUND_BLOCK || f->what == FOUND_NAMELESS)
                break;
        } else if (p[i + 3] == 0xFD && f->what == FOUND_NOTHING && xf_hello_looks_like(p + i, left)) {
            r = try_hello(w, pos + i, f, err);
            if (f->what == FOUND_HELLO && is_beyond_doubt(w, gap, pos + i))
                break;
        }
    }
    return r;
}

/* Finds where to go on after the damage at `gap`, from `pos` on. A block of the present segment within
 * reach of the damaged one wins over a hello before it: that hello stands inside a payload. */
static int search(struct xf_walk *w, uint64_t gap, uint64_t pos, struct found *f, xray_error *err)
{
    const uint64_t reach = gap + XF_HEADER_LEN + XF_BLOCK_MAX;

    xf_buf_reset(&w->window);
    while (pos < w->source.size && (f->what == FOUND_NOTHING || pos <= reach)) {
        size_t count;
        int r;

        /* A file of a terabyte can be one hole. Neither a block nor a hello begins with a zero. */
        if (w->source.next_data != NULL)
            pos = w->source.next_data(w->source.ctx, pos);
        if (pos >= w->source.size)
            break;
        r = read_into(w, pos, SEARCH_LEN + XF_HEADER_LEN, &w->body, err);
        if (r < 0)
            return r;
        if (w->body.len == 0)
            break;
        count = w->body.len > SEARCH_LEN ? SEARCH_LEN : w->body.len;
        r = search_piece(w, gap, pos, &w->body, count, f, err);
        if (r < 0)
            return r;
        if (f->what == FOUND_BLOCK || f->what == FOUND_NAMELESS ||
            (f->what == FOUND_HELLO && is_beyond_doubt(w, gap, f->pos)))
            break;
        pos += count;
    }
    return XRAY_OK;
}

/* ---- steps ----------------------------------------------------------------------- */

/* Whether what stands behind the last whole block, up to the end of the segment, is a torn tail (spec 2.2). A writer
 * has at most one block under way: more than that is lost, and said to be. */
static bool is_torn_tail(const struct xf_place *place, uint64_t len)
{
    return place->inside && !place->sealed && len > 0 && len <= XF_HEADER_LEN + (uint64_t)XF_BLOCK_MAX;
}

static int step_end(struct xf_walk *w, struct xf_walk_step *step)
{
    w->done = true;
    *step = (struct xf_walk_step){.event = XF_WALK_END, .from = w->place.pos, .to = w->source.size};
    if (step->to < step->from) /* the file has shrunk */
        step->to = step->from;
    step->torn = is_torn_tail(&w->place, step->to - step->from);
    return XRAY_OK;
}

/* A segment begins at place.pos, but its hello cannot be read. */
static int step_nameless(struct xf_walk *w, const struct xf_header *h, struct xf_walk_step *step)
{
    w->place = (struct xf_place){.pos = w->place.pos, .base = w->place.pos, .inside = true};
    memcpy(w->place.segment, h->segment, 16);
    *step = (struct xf_walk_step){.event = XF_WALK_SEGMENT, .from = w->place.base, .to = w->place.base};
    memcpy(step->hello.id, h->segment, 16);
    memcpy(step->hello.writer_id, h->segment, 16);
    step->hello.n = XRAY_MISSING;
    step->hello.pid = step->hello.process_start = XRAY_MISSING;
    step->hello.clock_real = step->hello.clock_mono = XRAY_MISSING;
    return XRAY_OK;
}

/* What stands at place.pos cannot be used. `from` is where the search begins: behind it, unless a block
 * may stand there that was not expected. */
static int step_gap(struct xf_walk *w, uint64_t from, const xray_error *why, struct xf_walk_step *step,
                    xray_error *err)
{
    const uint64_t gap = w->place.pos;
    struct found f = {.what = FOUND_NOTHING};
    int r = search(w, gap, from, &f, err);

    if (r < 0)
        return r;
    if (f.what == FOUND_NOTHING)
        return step_end(w, step);
    if (f.what == FOUND_NAMELESS)
        return step_nameless(w, &f.header, step);

    *step = (struct xf_walk_step){.event = XF_WALK_GAP, .from = gap, .to = f.pos, .why = *why};
    if (f.what == FOUND_BLOCK) {
        step->missing = f.header.ordinal - w->place.next_ordinal;
        w->place.next_ordinal = f.header.ordinal;
    } else {
        step->torn = is_torn_tail(&w->place, f.pos - gap);
        w->place.inside = false;
    }
    w->place.chained = false;
    w->place.pos = f.pos;
    return XRAY_OK;
}

static int step_refused(struct xf_walk *w, const struct xf_look *look, struct xf_walk_step *step)
{
    *step = (struct xf_walk_step){.event = XF_WALK_REFUSED, .from = w->place.pos, .why = look->why};
    w->place.inside = false;
    return XRAY_OK;
}

static int step_segment(struct xf_walk *w, const struct xf_look *look, struct xf_walk_step *step)
{
    const uint64_t pos = w->place.pos;

    *step = (struct xf_walk_step){.event = XF_WALK_SEGMENT,
                                  .from = pos,
                                  .to = pos + look->len,
                                  .named = true,
                                  .refused = look->refused};
    if (look->refused)
        step->why = look->why;
    else
        step->hello = look->hello;
    w->place = (struct xf_place){
        .pos = pos + look->len,
        .base = pos,
        .digest = look->digest,
        .chained = true,
        .inside = !look->refused,
    };
    memcpy(w->place.segment, step->hello.id, 16);
    return XRAY_OK;
}

/* The body of a block is only trusted unread if what follows it fits: of a segment that was cut off and
 * has others behind it, the last header claims bytes of theirs. */
static int step_block(struct xf_walk *w, const struct xf_look *look, struct xf_walk_step *step,
                      xray_error *err)
{
    const struct xf_header *h = &look->header;
    const uint64_t pos = w->place.pos;
    struct xf_place next = w->place;
    xray_error why;
    int r;

    next.pos = pos + block_len(h);
    next.next_ordinal = h->ordinal + 1;
    next.digest = look->digest;
    next.chained = true;
    next.sealed = h->kind == XF_SEAL;
    w->read_ahead = h->stored_len < SMALL_BLOCK ? WINDOW_LEN : XF_HEADER_LEN;
    r = look_at(w, next.pos, &next, &w->ahead, err);
    if (r < 0)
        return r;
    if (w->ahead.seen == XF_SEEN_END || w->ahead.seen == XF_SEEN_JUNK) {
        r = check_body(w, pos, h, err);
        if (r < 0)
            return r;
        if (r == 0) {
            w->ahead.seen = XF_SEEN_NONE;
            xf_fail(&why, XRAY_ECORRUPT, pos, "body checksum does not match");
            return step_gap(w, pos + 1, &why, step, err);
        }
    }
    *step = (struct xf_walk_step){.event = XF_WALK_BLOCK, .from = pos, .to = next.pos, .header = *h};
    step->unchained = w->place.chained && h->prev != w->place.digest;
    w->place = next;
    return XRAY_OK;
}

int xf_walk_next(struct xf_walk *w, struct xf_walk_step *step, xray_error *err)
{
    struct xf_look look;
    int r;

    if (w->done)
        return step_end(w, step);
    look = w->ahead;
    w->ahead.seen = XF_SEEN_NONE;
    if (look.seen == XF_SEEN_NONE) {
        r = look_at(w, w->place.pos, &w->place, &look, err);
        if (r < 0)
            return r;
    }
    switch (look.seen) {
    case XF_SEEN_BLOCK:
        return step_block(w, &look, step, err);
    case XF_SEEN_HELLO:
        return step_segment(w, &look, step);
    case XF_SEEN_NEWER:
        return step_refused(w, &look, step);
    case XF_SEEN_JUNK:
        return step_gap(w, w->place.pos, &look.why, step, err);
    case XF_SEEN_NONE:
    case XF_SEEN_END:
        break;
    }
    return step_end(w, step);
}
