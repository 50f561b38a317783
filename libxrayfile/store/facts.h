/* What an index says of the steps of runs (format-spec/index-file.md, 3.4), checked and ready to be asked. Of one
 * segment at a time: that of the run asked for last. */
#ifndef XF_STORE_FACTS_H
#define XF_STORE_FACTS_H

#include "store/indexer.h"

struct xf_fact_column {
    uint32_t set_count;   /* number 0: not known */
    uint32_t *set_start;  /* the members of set n are members[set_start[n] .. set_start[n + 1]) */
    uint32_t *members;    /* numbers of texts */
    uint32_t *of_run;
};

struct xf_facts {
    uint32_t segment;
    uint64_t serial; /* tells these from any others of the store */
    bool usable;
    uint32_t runs;
    xray_str *texts;
    uint32_t text_count;
    int column_count;
    struct xf_fact_column columns[XF_SEGMENT_TEXTS]; /* from column_count on: without of_run */
    const uint8_t *low[XF_SUMMARY_NUMBERS], *high[XF_SUMMARY_NUMBERS];
    xray_buffer raw; /* what the rest points into */
};

/* The facts that hold of the run with this index, and its number in them; NULL: nothing is known of it. 0 or XRAY_ENOMEM. */
int xf_facts_of(struct xray_store *s, size_t run_index, const struct xf_facts **out, uint32_t *run, xray_error *err);

/* Those of the runs that an index of the store's segment knows, by their numbers in it, until facts of another segment are asked for. */
int xf_facts_of_segment(struct xray_store *s, uint32_t segment, const struct xf_facts **out, xray_error *err);

/* Makes the facts ready that stand in f->raw, in so many columns of texts. 1, 0: they are none, XRAY_ENOMEM. */
int xf_facts_decode(struct xf_facts *f, int column_count);

/* All but the memory of *f itself. */
void xf_facts_done(struct xf_facts *f);
void xf_facts_free(struct xf_facts *f);

#endif
