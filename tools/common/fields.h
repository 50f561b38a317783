/* The named fields of runs, steps and candidates (query language, section 3) as values of cells. */
#ifndef COMMON_FIELDS_H
#define COMMON_FIELDS_H

#include "common/text.h"

/* What a field's value is taken from. What is NULL has no fields. */
struct record {
    xray_store *store;
    xray_trace *trace; /* for run.steps; values of runs are there only if `run` is the trace's */
    const xray_run_record *run;
    const xray_step_record *step;
    const xray_event_record *event; /* a candidate */
    int64_t step_count;             /* run.steps where there is no trace; 0: not known */
    const void *own;                /* what the tool's own fields are taken from */
};

enum cell_kind {
    CELL_MISSING,
    CELL_TEXT,
    CELL_INT,
    CELL_TIME,
    CELL_DURATION,
    CELL_COST, /* nano-units */
    CELL_DOUBLE,
    CELL_BOOL,
    CELL_JSON, /* `json` holds JSON, `text` the same for people */
};

struct cell { /* start with all zero; kept and reused */
    enum cell_kind kind;
    int64_t n; /* INT TIME DURATION COST BOOL */
    double d;
    struct text text;
    struct text json;
};

void cell_free(struct cell *c);
void cell_set_text(struct cell *c, xray_str text);                 /* none: missing */
void cell_set_int(struct cell *c, enum cell_kind kind, int64_t n); /* XRAY_MISSING: missing */
void cell_set_double(struct cell *c, double d);

/* Appends it: times as RFC 3339 (--tz) with nine decimals, durations as nanoseconds, cost as a decimal
 * number. Text is what was recorded, untouched: whoever prints it makes it safe. */
void cell_put_plain(struct text *t, const struct cell *c);
/* As JSON, as the trace file specification's section 13 writes such members. */
void cell_put_json(struct text *t, const struct cell *c);

/* A field that only one tool has, such as what a search found. */
struct field_own {
    const char *name; /* NULL ends the table */
    void (*get)(const struct record *r, struct cell *out);
};

enum { FIELD_OF_RUN = 1, FIELD_OF_STEP = 2, FIELD_OF_CAND = 4, FIELD_PATH = 32 };

struct named_field {
    const char *title; /* as it was written */
    const struct field_entry *entry;
    const struct field_own *own;
    unsigned owner;
    struct field_step {
        struct text name; /* empty: an index */
        long index;
    } path[FIELD_PATH];
    size_t path_count;
};

/* Finds the field `name` (run.id, tags."user.tier", input.messages[0]) among those of `owners`. A bare name
 * must belong to one of them. Ends the program with a hint for other text. `own` may be NULL. */
void field_parse(struct named_field *out, const char *option, xray_str name, unsigned owners,
                 const struct field_own *own);
/* The same, but a bare name that several of them have (status, duration, error_type) is that of `prefer`. */
void field_parse_preferring(struct named_field *out, const char *option, xray_str name, unsigned owners,
                            unsigned prefer);
void field_free(struct named_field *f);

void field_get(const struct named_field *f, const struct record *r, struct cell *out);

/* What it is taken from beside the record of xray_store_run: XRAY_NEEDS_*. */
unsigned field_needs(const struct named_field *f);

/* The names of all fields of one owner that have no members, for lists; NULL at the end. */
const char *field_list(unsigned owner, size_t i);

#endif
