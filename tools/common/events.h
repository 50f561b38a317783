/* Candidates, decisions and notes of a step as text. */
#ifndef COMMON_EVENTS_H
#define COMMON_EVENTS_H

#include "common/text.h"

enum events_detail {
    EVENTS_SHORT, /* decisions only, one line each */
    EVENTS_FULL,
};

/* Which candidates: step is the index in the trace. */
struct events_filter {
    bool (*wants)(void *ctx, size_t step, const xray_event_record *event);
    void *ctx;
    size_t step;
};

/* Prints them; step number 0 is the run itself. With a filter (it may be NULL) only candidates that it wants. */
void events_show(xray_store *store, xray_trace *trace, int64_t step_number, enum events_detail detail,
                 size_t indent, const struct events_filter *filter);

/* Appends one candidate as such a line, with its newline; its id is padded to `item_width` columns. */
void events_put_candidate(struct text *t, xray_store *store, const xray_event_record *e, size_t item_width);

#endif
