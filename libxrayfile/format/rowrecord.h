/* Row records: what the content digest is a sum of (spec 10.2, 10.3). */
#ifndef XF_FORMAT_ROWRECORD_H
#define XF_FORMAT_ROWRECORD_H

#include "format/digest.h"
#include "format/layout.h"
#include "format/row.h"

/* Which run, and what it is called as far as known (len 0: not). */
struct xf_run_ref {
    const uint8_t *id; /* 16 bytes */
    xray_str pipeline, version;
};

/* Whose record is it: key of row records (spec 10.3). */
struct xf_owner {
    const uint8_t *writer_id; /* 16 bytes */
    const uint8_t *run_id;    /* 16 bytes */
    int64_t step;             /* XRAY_MISSING: the run itself */
};

/* Adds the record of a row of `runs` or `steps` to the digest. `row` holds absolute, canonical, resolved values;
 * column 0 is ignored: `ref` says it. It is hashed piece by piece, for values can be large; `scratch` is overwritten. */
void xf_record_row(struct xf_digest *digest, struct xf_digest_record *record, xray_buffer *scratch,
                   enum xf_table table, const uint8_t writer_id[16], const struct xf_run_ref *ref,
                   const struct xf_row *row);

/* Replaces *r by the start of the record of a candidate, decision or note: an array of 4 + `more` members, the
 * last `more` of which are the caller's to append. */
void xf_record_begin(xray_buffer *r, enum xf_table table, const struct xf_owner *owner, size_t more);

#endif
