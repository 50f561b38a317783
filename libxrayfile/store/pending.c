/* Runs or steps that are being joined (pending.h). */
#include "store/pending.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"

static uint64_t hash_of(const struct xf_pending_table *t, const struct xf_pending_key *key)
{
    uint8_t bytes[28];

    memcpy(bytes, key->run_id, 16);
    xf_put_u32(bytes + 16, key->writer);
    xf_put_u64(bytes + 20, (uint64_t)key->step);
    return xf_hash64(bytes, sizeof bytes, t->seed);
}

static bool is_same(const struct xf_pending_key *a, const struct xf_pending_key *b)
{
    return a->step == b->step && a->writer == b->writer && memcmp(a->run_id, b->run_id, 16) == 0;
}

static struct xf_pending *find(const struct xf_pending_table *t, const struct xf_pending_key *key,
                               uint64_t hash)
{
    struct xf_pending *p = t->bucket_count > 0 ? t->buckets[hash & (t->bucket_count - 1)] : NULL;

    while (p != NULL && !(p->hash == hash && is_same(&p->key, key)))
        p = p->chain;
    return p;
}

struct xf_pending *xf_pending_find(const struct xf_pending_table *t, const struct xf_pending_key *key)
{
    return t->count > 0 ? find(t, key, hash_of(t, key)) : NULL;
}

static bool make_room(struct xf_pending_table *t)
{
    const size_t count = t->bucket_count == 0 ? 64 : t->bucket_count * 2;
    struct xf_pending **buckets;

    if (t->count < t->bucket_count)
        return true;
    buckets = xf_alloc_array(count, sizeof *buckets);
    if (buckets == NULL)
        return false;
    for (struct xf_pending *p = t->oldest; p != NULL; p = p->newer) {
        p->chain = buckets[p->hash & (count - 1)];
        buckets[p->hash & (count - 1)] = p;
    }
    xf_free(t->buckets);
    t->buckets = buckets;
    t->bucket_count = count;
    return true;
}

struct xf_pending *xf_pending_get(struct xf_pending_table *t, const struct xf_pending_key *key,
                                  uint32_t segment)
{
    const uint64_t hash = hash_of(t, key);
    struct xf_pending *p = find(t, key, hash);

    if (p != NULL)
        return p;
    if (!make_room(t))
        return NULL;
    p = xf_alloc(sizeof *p);
    if (p == NULL)
        return NULL;
    p->key = *key;
    p->joined.table = t->table;
    p->first_segment = p->last_segment = segment;
    p->hash = hash;
    p->chain = t->buckets[hash & (t->bucket_count - 1)];
    t->buckets[hash & (t->bucket_count - 1)] = p;
    p->older = t->newest;
    *(t->newest != NULL ? &t->newest->newer : &t->oldest) = p;
    t->newest = p;
    t->count++;
    return p;
}

void xf_pending_remove(struct xf_pending_table *t, struct xf_pending *p)
{
    struct xf_pending **at = &t->buckets[p->hash & (t->bucket_count - 1)];

    while (*at != p)
        at = &(*at)->chain;
    *at = p->chain;
    *(p->older != NULL ? &p->older->newer : &t->oldest) = p->newer;
    *(p->newer != NULL ? &p->newer->older : &t->newest) = p->older;
    t->count--;
}

void xf_pending_free(struct xf_pending *p)
{
    if (p == NULL)
        return;
    xf_joined_done(&p->joined);
    xf_free(p);
}

void xf_pending_done(struct xf_pending_table *t)
{
    while (t->oldest != NULL) {
        struct xf_pending *p = t->oldest;

        t->oldest = p->newer;
        xf_pending_free(p);
    }
    xf_free(t->buckets);
    t->buckets = NULL;
    t->newest = NULL;
    t->bucket_count = t->count = 0;
}
