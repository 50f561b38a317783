/* Building candidates blocks (spec 8) from row records. */
#ifndef XF_FORMAT_CANDS_BUILD_H
#define XF_FORMAT_CANDS_BUILD_H

#include "format/cand_form.h"
#include "format/column_build.h"
#include "format/payload_build.h"
#include "format/rowrecord.h"

enum xf_cand_column {
    XF_CAND_SHAPE,
    XF_CAND_ITEM,
    XF_CAND_SCORE,
    XF_CAND_THRESHOLD,
    XF_CAND_RANK_IN,
    XF_CAND_RANK_OUT,
    XF_CAND_WEIGHT,
    XF_CAND_TIME,
    XF_CAND_EVIDENCE,
    XF_CAND_COLUMNS,
};

enum xf_event_column { XF_EV_RUN, XF_EV_STEP, XF_EV_AFTER, XF_EV_NAME, XF_EV_TIME, XF_EV_BODY, XF_EV_COLUMNS };

struct xf_event_table { /* decisions or notes */
    struct xf_column_build columns[XF_EV_COLUMNS];
    uint32_t rows;
};

struct xf_cands_build {
    struct xf_dict strings, runs, items, keys, shapes;
    struct xf_dict owners; /* run id, step: what the spine's `details` will say of this block */
    struct xf_column_build batch_run, batch_step, batch_n, batch_time;
    struct xf_column_build columns[XF_CAND_COLUMNS];
    struct xf_column_build *evidence; /* one per key */
    uint32_t evidence_cap;
    struct xf_cand_forms forms;
    struct xf_event_table decisions, notes;
    uint32_t rows; /* candidates */
    int64_t last_item;
    uint64_t first, first2; /* numbers before this block */
    int64_t time_min, time_max;
    size_t size; /* bytes gathered, roughly */
    xray_buffer shape, record; /* scratch */
};

void xf_cands_init(struct xf_cands_build *b);
void xf_cands_done(struct xf_cands_build *b);
void xf_cands_new_segment(struct xf_cands_build *b);

/* Adds the `count` candidates of one batch; `records` holds their arrays `c` (spec 10.3), one behind the other. */
int xf_cands_add_batch(struct xf_cands_build *b, struct xf_payload_build *p, struct xf_digest *digest,
                       const struct xf_owner *owner, int64_t base_time, const xray_buffer *records,
                       uint32_t count);

/* Adds one decision or note; `record` is the array [after, name, time, body]. */
int xf_cands_add_event(struct xf_cands_build *b, struct xf_payload_build *p, struct xf_digest *digest,
                       const struct xf_owner *owner, enum xf_table table, xray_str record);

static inline bool xf_cands_empty(const struct xf_cands_build *b)
{
    return b->rows == 0 && b->decisions.rows == 0 && b->notes.rows == 0;
}

/* Whom the block has records of: the i-th of b->owners.count. */
void xf_cands_owner(const struct xf_cands_build *b, uint32_t i, const uint8_t **run_id, int64_t *step);

/* Appends the body and empties the builder. */
int xf_cands_finish(struct xf_cands_build *b, xray_buffer *body);

#endif
