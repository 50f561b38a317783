/* What fields.c (names), fieldget.c (their values), fieldvalue.c (recorded values) and cell.c have in common. */
#ifndef COMMON_FIELDTABLE_H
#define COMMON_FIELDTABLE_H

#include "common/fields.h"

enum field_id {
    F_ID,
    F_EXT_ID,
    F_PIPELINE,
    F_NAME,
    F_VERSION,
    F_PROJECT,
    F_SESSION,
    F_USER,
    F_STATUS,
    F_START,
    F_END,
    F_DURATION,
    F_COST,
    F_ERROR,
    F_ERROR_TYPE,
    F_TAGS,
    F_METADATA,
    F_ATTRS,
    F_INPUT,
    F_OUTPUT,
    F_STEPS,
    F_TRUNCATED,
    F_SAMPLED,
    F_IMPLICIT,
    F_NUMBER,
    F_PARENT,
    F_ORPHAN,
    F_TYPE,
    F_CANDIDATES_IN,
    F_CANDIDATES_OUT,
    F_CANDIDATES_KEPT,
    F_REJECTED,
    F_REJECTION_RATE,
    F_REASON,
    F_REASONS,
    F_MODEL,
    F_PROVIDER,
    F_TOKENS_IN,
    F_TOKENS_OUT,
    F_TOKENS_CACHE_READ,
    F_TOKENS_CACHE_WRITE,
    F_TOKENS_REASONING,
    F_TOKENS_TOTAL,
    F_REASONING,
    F_FILTERS,
    F_PARAMS,
    F_SAMPLING,
    F_INPUT_SIZE,
    F_OUTPUT_SIZE,
    F_VERDICT,
    F_RULE,
    F_SCORE,
    F_THRESHOLD,
    F_RANK_IN,
    F_RANK_OUT,
    F_WEIGHT,
    F_MARGIN,
    F_BY,
    F_PROVENANCE,
    F_TIME,
    F_EVIDENCE,
    F_TEXT, /* known, so that it can be refused with a reason */
};

struct field_entry {
    const char *name;
    enum field_id id;
    unsigned char owners; /* FIELD_OF_... */
    unsigned char bare;   /* whose it is without a scope, where several have it; 0: nobody's */
    bool members;
};

void cell_clear(struct cell *c);

/* The member of a recorded value that the field's path leads to; the size of its encoding. */
void field_get_value(const struct named_field *f, xray_store *store, xray_ref ref, struct cell *c);
void field_get_size(xray_store *store, xray_ref ref, struct cell *c);
void field_get_evidence(const struct named_field *f, const struct record *r, struct cell *c);

#endif
