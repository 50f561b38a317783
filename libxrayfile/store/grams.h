/* What the index of a segment says of its texts (format-spec/index-file.md, 3.6): in which blocks a text
 * that is looked for may stand, and to which blocks of payload a block refers. */
#ifndef XF_STORE_GRAMS_H
#define XF_STORE_GRAMS_H

#include "store/store.h"

struct xf_gram_ref {  /* from a block to a block of payload */
    uint32_t number;  /* of that, among the payload blocks; XF_REFS_ALL: to any that stands before */
    uint32_t values;  /* to which thirty-seconds of its values: bits */
    bool any_part;    /* to parts of which it is not told which */
    uint32_t parts, part_count; /* to these: where they begin in xf_grams.parts */
};

struct xf_grams { /* of a segment, for some texts; all zero: nothing is known of it */
    uint32_t blocks;      /* what is said is said of so many */
    bool *may_hold;       /* by block: a text that is looked for may stand in it */
    uint32_t *refs_start; /* blocks + 1: where its references begin */
    struct xf_gram_ref *refs;
    uint32_t *parts; /* numbers in their blocks */
};

#define XF_REFS_ALL UINT32_MAX
#define XF_REFS_MOST 32      /* of one block; with more, all */
#define XF_REF_PARTS_MOST 64 /* of one reference; with more, any */

/* What was found in a block of payload. */
struct xf_gram_hits {
    const uint64_t *parts; /* bits; NULL: none */
    uint32_t values;       /* in which thirty-seconds */
};

/* In which thirty-second of a block's values one stands: a bit. */
static inline uint32_t xf_place_of_value(const struct xf_block *b, uint64_t value)
{
    return UINT32_C(1) << (value - b->first2) * 32 / b->rows2;
}

/* Forms of ids that stand packed, with nothing before them that is common to all: no gram tells of these. */
enum { XF_PACKED_HEX = 1, XF_PACKED_UUID = 2, XF_PACKED_DECIMAL = 4, XF_PACKED_FORMS = 8 };

/* Looks for any of the texts. 1, 0: nothing is known, XRAY_ENOMEM. */
int xf_grams_ask(struct xf_grams *out, struct xray_store *s, uint32_t segment, const xray_str *texts, size_t count, xray_error *err);
void xf_grams_free(struct xf_grams *g);

/* Does the block refer to something that was found, by number of payload block? True where it is not known. */
bool xf_grams_refers(const struct xf_grams *g, const struct xf_segment *seg, uint32_t block, const struct xf_gram_hits *found);

/* Making the section. */
struct xf_gramtable; /* gramsbuild.c */
struct xf_gramtable *xf_gramtable_new(const struct xf_segment *seg, uint32_t span); /* xray_index_options.gram_span */
void xf_gramtable_free(struct xf_gramtable *t);
/* All blocks, ascending. False: memory is out. */
bool xf_gramtable_add(struct xf_gramtable *t, const struct xf_cached *block);
int xf_gramtable_put(struct xf_gramtable *t, xray_buffer *out, xray_error *err);

#endif
