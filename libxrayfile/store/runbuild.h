/* The list of runs while it is being made: rows of spine blocks, or the columns of an index, are joined
 * into one sum per run. */
#ifndef XF_STORE_RUNBUILD_H
#define XF_STORE_RUNBUILD_H

#include "store/rowview.h"
#include "store/runs.h"

/* Columns of the section of runs, in their order there (index-file.md, 3.2). */
enum xf_run_int { XF_RI_SEQ, XF_RI_START, XF_RI_DUR, XF_RI_END, XF_RI_STATUS, XF_RI_COST, XF_RI_FLAGS, XF_RUN_INTS };

struct xf_run_builder {
    struct xray_store *s;
    struct xf_run_sum *runs;
    uint32_t count, cap;
    uint32_t *slots; /* index + 1 by id, open addressing */
    uint32_t slot_count;
    struct xf_run_place *places;
    uint32_t place_count, place_cap;
    struct xf_dict text, tuples;
};

/* Index of the run with this id, which is added if it is new. UINT32_MAX: memory is out. */
uint32_t xf_run_builder_get(struct xf_run_builder *b, const uint8_t id[16], uint32_t segment);

/* Room for so many more runs and places: all at once it is cheaper than bit by bit. False: memory is out. */
bool xf_run_builder_reserve(struct xf_run_builder *b, uint32_t runs, uint32_t places);

bool xf_run_builder_text(struct xf_run_builder *b, struct xf_run_sum *run, enum xf_run_text which, xray_str text);

bool xf_run_builder_parent(struct xf_run_builder *b, struct xf_run_sum *run, const uint8_t id[16]);

/* XRAY_MISSING: it has none, and leaves what is there. */
int64_t xf_run_sum_int(const struct xf_run_sum *run, enum xf_run_int which);
void xf_run_sum_set_int(struct xf_run_sum *run, enum xf_run_int which, int64_t value);

/* Adds a place behind the chain from *first to *last. */
bool xf_run_builder_place(struct xf_run_builder *b, uint32_t *first, uint32_t *last,
                          const struct xf_run_place *place);

/* The list, which the caller frees. */
int xf_run_list_build(struct xray_store *s, struct xf_run_list **out, xray_error *err);

/* runindex.c: the section of runs (index-file.md, 3.2). Appends it for a store of one segment. */
int xf_run_index_put(const struct xf_run_list *list, xray_buffer *out, xray_error *err);

/* Takes it from the segment's index, if there is one that can be used: the first block that it does not cover goes to
 * *next, the one behind its last spine block to *loose. 0 or XRAY_ENOMEM. */
int xf_run_index_take(struct xf_run_builder *b, uint32_t segment, uint32_t *next, uint32_t *loose, xray_error *err);

#endif
