/* A search for a text in all of a store, as the tools do one. */
#ifndef TESTS_SUPPORT_SEARCH_H
#define TESTS_SUPPORT_SEARCH_H

#include "xrayfile.h"

/* Appends all that the search knows: of each run, of its events, and of the input and output of its steps.
 * With `folded`, ASCII letters have no case. */
int search_store(xray_store *s, const char *text, bool folded, xray_buffer *out);

#endif
