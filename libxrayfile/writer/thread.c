/* The thread of a writer: takes ready slots in turn, flushes when it is time, answers flush, sync and close.
 *
 *   WORKING --nothing ready--> NAPPING (until the next flush) --nothing new--> IDLE
 *      ^---------- memory fills, a question -----' <--------- a begin or an end --'
 *
 * Only a begin or end in IDLE, and every so many full chunks in NAPPING, wake it: that is all the system calls
 * that recording threads make. */
#include "writer/front.h"

#include "base/fail.h"
#include "os/clock.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#define KEEP_CHUNKS (1u << 20) /* bytes of chunks an idle writer keeps */

void xf_thread_wake(xray_writer *w)
{
    w->state = XF_WORKING;
    pthread_cond_signal(&w->wake);
}

void xf_writer_publish(xray_writer *w)
{
    w->stats = w->back->stats;
    w->stats.stored_bytes += w->back->out.pos;
    w->stats.part_bytes = w->back->payload.part_bytes;
    w->stats.deduped_bytes = w->back->payload.deduped_bytes;
}

static struct xf_slot *pop(xray_writer *w)
{
    struct xf_slot *s = w->ready_first;

    if (s == NULL) {
        w->ready_bytes = 0;
        return NULL;
    }
    w->ready_first = s->ready_next;
    if (s->ready_next != NULL)
        s->ready_next->ready_previous = NULL;
    else
        w->ready_last = NULL;
    s->queued = false;
    return s;
}

/* ---- trouble with the disk ---- */

#define PAUSE_MIN_NS 20000000LL
#define PAUSE_MAX_NS 1000000000LL
#define TRIES_MAX 5 /* of a write that nothing but luck would help */

/* With the lock held. */
static void wait_until(xray_writer *w, int64_t mono_ns)
{
    const struct timespec t = {.tv_sec = (time_t)(mono_ns / 1000000000), .tv_nsec = (long)(mono_ns % 1000000000)};

    pthread_cond_timedwait(&w->wake, &w->lock, &t);
}

static int64_t pause_of(unsigned times)
{
    return times < 6 ? PAUSE_MIN_NS << times : PAUSE_MAX_NS;
}

/* Called by the thread while a block cannot be written. A full disk is waited for, with the block in hand, so that
 * nothing is lost but what does not fit the memory meanwhile; who waits for a flush is told at once. Where waiting
 * cannot help (the file's size is limited, the file is gone), or when the writer closes, the segment is given up. */
static bool wait_for_disk(void *ctx, const xray_error *err, unsigned times)
{
    xray_writer *w = ctx;
    const bool full = err->sys_errno == ENOSPC || err->sys_errno == EDQUOT;
    const int64_t until = xf_clock_mono() + pause_of(times);
    bool again;

    if (err->sys_errno == EFBIG || (!full && times >= TRIES_MAX))
        return false;
    xf_back_report(w->back, "records wait for the disk", err);
    pthread_mutex_lock(&w->lock);
    again = !w->quit;
    w->trouble = err->status;
    w->error = *err;
    pthread_cond_broadcast(&w->answered);
    while (again && !w->quit && xf_clock_mono() < until)
        wait_until(w, until);
    pthread_mutex_unlock(&w->lock);
    return again;
}

/* With the lock held, which is let go meanwhile. A segment that failed is followed by another as soon as one can be
 * made; that is tried once in a pause. */
static bool has_segment(xray_writer *w)
{
    if (w->back->status == XRAY_OK)
        return true;
    if (!w->quit && xf_clock_mono() < w->retry_at)
        return false;
    pthread_mutex_unlock(&w->lock);
    if (xf_back_recover(w->back) == XRAY_OK)
        w->failures = 0;
    else
        w->retry_at = xf_clock_mono() + pause_of(++w->failures);
    pthread_mutex_lock(&w->lock);
    if (w->back->status < 0)
        w->ready_bytes = 0;
    return w->back->status == XRAY_OK;
}

/* With the lock held, which is let go meanwhile. A slot that ends after it was taken from the queue is queued again.
 * Without a segment to write to, all stays where it is. */
static void work(xray_writer *w)
{
    struct xf_slot *s;

    while (has_segment(w) && (s = pop(w)) != NULL) {
        const bool ended = s->ended; /* under the lock, as xf_slot_push */

        pthread_mutex_unlock(&w->lock);
        if (ended)
            xf_apply_end(s);
        else
            xf_apply(s);
        pthread_mutex_lock(&w->lock);
    }
}

/* `what` 0: flush, 1: sync. With the lock held, which is let go meanwhile. */
static void answer(xray_writer *w, int what)
{
    const uint64_t flushes = w->asked[0], syncs = w->asked[1];
    bool usable;
    int r;

    work(w);
    w->fresh = false;
    usable = has_segment(w);
    pthread_mutex_unlock(&w->lock);
    if (usable)
        xf_apply_all(w);
    r = what == 0 ? xf_back_flush(w->back) : xf_back_sync(w->back);
    if (r >= 0 && w->options.segment_age_s != 0 &&
        xf_clock_mono() - w->back->segment_mono >= (int64_t)w->options.segment_age_s * 1000000000)
        r = xf_commit_rotate(w->back) < 0 ? w->back->status : r;
    xf_chunk_trim(w, KEEP_CHUNKS);
    pthread_mutex_lock(&w->lock);
    xf_writer_publish(w);
    if (r < 0)
        w->error = w->back->failure;
    w->trouble = 0;
    w->late = false;
    w->answers[0] = flushes;
    w->answer[0] = r < 0 ? r : XRAY_FLUSHED;
    if (what == 1) {
        w->answers[1] = syncs;
        w->answer[1] = r;
    }
    pthread_cond_broadcast(&w->answered);
}

static void finish(xray_writer *w)
{
    int r;
    bool abandoned;

    work(w);
    has_segment(w);
    pthread_mutex_unlock(&w->lock);
    xf_apply_all(w);
    r = xf_back_close(w->back);
    if (r < 0 && xf_back_recover(w->back) == XRAY_OK) { /* what was lost is told, in a segment of its own */
        const xray_error failure = w->back->failure;

        xf_back_close(w->back);
        w->back->failure = failure;
    }
    pthread_mutex_lock(&w->lock);
    xf_writer_publish(w);
    if (r < 0)
        w->error = w->back->failure;
    w->closed_with = r;
    w->sealed = true;
    pthread_mutex_unlock(&w->lock);
    xf_sealed_wait(w->back->sealed);
    pthread_mutex_lock(&w->lock);
    w->done = true;
    abandoned = w->abandoned;
    pthread_cond_broadcast(&w->answered);
    pthread_mutex_unlock(&w->lock);
    if (abandoned)
        xf_writer_free(w);
}

static void *run(void *arg)
{
    xray_writer *w = arg;
    const int64_t interval = (int64_t)w->options.flush_interval_ms * 1000000;
    const struct xf_patience patience = {.again = wait_for_disk, .ctx = w};
    int64_t flushed = xf_clock_mono();

    xf_enter_for_good();
    w->back->patience = &patience;
    pthread_mutex_lock(&w->lock);
    while (!w->quit) {
        w->state = XF_WORKING;
        work(w);
        if (w->quit)
            break;
        if (w->asked[1] > w->answers[1]) {
            answer(w, 1);
        } else if (w->asked[0] > w->answers[0] || xf_clock_mono() >= flushed + interval) {
            const bool asked = w->asked[0] > w->answers[0];

            if (asked || w->fresh || w->open_first != NULL)
                answer(w, 0);
            flushed = xf_clock_mono();
            if (!asked && !w->fresh && w->open_first == NULL && w->asked[0] == w->answers[0] &&
                w->asked[1] == w->answers[1] && w->ready_first == NULL && !w->quit) {
                w->state = XF_IDLE;
                pthread_cond_wait(&w->wake, &w->lock);
                flushed = xf_clock_mono();
            }
        } else {
            xf_writer_publish(w);
            w->state = XF_NAPPING;
            wait_until(w, w->back->status < 0 && w->retry_at < flushed + interval ? w->retry_at : flushed + interval);
        }
    }
    finish(w);
    return NULL;
}

/* Signals are the host's: none is ever delivered here. */
int xf_thread_start(xray_writer *w, xray_error *err)
{
    sigset_t all, old;
    int e;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    e = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (e != 0)
        return xf_fail_errno(err, e, XF_NO_POS, "cannot start the writer's thread");
    return XRAY_OK;
}
