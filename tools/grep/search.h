/* Searches the text of steps and runs, field by field. Payload is searched once, in the
 * order of the file, however many steps refer to it; then each step only asks
 * whether what it refers to matched. Where few runs are of interest, their values are resolved and searched
 * instead. */
#ifndef GREP_SEARCH_H
#define GREP_SEARCH_H

#include "grep/matcher.h"

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
    FIELD_SAMPLING,
    FIELD_ATTRS,
    FIELD_NAME,
    FIELD_TYPE,
    FIELD_MODEL,
    FIELD_PROVIDER,
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
    bool events;     /* candidates, decisions or notes are asked for and there are some */

    /* private */
    xray_hits *hits; /* NULL: values are searched one by one */
    struct seeker *seekers; /* of the threads that search all payload; the first one is asked afterwards */
    void **contexts;        /* the same, as the library takes them */
    size_t seeker_count;
    bool stop_early; /* while building */
    xray_buffer value; /* scratch */
};

/* To be called first. Afterwards each value is searched when it is asked for. */
void search_begin(struct search *s);
/* What is known of the texts of each run, of `count`, after search_all_payload: XRAY_HITS_* by run, of which nothing is sure where --in
 * leaves fields out. False: nothing is known. */
bool search_runs(struct search *s, uint8_t *out, size_t count);

void search_done(struct search *s);

/* Searches all payload, where fields with payload are asked for. With `first_only` it stops at the first
 * match. Returns 0, 1 if it stopped (then what was not seen counts as not matching: good for finding any
 * match, not for finding none), or a negative status. */
int search_all_payload(struct search *s, bool first_only, xray_error *err);

/* After a search of all payload: could events of the run match? */
bool search_may_have_events(const struct search *s, const uint8_t run_id[16]);
/* The same of a step (its number in the trace, 0: the run itself). */
bool search_may_have_step_events(const struct search *s, xray_trace *trace, int64_t step_number);

/* Does a step's, a run's own text match, without its events? */
bool search_step(struct search *s, const xray_step_record *step);
bool search_run(struct search *s, const xray_run_record *run);
/* Do the events of a step (0: the run itself) match? Does this event? */
bool search_events(struct search *s, xray_trace *trace, int64_t step_number);
bool search_event(struct search *s, const xray_event_record *event);

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
void search_step_hits(struct search *s, xray_trace *trace, const xray_step_record *step, hit_visit visit,
                      void *ctx);
void search_run_hits(struct search *s, xray_trace *trace, const xray_run_record *run, hit_visit visit,
                     void *ctx);
void search_event_hits(struct search *s, const xray_event_record *event, hit_visit visit, void *ctx);

#endif
