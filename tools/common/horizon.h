/* What was known when a step began: everything that ended before it, the begin of
 * what was going on, and nothing of what came later. */
#ifndef COMMON_HORIZON_H
#define COMMON_HORIZON_H

#include "xrayfile.h"

/* Changes copies of a trace's records so. `steps` are the first `count` steps, the
 * last of them is the one that begins. Steps that were open then become running ones:
 * what tells how they went is taken away, what they were given stays. */
void horizon_apply(xray_run_record *run, xray_step_record *steps, size_t count);

#endif
