/* What a store does with the indexes beside its segments: all of it a hint. */
#ifndef XF_STORE_INDEXUSE_H
#define XF_STORE_INDEXUSE_H

#include "file/index.h"
#include "store/store.h"

/* A segment was found at the beginning of a file: if its index can be used, adds the blocks that it covers but the last and
 * sets *place to that one, where the walk goes on. 1, 0 (*why says why not), XRAY_ENOMEM. */
int xf_index_attach(struct xray_store *s, uint32_t file, struct xf_segment *seg, uint64_t first_pos, uint64_t size,
                    struct xf_place *place, xray_error *why);

/* The raw bytes of a section of the segment's index, until the next call. 1, 0: there is none that can be used, XRAY_ENOMEM. */
int xf_index_use(struct xray_store *s, uint32_t segment, enum xf_index_kind kind, const xray_buffer **out,
                 xray_error *err);

/* The section is not needed any more: gives back what it takes, if that is much. */
void xf_index_used(struct xray_store *s);

/* The key of an item in the filters (index-file.md, 3.3), from the XXH3-64 of its id. */
static inline uint64_t xf_index_item_key(uint64_t item_hash, uint32_t block)
{
    return item_hash ^ (uint64_t)(block + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

/* May the candidates block name an item, whose id has this XXH3-64? True where no index says no. */
bool xf_index_may_hold_item(const struct xray_store *s, uint32_t segment, uint32_t block, uint64_t item_hash);

#endif
