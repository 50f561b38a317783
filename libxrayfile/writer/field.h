/* Which column a public field is, and setting it. */
#ifndef XF_WRITER_FIELD_H
#define XF_WRITER_FIELD_H

#include "writer/back.h"

struct xf_field {
    const char *name;
    enum xf_field_kind { XF_FIELD_NONE, XF_FIELD_VALUE, XF_FIELD_MAP, XF_FIELD_ERROR, XF_FIELD_TEXT, XF_FIELD_EXT_ID } kind;
    unsigned column;
    bool ident;          /* text that the first row of each segment repeats */
    unsigned error_type; /* XF_FIELD_ERROR: the column derived from it */
};

struct xf_field xf_run_field(xray_field field);
struct xf_field xf_step_field(xray_field field);

int xf_field_set(struct xf_scope *s, struct xf_field field, xray_value value);

/* XRAY_START .. XRAY_FLAGS. */
int xf_field_set_common(struct xf_scope *s, xray_int_field field, int64_t value, unsigned cost_column);

#endif
