/* The head of an index: what it is bound to, and where its sections are
 * (format-spec/index-file.md, 2). Pure functions over memory. */
#ifndef XF_FORMAT_INDEXFILE_H
#define XF_FORMAT_INDEXFILE_H

#include "xrayfile.h"

#define XF_INDEX_VERSION 3
#define XF_INDEX_SECTIONS 8
#define XF_INDEX_HEAD_LEN (72 + XF_INDEX_SECTIONS * 32)
#define XF_INDEX_SECTION_MAX (64u << 20) /* stored and raw bytes of a section */
#define XF_INDEX_ITEM_BITS_MAX 16
#define XF_INDEX_SUFFIX ".idx"

enum xf_index_kind { /* 3 */
    XF_INDEX_BLOCKS = 1,
    XF_INDEX_RUNS = 2,
    XF_INDEX_ITEMS = 3,
    XF_INDEX_STEPS = 4,
    XF_INDEX_FUNNEL = 5,
    XF_INDEX_GRAMS = 6,
};

struct xf_index_entry { /* a section */
    uint32_t kind; /* 0: the place in the table is free */
    uint32_t stored_len, raw_len; /* equal: stored as it is; else one zstd frame */
    uint64_t off; /* in the index */
    uint64_t check;
};

struct xf_index_head {
    uint8_t segment[16];
    uint64_t covered; /* bytes of the segment, from its first one */
    uint64_t blocks;
    uint64_t chain;   /* digest of the header of the last block covered */
    uint64_t last_pos; /* of that header */
    struct xf_index_entry sections[XF_INDEX_SECTIONS];
};

/* XXH3-64 of the stored bytes, keyed by the head's chain digest and the section's kind. */
uint64_t xf_index_section_check(const struct xf_index_head *head, uint32_t kind, const void *stored, size_t len);

void xf_index_head_encode(const struct xf_index_head *head, uint8_t out[XF_INDEX_HEAD_LEN]);

/* Checks all that can be checked without the segment; `size` is that of the index. XRAY_ECORRUPT,
 * XRAY_EUNSUPPORTED. */
int xf_index_head_decode(struct xf_index_head *out, const uint8_t *bytes, size_t len, uint64_t size,
                         xray_error *err);

/* The section, or NULL. */
const struct xf_index_entry *xf_index_find(const struct xf_index_head *head, enum xf_index_kind kind);

#endif
