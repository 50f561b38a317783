/* Handles. A handle is 64 bits: step (1) | synchronous (1) | generation (38) | index (24). Slots
 * stand in pages that are never freed, so a handle of long ago finds a slot whose handle is another, not freed
 * memory. Pages, pool and counters are the library's only global state. */
#include "writer/front.h"

#include "base/mem.h"

#include <sched.h>

#define STEP_BIT (UINT64_C(1) << 63)
#define SYNC_BIT (UINT64_C(1) << 62)
#define INDEX_BITS 24
#define GENERATION_MASK ((UINT64_C(1) << 38) - 1)
#define PAGE_BITS 8
#define PAGE_SLOTS (1u << PAGE_BITS)
#define PAGES (1u << (INDEX_BITS - PAGE_BITS))

static _Atomic(struct xf_slot *) pages[PAGES];
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static struct xf_slot *pool;  /* free slots */
static uint32_t page_count;
static _Atomic uint64_t refused;

pthread_mutex_t xf_sync_lock = PTHREAD_MUTEX_INITIALIZER;

/* Set while a thread is inside: a signal handler, or an allocator of the host's that traces, must not
 * come in again. Volatile: the handler runs on the same thread. The model keeps it a plain load in the shared library. */
static _Thread_local volatile int inside __attribute__((tls_model("initial-exec")));

void xf_enter_for_good(void)
{
    inside = 1;
}

static void refuse(void)
{
    atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
}

uint64_t xf_refused(void)
{
    return atomic_load_explicit(&refused, memory_order_relaxed);
}

/* Held for the length of one call, so waiting is rare: two threads on one handle, or the back end ending it. */
void xf_slot_lock(struct xf_slot *s)
{
    while (atomic_exchange_explicit(&s->busy, 1, memory_order_acquire) != 0)
        sched_yield();
}

static inline struct xf_slot *slot_of(uint64_t handle)
{
    const uint32_t index = (uint32_t)handle & ((1u << INDEX_BITS) - 1);
    struct xf_slot *page = atomic_load_explicit(&pages[index >> PAGE_BITS], memory_order_acquire);

    return page != NULL ? page + (index & (PAGE_SLOTS - 1)) : NULL;
}

static inline bool is_live(struct xf_slot *s, uint64_t handle)
{
    return atomic_load_explicit(&s->handle, memory_order_relaxed) == handle;
}

/* A step dies with its run. */
static inline bool has_live_run(struct xf_slot *s)
{
    return s->run == NULL || is_live(s->run, s->run_handle);
}

static inline struct xf_slot *enter(uint64_t handle, uint64_t kind)
{
    struct xf_slot *s;

    if (handle == 0)
        return NULL;
    if (inside || (handle & STEP_BIT) != kind) {
        refuse();
        return NULL;
    }
    inside = 1;
    xf_fork_look();
    if ((handle & SYNC_BIT) != 0)
        pthread_mutex_lock(&xf_sync_lock);
    s = slot_of(handle);
    if (s != NULL && is_live(s, handle)) {
        xf_slot_lock(s);
        if (is_live(s, handle) && has_live_run(s))
            return s;
        xf_slot_unlock(s);
    }
    if ((handle & SYNC_BIT) != 0)
        pthread_mutex_unlock(&xf_sync_lock);
    inside = 0;
    refuse();
    return NULL;
}

struct xf_slot *xf_enter_run(xray_run run)
{
    return enter(run, 0);
}

struct xf_slot *xf_enter_step(xray_step step)
{
    return enter(step, STEP_BIT);
}

void xf_leave(struct xf_slot *s)
{
    const bool sync = s->writer->sync; /* once unlocked, it may be another's */

    xf_slot_unlock(s);
    if (sync)
        pthread_mutex_unlock(&xf_sync_lock);
    inside = 0;
}

void xf_leave_direct(struct xf_slot *s)
{
    xf_slot_unlock(s);
    inside = 0;
}

bool xf_enter_writer(const xray_writer *w)
{
    if (inside) {
        refuse();
        return false;
    }
    inside = 1;
    xf_fork_look();
    if (w->sync)
        pthread_mutex_lock(&xf_sync_lock);
    return true;
}

void xf_leave_writer(const xray_writer *w)
{
    if (w->sync)
        pthread_mutex_unlock(&xf_sync_lock);
    inside = 0;
}

void xf_leave_closed(bool sync)
{
    if (sync)
        pthread_mutex_unlock(&xf_sync_lock);
    inside = 0;
}

/* ---- the pool ---- */

static bool add_page(void)
{
    struct xf_slot *page;

    if (page_count == PAGES)
        return false;
    page = xf_alloc_array(PAGE_SLOTS, sizeof *page);
    if (page == NULL)
        return false;
    for (uint32_t i = PAGE_SLOTS; i-- > 0;) {
        page[i].index = page_count << PAGE_BITS | i;
        page[i].free_next = pool;
        pool = &page[i];
    }
    atomic_store_explicit(&pages[page_count++], page, memory_order_release);
    return true;
}

static struct xf_slot *take_slot(void)
{
    struct xf_slot *s = NULL;

    pthread_mutex_lock(&pool_lock);
    if (pool != NULL || add_page()) {
        s = pool;
        pool = s->free_next;
    }
    pthread_mutex_unlock(&pool_lock);
    return s;
}

static void give_slot(struct xf_slot *s)
{
    pthread_mutex_lock(&pool_lock);
    s->free_next = pool;
    pool = s;
    pthread_mutex_unlock(&pool_lock);
}

struct xf_slot *xf_slot_new(xray_writer *w)
{
    struct xf_slot *s = take_slot();
    struct xf_chunk *c;

    if (s == NULL)
        return NULL;
    c = xf_chunk_take(w, 1, XF_CLASS_SPINE);
    if (c == NULL) {
        give_slot(s);
        return NULL;
    }
    s->writer = w;
    s->head = c;
    atomic_store_explicit(&s->tail, c, memory_order_relaxed);
    s->used = s->read = 0;
    s->new_bytes = sizeof *c + c->size;
    s->run = NULL;
    s->run_handle = 0;
    s->object = NULL;
    s->begun = s->ended = false;
    s->outcome = XRAY_RUNNING;
    s->end_mono = XRAY_MISSING;
    s->lost_any = false;
    return s;
}

uint64_t xf_slot_open(struct xf_slot *s, struct xf_slot *run)
{
    xray_writer *w = s->writer;
    uint64_t handle;

    s->generation = (s->generation + 1) & GENERATION_MASK;
    if (s->generation == 0)
        s->generation = 1;
    handle = (run != NULL ? STEP_BIT : 0) | (w->sync ? SYNC_BIT : 0) | s->generation << INDEX_BITS | s->index;
    pthread_mutex_lock(&w->lock);
    s->dropped = w->stats.dropped;
    s->open_previous = NULL;
    s->open_next = w->open_first;
    if (s->open_next != NULL)
        s->open_next->open_previous = s;
    w->open_first = s;
    s->child_first = s->child_previous = s->child_next = NULL;
    if (run != NULL) {
        s->child_next = run->child_first;
        if (s->child_next != NULL)
            s->child_next->child_previous = s;
        run->child_first = s;
    }
    atomic_store_explicit(&s->handle, handle, memory_order_release);
    w->fresh = true;
    if (w->state == XF_IDLE)
        xf_thread_wake(w);
    pthread_mutex_unlock(&w->lock);
    return handle;
}

static void unqueue(xray_writer *w, struct xf_slot *s)
{
    if (s->ready_previous != NULL)
        s->ready_previous->ready_next = s->ready_next;
    else
        w->ready_first = s->ready_next;
    if (s->ready_next != NULL)
        s->ready_next->ready_previous = s->ready_previous;
    else
        w->ready_last = s->ready_previous;
    s->queued = false;
}

void xf_slot_unlink(struct xf_slot *s)
{
    xray_writer *w = s->writer;

    pthread_mutex_lock(&w->lock);
    if (s->queued)
        unqueue(w, s);
    if (s->open_previous != NULL)
        s->open_previous->open_next = s->open_next;
    else
        w->open_first = s->open_next;
    if (s->open_next != NULL)
        s->open_next->open_previous = s->open_previous;
    if (s->run != NULL) {
        if (s->child_previous != NULL)
            s->child_previous->child_next = s->child_next;
        else
            s->run->child_first = s->child_next;
        if (s->child_next != NULL)
            s->child_next->child_previous = s->child_previous;
    }
    pthread_mutex_unlock(&w->lock);
}

void xf_slot_free(struct xf_slot *s)
{
    struct xf_chunk *c = s->head;

    while (c != NULL) {
        struct xf_chunk *next = atomic_load_explicit(&c->next, memory_order_acquire);

        xf_chunk_give(s->writer, c);
        c = next;
    }
    s->head = NULL;
    s->writer = NULL;
    xf_reasons_reset(&s->lost.reasons);
    give_slot(s);
}

/* The end of a slot has its place in the queue: it goes to the back, wherever it was. */
void xf_slot_push(struct xf_slot *s, bool ended)
{
    xray_writer *w = s->writer;

    pthread_mutex_lock(&w->lock);
    s->ended |= ended;
    if (s->queued && ended)
        unqueue(w, s);
    if (!s->queued) {
        s->queued = true;
        s->ready_next = NULL;
        s->ready_previous = w->ready_last;
        if (w->ready_last != NULL)
            w->ready_last->ready_next = s;
        else
            w->ready_first = s;
        w->ready_last = s;
    }
    w->ready_bytes += s->new_bytes;
    s->new_bytes = 0;
    w->fresh = true;
    if (w->state == XF_IDLE || (w->state == XF_NAPPING && w->ready_bytes >= w->limits[XF_CLASS_SPINE] / 64))
        xf_thread_wake(w);
    pthread_mutex_unlock(&w->lock);
}

/* The lock is inside of `busy`, so slots are looked up under it and killed outside. */
void xf_slot_kill_all(xray_writer *w)
{
    struct xf_slot *live[64];
    uint64_t handles[64];
    size_t count;

    do {
        count = 0;
        pthread_mutex_lock(&w->lock);
        for (struct xf_slot *s = w->open_first; s != NULL && count < 64; s = s->open_next) {
            handles[count] = atomic_load_explicit(&s->handle, memory_order_relaxed);
            if (handles[count] != 0)
                live[count++] = s;
        }
        pthread_mutex_unlock(&w->lock);
        for (size_t i = 0; i < count; i++) {
            xf_slot_lock(live[i]);
            if (is_live(live[i], handles[i]))
                atomic_store_explicit(&live[i]->handle, 0, memory_order_relaxed);
            xf_slot_unlock(live[i]);
        }
    } while (count > 0);
}

void xf_slot_prepare_fork(void)
{
    pthread_mutex_lock(&pool_lock);
}

void xf_slot_after_fork(void)
{
    pthread_mutex_unlock(&pool_lock);
}

/* In a child that was made while another thread may have had the lock. What is free is lost, which is little. */
void xf_slot_abandon_pool(void)
{
    pthread_mutex_init(&pool_lock, NULL);
    pool = NULL;
}

/* In the child: whoever was inside a call is not here. Slots in use are the parent's for ever; what they hold
 * may be half-written and is not touched. */
void xf_slot_bury_all(void)
{
    for (uint32_t p = 0; p < page_count; p++) {
        struct xf_slot *page = atomic_load_explicit(&pages[p], memory_order_relaxed);

        for (uint32_t i = 0; page != NULL && i < PAGE_SLOTS; i++) { /* NULL: just being added (xf_slot_abandon_pool) */
            atomic_store_explicit(&page[i].handle, 0, memory_order_relaxed);
            atomic_store_explicit(&page[i].busy, 0, memory_order_relaxed);
        }
    }
}
