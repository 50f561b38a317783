/* The writer as a whole: open, flush, sync, close, statistics, losses. */
#include "writer/front.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/utf8.h"
#include "os/clock.h"
#include "os/out.h"

#include <errno.h>
#include <time.h>

#define LEVEL_DEFAULT 6 /* 7 to 11 % smaller than 3 on both benchmarks; after deduplication there is little to compress */
#define LEVEL_MAX 19
#define SEGMENT_BYTES_DEFAULT (UINT64_C(1) << 30)
#define FLUSH_INTERVAL_DEFAULT 1000
#define MEMORY_DEFAULT ((size_t)64 << 20)
#define MEMORY_MIN ((size_t)256 << 10)
#define VALUE_MAX ((size_t)16 << 20) /* a block holds at most 64 MiB (spec 11) */

/* A copy of the text, or NULL of NULL; false: no memory. */
static bool keep_text(char **out, const char *text)
{
    if (text == NULL)
        return true;
    *out = xf_alloc(strlen(text) + 1);
    if (*out != NULL)
        memcpy(*out, text, strlen(text));
    return *out != NULL;
}

static int take_options(xray_writer *w, const xray_writer_options *o, xray_error *err)
{
    static const xray_writer_options defaults;
    size_t memory;

    if (o == NULL)
        o = &defaults;
    if (o->level < 0 || o->level > LEVEL_MAX)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "compression level %d is not in 1..%d", o->level, LEVEL_MAX);
    w->options = *o;
    if (o->level == 0)
        w->options.level = LEVEL_DEFAULT;
    if (o->segment_bytes == 0)
        w->options.segment_bytes = SEGMENT_BYTES_DEFAULT;
    if (o->flush_interval_ms == 0)
        w->options.flush_interval_ms = FLUSH_INTERVAL_DEFAULT;
    if (o->app != NULL) {
        bool cut;
        const size_t n = xf_utf8_clean(w->app, sizeof w->app - 1, o->app, strlen(o->app), &cut);

        w->app[n] = '\0';
    }
    w->options.app = w->app;
    if (o->value_limit == 0 || o->value_limit > VALUE_MAX)
        w->options.value_limit = VALUE_MAX;
    if (!keep_text(&w->redact, o->redact) || !keep_text(&w->project, o->project))
        return xf_fail_memory(err);
    if (o->fixed != NULL) {
        w->origin.fixed = true;
        w->origin.options = *o->fixed;
    }
    w->sync = o->sync || o->fixed != NULL;
    if (o->sample_rate < 1 && o->sample_rate != 0) {
        const double rate = o->sample_rate > 0 ? o->sample_rate : 0;

        w->thin = true;
        w->weight = rate > 0 ? 1 / rate : 1;
        w->keep_below = (uint64_t)(rate * 18446744073709551616.0);
    }
    w->thin |= o->summary;
    w->direct = !w->sync && !w->thin && o->on_error != XRAY_ON_ERROR_RAISE;
    memory = o->memory_bytes == 0 ? MEMORY_DEFAULT : o->memory_bytes < MEMORY_MIN ? MEMORY_MIN : o->memory_bytes;
    /* A quarter is kept for values and the spine, an eighth for the spine alone. What a synchronous writer's call appends is gone before it returns. */
    w->limits[XF_CLASS_EVENT] = w->sync ? SIZE_MAX : memory / 4 * 3;
    w->limits[XF_CLASS_VALUE] = w->sync ? SIZE_MAX : memory / 8 * 7;
    w->limits[XF_CLASS_SPINE] = w->sync ? SIZE_MAX : memory;
    return XRAY_OK;
}

/* A back end with a segment of its own. */
static int make_back(xray_writer *w, xray_error *err)
{
    uint8_t id[16];
    int r;

    w->back = xf_alloc(sizeof *w->back);
    if (w->back == NULL)
        return xf_fail_memory(err);
    w->back->dir_fd = w->dir_fd;
    w->back->out.fd = -1; /* nothing that xf_back_done could close, yet */
    w->back->level = w->options.level;
    w->back->sync = w->sync;
    w->back->log_failure = w->options.on_error == XRAY_ON_ERROR_LOG;
    w->back->sampled = w->weight > 0;
    w->back->sample_rate = w->options.sample_rate > 0 ? w->options.sample_rate : 0;
    w->back->sample_seed = w->options.sample_seed;
    w->back->segment_bytes = w->options.segment_bytes;
    w->back->origin = &w->origin;
    w->back->no_host = w->options.no_host;
    memcpy(w->back->app, w->app, sizeof w->app);
    r = xf_scrub_new(&w->back->scrub, w->redact, w->options.text_limit, w->options.value_limit, err);
    if (r < 0)
        return r;
    if (w->sealed_dir != NULL)
        w->back->sealed = xf_sealed_new(w->sealed_dir, w->sealed_fn, !w->sync);
    xf_origin_new_id(&w->origin, id);
    return xf_back_init(w->back, id, err);
}

void xf_writer_init_conditions(xray_writer *w)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &monotonic);
    pthread_cond_init(&w->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* The slots it had are back in the pool, or, where it never got that far, given back here. */
void xf_writer_free(xray_writer *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->waiting > 0)
        pthread_cond_wait(&w->answered, &w->lock);
    pthread_mutex_unlock(&w->lock);
    xf_fork_forget(w);
    while (w->open_first != NULL) {
        struct xf_slot *s = w->open_first;

        xf_slot_unlink(s);
        xf_slot_free(s);
    }
    xf_chunk_trim(w, 0);
    if (w->back != NULL) {
        xf_back_done(w->back);
        xf_free(w->back);
    }
    xf_losses_done(&w->reported);
    xf_free(w->redact);
    xf_free(w->project);
    xf_free(w->sealed_dir);
    xf_out_close(w->dir_fd);
    pthread_cond_destroy(&w->wake);
    pthread_cond_destroy(&w->answered);
    pthread_mutex_destroy(&w->lock);
    xf_free(w);
}

/* Writers whose output is to be the same each time, and those that do all on the caller's thread, are asked to. */
static bool wants_sealed(const xray_writer *w)
{
    return w->options.index == XRAY_INDEX_AT_SEAL || (w->options.index == XRAY_INDEX_DEFAULT && !w->sync);
}

int xf_writer_open(xray_writer **out, const char *dir, const xray_writer_options *options, xf_sealed_fn *sealed,
                   xray_error *err)
{
    xray_writer *w;
    int r;

    if (out == NULL || dir == NULL)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "a writer needs a directory");
    w = xf_alloc(sizeof *w);
    if (w == NULL)
        return xf_fail_memory(err);
    w->dir_fd = -1;
    w->refused_before = xf_refused();
    pthread_mutex_init(&w->lock, NULL);
    xf_writer_init_conditions(w);
    xf_fork_watch(w);
    r = take_options(w, options, err);
    if (r == XRAY_OK)
        r = xf_dir_open(&w->dir_fd, dir, err);
    if (r == XRAY_OK && wants_sealed(w)) {
        w->sealed_fn = sealed;
        w->sealed_dir = xf_dir_absolute(dir); /* without it nothing is made of segments */
    }
    if (r == XRAY_OK)
        r = make_back(w, err);
    if (r == XRAY_OK && !w->sync)
        r = xf_thread_start(w, err);
    if (r < 0) {
        xf_writer_free(w);
        return r;
    }
    *out = w;
    return XRAY_OK;
}

/* ---- asking the thread ---- */

/* False when the time is over. Negative timeouts: as long as it takes. */
static bool wait_answer(xray_writer *w, int64_t deadline_ns)
{
    const struct timespec t = {.tv_sec = (time_t)(deadline_ns / 1000000000), .tv_nsec = (long)(deadline_ns % 1000000000)};

    if (deadline_ns < 0) {
        pthread_cond_wait(&w->answered, &w->lock);
        return true;
    }
    return pthread_cond_timedwait(&w->answered, &w->lock, &t) != ETIMEDOUT;
}

static int64_t deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : xf_clock_mono() + (int64_t)timeout_ms * 1000000;
}

static int report(int r, const xray_error *failure, xray_error *err)
{
    if (r < 0 && err != NULL)
        *err = *failure;
    return r;
}

static int ask(xray_writer *w, int what, int timeout_ms, xray_error *err)
{
    const int64_t deadline = deadline_of(timeout_ms);
    uint64_t mine;
    int r = XRAY_ACCEPTED;

    pthread_mutex_lock(&w->lock);
    mine = ++w->asked[what];
    xf_thread_wake(w);
    while (w->answers[what] < mine && w->trouble == 0)
        if (!wait_answer(w, deadline))
            break;
    if (w->answers[what] >= mine)
        r = report(w->answer[what], &w->error, err);
    else if (w->trouble != 0)
        r = report(w->trouble, &w->error, err);
    pthread_mutex_unlock(&w->lock);
    return r;
}

/* A disk that hangs holds up one step of each thread, and then none until it answers again. */
int xf_writer_wait_flush(xray_writer *w, uint64_t mine, uint64_t dropped)
{
    const int64_t deadline = deadline_of((int)w->options.flush_interval_ms);
    int r;

    pthread_mutex_lock(&w->lock);
    while (w->answers[0] < mine && !w->done && !w->late && w->trouble == 0)
        w->late = !wait_answer(w, deadline) && w->answers[0] < mine && !w->done;
    if (w->answers[0] >= mine)
        r = w->answer[0];
    else if (w->done)
        r = w->closed_with;
    else
        r = w->trouble != 0 ? w->trouble : XRAY_EIO;
    if (r >= 0)
        r = w->stats.dropped == dropped ? XRAY_OK : XRAY_EIO;
    w->waiting--;
    pthread_cond_broadcast(&w->answered);
    pthread_mutex_unlock(&w->lock);
    return r;
}

static int ask_sync(xray_writer *w, int what, xray_error *err)
{
    int r;

    xf_apply_all(w);
    r = what == 0 ? xf_back_flush(w->back) : xf_back_sync(w->back);
    return report(r, &w->back->failure, err);
}

static int flush_or_sync(xray_writer *w, int what, int timeout_ms, xray_error *err)
{
    int r;

    if (w == NULL || !xf_enter_writer(w))
        return xf_fail(err, XRAY_ECLOSED, XF_NO_POS, w == NULL ? "no writer" : "called from within another call");
    if (!xf_writer_revive(w))
        r = xf_fail(err, XRAY_ECLOSED, XF_NO_POS, "the writer could not be opened again after fork");
    else
        r = w->sync ? ask_sync(w, what, err) : ask(w, what, timeout_ms, err);
    xf_leave_writer(w);
    return r;
}

int xray_writer_flush(xray_writer *w, int timeout_ms, xray_error *err)
{
    return flush_or_sync(w, 0, timeout_ms, err);
}

int xray_writer_sync(xray_writer *w, int timeout_ms, xray_error *err)
{
    return flush_or_sync(w, 1, timeout_ms, err);
}

static int close_sync(xray_writer *w, xray_error *err)
{
    int r;

    xf_apply_all(w);
    r = report(xf_back_close(w->back), &w->back->failure, err);
    xf_writer_free(w);
    return r;
}

/* If the disk hangs, the thread is left with the writer, and releases it when the disk comes back. */
static int close_thread(xray_writer *w, int timeout_ms, xray_error *err)
{
    const int64_t deadline = deadline_of(timeout_ms);
    bool done;
    int r;

    pthread_mutex_lock(&w->lock);
    w->quit = true;
    xf_thread_wake(w);
    while (!w->done && wait_answer(w, deadline)) {
    }
    done = w->done;
    w->abandoned = !done;
    r = done || w->sealed ? report(w->closed_with, &w->error, err) : XRAY_ACCEPTED;
    if (!done)
        pthread_detach(w->thread);
    pthread_mutex_unlock(&w->lock);
    if (done) {
        pthread_join(w->thread, NULL);
        xf_writer_free(w);
    }
    return r;
}

int xray_writer_close(xray_writer *w, int timeout_ms, xray_error *err)
{
    bool sync;
    int r;

    if (w == NULL)
        return XRAY_OK;
    sync = w->sync;
    xf_fork_look();
    if (w->epoch != atomic_load(&xf_fork_epoch)) /* the parent's, and never used here: nothing of it is touched */
        return XRAY_ACCEPTED;
    if (!xf_enter_writer(w))
        return xf_fail(err, XRAY_ECLOSED, XF_NO_POS, "called from within another call");
    if (!sync)
        xf_slot_kill_all(w);
    r = sync ? close_sync(w, err) : close_thread(w, timeout_ms, err);
    xf_leave_closed(sync);
    return r;
}

void xray_writer_get_stats(xray_writer *w, xray_writer_stats *out)
{
    *out = (xray_writer_stats){0};
    xf_fork_look();
    if (w == NULL || w->epoch != atomic_load(&xf_fork_epoch) || !xf_enter_writer(w))
        return;
    if (w->sync) {
        xf_apply_losses(w);
        xf_writer_publish(w);
    }
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    pthread_mutex_unlock(&w->lock);
    out->refused = xf_refused() - w->refused_before;
    xf_leave_writer(w);
}

static int report_loss(xray_writer *w, const char *cause, const char *what, uint64_t count, int64_t from_ns, int64_t to_ns)
{
    int r;

    pthread_mutex_lock(&w->lock);
    r = xf_losses_add(&w->reported, xray_s(cause), xray_s(what), count, from_ns, to_ns);
    w->fresh = true;
    if (w->state == XF_IDLE)
        xf_thread_wake(w);
    pthread_mutex_unlock(&w->lock);
    return r;
}

int xray_writer_report_loss(xray_writer *w, const char *cause, const char *what, uint64_t count, int64_t from_ns,
                            int64_t to_ns)
{
    int r;

    if (w == NULL || !xf_enter_writer(w))
        return XRAY_ECLOSED;
    r = cause == NULL || what == NULL ? XRAY_EMISUSE
        : xf_writer_revive(w)         ? report_loss(w, cause, what, count, from_ns, to_ns)
                                      : XRAY_ECLOSED;
    xf_leave_writer(w);
    return r;
}

/* In a forked child everything of the parent's is left where it is: buffers may be half-written, and the thread
 * does not exist. The writer begins anew, with a segment of its own. */
bool xf_writer_revive(xray_writer *w)
{
    const uint32_t epoch = atomic_load_explicit(&xf_fork_epoch, memory_order_relaxed);

    if (w->epoch == epoch)
        return w->back != NULL;
    w->epoch = epoch;
    w->back = NULL;
    w->run_seq = w->steps_begun = 0;
    w->ready_first = w->ready_last = NULL;
    w->ready_bytes = 0;
    w->open_first = NULL;
    memset(w->free_chunks, 0, sizeof w->free_chunks);
    w->free_bytes = 0;
    w->reported = (struct xf_losses){0};
    w->stats = (xray_writer_stats){0};
    atomic_store(&w->used, 0);
    for (size_t i = 0; i < XF_LOST_KINDS; i++)
        atomic_store(&w->lost[i], 0);
    w->state = XF_WORKING;
    w->fresh = w->quit = w->sealed = w->done = w->abandoned = false;
    memset(w->asked, 0, sizeof w->asked);
    memset(w->answers, 0, sizeof w->answers);
    w->trouble = 0;
    w->waiting = 0;
    w->late = false;
    if (make_back(w, &w->error) < 0 || (!w->sync && xf_thread_start(w, &w->error) < 0)) {
        if (w->back != NULL) {
            xf_back_done(w->back);
            xf_free(w->back);
            w->back = NULL;
        }
        return false;
    }
    return true;
}
