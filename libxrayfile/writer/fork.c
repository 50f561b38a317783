/* fork(): the child has the parent's memory, but none of its threads and no right to its files.
 *
 * fork() itself calls us (pthread_atfork). A child that a bare clone() made calls nobody: it is known by the mark, which is
 * 1 and which the kernel makes 0 in a child. */
#include "writer/front.h"

#include "os/self.h"

#include <sched.h>

atomic_uint xf_fork_epoch;

static atomic_uint no_mark = 1;
_Atomic(atomic_uint *) xf_fork_mark = &no_mark;
enum { WIPED = 0, MARKED = 1, ADOPTING = 2 };

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static xray_writer *list; /* all writers of the process */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Every lock is held over the fork, so that what it guards is whole in the child. */
static void prepare(void)
{
    pthread_mutex_lock(&xf_sync_lock);
    pthread_mutex_lock(&list_lock);
    for (xray_writer *w = list; w != NULL; w = w->list_next)
        pthread_mutex_lock(&w->lock);
    xf_slot_prepare_fork();
}

static void unlock_all(void)
{
    xf_slot_after_fork();
    for (xray_writer *w = list; w != NULL; w = w->list_next)
        pthread_mutex_unlock(&w->lock);
    pthread_mutex_unlock(&list_lock);
    pthread_mutex_unlock(&xf_sync_lock);
}

/* Handles are dead; the writers begin anew when they are used (xf_writer_revive). Conditions may have waiters that
 * are not here any more. */
static void begin_anew(void)
{
    atomic_fetch_add(&xf_fork_epoch, 1);
    xf_slot_bury_all();
    for (xray_writer *w = list; w != NULL; w = w->list_next)
        xf_writer_init_conditions(w);
}

/* Locks may be held by threads that are not here, and what they guard may be half-changed: the locks are made anew, and
 * the pool is left where it is. The list of writers is always whole as far as it is walked. */
void xf_fork_adopt(void)
{
    atomic_uint *mark = atomic_load(&xf_fork_mark);
    unsigned wiped = WIPED;

    if (!atomic_compare_exchange_strong(mark, &wiped, ADOPTING)) {
        while (atomic_load(mark) == ADOPTING) /* by another thread of the child's */
            sched_yield();
        return;
    }
    pthread_mutex_init(&xf_sync_lock, NULL);
    pthread_mutex_init(&list_lock, NULL);
    xf_slot_abandon_pool();
    for (xray_writer *w = list; w != NULL; w = w->list_next)
        pthread_mutex_init(&w->lock, NULL);
    begin_anew();
    atomic_store(mark, MARKED);
}

static void in_child(void)
{
    atomic_uint *mark = atomic_load(&xf_fork_mark);

    if (mark != &no_mark && atomic_load(mark) == MARKED) /* by a call from a handler of the host's that came before */
        return;
    begin_anew();
    unlock_all();
    atomic_store(mark, MARKED);
}

static void watch(void)
{
    atomic_uint *mark = xf_self_mark();

    if (mark != NULL)
        atomic_store(&xf_fork_mark, mark);
    pthread_atfork(prepare, unlock_all, in_child);
}

void xf_fork_watch(xray_writer *w)
{
    pthread_once(&once, watch);
    xf_fork_look();
    w->epoch = atomic_load(&xf_fork_epoch);
    pthread_mutex_lock(&list_lock);
    w->list_previous = NULL;
    w->list_next = list;
    if (list != NULL)
        list->list_previous = w;
    list = w;
    pthread_mutex_unlock(&list_lock);
}

void xf_fork_forget(xray_writer *w)
{
    pthread_mutex_lock(&list_lock);
    if (w->list_previous != NULL)
        w->list_previous->list_next = w->list_next;
    else
        list = w->list_next;
    if (w->list_next != NULL)
        w->list_next->list_previous = w->list_previous;
    pthread_mutex_unlock(&list_lock);
}
