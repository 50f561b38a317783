/* Names and encodings of the columns of the spine (spec 7.3, 7.4), as data: the
 * writer encodes by this table and the reader decodes by it. */
#ifndef XF_FORMAT_COLUMNS_H
#define XF_FORMAT_COLUMNS_H

#include "format/layout.h"

enum xf_encoding {
    XF_ENC_INT,     /* plain int */
    XF_ENC_RUN,     /* index into the run table */
    XF_ENC_STR,     /* index into strings */
    XF_ENC_DELTA,   /* difference to the non-nil element before; base t0 */
    XF_ENC_ID,      /* plain: str, bin 8, bin 16 */
    XF_ENC_REASONS, /* array of index, count */
    XF_ENC_VALUE,   /* section 6 */
    XF_ENC_NONE,    /* stands elsewhere */
};

struct xf_column {
    const char *name;
    enum xf_encoding encoding;
};

extern const struct xf_column xf_run_columns[XF_RUN_COLUMNS];
extern const struct xf_column xf_step_columns[XF_STEP_COLUMNS];

#endif
