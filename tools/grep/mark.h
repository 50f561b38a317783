/* Which steps of an opened run are hits. */
#ifndef GREP_MARK_H
#define GREP_MARK_H

#include "grep/search.h"
#include "grep/settings.h"

struct marker {
    const struct settings *settings;
    struct selection *selection;
    struct search *search;
    bool text_first;    /* the pattern is cheaper to test than the expression */
    const bool *listed; /* segments of which no more hits are needed, or NULL */
};

struct marks {      /* start with all zero; kept and reused */
    uint64_t *hits; /* of each step: 0, 1, or how many of its candidates */
    size_t cap;
    size_t count;   /* steps */
    bool run_text;  /* the run's own text matches (step 0) */
    uint64_t total; /* hits; of the unit run 0 or 1 */
};

/* Finds at most `limit` hits. `answer` is what selection_test_run said. */
void mark_run(const struct marker *m, xray_trace *trace, enum where_answer answer, uint64_t limit,
              struct marks *out);
void marks_free(struct marks *marks);

/* Goes through the candidates of a step that are hits, at most `limit`. `event` counts all candidates from 0.
 */
typedef void (*mark_visit)(void *ctx, const xray_event_record *record, uint64_t event);
void mark_candidates(const struct marker *m, xray_trace *trace, size_t step, uint64_t limit, mark_visit visit,
                     void *ctx);

#endif
