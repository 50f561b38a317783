/* Building spine blocks (spec 7) from rows. */
#ifndef XF_FORMAT_SPINE_BUILD_H
#define XF_FORMAT_SPINE_BUILD_H

#include "format/cands_build.h"
#include "format/columns.h"
#include "format/rowrecord.h"

struct xf_spine_table {
    const struct xf_column *columns;
    unsigned column_count;
    enum xf_table number;
    struct xf_column_build build[XF_ROW_COLUMNS];
    int64_t last_start; /* absolute value of the delta column's last element */
    uint32_t rows;
};

struct xf_spine_build {
    struct xf_dict strings;
    struct xf_dict runs; /* key: id, pipeline, version (indexes or UINT32_MAX) */
    struct xf_spine_table run_rows, step_rows;
    struct xf_column_build detail_run, detail_step, detail_block;
    uint32_t last_run; /* where the search for a run by id goes on */
    int64_t t0; /* XRAY_MISSING: no time yet */
    uint64_t first, first2;
    int64_t time_min, time_max;
    size_t size; /* bytes gathered, roughly */
    struct xf_digest_record record;
    xray_buffer scratch;
};

void xf_spine_init(struct xf_spine_build *b);
void xf_spine_done(struct xf_spine_build *b);
void xf_spine_new_segment(struct xf_spine_build *b);

/* Adds a row. Columns 0 (`run`) of the row are ignored: `ref` says it. `row` holds absolute, canonical values;
 * str columns hold str. */
int xf_spine_add_row(struct xf_spine_build *b, struct xf_payload_build *p, struct xf_digest *digest,
                     enum xf_table table, const uint8_t writer_id[16], const struct xf_run_ref *ref,
                     const struct xf_row *row);

/* Says that the candidates block `ordinal` has records of this step (XRAY_MISSING: of the run). */
int xf_spine_add_detail(struct xf_spine_build *b, const uint8_t run_id[16], int64_t step, uint64_t ordinal);

static inline bool xf_spine_empty(const struct xf_spine_build *b)
{
    return b->run_rows.rows == 0 && b->step_rows.rows == 0 && b->detail_run.count == 0;
}

/* Appends the body and empties the builder. */
int xf_spine_finish(struct xf_spine_build *b, xray_buffer *body);

#endif
