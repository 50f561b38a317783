/* What a search would read, without doing it (--explain). */
#ifndef GREP_EXPLAIN_H
#define GREP_EXPLAIN_H

#include "grep/grep.h"

/* Prints it; false if that was not asked for. */
bool explain_search(const struct grep *g);

#endif
