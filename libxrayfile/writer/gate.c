/* Handles. A handle is 64 bits: step (1) | gate (7) | generation (32) | index (24).
 * Gates are never freed, so a handle of a closed writer finds a closed gate, not
 * freed memory. The table is the library's only global state. */
#include "writer/internal.h"

#include "base/mem.h"

#define STEP_BIT (UINT64_C(1) << 63)
#define INDEX_MAX ((1u << 24) - 1)

static struct gate {
    pthread_mutex_t lock;
    xray_writer *writer;
    uint32_t generation; /* last one given out here, never repeated within 2^32 */
    uint64_t refused;    /* calls on dead handles while a writer was open */
} gates[XF_GATES];

static pthread_once_t gates_once = PTHREAD_ONCE_INIT;

static void make_gates(void)
{
    for (size_t i = 0; i < XF_GATES; i++)
        pthread_mutex_init(&gates[i].lock, NULL);
}

bool xf_gate_add(xray_writer *w)
{
    pthread_once(&gates_once, make_gates);
    for (size_t i = 0; i < XF_GATES; i++) {
        struct gate *g = &gates[i];
        bool mine;

        pthread_mutex_lock(&g->lock);
        mine = g->writer == NULL;
        if (mine) {
            g->writer = w;
            g->refused = 0;
            w->gate = (uint8_t)i;
        }
        pthread_mutex_unlock(&g->lock);
        if (mine)
            return true;
    }
    return false;
}

void xf_gate_remove(xray_writer *w)
{
    struct gate *g = &gates[w->gate];

    pthread_mutex_lock(&g->lock);
    g->writer = NULL;
    pthread_mutex_unlock(&g->lock);
}

void xf_enter_writer(xray_writer *w)
{
    pthread_mutex_lock(&gates[w->gate].lock);
    w->stats.refused = gates[w->gate].refused;
}

void xf_leave(xray_writer *w)
{
    pthread_mutex_unlock(&gates[w->gate].lock);
}

static uint64_t make_handle(const xray_writer *w, uint32_t generation, uint32_t index)
{
    return (uint64_t)w->gate << 56 | (uint64_t)generation << 24 | index;
}

uint64_t xf_handle_of_run(const xray_writer *w, uint32_t index)
{
    return make_handle(w, xf_run_at(w, index)->scope.generation, index);
}

uint64_t xf_handle_of_step(const xray_writer *w, uint32_t index)
{
    return STEP_BIT | make_handle(w, xf_step_at(w, index)->scope.generation, index);
}

/* Both slot types begin with their scope, so one look-up serves both. */
static struct xf_scope *enter(uint64_t handle, bool step, xray_writer **w)
{
    const uint32_t index = (uint32_t)handle & INDEX_MAX, generation = (uint32_t)(handle >> 24);
    struct gate *g = &gates[(handle >> 56 & 0x7f) % XF_GATES];
    struct xf_scope *s = NULL;

    if (handle == 0)
        return NULL;
    pthread_once(&gates_once, make_gates);
    pthread_mutex_lock(&g->lock);
    if (g->writer != NULL && ((handle & STEP_BIT) != 0) == step) {
        const struct xf_slots *slots = step ? &g->writer->steps : &g->writer->runs;

        if (index < slots->count)
            s = slots->items[index];
        if (s != NULL && (generation == 0 || s->generation != generation))
            s = NULL;
    }
    if (s == NULL) {
        g->refused++;
        pthread_mutex_unlock(&g->lock);
        return NULL;
    }
    *w = g->writer;
    return s;
}

struct xf_run_slot *xf_enter_run(xray_run run, xray_writer **w)
{
    return (struct xf_run_slot *)enter(run, false, w);
}

struct xf_step_slot *xf_enter_step(xray_step step, xray_writer **w)
{
    return (struct xf_step_slot *)enter(step, true, w);
}

static bool grow(struct xf_slots *s)
{
    const uint32_t cap = s->cap != 0 ? s->cap * 2 : 64;
    void **items = xf_resize_array(s->items, cap, sizeof *items);
    uint32_t *free_list;

    if (items == NULL)
        return false;
    s->items = items;
    free_list = xf_resize_array(s->free, cap, sizeof *free_list);
    if (free_list == NULL)
        return false;
    s->free = free_list;
    s->cap = cap;
    return true;
}

uint32_t xf_slot_take(xray_writer *w, struct xf_slots *s, size_t object_size)
{
    uint32_t index;

    if (s->free_count > 0) {
        index = s->free[--s->free_count];
    } else {
        void *object;

        if (s->count > INDEX_MAX || (s->count == s->cap && !grow(s)))
            return UINT32_MAX;
        object = xf_alloc(object_size);
        if (object == NULL)
            return UINT32_MAX;
        index = s->count++;
        s->items[index] = object;
    }
    do
        gates[w->gate].generation++;
    while (gates[w->gate].generation == 0);
    ((struct xf_scope *)s->items[index])->generation = gates[w->gate].generation;
    return index;
}

void xf_slot_give(struct xf_slots *s, uint32_t index)
{
    ((struct xf_scope *)s->items[index])->generation = 0;
    s->free[s->free_count++] = index;
}
