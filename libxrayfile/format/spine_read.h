/* A spine body back to tables (spec 7). */
#ifndef XF_FORMAT_SPINE_READ_H
#define XF_FORMAT_SPINE_READ_H

#include "format/table_read.h"

enum xf_detail_column { XF_DETAIL_RUN, XF_DETAIL_STEP, XF_DETAIL_BLOCK, XF_DETAIL_COLUMNS };

struct xf_spine {
    const uint8_t *body;
    const xray_str *strings;
    uint32_t string_count;
    const uint8_t *run_ids; /* 16 bytes each; an id may stand here more than once */
    const union xf_cell *pipelines, *versions; /* one per run, or NULL */
    uint32_t run_count;
    const union xf_cell
        *runs[XF_RUN_COLUMNS]; /* columns, by enum xf_run_column; NULL: the table has it not */
    const union xf_cell *steps[XF_STEP_COLUMNS];
    const union xf_cell *details[XF_DETAIL_COLUMNS];
    uint32_t run_rows, step_rows, detail_rows;
    struct xf_slice run_values[XF_RUN_COLUMNS], step_values[XF_STEP_COLUMNS]; /* columns of values, in the body */
    bool is_light;
};

/* Decodes the body, which must outlive *out; all else stands in the arena. A light one has no values of steps: they are most of
 * the columns, and many readers do not look at them. What is refused is the same. XRAY_ECORRUPT, XRAY_ENOMEM. */
int xf_spine_decode(struct xf_spine *out, xray_str body, bool light, struct xf_arena *arena, xray_error *err);

/* Makes a light one complete. XRAY_ENOMEM: it is still light. */
int xf_spine_complete(struct xf_spine *s, struct xf_arena *arena, xray_error *err);

static inline const uint8_t *xf_spine_run_id(const struct xf_spine *s, int64_t run)
{
    return s->run_ids + (size_t)run * 16;
}

#endif
