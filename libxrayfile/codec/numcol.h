/* The num column (spec 5.2): numbers as scaled integers where that is exact. */
#ifndef XF_CODEC_NUMCOL_H
#define XF_CODEC_NUMCOL_H

#include "xrayfile.h"

/* Appends the column for `count` values that stand one behind the other in `values`
 * (canonical MessagePack of any type). */
void xf_numcol_encode(const xray_buffer *values, size_t count, xray_buffer *out);

/* Reading: one element after the other. */
struct xf_numcol {
    xray_mp cursor;
    uint32_t left;  /* elements not yet taken */
    int scale;      /* 0: plain */
    uint8_t scratch[9]; /* the element just taken, where it had to be rebuilt */
};

/* Starts on the column at `column` (may be data NULL: no elements). False if it is malformed. */
bool xf_numcol_open(struct xf_numcol *c, xray_str column);
/* The next element as MessagePack bytes (valid until the next call), or false at the end or if bad. */
bool xf_numcol_next(struct xf_numcol *c, xray_str *value);
/* The next element as a double (nil: NAN). */
bool xf_numcol_next_double(struct xf_numcol *c, double *out);

#endif
