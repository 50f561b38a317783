/* What became of one item in all runs: verdicts by step, and fates by version of the pipeline. */
#ifndef WHY_HISTORY_H
#define WHY_HISTORY_H

#include "why/visits.h"

struct history { /* start with all zero */
    size_t runs;
    uint64_t verdicts[VERDICTS];
    /* by name of the step */
    struct strmap step_map;
    struct history_step *steps;
    size_t step_cap;
    /* by pipeline and version */
    struct strmap version_map;
    struct history_version *versions;
    size_t version_cap;
    bool too_many; /* versions: what changed with which is not told */
};

/* A run that visits_open opened. */
void history_add(struct history *h, const struct visits *v, size_t i, const xray_trace *trace);

/* Lines: how often each step gave which verdict; and for each pipeline the version since which most of its runs end otherwise
 * than those of the version before. Versions stand in the order of their first runs that had the item. */
void history_put_steps(struct text *t, const struct history *h);
void history_put_changes(struct text *t, const struct history *h);

/* ,"accept":2,... of all; ,"steps":[{"name":..,"accept":..}] ; ,"changes":[..] if there are any */
void history_put_json(struct text *t, const struct history *h);

void history_free(struct history *h);

#endif
