/* Which fields runs, steps and candidates have. Reads the spine and the candidates. */
#ifndef INFO_CATALOG_H
#define INFO_CATALOG_H

#include "info/sheet.h"

/* One row per field that is there, owners apart: owner, field, type, count. Members of tags have rows of their own. False:
 * there is none, or reading failed, which was said. */
bool catalog_fields(xray_store *store, enum sheet_format format);

#endif
