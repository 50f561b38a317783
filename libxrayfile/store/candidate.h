/* Candidates of a decoded block as records of the public header: for events.c and item.c. */
#ifndef XF_STORE_CANDIDATE_H
#define XF_STORE_CANDIDATE_H

#include "store/store.h"

struct xf_cand_reader { /* all zero = empty; reused from block to block */
    struct xf_cands_cursor *cursor;
    size_t cursor_cap;
    struct xf_cand_room room;
    xray_ref *values; /* evidence of the present candidate */
    uint32_t room_cap;
};

/* Room for the columns and the evidence of this block. Grown by what is needed, kept for the next.
 * False: memory is out. */
bool xf_cand_reader_fit(struct xf_cand_reader *r, const struct xf_cands *c);
void xf_cand_reader_done(struct xf_cand_reader *r);

/* Takes the next candidate at the cursor, of a batch whose times count from base_time. False: the columns
 * end, which cannot be, for all were taken when the block was decoded. */
bool xf_cand_reader_next(struct xf_cand_reader *r, const struct xf_cached *block, int64_t base_time,
                         xray_event_record *rec);

#endif
