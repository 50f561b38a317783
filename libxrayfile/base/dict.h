/* A dictionary of byte strings: each distinct one gets the next index. For the
 * dictionaries of one block, so it is emptied often and keeps its memory. */
#ifndef XF_BASE_DICT_H
#define XF_BASE_DICT_H

#include "xrayfile.h"

struct xf_dict {
    xray_buffer bytes;      /* all strings, one behind the other */
    struct xf_dict_entry {
        uint32_t off;
        uint32_t len;
        uint32_t hash;
    } *entries;
    uint32_t count;
    uint32_t cap;
    uint32_t *slots; /* index + 1, open addressing; 0 = free */
    uint32_t slot_count;
};

/* Index of the string, added if new. UINT32_MAX when memory is out. */
uint32_t xf_dict_put(struct xf_dict *d, const void *data, size_t len);

static inline xray_str xf_dict_get(const struct xf_dict *d, uint32_t i)
{
    const struct xf_dict_entry *e = &d->entries[i];

    return e->len > 0 ? xray_strn((const char *)d->bytes.data + e->off, e->len) : xray_strn("", 0);
}

void xf_dict_reset(struct xf_dict *d);
void xf_dict_done(struct xf_dict *d);

#endif
