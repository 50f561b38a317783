/* One row of a run or step, wherever its bytes lie: in a spine block, or in
 * memory where several rows were joined. */
#ifndef XF_STORE_ROWVIEW_H
#define XF_STORE_ROWVIEW_H

#include "format/spine_read.h"

#define XF_MAPS 3 /* columns whose maps are merged key by key (spec 7.2): tags, metadata, attrs */

struct xf_view {
    const union xf_cell *const *columns; /* of a table, by column number, with `row`; or NULL ... */
    uint32_t row;
    const union xf_cell *cells; /* ... and this is the row */
    const uint8_t *base;        /* of the slices */
    const xray_str *strings;    /* codes of reasons; NULL: the codes stand in place of their indexes */
    xray_str pipeline, version; /* of the run */
    uint32_t segment;           /* of values ... */
    const uint32_t *segments;   /* ... or, per column, if not NULL */
    const xray_ref *maps;       /* the merged ones, if not NULL */
};

static inline int64_t xf_view_int(const struct xf_view *v, unsigned column)
{
    return v->columns != NULL ? xf_cell_int(v->columns[column], v->row) : v->cells[column].i;
}

static inline struct xf_slice xf_view_slice(const struct xf_view *v, unsigned column)
{
    return v->columns != NULL ? xf_cell_slice(v->columns[column], v->row) : v->cells[column].s;
}

/* Which of the maps a column is, or -1. */
int xf_view_run_map(unsigned column);
int xf_view_step_map(unsigned column);

/* Views of rows of a spine block. */
struct xf_view xf_view_run(const struct xf_spine *s, uint32_t row, uint32_t segment);
struct xf_view xf_view_step(const struct xf_spine *s, uint32_t row, uint32_t segment);

/* Memory for what a record points to and no row has in that form. All zero = empty. */
struct xf_scratch {
    xray_reason_count *reasons;
    uint32_t reason_cap;
    char ext_id[40];
    char parent_ext[40];
};
void xf_scratch_done(struct xf_scratch *scratch);

/* The id in a column of them. False: there is none, or it is no bin 16. */
bool xf_view_run_id(const struct xf_view *v, unsigned column, uint8_t out[16]);

/* An id (spec 7.3) as text: bin 16 is a UUID, bin 8 is hexadecimal digits. `room` holds those. */
xray_str xf_id_text(const uint8_t *base, struct xf_slice s, char room[40]);

/* Fills a public record; it borrows the view's bytes and the scratch. Identity, numbers of the reader's own,
 * `ended` and `abandoned` are the caller's. XRAY_ENOMEM. */
int xf_view_fill_run(const struct xf_view *v, struct xf_scratch *scratch, xray_run_record *out);
/* Without some of its members: a set of XRAY_STEP_*. */
int xf_view_fill_step(const struct xf_view *v, unsigned without, struct xf_scratch *scratch, xray_step_record *out);

#endif
