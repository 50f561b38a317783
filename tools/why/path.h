/* One item through every step of one run. */
#ifndef WHY_PATH_H
#define WHY_PATH_H

#include "common/text.h"

/* Prints it, as text or as one JSON object. Returns how many records of the item there are; *left is the number of the
 * step that rejected it last (0: none), *left_name its name, to be freed with text_free. */
size_t path_print(xray_store *store, xray_trace *trace, xray_str item, bool json, int id_digits, int64_t *left,
                  struct text *left_name);

#endif
