/* The writer as a whole: open, flush, sync, close, statistics, losses. */
#include "writer/internal.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/mpwrite.h"
#include "os/clock.h"
#include "os/out.h"

#define LEVEL_DEFAULT 6 /* 7 to 11 % smaller than 3 on both benchmarks; after deduplication there is little to compress */
#define LEVEL_MAX 19
#define SEGMENT_BYTES_DEFAULT (UINT64_C(1) << 30)

static int take_options(xray_writer *w, const xray_writer_options *o, xray_error *err)
{
    static const xray_writer_options defaults;
    uint64_t secret = 0;

    if (o == NULL)
        o = &defaults;
    if (o->level < 0 || o->level > LEVEL_MAX)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "compression level %d is not in 1..%d", o->level, LEVEL_MAX);
    w->level = o->level != 0 ? o->level : LEVEL_DEFAULT;
    w->segment_bytes = o->segment_bytes != 0 ? o->segment_bytes : SEGMENT_BYTES_DEFAULT;
    w->no_host = o->no_host;
    if (o->app != NULL) {
        bool cut;
        const size_t n = xf_clean_text(w->app, sizeof w->app - 1, xray_s(o->app), &cut);

        w->app[n] = '\0';
    }
    if (o->fixed != NULL) {
        w->fixed = true;
        w->fixed_options = *o->fixed;
    } else {
        xf_random(&secret, sizeof secret);
    }
    xf_writer_new_id(w, w->writer_id);
    xf_payload_init(&w->payload, secret);
    xf_cands_init(&w->cands);
    xf_spine_init(&w->spine);
    return XRAY_OK;
}

static void release(xray_writer *w)
{
    for (uint32_t i = 0; i < w->runs.count; i++) {
        xf_scope_done(&xf_run_at(w, i)->scope);
        xf_free(xf_run_at(w, i));
    }
    for (uint32_t i = 0; i < w->steps.count; i++) {
        struct xf_step_slot *step = xf_step_at(w, i);

        xf_scope_done(&step->scope);
        xray_buffer_free(&step->codes);
        xf_free(step->reasons);
        xf_free(step);
    }
    xf_free(w->runs.items);
    xf_free(w->runs.free);
    xf_free(w->steps.items);
    xf_free(w->steps.free);
    xf_payload_done(&w->payload);
    xf_cands_done(&w->cands);
    xf_spine_done(&w->spine);
    xf_segment_out_done(&w->out);
    xray_buffer_free(&w->losses);
    xray_buffer_free(&w->scratch);
    xf_json_memo_done(&w->memo);
    xf_out_close(w->dir_fd);
    xf_free(w);
}

int xray_writer_open(xray_writer **out, const char *dir, const xray_writer_options *options, xray_error *err)
{
    xray_writer *w;
    int r;

    if (out == NULL || dir == NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "a writer needs a directory");
    w = xf_alloc(sizeof *w);
    if (w == NULL)
        return xf_fail_memory(err);
    w->dir_fd = w->out.fd = -1;
    r = take_options(w, options, err);
    if (r == XRAY_OK)
        r = xf_dir_open(&w->dir_fd, dir, err);
    if (r == XRAY_OK)
        r = xf_commit_begin_segment(w, err);
    if (r == XRAY_OK && !xf_gate_add(w))
        r = xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "%d writers are open in this process", XF_GATES);
    if (r < 0) {
        release(w);
        return r;
    }
    *out = w;
    return XRAY_OK;
}

static int report(xray_writer *w, int r, xray_error *err)
{
    if (r < 0 && err != NULL)
        *err = w->failure;
    return r;
}

static int flush_locked(xray_writer *w)
{
    const int r = xf_commit_blocks(w, true);

    return r < 0 ? r : XRAY_FLUSHED;
}

/* On the caller's thread a write cannot be given up half-way, so the time limit binds only waiting for
 * other threads; it is the asynchronous writer that makes it strict. */
int xray_writer_flush(xray_writer *w, int timeout_ms, xray_error *err)
{
    int r;

    (void)timeout_ms;
    if (w == NULL)
        return xf_fail(err, XRAY_ECLOSED, XF_NO_POS, "no writer");
    xf_enter_writer(w);
    r = report(w, flush_locked(w), err);
    xf_leave(w);
    return r;
}

/* After a failed sync nobody knows what is on disk, and asking again would say "yes" (see README,
 * guarantees): the writer has failed for good. */
static int sync_locked(xray_writer *w)
{
    xray_error err = {0};
    int r = flush_locked(w);

    if (r < 0)
        return r;
    if (xf_out_sync(w->out.fd, &err) < 0)
        return xf_writer_fail(w, &err);
    if (!w->dir_synced && xf_dir_sync(w->dir_fd, &err) < 0)
        return xf_writer_fail(w, &err);
    w->dir_synced = true;
    return XRAY_SYNCED;
}

int xray_writer_sync(xray_writer *w, int timeout_ms, xray_error *err)
{
    int r;

    (void)timeout_ms;
    if (w == NULL)
        return xf_fail(err, XRAY_ECLOSED, XF_NO_POS, "no writer");
    xf_enter_writer(w);
    r = report(w, sync_locked(w), err);
    xf_leave(w);
    return r;
}

int xray_writer_close(xray_writer *w, int timeout_ms, xray_error *err)
{
    int r;

    (void)timeout_ms;
    if (w == NULL)
        return XRAY_OK;
    xf_gate_remove(w);
    r = flush_locked(w);
    if (r >= 0)
        r = xf_commit_seal(w);
    r = report(w, r, err);
    release(w);
    return r < 0 ? r : XRAY_SEALED;
}

void xray_writer_get_stats(xray_writer *w, xray_writer_stats *out)
{
    if (w == NULL) {
        *out = (xray_writer_stats){0};
        return;
    }
    xf_enter_writer(w);
    *out = w->stats;
    out->stored_bytes = w->stats.stored_bytes + w->out.pos;
    out->part_bytes = w->payload.part_bytes;
    out->deduped_bytes = w->payload.deduped_bytes;
    xf_leave(w);
}

static void put_optional_int(xray_buffer *b, int64_t v)
{
    if (v == XRAY_MISSING)
        xf_mp_nil(b);
    else
        xf_mp_int(b, v);
}

int xray_writer_report_loss(xray_writer *w, const char *cause, const char *what, uint64_t count, int64_t from_ns,
                            int64_t to_ns)
{
    const char *texts[2] = {cause, what};
    char clean[XF_NAME_MAX];
    int r;

    if (w == NULL)
        return XRAY_ECLOSED;
    if (cause == NULL || what == NULL)
        return XRAY_EMISUSE;
    xf_enter_writer(w);
    xf_mp_array(&w->losses, 5);
    for (size_t i = 0; i < 2; i++) {
        bool cut;
        const size_t n = xf_clean_text(clean, sizeof clean, xray_s(texts[i]), &cut);

        xf_mp_str(&w->losses, clean, n);
    }
    xf_mp_uint(&w->losses, count);
    put_optional_int(&w->losses, from_ns);
    put_optional_int(&w->losses, to_ns);
    w->loss_rows++;
    w->totals.lost = w->totals.lost + count < count ? UINT64_MAX : w->totals.lost + count;
    r = w->losses.failed ? XRAY_ENOMEM : w->status;
    xf_leave(w);
    return r;
}
