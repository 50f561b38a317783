/* Which steps of a run are printed because of those that match. */
#ifndef GREP_CONTEXT_H
#define GREP_CONTEXT_H

#include "grep/settings.h"

/* Sets shown[i] for every step with hits[i] > 0 and for what `context` adds to these. shown[count] is all
 * false before. */
void context_choose(const struct context *context, const xray_step_record *steps, size_t count,
                    const uint64_t *hits, bool *shown);

#endif
