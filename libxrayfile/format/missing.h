/* Marks of what is not there: ext 3 (spec 6.3). */
#ifndef XF_FORMAT_MISSING_H
#define XF_FORMAT_MISSING_H

#include "base/hash.h"
#include "format/layout.h"
#include "xrayfile.h"

#define XF_MISSING_LEN 28 /* of the mark, encoded */

/* Appends one. `len`: of what stood there, encoded; 0: unknown. */
void xf_missing_put(xray_buffer *b, enum xf_missing state, uint64_t len, struct xf_hash128 h);

#endif
