/* A pool of threads (thread.h). One lock guards the queue and the states of all jobs: they are blocks of a
 * megabyte, so nobody waits for it. */
#include "os/thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "base/mem.h"

struct worker {
    struct xf_pool *pool;
    pthread_t thread;
    unsigned number;
};

struct xf_pool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* something was queued, or it ends */
    pthread_cond_t done; /* some job is done */
    struct xf_job *first, *last;
    bool ends;
    unsigned count;
    struct worker workers[XF_THREADS_MAX - 1];
};

unsigned xf_processors(void)
{
    cpu_set_t set;
    int count = 1;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
    return count > 1 ? (unsigned)count : 1;
}

/* ---- with the lock held ---------------------------------------------------------------- */

static struct xf_job *pop(struct xf_pool *p)
{
    struct xf_job *job = p->first;

    if (job == NULL)
        return NULL;
    p->first = job->next;
    if (p->first == NULL)
        p->last = NULL;
    job->next = NULL;
    return job;
}

static void take_out(struct xf_pool *p, struct xf_job *job)
{
    struct xf_job *before = NULL;

    for (struct xf_job *j = p->first; j != job; j = j->next)
        before = j;
    *(before != NULL ? &before->next : &p->first) = job->next;
    if (p->last == job)
        p->last = before;
    job->next = NULL;
}

static void run(struct xf_pool *p, struct xf_job *job, unsigned worker)
{
    job->state = XF_JOB_RUNNING;
    pthread_mutex_unlock(&p->lock);
    job->run(job, worker);
    pthread_mutex_lock(&p->lock);
    job->state = XF_JOB_DONE;
    if (worker > 0)
        pthread_cond_signal(&p->done);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void *work(void *arg)
{
    const struct worker *w = arg;
    struct xf_pool *p = w->pool;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        struct xf_job *job = pop(p);

        if (job != NULL)
            run(p, job, w->number);
        else if (p->ends)
            break;
        else
            pthread_cond_wait(&p->work, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Signals are for the threads of the program. */
static void start(struct xf_pool *p, unsigned threads)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (p->count < threads - 1) {
        struct worker *w = &p->workers[p->count];

        *w = (struct worker){.pool = p, .number = p->count + 1};
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            break;
        p->count++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

struct xf_pool *xf_pool_new(unsigned threads)
{
    struct xf_pool *p;

    if (threads < 2)
        return NULL;
    p = xf_alloc(sizeof *p);
    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    start(p, threads < XF_THREADS_MAX ? threads : XF_THREADS_MAX);
    if (p->count == 0) {
        xf_pool_free(p);
        return NULL;
    }
    return p;
}

void xf_pool_free(struct xf_pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->ends = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->count; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    xf_free(p);
}

unsigned xf_pool_threads(const struct xf_pool *p)
{
    return p->count + 1;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

void xf_pool_submit(struct xf_pool *p, struct xf_job *job)
{
    pthread_mutex_lock(&p->lock);
    job->next = NULL;
    job->state = XF_JOB_QUEUED;
    *(p->last != NULL ? &p->last->next : &p->first) = job;
    p->last = job;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

/* The job itself first, if nobody has begun with it; else whatever there is to do. */
void xf_pool_wait(struct xf_pool *p, struct xf_job *job)
{
    pthread_mutex_lock(&p->lock);
    while (job->state != XF_JOB_DONE) {
        struct xf_job *next = job;

        if (job->state == XF_JOB_QUEUED)
            take_out(p, job);
        else
            next = pop(p);
        if (next != NULL)
            run(p, next, 0);
        else
            pthread_cond_wait(&p->done, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
}

bool xf_pool_cancel(struct xf_pool *p, struct xf_job *job)
{
    bool ran;

    pthread_mutex_lock(&p->lock);
    if (job->state == XF_JOB_QUEUED) {
        take_out(p, job);
        job->state = XF_JOB_IDLE;
    }
    while (job->state == XF_JOB_RUNNING)
        pthread_cond_wait(&p->done, &p->lock);
    ran = job->state == XF_JOB_DONE;
    pthread_mutex_unlock(&p->lock);
    return ran;
}
