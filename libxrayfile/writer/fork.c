/* fork(): the child has the parent's memory, but none of its threads and no right to its files. */
#include "writer/front.h"

atomic_uint xf_fork_epoch;

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
static void in_child(void)
{
    atomic_fetch_add(&xf_fork_epoch, 1);
    xf_slot_bury_all();
    for (xray_writer *w = list; w != NULL; w = w->list_next)
        xf_writer_init_conditions(w);
    unlock_all();
}

static void watch(void)
{
    pthread_atfork(prepare, unlock_all, in_child);
}

void xf_fork_watch(xray_writer *w)
{
    pthread_once(&once, watch);
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
