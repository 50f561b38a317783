/* Repairing one segment: the plan that a check makes, and writing by it (spec 15).
 *
 * Good blocks are copied, frame by frame, under new headers; no body is touched. What is lost leaves something of the
 * same ordinal behind: a payload block whose parts and values all say that they are lost, or a loss block. So every
 * number in the bodies that are kept (parts, values, blocks) still means what it meant, unknown columns and blocks
 * stay as they are, and readers see the records that they saw in the damaged file. Rewriting the rows instead would
 * lose what this version does not know, and would need every reference changed. */
#ifndef XF_STORE_REPAIR_H
#define XF_STORE_REPAIR_H

#include "store/check.h"

struct xf_plan_item {
    enum xf_plan_kind { XF_PLAN_GOOD, XF_PLAN_BAD, XF_PLAN_GAP } kind;
    bool numbered;  /* BAD: the numbers in its header go with the others */
    uint32_t index; /* GOOD, BAD: in seg->blocks */
    uint64_t from, to;             /* GAP: bytes in the file */
    uint64_t missing;              /* GAP: blocks */
    uint64_t part_end, value_end;  /* GOOD: it refers to parts and values below these */
};

struct xf_plan { /* of one segment */
    struct xf_plan_item *items;
    uint32_t count, cap;
    bool cut;    /* prefix: the first damage was met, the rest is dropped */
    bool intact; /* nothing at all is wrong before the end */
    uint64_t cut_blocks; /* dropped because of it, and where they begin */
    uint64_t cut_from;
    /* of the blocks that are kept */
    struct xf_digest content;
    uint64_t decisions, notes, lost;
};

struct xf_loss_row {
    const char *cause, *what;
    uint64_t count;
};

struct xf_repair {
    const xray_repair_options *options;
    xray_repair_result *result;
    struct xray_store *s;
    const struct xf_source *source; /* IN */
    struct xf_plan plan;
    struct xf_check waiting; /* prefix: the segment that was cut */
    bool behind;             /* prefix: in a segment behind the cut */
    struct xf_out_file *file; /* NULL: dry run */
    struct xf_segment_out out;
    /* the segment being written */
    uint64_t parts, values, candidates, events, steps, runs, losses; /* numbers so far, in OUT */
    uint64_t seen[6], seen2[6];                                      /* the same in IN, by kind */
    struct xf_seal_totals totals;
    struct xf_loss_row *pending; /* loss rows that no block has yet */
    uint32_t pending_count, pending_cap;
    xray_error *err;
};

void xf_repair_tell(struct xf_repair *r, enum xray_repair_kind kind, int64_t block, uint64_t pos, const char *format,
                    ...) __attribute__((format(printf, 5, 6)));

/* Writes the segment that `c` has checked, by the plan. */
int xf_repair_segment(struct xf_repair *r, const struct xf_check *c);

#endif
