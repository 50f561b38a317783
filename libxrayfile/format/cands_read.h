/* A candidates body (spec 8): its batches, and a cursor that takes one candidate
 * after the other from all columns at once. */
#ifndef XF_FORMAT_CANDS_READ_H
#define XF_FORMAT_CANDS_READ_H

#include "codec/numcol.h"
#include "format/table_read.h"

struct xf_shape { /* what many candidates have in common (spec 8.2) */
    int verdict, by, provenance;
    unsigned fields; /* XRAY_HAS_* */
    const xray_reason *reasons;
    uint32_t reason_count;
    const uint32_t *keys; /* indexes of evidence columns */
    const xray_str *key_names;
    uint32_t key_count;
};

struct xf_batch { /* the candidates of one step in this block */
    uint32_t run;
    uint32_t count;
    uint32_t first; /* number of its first candidate in the block */
    int64_t step;   /* XRAY_MISSING: of the run itself */
    int64_t time;   /* base of their times, 0 if there is none */
};

enum xf_event_read_column {
    XF_EVENT_RUN,
    XF_EVENT_STEP,
    XF_EVENT_AFTER,
    XF_EVENT_NAME,
    XF_EVENT_TIME,
    XF_EVENT_BODY,
    XF_EVENT_CELLS
};

struct xf_event_rows { /* decisions or notes */
    const union xf_cell *columns[XF_EVENT_CELLS];
    const uint32_t *order; /* by (run id, step), then row */
    uint32_t count;
};

/* One place in all columns. Followed in memory by one xf_numcol per evidence key. */
struct xf_cands_cursor {
    xray_mp shape, item, rank_in, rank_out, time, evidence;
    struct xf_numcol score, threshold, weight;
    int64_t last_item;
    uint32_t next; /* number of the candidate that comes next */
};

struct xf_cands {
    const uint8_t *body;
    const xray_str *strings;
    uint32_t string_count;
    const uint8_t *run_ids;
    uint32_t run_count;
    const xray_str *items;
    uint32_t item_count;
    const xray_str *keys;
    uint32_t key_count;
    const struct xf_shape *shapes;
    uint32_t shape_count;
    uint32_t max_keys; /* of a shape */
    const struct xf_batch *batches;
    const uint32_t *batch_order; /* by (run id, step), then as they stand */
    uint32_t batch_count;
    uint32_t cand_count;
    struct xf_event_rows decisions, notes;
    const uint8_t *marks;  /* cursors at the first candidate of every mark_stride-th batch */
    uint32_t mark_stride;
    size_t cursor_len;
};

/* Decodes the body, which must outlive *out, and goes once through all candidates: what a cursor
 * gives afterwards is known to be good. All stands in the arena. XRAY_ECORRUPT, XRAY_ELIMIT, XRAY_ENOMEM. */
int xf_cands_decode(struct xf_cands *out, xray_str body, struct xf_arena *arena, xray_error *err);

/* The batches / rows of a step: *from to *to of batch_order / order. */
void xf_cands_find(const struct xf_cands *c, const uint8_t run_id[16], int64_t step, uint32_t *from,
                   uint32_t *to);
void xf_events_find(const struct xf_cands *c, const struct xf_event_rows *rows, const uint8_t run_id[16],
                    int64_t step, uint32_t *from, uint32_t *to);

struct xf_cand { /* as it stands in the block */
    const struct xf_shape *shape;
    uint32_t item;
    unsigned fields; /* of the shape, without those that are nil here */
    double score, threshold, weight;
    int64_t rank_in, rank_out;
    int64_t time;      /* offset from the batch's base */
    xray_str evidence; /* with XRAY_HAS_EVIDENCE */
};

/* Room for the evidence of one candidate: max_keys of each. */
struct xf_cand_room {
    xray_str *values;
    uint8_t (*rebuilt)[9]; /* elements that have no bytes in the body */
};

/* Sets `cursor` (cursor_len bytes) to the first candidate of a batch. */
void xf_cands_seek(const struct xf_cands *c, uint32_t batch, struct xf_cands_cursor *cursor,
                   struct xf_cand_room *room);

/* Takes shape and item of the next candidate; the cursor is good for nothing else afterwards. */
bool xf_cands_take_head(const struct xf_cands *c, struct xf_cands_cursor *cursor, struct xf_cand *out);

/* Takes the next candidate; its evidence goes to `room`. False if the columns end or are malformed. */
bool xf_cands_take(const struct xf_cands *c, struct xf_cands_cursor *cursor, struct xf_cand *out,
                   struct xf_cand_room *room);

#endif
