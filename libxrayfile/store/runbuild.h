/* The list of runs while it is being made: rows of spine blocks, or the columns of an index, are joined
 * into one sum per run. */
#ifndef XF_STORE_RUNBUILD_H
#define XF_STORE_RUNBUILD_H

#include "store/rowview.h"
#include "store/runs.h"

#define XF_NO_TEXT UINT32_MAX

enum xf_run_text {
    XF_RT_EXT_ID,
    XF_RT_PIPELINE,
    XF_RT_VERSION,
    XF_RT_PROJECT,
    XF_RT_SESSION,
    XF_RT_USER,
    XF_RT_ERROR_TYPE,
    XF_RUN_TEXTS
};

struct xf_run_sum { /* while rows come in; each value is that of the last row that has one */
    uint8_t id[16];
    uint32_t first_place, last_place;
    uint32_t first_loose, last_loose;
    uint32_t segment, last_segment;
    uint32_t rank;  /* of the first segment */
    uint32_t local; /* its number in the index of its first segment, or XF_NO_PLACE */
    uint32_t text[XF_RUN_TEXTS];
    bool ended, has_parent;
    uint8_t parent[16];
    int64_t seq, start, dur, end, status, cost, flags;
};

struct xf_run_builder {
    struct xray_store *s;
    struct xf_run_sum *runs;
    uint32_t count, cap;
    uint32_t *slots; /* index + 1 by id, open addressing */
    uint32_t slot_count;
    struct xf_run_place *places;
    uint32_t place_count, place_cap;
    struct xf_dict text;
    struct xf_scratch scratch;
};

/* Index of the run with this id, which is added if it is new. UINT32_MAX: memory is out. */
uint32_t xf_run_builder_get(struct xf_run_builder *b, const uint8_t id[16], uint32_t segment);

bool xf_run_builder_text(struct xf_run_builder *b, struct xf_run_sum *run, enum xf_run_text which, xray_str text);

static inline void xf_run_sum_int(int64_t *to, int64_t from)
{
    if (from != XRAY_MISSING)
        *to = from;
}

/* Adds a place behind the chain from *first to *last. */
bool xf_run_builder_place(struct xf_run_builder *b, uint32_t *first, uint32_t *last,
                          const struct xf_run_place *place);

/* The list, which the caller frees; and, if asked for, what it was made of: an element for each record. */
int xf_run_list_build(struct xray_store *s, struct xf_run_list **out, struct xf_run_sum **sums, xray_error *err);

/* runindex.c: the section of runs (index-file.md, 3.2). Appends it for a store of one segment. */
int xf_run_index_put(const struct xf_run_list *list, const struct xf_run_sum *sums, xray_buffer *out,
                     xray_error *err);

/* Takes it from the segment's index, if there is one that can be used: the first block that it does not cover goes to
 * *next, the one behind its last spine block to *loose. 0 or XRAY_ENOMEM. */
int xf_run_index_take(struct xf_run_builder *b, uint32_t segment, uint32_t *next, uint32_t *loose, xray_error *err);

#endif
