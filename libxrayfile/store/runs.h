/* The list of runs of a store, and where the rows of each lie. */
#ifndef XF_STORE_RUNS_H
#define XF_STORE_RUNS_H

#include "store/store.h"

#define XF_NO_PLACE UINT32_MAX

struct xf_run_place { /* a run in a spine block; in the order of the segments and blocks */
    uint32_t segment, block;
    uint32_t run;  /* index in the block's run table; a run may stand there more than once */
    uint32_t next; /* place of the same run, or XF_NO_PLACE */
};

struct xf_run_list {
    xray_run_record *records; /* in the order of spec 7.2 */
    uint32_t *first_place;    /* of each record: its spine blocks */
    uint32_t *first_loose;    /* candidates blocks that may hold something of it and that no spine names */
    uint32_t *local;          /* its number in the index of its segment, if that knows all of it; or XF_NO_PLACE */
    uint32_t count;
    struct xf_run_place *places;
    struct xf_dict text; /* what the records point to */
};

/* The list, built if need be. XRAY_ENOMEM. */
int xf_run_list_get(struct xray_store *s, const struct xf_run_list **out, xray_error *err);

#endif
