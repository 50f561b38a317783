/* How far two names are from each other, for "did you mean". */
#ifndef COMMON_SPELLING_H
#define COMMON_SPELLING_H

#include "xrayfile.h"

/* Letters to change, add or leave out (Levenshtein); large for names of 64 bytes and more. */
size_t spelling_distance(xray_str a, xray_str b);

#endif
