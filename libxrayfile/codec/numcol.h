/* The packed column (spec 5.2, num): numbers as byte planes, few distinct values as
 * indexes, anything else as it is. */
#ifndef XF_CODEC_NUMCOL_H
#define XF_CODEC_NUMCOL_H

#include "base/arena.h"
#include "xrayfile.h"

/* Appends the column for `count` values that stand one behind the other in `values`
 * (canonical MessagePack of any type). */
void xf_numcol_encode(const xray_buffer *values, size_t count, xray_buffer *out);

/* Reading: one element after the other. A copy of the struct is a second place in the same column. */
struct xf_numcol {
    enum xf_numcol_form { XF_NUMCOL_PLAIN, XF_NUMCOL_PLANES, XF_NUMCOL_DICT } form;
    bool bad;
    uint32_t left;          /* elements not yet taken */
    uint32_t count;         /* all of them */
    xray_mp cursor;         /* plain */
    const uint8_t *bytes;   /* planes, or indexes */
    uint8_t scale, width;
    bool delta;
    int64_t last;           /* delta: the value before; else the base */
    const xray_str *dict;
    uint32_t dict_count;
    uint8_t scratch[9];     /* the element just taken, where it had to be rebuilt */
};

/* Starts on the column at `column` (may be data NULL: no elements). False if it is malformed, or
 * memory for the dictionary is out. */
bool xf_numcol_open(struct xf_numcol *c, xray_str column, struct xf_arena *arena);
/* The next element as MessagePack bytes (valid until the next call), or false at the end or if bad. */
bool xf_numcol_next(struct xf_numcol *c, xray_str *value);
/* The next element as a double; *nil if it is nil. */
bool xf_numcol_next_double(struct xf_numcol *c, double *out, bool *nil);

#endif
