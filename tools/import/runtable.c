/* See runtable.h. */
#include "import/runtable.h"

#include <stdlib.h>
#include <sys/random.h>

#include "common/text.h"

void runs_init(struct run_table *t)
{
    *t = (struct run_table){ 0 };
    /* A seed per process: ids come from strangers, who must not be able to choose collisions. */
    if (getrandom(&t->seed, sizeof t->seed, 0) != sizeof t->seed)
        t->seed = 0x9e3779b97f4a7c15u;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    const unsigned __int128 p = (unsigned __int128)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xd6e8feb86659fd93u);

    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t runs_hash(const struct run_table *t, xray_str text)
{
    uint64_t h = mix(t->seed, text.len);

    for (size_t i = 0; i < text.len; i += 8) {
        uint64_t w = 0;

        memcpy(&w, text.ptr + i, text.len - i < 8 ? text.len - i : 8);
        h = mix(h ^ w, t->seed);
    }
    return h != 0 ? h : 1;
}

/* ---- what ended ---- */

static bool was_ended(const struct run_table *t, uint64_t hash)
{
    if (t->ended_count == 0)
        return false;
    for (size_t i = hash % t->ended_cap; t->ended[i] != 0; i = (i + 1) % t->ended_cap)
        if (t->ended[i] == hash)
            return true;
    return false;
}

static void insert_ended(struct run_table *t, uint64_t hash)
{
    size_t i = hash % t->ended_cap;

    while (t->ended[i] != 0 && t->ended[i] != hash)
        i = (i + 1) % t->ended_cap;
    t->ended_count += t->ended[i] == 0;
    t->ended[i] = hash;
}

static void note_ended(struct run_table *t, uint64_t hash)
{
    if (t->ended_count * 2 >= t->ended_cap) {
        uint64_t *old = t->ended;
        const size_t old_cap = t->ended_cap;

        t->ended_cap = old_cap != 0 ? old_cap * 2 : 1024;
        t->ended = memory_new(t->ended_cap, sizeof *t->ended);
        t->ended_count = 0;
        for (size_t k = 0; k < old_cap; k++)
            if (old[k] != 0)
                insert_ended(t, old[k]);
        free(old);
    }
    insert_ended(t, hash);
}

/* ---- order of use ---- */

static void unlink_run(struct run_table *t, struct open_run *r)
{
    if (r->newer != NULL)
        r->newer->older = r->older;
    else
        t->newest = r->older;
    if (r->older != NULL)
        r->older->newer = r->newer;
    else
        t->oldest = r->newer;
}

static void link_newest(struct run_table *t, struct open_run *r)
{
    r->newer = NULL;
    r->older = t->newest;
    if (t->newest != NULL)
        t->newest->newer = r;
    else
        t->oldest = r;
    t->newest = r;
}

/* ---- runs ---- */

struct open_run *runs_find(struct run_table *t, xray_str key)
{
    struct open_run *r = t->last;
    uint64_t hash;

    if (r != NULL && r->key_len == key.len && memcmp(r->key, key.ptr, key.len) == 0)
        return r;
    hash = runs_hash(t, key);
    for (r = t->chains[hash % RUNS_OPEN_MAX]; r != NULL; r = r->chain)
        if (r->hash == hash && r->key_len == key.len && memcmp(r->key, key.ptr, key.len) == 0)
            break;
    if (r != NULL) {
        unlink_run(t, r);
        link_newest(t, r);
        t->last = r;
    }
    return r;
}

void runs_end(struct run_table *t, struct open_run *r)
{
    struct open_run **at = &t->chains[r->hash % RUNS_OPEN_MAX];

    if (t->finish != NULL)
        t->finish(r);
    xray_run_end(r->handle, r->outcome);
    while (*at != r)
        at = &(*at)->chain;
    *at = r->chain;
    unlink_run(t, r);
    note_ended(t, r->hash);
    if (t->last == r)
        t->last = NULL;
    t->count--;
    free(r->key);
    free(r->known);
    free(r);
}

struct open_run *runs_add(struct run_table *t, xray_str key, bool *resume)
{
    struct open_run *r;

    if (t->count == RUNS_OPEN_MAX)
        runs_end(t, t->oldest);
    r = memory_new(1, sizeof *r);
    r->key = memory_new(key.len + 1, 1);
    memcpy(r->key, key.ptr, key.len);
    r->key_len = key.len;
    r->hash = runs_hash(t, key);
    r->start_ns = r->end_ns = XRAY_MISSING;
    r->chain = t->chains[r->hash % RUNS_OPEN_MAX];
    t->chains[r->hash % RUNS_OPEN_MAX] = r;
    link_newest(t, r);
    t->count++;
    t->last = r;
    *resume = was_ended(t, r->hash);
    return r;
}

void runs_done(struct run_table *t)
{
    while (t->oldest != NULL)
        runs_end(t, t->oldest);
    free(t->ended);
    t->ended = NULL;
    t->ended_count = t->ended_cap = 0;
}

/* ---- steps of a run ---- */

static struct known_step *step_slot(const struct open_run *r, uint64_t hash)
{
    size_t i = hash & (r->known_cap - 1);

    while (r->known[i].hash != 0 && r->known[i].hash != hash)
        i = (i + 1) & (r->known_cap - 1);
    return &r->known[i];
}

struct known_step *runs_find_step(struct run_table *t, struct open_run *r, xray_str id)
{
    struct known_step *s;

    if (r->known_count == 0)
        return NULL;
    s = step_slot(r, runs_hash(t, id));
    return s->hash != 0 ? s : NULL;
}

struct known_step *runs_add_step(struct run_table *t, struct open_run *r, xray_str id)
{
    const uint64_t hash = runs_hash(t, id);
    struct known_step *s;

    if (r->known_count * 2 >= r->known_cap) {
        struct known_step *old = r->known;
        const size_t old_cap = r->known_cap;

        r->known_cap = old_cap != 0 ? old_cap * 2 : 16;
        r->known = memory_new(r->known_cap, sizeof *r->known);
        for (size_t k = 0; k < old_cap; k++)
            if (old[k].hash != 0)
                *step_slot(r, old[k].hash) = old[k];
        free(old);
    }
    s = step_slot(r, hash);
    *s = (struct known_step){ .hash = hash };
    r->known_count++;
    return s;
}
