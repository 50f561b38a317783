/* A few threads that work on jobs for their owner. The owner hands jobs in and waits for them one by one; while
 * it waits it works on them too, so that a pool of N threads starts N - 1. All calls on a pool come from its
 * owner; what a job touches must be nobody else's until it was waited for. */
#ifndef XF_OS_THREAD_H
#define XF_OS_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#define XF_THREADS_MAX 64

struct xf_job { /* all zero = not handed in */
    void (*run)(struct xf_job *job, unsigned worker); /* worker: 0 the owner, 1, 2, ... */

    /* private */
    struct xf_job *next;
    enum { XF_JOB_IDLE, XF_JOB_QUEUED, XF_JOB_RUNNING, XF_JOB_DONE } state;
};

struct xf_pool;

/* Processors that this process may use; at least 1. */
unsigned xf_processors(void);

/* A pool of at most `threads`, the owner included. NULL: memory is out, or no thread could be started: the
 * owner does the work alone then. The threads block all signals. */
struct xf_pool *xf_pool_new(unsigned threads);
/* No job may be left that was not waited for or cancelled. */
void xf_pool_free(struct xf_pool *p);

/* How many there are, the owner included. */
unsigned xf_pool_threads(const struct xf_pool *p);

void xf_pool_submit(struct xf_pool *p, struct xf_job *job);
/* Returns when the job is done. */
void xf_pool_wait(struct xf_pool *p, struct xf_job *job);
/* Takes the job back; one that has begun is waited for. True if it was run. */
bool xf_pool_cancel(struct xf_pool *p, struct xf_job *job);

#endif
