/* Searches the text of steps and runs, field by field. Payload is searched once, in the
 * order of the file, however many steps refer to it; then each step only asks
 * whether what it refers to matched. */
#ifndef COMMON_SEARCH_H
#define COMMON_SEARCH_H

#include "common/matcher.h"

/* What a text can belong to; the names of --in. */
enum field {
    FIELD_INPUT,
    FIELD_OUTPUT,
    FIELD_REASONING,
    FIELD_ERROR,
    FIELD_METADATA,
    FIELD_TAGS,
    FIELD_FILTERS,
    FIELD_PARAMS,
    FIELD_ATTRS,
    FIELD_NAME,
    FIELD_TYPE,
    FIELD_MODEL,
    FIELD_ID, /* the application's own id of a step */
    FIELD_REASON,
    FIELD_CAND,
    FIELD_DECISION,
    FIELD_NOTE,
    FIELD_RUN, /* of the run itself: ids and names, input, output, error, metadata, tags, attrs */
    FIELD_COUNT,
};

#define FIELDS_ALL ((1u << FIELD_COUNT) - 1)

const char *field_name(enum field field);
/* A comma-separated list as a set of bits; ends the program for an unknown name. */
unsigned fields_parse(const char *list);

struct search {
    xray_store *store;
    struct matcher *matcher;
    unsigned fields; /* bits 1 << FIELD_... */
    xray_hits *hits; /* NULL where no field asked for has payload */
    bool events;     /* candidates, decisions or notes are asked for and there are some */
};

/* Reads the payload, where it is asked for. Returns 0 or a negative status. */
int search_begin(struct search *s, xray_error *err);
void search_done(struct search *s);

/* Does a step's, a run's own text match, without its events? */
bool search_step(const struct search *s, const xray_step_record *step);
bool search_run(const struct search *s, const xray_run_record *run);
/* Do the events of a step (0: the run itself) match? */
bool search_events(const struct search *s, xray_trace *trace, int64_t step_number);

/* One match. */
struct hit {
    enum field field;
    xray_str item; /* candidate, decision or note it is in, if any */
    xray_str path; /* where in the field: ".messages[3].content"; may be empty */
    xray_str text; /* the whole text in which the match stands */
    size_t start, end;
};

/* Every match in fields and events, in the order of enum field; return false to stop. */
typedef bool (*hit_visit)(void *ctx, const struct hit *hit);
void search_step_hits(const struct search *s, xray_trace *trace, const xray_step_record *step,
                      hit_visit visit, void *ctx);
void search_run_hits(const struct search *s, xray_trace *trace, const xray_run_record *run, hit_visit visit,
                     void *ctx);

#endif
