/* Dictionary of byte strings: an open-addressing table over an append-only pool. */
#include "base/dict.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

static void insert_slot(struct xf_dict *d, uint32_t index)
{
    uint32_t at = d->entries[index].hash & (d->slot_count - 1);

    while (d->slots[at] != 0)
        at = (at + 1) & (d->slot_count - 1);
    d->slots[at] = index + 1;
}

/* Keeps the table at most half full. */
static bool grow(struct xf_dict *d)
{
    const uint32_t cap = d->cap != 0 ? d->cap * 2 : 64;
    struct xf_dict_entry *entries = xf_resize_array(d->entries, cap, sizeof *entries);
    uint32_t *slots;

    if (entries == NULL)
        return false;
    d->entries = entries;
    slots = xf_alloc_array(cap * (size_t)2, sizeof *slots);
    if (slots == NULL)
        return false;
    xf_free(d->slots);
    d->slots = slots;
    d->slot_count = cap * 2;
    d->cap = cap;
    for (uint32_t i = 0; i < d->count; i++)
        insert_slot(d, i);
    return true;
}

uint32_t xf_dict_put(struct xf_dict *d, const void *data, size_t len)
{
    const uint32_t hash = (uint32_t)xf_hash64(data, len, 0);

    if (d->slot_count != 0)
        for (uint32_t at = hash & (d->slot_count - 1); d->slots[at] != 0; at = (at + 1) & (d->slot_count - 1)) {
            const struct xf_dict_entry *e = &d->entries[d->slots[at] - 1];

            if (e->hash == hash && e->len == len && (len == 0 || memcmp(d->bytes.data + e->off, data, len) == 0))
                return d->slots[at] - 1;
        }
    if (d->bytes.len + len > UINT32_MAX || (d->count == d->cap && !grow(d)))
        return UINT32_MAX;
    d->entries[d->count] = (struct xf_dict_entry){.off = (uint32_t)d->bytes.len, .len = (uint32_t)len, .hash = hash};
    xf_buf_put(&d->bytes, data, len);
    if (d->bytes.failed)
        return UINT32_MAX;
    insert_slot(d, d->count);
    return d->count++;
}

void xf_dict_reset(struct xf_dict *d)
{
    xf_buf_reset(&d->bytes);
    d->count = 0;
    if (d->slots != NULL)
        memset(d->slots, 0, d->slot_count * sizeof *d->slots);
}

void xf_dict_done(struct xf_dict *d)
{
    xray_buffer_free(&d->bytes);
    xf_free(d->entries);
    xf_free(d->slots);
    *d = (struct xf_dict){0};
}
