/* Names of foreign fields -> ours. The names are data: fields.def. */
#ifndef IMPORT_FIELDS_H
#define IMPORT_FIELDS_H

#include "import/jsontape.h"

/* Which kind of object a name belongs to. */
enum field_set {
    SET_OWN,
    SET_DOC,
    SET_RUN,
    SET_STEP,
    SET_EVENT,
    SET_DECISION,
    SET_USAGE,
    SET_ENVELOPE,
    SET_TRACE,
    SET_OBSERVATION,
    SET_SPAN,
    SET_CONTEXT,
    SET_SPAN_EVENT,
    SET_STATUS,
    SET_LEVEL,
    SET_TALK,
    SET_MESSAGE,
};

enum field_target {
    /* what scope_put places */
    T_PIPELINE,
    T_VERSION,
    T_PROJECT,
    T_SESSION,
    T_USER,
    T_NAME,
    T_TYPE,
    T_MODEL,
    T_PROVIDER,
    T_INPUT,
    T_OUTPUT,
    T_REASONING,
    T_FILTERS,
    T_PARAMS,
    T_SAMPLING,
    T_ERROR,
    T_TAGS,
    T_METADATA,
    T_START,
    T_END,
    T_DURATION,
    T_DURATION_MS,
    T_DURATION_S,
    T_COST,
    T_FLAGS,
    T_SEQUENCE,
    T_IN,
    T_OUT,
    T_KEPT,
    T_TOK_IN,
    T_TOK_OUT,
    T_TOK_CACHE_READ,
    T_TOK_CACHE_WRITE,
    T_TOK_REASONING,
    T_TOK_TOTAL,
    T_PLACED, /* the number of these */

    /* what the importers look at themselves */
    T_KIND = T_PLACED,
    T_ID,
    T_RUN_ID,
    T_NUMBER,
    T_PARENT,
    T_PARENT_EXT,
    T_PARENT_RUN,
    T_STATUS,
    T_SUCCESS,
    T_REWARD,
    T_ATTRS,
    T_REASONS,
    T_USAGE,
    T_RUN,
    T_STEP,
    T_STEPS,
    T_EVENTS,
    T_DECISIONS,
    T_ITEM,
    T_VERDICT,
    T_REASON,
    T_RULE,
    T_RULE_VERSION,
    T_SCORE,
    T_THRESHOLD,
    T_RANK_IN,
    T_RANK_OUT,
    T_WEIGHT,
    T_TIME,
    T_BY,
    T_PROVENANCE,
    T_EVIDENCE,
    T_SELECTED,
    T_AFTER,
    T_BODY,
    T_CAUSE,
    T_WHAT,
    T_COUNT,
    T_FROM,
    T_TO,
    T_CONTEXT,
    T_PARENT_CONTEXT,
    T_STATUS_CODE,
    T_STATUS_MESSAGE,
    T_RESOURCE,
    T_SCOPE,
    T_OTHER_SIGNAL,
    T_STATE,
    T_TASK,
    T_TRIAL,
    T_ROLE,
    T_CALLS,
    T_CALL_ID,
    T_TARGETS, /* the number of all */
};

/* The members of one object by target. Node 0 is the document itself, never a member: it stands for "none".
 */
struct fields {
    uint32_t value[T_TARGETS];
    uint32_t key[T_TARGETS];
    uint8_t rank[T_TARGETS];
    size_t extra_count; /* members that have no target */
    size_t mark;
};

/* Sorts the members of an object. Pairs of fields_collect and fields_done nest. */
void fields_collect(struct fields *f, const struct json_tape *tape, uint32_t object, enum field_set set);
void fields_done(struct fields *f);

/* The key of a member that has no target. */
uint32_t fields_extra(const struct fields *f, size_t i);

/* The target of a key, or -1. */
int fields_target(enum field_set set, xray_str key);

/* Status in the words of the library or of fields.def: enum xray_outcome, or -1. */
int fields_outcome(xray_str text);

/* The value of the first member with this key, or 0. Keys with escapes are not found. */
uint32_t fields_find(const struct json_tape *tape, uint32_t object, const char *key);

/* True for a string node without escapes that is exactly this. */
bool fields_is(const struct json_tape *tape, uint32_t node, const char *text);

#endif
