/* Segments that wait for what is made of them (sealed.h). */
#include "writer/sealed.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "writer/front.h"

enum { NAME_MAX_LEN = 64, WAITING_MAX = 8 };

struct xf_sealed {
    char *dir;
    xf_sealed_fn *fn;
    bool threaded;
    bool has_thread; /* to be joined; known to the writer's side only */
    pthread_t thread;
    pthread_mutex_t lock;
    /* Under the lock. */
    bool working; /* the thread looks for more before it ends */
    char names[WAITING_MAX][NAME_MAX_LEN];
    size_t first, count;
};

struct xf_sealed *xf_sealed_new(const char *dir, xf_sealed_fn *fn, bool threaded)
{
    struct xf_sealed *s = xf_alloc(sizeof *s);
    const size_t len = strlen(dir) + 1;

    if (s == NULL)
        return NULL;
    s->dir = xf_alloc(len);
    if (s->dir == NULL) {
        xf_free(s);
        return NULL;
    }
    memcpy(s->dir, dir, len);
    s->fn = fn;
    s->threaded = threaded;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void handle(const struct xf_sealed *s, const char *name)
{
    const size_t cap = strlen(s->dir) + NAME_MAX_LEN + 2;
    char *path = xf_alloc(cap);

    if (path != NULL) {
        snprintf(path, cap, "%s/%s", s->dir, name);
        s->fn(path);
    }
    xf_free(path);
}

static bool pop(struct xf_sealed *s, char name[NAME_MAX_LEN])
{
    bool any;

    pthread_mutex_lock(&s->lock);
    any = s->count > 0;
    if (any) {
        memcpy(name, s->names[s->first], NAME_MAX_LEN);
        s->first = (s->first + 1) % WAITING_MAX;
        s->count--;
    }
    s->working = any;
    pthread_mutex_unlock(&s->lock);
    return any;
}

static void *run(void *arg)
{
    struct xf_sealed *s = arg;
    char name[NAME_MAX_LEN];

    xf_enter_for_good();
    while (pop(s, name))
        handle(s, name);
    return NULL;
}

/* It inherits from the writer's thread that no signal is delivered to it. */
static void start(struct xf_sealed *s)
{
    xf_sealed_wait(s);
    s->working = true;
    s->has_thread = pthread_create(&s->thread, NULL, run, s) == 0;
    if (!s->has_thread) {
        s->working = false;
        s->count = 0;
    }
}

void xf_sealed_add(struct xf_sealed *s, const char *name)
{
    bool idle;

    if (!s->threaded) {
        handle(s, name);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (s->count < WAITING_MAX)
        snprintf(s->names[(s->first + s->count++) % WAITING_MAX], NAME_MAX_LEN, "%s", name);
    idle = !s->working;
    pthread_mutex_unlock(&s->lock);
    if (idle)
        start(s);
}

void xf_sealed_wait(struct xf_sealed *s)
{
    if (s == NULL || !s->has_thread)
        return;
    pthread_join(s->thread, NULL);
    s->has_thread = false;
}

void xf_sealed_free(struct xf_sealed *s)
{
    if (s == NULL)
        return;
    xf_sealed_wait(s);
    pthread_mutex_destroy(&s->lock);
    xf_free(s->dir);
    xf_free(s);
}
