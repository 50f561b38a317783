/* Numbers by key (counts.h): open addressing, at most half full. */
#include "store/counts.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"

#define SLOTS_MIN ((size_t)1024)
#define SLOTS_MAX ((size_t)1 << 22) /* 64 MiB */

uint64_t xf_counts_key(const struct xf_counts *c, const uint8_t run_id[16], int64_t step, char what, xray_str text)
{
    uint8_t key[25];
    uint64_t h;

    memcpy(key, run_id, 16);
    xf_put_u64(key + 16, (uint64_t)step);
    key[24] = (uint8_t)what;
    h = xf_hash64(key, sizeof key, c->seed);
    if (text.len > 0)
        h = xf_hash64(text.ptr, text.len, h);
    return h != 0 ? h : 1;
}

/* Where the key is, or where it would go. */
static struct xf_count *find(const struct xf_counts *c, uint64_t key)
{
    size_t i = (size_t)key & (c->slot_count - 1);

    while (c->slots[i].key != 0 && c->slots[i].key != key)
        i = (i + 1) & (c->slot_count - 1);
    return &c->slots[i];
}

static bool grow(struct xf_counts *c)
{
    struct xf_counts more = {.slot_count = c->slot_count > 0 ? c->slot_count * 2 : SLOTS_MIN};

    more.slots = xf_alloc_array(more.slot_count, sizeof *more.slots);
    if (more.slots == NULL)
        return false;
    for (size_t i = 0; i < c->slot_count; i++)
        if (c->slots[i].key != 0)
            *find(&more, c->slots[i].key) = c->slots[i];
    xf_free(c->slots);
    c->slots = more.slots;
    c->slot_count = more.slot_count;
    return true;
}

bool xf_counts_add(struct xf_counts *c, uint64_t key, uint64_t n)
{
    struct xf_count *slot;

    if (c->used * 2 >= c->slot_count && c->slot_count < SLOTS_MAX && !grow(c))
        return false;
    slot = find(c, key);
    if (slot->key == 0) {
        if (c->used * 2 >= c->slot_count) {
            c->full = true;
            return true;
        }
        slot->key = key;
        c->used++;
    }
    slot->n = slot->n > UINT64_MAX - n ? UINT64_MAX : slot->n + n;
    return true;
}

uint64_t xf_counts_get(const struct xf_counts *c, uint64_t key)
{
    return c->slot_count > 0 ? find(c, key)->n : 0;
}

void xf_counts_reset(struct xf_counts *c)
{
    if (c->used > 0)
        memset(c->slots, 0, c->slot_count * sizeof *c->slots);
    c->used = 0;
    c->full = false;
}

void xf_counts_done(struct xf_counts *c)
{
    xf_free(c->slots);
    *c = (struct xf_counts){0};
}
