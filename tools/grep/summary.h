/* A run, step or candidate in few words, from what stands in the spine or the candidate itself: no payload is
 * read for it. */
#ifndef GREP_SUMMARY_H
#define GREP_SUMMARY_H

#include "common/text.h"

/* Text for people: "filter  success  6 → 2  66.7%  3ms  price_too_high 3, no_price 1". */
void summary_step(struct text *t, const xray_step_record *step);
void summary_candidate(struct text *t, const xray_event_record *event);

/* JSON objects. A NULL step is the run itself: step 0. */
void summary_run_json(struct text *t, const xray_run_record *run);
void summary_step_json(struct text *t, const xray_step_record *step);
void summary_candidate_json(struct text *t, const xray_event_record *event);

#endif
