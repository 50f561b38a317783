/* Making the index of a segment from what readers see of it (format-spec/index-file.md). */
#ifndef XF_STORE_INDEXER_H
#define XF_STORE_INDEXER_H

#include "file/index.h"
#include "store/runbuild.h"

/* What a run's steps hold, for the section of steps: texts by field, numbers by field. */
enum xf_summary_text {
    XF_ST_NAME,
    XF_ST_TYPE,
    XF_ST_STATUS,
    XF_ST_MODEL,
    XF_ST_PROVIDER,
    XF_ST_ERROR_TYPE,
    XF_ST_REASON,
    XF_ST_TAG, /* of the run: key, NUL, text */
    XF_SUMMARY_TEXTS
};

enum { /* of runs: what a catalogue says of segments beside that */
    XF_ST_RUN_PIPELINE = XF_SUMMARY_TEXTS,
    XF_ST_RUN_VERSION,
    XF_ST_RUN_STATUS,
    XF_SEGMENT_TEXTS
};

enum xf_summary_number {
    XF_SN_DURATION,
    XF_SN_COST,
    XF_SN_IN,
    XF_SN_OUT,
    XF_SN_REJECTED,
    XF_SN_RATE,
    XF_SN_TOKENS_IN,
    XF_SN_TOKENS_OUT,
    XF_SN_TOKENS_TOTAL,
    XF_SN_INPUT_SIZE, /* from here on not in the step's own record */
    XF_SN_OUTPUT_SIZE,
    XF_SUMMARY_NUMBERS
};

/* Builds the image of the index of the first segment of a store of one file that was opened without indexes; all blocks are
 * covered. XRAY_ECORRUPT: the file is damaged, or does not begin with a segment, and gets no index;
 * XRAY_ENOTFOUND: it has no block yet. */
int xf_indexer_build(struct xray_store *s, const xray_index_options *options, struct xf_index_head *head,
                     xray_buffer *image, xray_error *err);

/* Its parts; those that look at runs. */
int xf_indexer_steps(struct xray_store *s, const struct xf_run_list *list, xray_buffer *out, xray_error *err);
int xf_indexer_sums(struct xray_store *s, const struct xf_run_list *list, xray_buffer *out, xray_error *err);

struct xf_itemtable; /* itemsbuild.c: the candidates blocks, ascending */
struct xf_itemtable *xf_itemtable_new(const struct xf_segment *seg, unsigned item_bits);
void xf_itemtable_free(struct xf_itemtable *t);
bool xf_itemtable_add(struct xf_itemtable *t, const struct xf_cached *block); /* false: memory is out */
int xf_itemtable_put(struct xf_itemtable *t, xray_buffer *out, xray_error *err);

struct xf_summary; /* summarybuild.c */
struct xf_summary *xf_summary_new(uint32_t runs);
void xf_summary_free(struct xf_summary *m);
/* All runs, ascending. */
int xf_summary_add(struct xf_summary *m, struct xray_store *s, uint32_t run, const xray_run_record *record,
                   const xray_step_record *steps, size_t count, xray_error *err);
int xf_summary_put(struct xf_summary *m, xray_buffer *out, xray_error *err);

/* The same of segments (format-spec/catalogue.md, 2.2), which have more columns. Of each segment in turn, column by column: take its
 * texts and end the set, or leave it unknown; numbers at any time. False: memory is out. */
struct xf_summary *xf_summary_new_of_segments(uint32_t segments);
bool xf_summary_take_text(struct xf_summary *m, xray_str text);
bool xf_summary_end_set(struct xf_summary *m, int column);
bool xf_summary_leave_unknown(struct xf_summary *m, int column);
void xf_summary_widen(struct xf_summary *m, int field, uint32_t number, uint8_t code);

struct xf_sums; /* sumsbuild.c: first all runs, ascending, then the steps as a scan gives them */
struct xf_sums *xf_sums_new(uint32_t runs);
void xf_sums_free(struct xf_sums *f);
int xf_sums_add_run(struct xf_sums *f, uint32_t run, uint32_t home, const xray_run_record *record, xray_error *err);
int xf_sums_add_step(struct xf_sums *f, uint32_t run, const xray_step_record *step, xray_error *err);
int xf_sums_put(struct xf_sums *f, xray_buffer *out, xray_error *err);

#endif
