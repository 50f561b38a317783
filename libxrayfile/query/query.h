/* A parsed query with what evaluating it needs, for the files of this folder. */
#ifndef XF_QUERY_QUERY_H
#define XF_QUERY_QUERY_H

#include "base/arena.h"
#include "query/expr.h"
#include "codec/regex.h"
#include "query/source.h"
#include "query/planstate.h"

#define XF_NO_STEP SIZE_MAX

/* A recorded value, resolved: kept until another run, step or candidate asks for its column. */
struct xf_slot {
    xray_buffer value;
    uint64_t epoch;
    uint64_t owner; /* step index + 1, candidate serial; 0: the run */
    bool valid, there;
};

struct xf_fold { /* memory of a lower() */
    struct xf_fold *next;
    xray_buffer buffer;
};

/* Slots of one depth of braces. What a comparison outside holds must outlive what braces in it resolve. */
struct xf_level {
    struct xf_slot step[XF_COL_COUNT];
    struct xf_slot evidence;
};

/* What names mean at the moment. */
struct xf_binding {
    size_t step;                     /* index, or XF_NO_STEP */
    const xray_event_record *event;  /* or NULL */
    uint64_t serial;                 /* of the event */
    uint32_t depth;                  /* of braces */
    uint32_t step_level, cand_level; /* where these were bound */
};

struct xray_query {
    struct xf_arena arena;
    struct xf_expr *root;
    struct xf_regex_env *regexes;
    struct xf_fold *folds;
    enum xray_unit unit;
    unsigned needs;
    xray_buffer canonical;

    /* While evaluating. */
    struct xf_slot run_slots[XF_COL_COUNT];
    struct xf_level *levels[XF_QUERY_MAX_DEPTH + 1]; /* made when first needed */
    char id_text[32];
    uint64_t epoch;       /* of the trace at hand: what is kept from another is void */
    uint64_t serial;      /* of the trace at hand; 0: none */
    uint64_t next_serial; /* of candidates */
    struct xf_binding at;
    bool optional_missing; /* a field marked ? was missing in the comparison at hand */
    xray_store *store;
    xray_trace *trace; /* NULL: only the run's record is known, and perhaps that of one step */
    const xray_run_record *run; /* NULL: not even that */
    const xray_step_record *steps;
    size_t step_count;
    xray_error *err;
    struct xf_plan plan; /* what an index says of the run at hand */
};

/* Truth; unknown only where no trace is known. Negative: a status. */
enum xf_truth { XF_FALSE = 0, XF_TRUE = 1, XF_MAYBE = 2 };

/* eval.c */
int xf_eval_truth(xray_query *q, const struct xf_expr *e);
int xf_eval_value(xray_query *q, const struct xf_expr *e, struct xf_val *out);

/* quantify.c: quantifiers and chains */
int xf_eval_quantifier(xray_query *q, const struct xf_expr *e, struct xf_val *out);

/* Binds every step of the run, or every candidate of the step at hand, in turn. `visit` returns 0 to go on, 1
 * to stop, or a status; so does this. */
typedef int (*xf_element_visit)(xray_query *q, void *ctx);
int xf_each_element(xray_query *q, enum xf_owner over, xf_element_visit visit, void *ctx);

/* record.c: the value of a field of the element at hand. 0 or a status. */
int xf_record_get(xray_query *q, const struct xf_field_ref *f, struct xf_val *out);
/* Is there a value? Truth. */
int xf_record_exists(xray_query *q, const struct xf_field_ref *f);
/* The resolved bytes of a column; *there is false if there are none. Only with a trace. 0 or a status. */
int xf_record_column(xray_query *q, enum xf_owner owner, enum xf_value_column column, xray_str *out,
                     bool *there);

/* texts.c: visits texts until `visit` returns something else than 0, which is returned. */
typedef int (*xf_text_visit)(void *ctx, xray_str text);
/* Every text inside a MessagePack value; map keys are no texts of it. */
int xf_texts_of_data(xray_str data, xf_text_visit visit, void *ctx);
/* The elements of a set field of the element at hand. */
int xf_texts_of_set(xray_query *q, const struct xf_field_ref *f, xf_text_visit visit, void *ctx);
/* Of any value: a text itself, the elements of a set, the texts inside a map or array; folded if it says so.
 */
/* Replaces *out by the text with A to Z as a to z. False: memory is out. */
bool xf_text_fold(xray_str text, xray_buffer *out);
int xf_texts_of_value(xray_query *q, const struct xf_val *v, xf_text_visit visit, void *ctx);

/* path.c: what stands at `path` in a MessagePack value; MISSING if nothing. */
struct xf_val xf_path_get(xray_str data, const struct xf_member *path, uint32_t count);
/* A MessagePack value as a value of the query. */
struct xf_val xf_path_value(xray_str data);

#endif
