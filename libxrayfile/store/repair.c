/* xray_repair: a check of IN becomes a plan, segment by segment, and OUT is written by it (repair.h). */
#include "store/repair.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "os/listing.h"
#include "os/out.h"

/* An index is a hint that may be wrong: what it says of a file is no answer here. */
static const xray_store_options plain = {.index = XRAY_INDEX_NEVER};

void xf_repair_tell(struct xf_repair *r, enum xray_repair_kind kind, int64_t block, uint64_t pos, const char *format,
                    ...)
{
    char text[256];
    const xray_repair_event event = {.kind = kind, .block = block, .pos = pos, .message = text};
    va_list args;

    if (r->options->event == NULL)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->options->event(r->options->ctx, &event);
}

/* ---- planning: what the check tells ------------------------------------------------------------ */

static int add_item(struct xf_repair *r, const struct xf_plan_item *item)
{
    void *items = r->plan.items;
    const bool room = xf_store_grow(&items, r->plan.count, &r->plan.cap, sizeof *r->plan.items);

    r->plan.items = items;
    if (!room)
        return xf_fail_memory(r->err);
    r->plan.items[r->plan.count++] = *item;
    return XRAY_OK;
}

/* What is good up to here is what the seal speaks of. */
static void take_totals(struct xf_plan *p, const struct xf_check *c)
{
    p->content = c->content;
    p->decisions = c->totals.decisions;
    p->notes = c->totals.notes;
    p->lost = c->totals.lost;
}

/* Damage: false if the mode allows none. With `prefix` the segment ends here. */
static int meet_damage(struct xf_repair *r, const struct xf_check *c, uint64_t pos)
{
    r->plan.intact = false;
    if (r->options->mode == XRAY_REPAIR_TAIL)
        return xf_fail(r->err, XRAY_ECORRUPT, pos,
                       "damaged at byte %" PRIu64 ", before its tail: the mode \"tail\" keeps all or nothing", pos);
    if (r->options->mode == XRAY_REPAIR_PREFIX && !r->plan.cut) {
        take_totals(&r->plan, c);
        r->plan.cut = true;
        r->plan.cut_from = pos;
    }
    return XRAY_OK;
}

static void on_finding(void *ctx, enum xf_check_kind kind, int64_t block, uint64_t pos, const char *message)
{
    struct xf_repair *r = ctx;

    if (kind == XF_CHECK_DAMAGE)
        xf_repair_tell(r, XRAY_REPAIR_FOUND, block, pos, "%s", message);
}

static int on_begin(void *ctx, struct xf_check *c, const struct xf_walk_step *step)
{
    struct xf_repair *r = ctx;
    struct xf_plan *p = &r->plan;

    if (c->refused)
        return xf_fail(r->err, XRAY_EUNSUPPORTED, step->from, "segment at byte %" PRIu64 ": %s", step->from,
                       step->why.message);
    if (p->cut) { /* everything behind it is dropped */
        r->behind = true;
        return XRAY_OK;
    }
    *p = (struct xf_plan){.items = p->items, .cap = p->cap, .intact = step->named};
    if (!step->named && r->options->mode == XRAY_REPAIR_TAIL)
        return meet_damage(r, c, step->from);
    return XRAY_OK;
}

/* A bad block that check_numbers of the checker let pass has moved the numbers on. */
static bool is_numbered(const struct xf_check *c, const struct xf_block *b)
{
    return b->kind > XF_LOSS || (c->next[b->kind] == b->first + b->rows && c->next2[b->kind] == b->first2 + b->rows2);
}

static int on_block(void *ctx, struct xf_check *c, const struct xf_walk_step *step, int64_t index, bool good)
{
    struct xf_repair *r = ctx;
    struct xf_plan_item item = {.kind = good ? XF_PLAN_GOOD : XF_PLAN_BAD};
    int status = XRAY_OK;

    if (r->plan.cut) {
        r->plan.cut_blocks++;
        return XRAY_OK;
    }
    if (index < 0)
        return XRAY_OK;
    item.index = (uint32_t)index;
    item.part_end = c->part_end;
    item.value_end = c->value_end;
    item.numbered = is_numbered(c, &c->seg->blocks[index]);
    if (!good)
        status = meet_damage(r, c, step->from);
    if (status < 0 || r->plan.cut) {
        r->plan.cut_blocks += status >= 0;
        return status;
    }
    if (step->unchained)
        r->plan.intact = false;
    return add_item(r, &item);
}

static int on_gap(void *ctx, struct xf_check *c, const struct xf_walk_step *step, uint64_t ordinal)
{
    struct xf_repair *r = ctx;
    const struct xf_plan_item item = {
        .kind = XF_PLAN_GAP, .from = step->from, .to = step->to, .missing = step->missing};
    int status;

    (void)ordinal;
    if (r->plan.cut) {
        r->plan.cut_blocks += step->missing;
        return XRAY_OK;
    }
    status = meet_damage(r, c, step->from);
    if (status < 0)
        return status;
    if (r->plan.cut) {
        r->plan.cut_blocks += step->missing;
        return XRAY_OK;
    }
    return add_item(r, &item);
}

/* What a segment was is known. After a cut the rest of the file is only counted, so the segment that was cut waits
 * for the end of the file. */
static int on_end(void *ctx, struct xf_check *c)
{
    struct xf_repair *r = ctx;

    if (c->refused)
        return xf_fail(r->err, XRAY_EUNSUPPORTED, c->end, "the segment at byte %" PRIu64 " needs a newer reader",
                       c->base);
    if (r->behind)
        return XRAY_OK;
    if (c->seg == NULL) {
        xf_repair_tell(r, XRAY_REPAIR_LOST, -1, c->base, "a copy of a segment that is there: left out");
        r->result->dropped_bytes += c->end - c->base;
        r->result->lossy = true;
        r->result->unchanged = false;
        return XRAY_OK;
    }
    if (r->plan.cut) {
        r->waiting = *c;
        return XRAY_OK;
    }
    take_totals(&r->plan, c);
    return xf_repair_segment(r, c);
}

static int on_junk(void *ctx, struct xf_check *c, uint64_t from, uint64_t to)
{
    struct xf_repair *r = ctx;

    (void)c;
    if (r->plan.cut)
        return XRAY_OK;
    xf_repair_tell(r, XRAY_REPAIR_LOST, -1, from, "%" PRIu64 " bytes that belong to no segment are left out", to - from);
    r->result->dropped_bytes += to - from;
    r->result->lossy = true;
    r->result->unchanged = false;
    return XRAY_OK;
}

static int check_and_write(struct xf_repair *r)
{
    const struct xf_check_sink sink = {.ctx = r,
                                       .finding = on_finding,
                                       .begin = on_begin,
                                       .block = on_block,
                                       .gap = on_gap,
                                       .junk = on_junk,
                                       .end = on_end};
    const int status = xf_check_file(r->s, 0, true, &sink, r->err);

    return status >= 0 && r->plan.cut ? xf_repair_segment(r, &r->waiting) : status;
}

/* ---- the file -------------------------------------------------------------------------------- */

static void reject(void *ctx, enum xf_check_kind kind, int64_t block, uint64_t pos, const char *message)
{
    xray_error *first = ctx;

    if (kind == XF_CHECK_DAMAGE && first->status == XRAY_OK)
        xf_fail(first, XRAY_ECORRUPT, pos, "block %" PRId64 ": %s", block, message);
}

static int must_be_sealed(void *ctx, struct xf_check *c)
{
    xray_error *first = ctx;

    if (!c->sealed && first->status == XRAY_OK)
        xf_fail(first, XRAY_ECORRUPT, c->end, "a segment is not sealed");
    return XRAY_OK;
}

/* OUT passes every check before it gets its name: a file that contradicts itself on purpose cannot be repaired. */
static int prove(const char *temp, uint64_t *size, xray_error *err)
{
    xray_error first = {0};
    const struct xf_check_sink sink = {.ctx = &first, .finding = reject, .end = must_be_sealed};
    xray_store *s = NULL;
    int r = xray_store_open(&s, &temp, 1, &plain, err);

    if (r < 0)
        return r;
    *size = s->files[0].size;
    r = xf_check_file(s, 0, true, &sink, err);
    xray_store_close(s);
    if (r < 0 || first.status == XRAY_OK)
        return r;
    return xf_fail(err, XRAY_ECORRUPT, first.pos, "it contradicts itself beyond repair: %s", first.message);
}

static int temp_path(const char *out, const struct xf_out_file *f, xray_buffer *path)
{
    const char *slash = strrchr(out, '/');

    if (slash != NULL)
        xf_buf_put(path, out, (size_t)(slash - out) + 1);
    xf_buf_put(path, f->temp, strlen(f->temp) + 1);
    return path->failed ? XRAY_ENOMEM : XRAY_OK;
}

static int write_out(struct xf_repair *r, const char *out)
{
    xray_buffer path = {0};
    int status;

    if (r->options->dry_run)
        return check_and_write(r);
    status = xf_out_file_begin(r->file, out, r->options->force, r->err);
    if (status >= 0)
        status = check_and_write(r);
    if (status >= 0 && temp_path(out, r->file, &path) < 0)
        status = xf_fail_memory(r->err);
    if (status >= 0)
        status = prove((const char *)path.data, &r->result->out_bytes, r->err);
    if (status >= 0)
        status = xf_out_file_finish(r->file, r->options->force, r->err);
    xray_buffer_free(&path);
    return status;
}

static int repair_file(struct xf_repair *r, const char *in, const char *out)
{
    struct xf_file_reader reader;
    struct xf_source source;
    int status = xray_store_open(&r->s, &in, 1, &plain, r->err);

    if (status < 0)
        return status;
    reader = (struct xf_file_reader){r->s, 0};
    source = xf_file_source(&reader, r->s->files[0].size);
    r->source = &source;
    status = write_out(r, out);
    xray_store_close(r->s);
    return status;
}

int xray_repair(const char *in, const char *out, const xray_repair_options *options, xray_repair_result *result,
                xray_error *err)
{
    static const xray_repair_options defaults = {0};
    struct xf_out_file file = {.fd = -1, .dir_fd = -1};
    xray_repair_result counted = {.unchanged = true};
    struct xf_repair r = {.options = options != NULL ? options : &defaults,
                          .result = &counted,
                          .out = {.fd = -1},
                          .err = err};
    enum xf_path_kind kind = XF_PATH_FILE;
    int status;

    if (in == NULL || result == NULL || (out == NULL && !r.options->dry_run))
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "xray_repair needs two paths and a place for the result");
    status = xf_path_look(in, &kind, err);
    if (status < 0)
        return status;
    if (kind == XF_PATH_NONE)
        return xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "%s is not there", in);
    if (kind == XF_PATH_DIRECTORY)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "%s is a directory: files are repaired one by one", in);
    if (out != NULL && xf_same_file(in, out))
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "%s and %s are the same file, and repair never writes to it", in,
                       out);
    r.file = r.options->dry_run ? NULL : &file;
    status = repair_file(&r, in, out);
    r.out.fd = -1; /* the file's */
    xf_segment_out_done(&r.out);
    xf_out_file_done(&file);
    xf_free(r.plan.items);
    xf_free(r.pending);
    if (status >= 0)
        *result = counted;
    return status;
}
