/* Which fields candidates have, and which keys their evidence. */
#ifndef INFO_EVIDENCE_H
#define INFO_EVIDENCE_H

#include "info/sheet.h"

/* Appends a row "cand", field, type, count for each. Opens every run. False if that failed, which was said. */
bool evidence_fields(xray_store *store, struct sheet *sheet);

#endif
