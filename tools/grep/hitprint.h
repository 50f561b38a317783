/* Prints what a search found: runs, steps (step 0 is the run itself) and candidates, and the steps beside
 * them. */
#ifndef GREP_HITPRINT_H
#define GREP_HITPRINT_H

#include "grep/search.h"
#include "grep/settings.h"

enum hitprint_mode {
    HITPRINT_TEXT, /* a heading per run, then RUN/STEP:name: field: ...the match and what stands around it...
                    */
    HITPRINT_ONLY, /* each match on a line of its own */
    HITPRINT_JSON, /* an object per hit, with all matches in it */
    HITPRINT_ROWS, /* a row of fields per match */
};

struct hitprint {
    enum hitprint_mode mode;
    struct search *search;
    struct rows *rows;
    int id_digits;
    size_t columns; /* 0: nothing is cut */
    bool gaps;      /* text: mark steps that were left out by -- */

    /* private: of the run */
    xray_trace *trace;
    const xray_run_record *run;
    bool headed;  /* its heading was printed */
    int64_t last; /* the last step printed, or -1 */
    /* of the record being made */
    const xray_step_record *step;   /* NULL: the run itself */
    const xray_event_record *event; /* a candidate, or NULL */
    bool matches;                   /* false: it is context */
    bool open;                      /* something of it was found */
    enum field field;               /* of the line being made */
    uint64_t more;                  /* matches in it beyond the first */
    struct text line;
};

void hitprint_begin(struct hitprint *p, struct settings *settings, struct search *search);
void hitprint_end(struct hitprint *p);

/* What follows is of this run; it must stay open. The trace may be NULL where only hitprint_run_hit is
 * called. */
void hitprint_run(struct hitprint *p, xray_trace *trace, const xray_run_record *run);

/* The run as a whole is a hit. */
void hitprint_run_hit(struct hitprint *p);

/* A step that is a hit (with `text`: because of what the search finds in it), or context. */
void hitprint_step(struct hitprint *p, const xray_step_record *step, bool matches, bool text);
/* The run's own text as step 0. */
void hitprint_run_text(struct hitprint *p);
/* A candidate that is a hit. */
void hitprint_candidate(struct hitprint *p, const xray_step_record *step, const xray_event_record *event,
                        bool text);

/* The last line of ndjson, with --stats. */
void hitprint_summary(struct hitprint *p, uint64_t matches, uint64_t runs, bool complete);

#endif
