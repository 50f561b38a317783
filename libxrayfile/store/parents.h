/* Which step stands in which: numbers of parents, orphans, cycles (spec 7.4). */
#ifndef XF_STORE_PARENTS_H
#define XF_STORE_PARENTS_H

#include "store/pending.h"

/* `records` are numbered 1 to count, in the order of (writer, raw number); `rows` are what they were
 * made from. Sets parent and orphan of each. False: memory is out. */
bool xf_parents_resolve(xray_step_record *records, struct xf_pending *const *rows, uint32_t count);

#endif
