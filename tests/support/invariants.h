/* What has to hold of a store after any fault. */
#ifndef TESTS_SUPPORT_INVARIANTS_H
#define TESTS_SUPPORT_INVARIANTS_H

#include "xrayfile.h"

/* Candidates are named i0, i1, ... in the order of recording. Checks of the store at `dir`:
 *   - it has no problems (a torn tail is none);
 *   - no candidate is there twice, and none of the first `acknowledged` is missing;
 *   - `accepted` (0: not known) = records that are there + records whose loss is there. */
void invariants_check(const char *dir, uint64_t recorded, uint64_t acknowledged, uint64_t accepted);

/* The same, only looking. */
struct invariants {
    bool readable;
    size_t problems;
    uint64_t records, there, lost, missing, twice, unknown;
};
void invariants_look(const char *dir, uint64_t recorded, uint64_t acknowledged, struct invariants *found);

/* Candidates that are there, and records whose loss is there; of the last check. */
uint64_t invariants_there(void);
uint64_t invariants_lost(void);

#endif
