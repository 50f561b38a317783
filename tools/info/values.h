/* The distinct values of a field, and how often they occur. */
#ifndef INFO_VALUES_H
#define INFO_VALUES_H

#include "info/sheet.h"

/* The most frequent first. Beyond a hundred thousand, new ones are counted as a whole, which is said. Fields of the list of runs
 * are taken from there; names and types of steps from the sums of indexes, where there are any; all else from the spine. False:
 * there is none, or reading failed, which was said. */
bool values_print(xray_store *store, const char *name, enum sheet_format format);

#endif
