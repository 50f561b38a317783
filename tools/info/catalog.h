/* Which fields runs and steps have, and which values. Reads the spine. */
#ifndef INFO_CATALOG_H
#define INFO_CATALOG_H

#include "info/sheet.h"

/* One row per field that is there, owners apart: owner, field, type, count. Members of tags have rows of their own. False:
 * there is none, or reading failed, which was said. */
bool catalog_fields(xray_store *store, enum sheet_format format);

/* The distinct values of a field, the most frequent first. Beyond a hundred thousand, new ones are
 * counted as a whole, which is said. */
bool catalog_values(xray_store *store, const char *name, enum sheet_format format);

#endif
