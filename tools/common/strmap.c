/* See strmap.h. Open addressing; seeded at random, since whoever wrote a file chose the texts. */
#include "common/strmap.h"

#include <stdlib.h>
#include <sys/random.h>

struct strmap_slot {
    char *key; /* NULL: free */
    size_t len;
    uint64_t hash;
    size_t number;
};

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static uint64_t hash_text(const struct strmap *m, xray_str key)
{
    uint64_t h = m->seed ^ key.len, word;

    for (; key.len >= sizeof word; key.ptr += sizeof word, key.len -= sizeof word) {
        memcpy(&word, key.ptr, sizeof word);
        h = mix(h, word);
    }
    word = 0;
    memcpy(&word, key.ptr, key.len);
    return mix(mix(h, word), h >> 32);
}

static struct strmap_slot *find_slot(const struct strmap *m, xray_str key, uint64_t hash)
{
    for (size_t i = (size_t)hash;; i++) {
        struct strmap_slot *slot = &m->slots[i & (m->cap - 1)];

        if (slot->key == NULL ||
            (slot->hash == hash && slot->len == key.len && memcmp(slot->key, key.ptr, key.len) == 0))
            return slot;
    }
}

static void grow(struct strmap *m)
{
    const struct strmap old = *m;

    m->cap = old.cap == 0 ? 64 : old.cap * 2;
    m->slots = memory_new(m->cap, sizeof *m->slots);
    if (old.cap == 0 && getrandom(&m->seed, sizeof m->seed, 0) != sizeof m->seed)
        m->seed = (uint64_t)(uintptr_t)m->slots;
    for (size_t i = 0; i < old.cap; i++) {
        const struct strmap_slot *slot = &old.slots[i];

        if (slot->key != NULL)
            *find_slot(m, xray_strn(slot->key, slot->len), slot->hash) = *slot;
    }
    free(old.slots);
}

size_t strmap_put(struct strmap *m, xray_str key, bool *added)
{
    if (m->count >= m->cap / 3 * 2)
        grow(m);
    if (key.ptr == NULL)
        key = xray_s("");

    const uint64_t hash = hash_text(m, key);
    struct strmap_slot *slot = find_slot(m, key, hash);

    *added = slot->key == NULL;
    if (*added) {
        slot->key = memory_new(key.len + 1, 1);
        memcpy(slot->key, key.ptr, key.len);
        slot->len = key.len;
        slot->hash = hash;
        slot->number = m->count++;
    }
    return slot->number;
}

void strmap_free(struct strmap *m)
{
    for (size_t i = 0; i < m->cap; i++)
        free(m->slots[i].key);
    free(m->slots);
    *m = (struct strmap){0};
}
