/* The fields of ql 3, as data. */
#ifndef XF_QUERY_FIELD_H
#define XF_QUERY_FIELD_H

#include "query/value.h"

/* What a name belongs to. Bits, for "these have it". */
enum xf_owner { XF_NOBODY = 0, XF_RUN = 1, XF_STEP = 2, XF_CAND = 4 };

/* Recorded values: a slot of the evaluator each, per owner. */
enum xf_value_column {
    XF_COL_ERROR,
    XF_COL_TAGS,
    XF_COL_METADATA,
    XF_COL_ATTRS,
    XF_COL_INPUT,
    XF_COL_OUTPUT,
    XF_COL_REASONING,
    XF_COL_FILTERS,
    XF_COL_PARAMS,
    XF_COL_SAMPLING,
    XF_COL_EVIDENCE,
    XF_COL_COUNT,
};

enum xf_field_id {
    XF_F_ID,
    XF_F_EXT_ID,
    XF_F_PIPELINE,
    XF_F_NAME,
    XF_F_VERSION,
    XF_F_PROJECT,
    XF_F_SESSION,
    XF_F_USER,
    XF_F_STATUS,
    XF_F_START,
    XF_F_END,
    XF_F_DURATION,
    XF_F_COST,
    XF_F_ERROR,
    XF_F_ERROR_TYPE,
    XF_F_VALUE, /* a recorded value; xf_qfield.column says which */
    XF_F_STEPS,
    XF_F_TRUNCATED,
    XF_F_SAMPLED,
    XF_F_IMPLICIT,
    XF_F_NUMBER,
    XF_F_PARENT,
    XF_F_ORPHAN,
    XF_F_TYPE,
    XF_F_CANDIDATES_IN,
    XF_F_CANDIDATES_OUT,
    XF_F_CANDIDATES_KEPT,
    XF_F_REJECTED,
    XF_F_REJECTION_RATE,
    XF_F_REASON,
    XF_F_REASONS,
    XF_F_MODEL,
    XF_F_PROVIDER,
    XF_F_TOKENS_IN,
    XF_F_TOKENS_OUT,
    XF_F_TOKENS_CACHE_READ,
    XF_F_TOKENS_CACHE_WRITE,
    XF_F_TOKENS_REASONING,
    XF_F_TOKENS_TOTAL,
    XF_F_SIZE, /* of the encoding of `column` */
    XF_F_TEXT,
    XF_F_VERDICT,
    XF_F_RULE,
    XF_F_SCORE,
    XF_F_THRESHOLD,
    XF_F_RANK_IN,
    XF_F_RANK_OUT,
    XF_F_WEIGHT,
    XF_F_MARGIN,
    XF_F_BY,
    XF_F_PROVENANCE,
    XF_F_TIME,
};

enum xf_members {
    XF_NO_MEMBERS,
    XF_MEMBERS,     /* any path, or none */
    XF_MEMBER_CODE, /* exactly one name */
};

struct xf_qfield {
    const char *name;
    enum xf_field_id id;
    uint8_t owners; /* enum xf_owner */
    uint8_t bare;   /* whose it is without a scope, or XF_NOBODY */
    enum xf_type type;
    enum xf_members members;
    enum xf_value_column column;
};

/* The field `name` of `owner`, or NULL. */
const struct xf_qfield *xf_field_find(enum xf_owner owner, xray_str name);

/* Who has it (or of enum xf_owner), and whose it is without a scope. */
unsigned xf_field_owners(xray_str name, enum xf_owner *bare);

/* The name that the canonical form uses for a field that has several. */
const char *xf_field_name(const struct xf_qfield *field, enum xf_owner owner);

/* The name of owner's fields (XF_NOBODY: of all) that is spelled most nearly so, or NULL. */
const char *xf_field_nearest(enum xf_owner owner, xray_str name);

const char *xf_owner_name(enum xf_owner owner); /* "run", "step", "cand" */

/* How many letters must be changed, added or left out; at most `limit` + 1. */
int xf_spelling_distance(xray_str a, xray_str b, int limit);

#endif
