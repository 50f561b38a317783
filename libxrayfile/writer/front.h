/* The front end of a writer: what the application's threads do.
 *
 * A call finds the slot of its handle, takes the slot's `busy` flag, appends one operation to the
 * slot's log and lets go. No lock, no system call and no allocation, but where a chunk of the log is full, a
 * run or step begins or ends: there the writer's lock is held for moving pointers. What is in the
 * logs is applied by the back end (back.h) on the writer's own thread (thread.c).
 *
 *   slot --log--> chunk -> chunk -> chunk      one producer (who holds `busy`), one consumer (the back end)
 *     \--queue--> ready slots in the order of their ends and full chunks
 *
 * Locks, outermost first: xf_sync_lock, busy of a run, busy of a step, a writer's lock, the pool's. The back end
 * holds none of them while it encodes, compresses or writes. */
#ifndef XF_WRITER_FRONT_H
#define XF_WRITER_FRONT_H

#include "writer/back.h"

#include <pthread.h>
#include <stdatomic.h>

/* What makes room for what when memory is short: events go first, then values, the spine last. */
enum xf_class { XF_CLASS_EVENT, XF_CLASS_VALUE, XF_CLASS_SPINE };

struct xf_chunk {
    _Atomic(struct xf_chunk *) next;
    atomic_uint published; /* bytes of whole operations */
    uint32_t size;         /* of data */
    uint8_t rank;          /* index into the sizes of the pool; XF_CHUNK_SIZES: made to measure */
    _Alignas(16) uint8_t data[];
};

#define XF_CHUNK_SIZES 3

/* Candidates that are counted, not kept: left out on purpose, or for want of room. */
struct xf_lost_counts {
    int64_t in, out, left_out;
    struct xf_reasons reasons;
};

/* A run or step as the application sees it. Slots live in pages that are never freed, so that a
 * handle, however old, leads to a slot and there to a number that is not its own. */
struct xf_slot {
    _Atomic uint64_t handle; /* 0: dead. Set to 0 only by who holds `busy` */
    atomic_uint busy;
    uint32_t index;
    uint64_t generation;
    xray_writer *writer;

    /* Producer's, under busy. */
    _Atomic(struct xf_chunk *) tail;
    uint32_t used;         /* bytes of tail */
    size_t new_bytes;      /* of chunks since the slot was last queued */
    struct xf_slot *run;   /* of a step */
    uint64_t run_handle;
    int64_t number;        /* of a step; of a run: the next one's */
    uint8_t id[16];        /* of a run */
    enum xray_clock clock;
    uint64_t dropped;      /* of the writer's statistics, when it was begun */
    bool ended;            /* set under the writer's lock */
    xray_outcome outcome;
    int64_t end_mono;
    bool lost_any;
    struct xf_lost_counts lost;
    xray_buffer scratch;   /* bodies of decisions */

    /* Consumer's. */
    struct xf_chunk *head;
    uint32_t read;         /* bytes of head */
    void *object;          /* xf_run_slot or xf_step_slot; NULL: not begun, or memory was out */
    bool begun;

    /* Under the writer's lock. */
    struct xf_slot *ready_next, *ready_previous;
    bool queued;
    struct xf_slot *open_next, *open_previous;       /* of the writer */
    struct xf_slot *child_first, *child_next, *child_previous; /* steps of a run */
    struct xf_slot *free_next;                       /* in the pool */
};

enum xf_lost_kind { XF_LOST_RUN, XF_LOST_STEP, XF_LOST_CANDIDATE, XF_LOST_DECISION, XF_LOST_NOTE, XF_LOST_PAYLOAD, XF_LOST_KINDS };

struct xray_writer {
    pthread_mutex_t lock;
    pthread_cond_t wake;     /* of the thread */
    pthread_cond_t answered; /* of those who wait for it */
    bool sync;
    bool direct;             /* calls append to the log and are done: asynchronous, every candidate kept, nothing told */
    uint32_t epoch;          /* xf_fork_epoch of the process it records for */
    xray_writer_options options;
    char app[128];
    char *redact;            /* options' list, owned; NULL: none */
    char *project;           /* of runs that name none, owned; NULL: none */
    xf_sealed_fn *sealed_fn; /* NULL: nothing is made of sealed segments */
    char *sealed_dir;        /* owned; absolute: the host may change its directory */
    bool thin;               /* not every candidate is kept */
    uint64_t keep_below;     /* those whose hash is below this */
    double weight;           /* of those */
    int dir_fd;
    struct xf_origin origin;
    struct xf_back *back;
    xray_writer *list_next, *list_previous; /* of the process */

    /* Under the lock. */
    uint64_t run_seq, steps_begun;
    struct xf_slot *ready_first, *ready_last;
    size_t ready_bytes;
    struct xf_slot *open_first;
    struct xf_chunk *free_chunks[XF_CHUNK_SIZES];
    size_t free_bytes;
    struct xf_losses reported; /* told by the application, until the thread takes them */
    xray_writer_stats stats; /* as of the thread's last look */

    /* Memory of chunks in use, and the cap. */
    atomic_size_t used;
    size_t limits[3]; /* by class */
    _Atomic uint64_t lost[XF_LOST_KINDS]; /* since the thread last looked */
    uint64_t refused_before; /* process-wide count when it was opened */

    /* The thread. Under the lock. */
    pthread_t thread;
    enum { XF_WORKING, XF_NAPPING, XF_IDLE } state;
    bool fresh;                /* something was begun or ended since the last flush */
    bool quit, sealed, done, abandoned; /* sealed: closed_with is set, something may still be made of the segments */
    uint64_t asked[2], answers[2]; /* flushes, syncs */
    int answer[2];
    unsigned waiting;          /* threads in xf_writer_wait_flush */
    bool late;                 /* one of them gave up: nobody waits before the next answer */
    int trouble;               /* status while a write is being tried again; 0: none */
    xray_error error;          /* of the last failure */
    int closed_with;

    /* The thread's own. */
    int64_t retry_at; /* not before this is a new segment tried after a failure */
    unsigned failures;
};

/* ---- writer.c ---- */

/* xray_writer_open, with what is done to each sealed segment where the options want it (sdk/open.c). */
int xf_writer_open(xray_writer **out, const char *dir, const xray_writer_options *options, xf_sealed_fn *sealed,
                   xray_error *err);

/* ---- slot.c: handles ---- */

extern pthread_mutex_t xf_sync_lock;

/* The live slot of a handle, with `busy` taken; NULL (counted) if the handle is dead or the call comes from within
 * another one of the same thread. Every success is paired with xf_leave. */
struct xf_slot *xf_enter_run(xray_run run);
struct xf_slot *xf_enter_step(xray_step step);
void xf_leave(struct xf_slot *s);
void xf_leave_direct(struct xf_slot *s); /* of a writer that is `direct` */

/* For calls on the writer itself. False: the call comes from within another one. */
bool xf_enter_writer(const xray_writer *w);
void xf_leave_writer(const xray_writer *w);
void xf_leave_closed(bool sync); /* the same, where the writer is gone */

void xf_slot_lock(struct xf_slot *s);
static inline void xf_slot_unlock(struct xf_slot *s)
{
    atomic_store_explicit(&s->busy, 0, memory_order_release);
}

/* A slot that nobody else knows, with a chunk; NULL: no memory. */
struct xf_slot *xf_slot_new(xray_writer *w);
/* Makes it visible: links it into the writer (and its run) and gives it its handle. */
uint64_t xf_slot_open(struct xf_slot *s, struct xf_slot *run);
/* Back to the pool. Dead, drained and unlinked. */
void xf_slot_free(struct xf_slot *s);
/* Takes it out of all lists of its writer. */
void xf_slot_unlink(struct xf_slot *s);
/* All handles of the writer are dead from now on. */
void xf_slot_kill_all(xray_writer *w);
/* Hands the slot to the thread; `ended`: for good. */
void xf_slot_push(struct xf_slot *s, bool ended);

/* This thread belongs to the library: calls it makes are dropped. */
void xf_enter_for_good(void);
uint64_t xf_refused(void);

/* Around fork (fork.c). */
void xf_slot_prepare_fork(void);
void xf_slot_after_fork(void);
void xf_slot_bury_all(void);
void xf_slot_abandon_pool(void);

/* ---- log.c: chunks ---- */

/* A chunk of at least `size` bytes, or NULL: over the class's limit, or no memory. */
struct xf_chunk *xf_chunk_take(xray_writer *w, size_t size, enum xf_class class);
void xf_chunk_give(xray_writer *w, struct xf_chunk *c);
void xf_chunk_trim(xray_writer *w, size_t keep); /* frees what lies idle beyond `keep` bytes */
uint8_t *xf_log_grow(struct xf_slot *s, size_t len, enum xf_class class);

/* Room for one operation of `len` bytes, or NULL. */
static inline uint8_t *xf_log_reserve(struct xf_slot *s, size_t len, enum xf_class class)
{
    struct xf_chunk *c = atomic_load_explicit(&s->tail, memory_order_relaxed);

    return len <= c->size - s->used ? c->data + s->used : xf_log_grow(s, len, class);
}

static inline void xf_log_publish(struct xf_slot *s, size_t len)
{
    struct xf_chunk *c = atomic_load_explicit(&s->tail, memory_order_relaxed);

    s->used += (uint32_t)len;
    atomic_store_explicit(&c->published, s->used, memory_order_release);
}

/* The next operation, or NULL. What it points to stays until the next call. `stop` and `stop_at`: no further than this. */
struct xf_log_mark {
    struct xf_chunk *chunk;
    uint32_t published;
};
struct xf_log_mark xf_log_mark(struct xf_slot *s); /* as far as it is now */
const uint8_t *xf_log_next(struct xf_slot *s, const struct xf_log_mark *mark);

/* ---- apply.c: operations to the back end ---- */

/* Applies what the log holds by now. Status of the last operation. */
int xf_apply(struct xf_slot *s);
/* The slot is dead: applies the rest, ends the run or step, recycles the slot. */
int xf_apply_end(struct xf_slot *s);
/* Everything that was recorded before the call. */
void xf_apply_all(xray_writer *w);
/* Losses counted in front become rows of the next loss block. */
void xf_apply_losses(xray_writer *w);

/* ---- thread.c ---- */

int xf_thread_start(xray_writer *w, xray_error *err);
/* With the lock held. */
void xf_thread_wake(xray_writer *w);
/* The back end's figures, for xray_writer_get_stats. With the lock held, or in a synchronous writer. */
void xf_writer_publish(xray_writer *w);

/* ---- writer.c ---- */

void xf_writer_free(xray_writer *w);
/* Waits, at most options.flush_interval_ms, for the answer to flush `mine`; who calls is counted in `waiting`. XRAY_OK,
 * or a status: it may not be in the file. `dropped`: of the statistics, before it was recorded. */
int xf_writer_wait_flush(xray_writer *w, uint64_t mine, uint64_t dropped);
void xf_writer_init_conditions(xray_writer *w);
/* In a forked child: a back end, thread and segment of its own. */
bool xf_writer_revive(xray_writer *w);

/* ---- fork.c ---- */

extern atomic_uint xf_fork_epoch;
extern _Atomic(atomic_uint *) xf_fork_mark;
void xf_fork_adopt(void);
/* Before anything of the process's is touched: is this a child that nobody told us of? */
static inline void xf_fork_look(void)
{
    if (atomic_load_explicit(atomic_load_explicit(&xf_fork_mark, memory_order_relaxed), memory_order_relaxed) != 1)
        xf_fork_adopt();
}

void xf_fork_watch(xray_writer *w);
void xf_fork_forget(xray_writer *w);

#endif
