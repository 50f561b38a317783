/* Ids like one that was not found. */
#ifndef WHY_NEAREST_H
#define WHY_NEAREST_H

#include "common/text.h"

/* Says that there is no record of the item; which ids of the newest runs (a hundred thousand candidates, at most) are like
 * it: begin with it, differ in letter case, or in few letters; and whether it may have been there and was not recorded. */
void nearest_say(xray_store *store, xray_str item);

#endif
