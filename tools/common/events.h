/* Candidates, decisions and notes of a step as text. */
#ifndef COMMON_EVENTS_H
#define COMMON_EVENTS_H

#include "common/text.h"

enum events_detail {
    EVENTS_SHORT, /* decisions only, one line each */
    EVENTS_FULL,
};

/* Prints them; step number 0 is the run itself. */
void events_show(xray_store *store, xray_trace *trace, int64_t step_number, enum events_detail detail,
                 size_t indent);

#endif
