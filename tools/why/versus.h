/* Two items of one run: the first step where their fates part. */
#ifndef WHY_VERSUS_H
#define WHY_VERSUS_H

#include "common/text.h"

/* Prints it as text, or as one JSON object of kind "versus". Fates part where one was let pass and the other was not; where a
 * decision selected one of them; or where only one has a record. False: none of them is in the run, or reading failed, which
 * was said. */
bool versus_show(xray_store *store, xray_trace *trace, xray_str item, xray_str other, bool json, int id_digits);

#endif
