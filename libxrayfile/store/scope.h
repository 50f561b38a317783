/* Opening only those segments of a directory that a question can be about, by its catalogue
 * (format-spec/catalogue.md): a hint. Whatever is wrong with it, everything is opened. */
#ifndef XF_STORE_SCOPE_H
#define XF_STORE_SCOPE_H

#include "store/store.h"

/* After the files of the store were listed, before they are walked: marks those that need not be (xf_file.skipped). */
int xf_scope_begin(struct xray_store *s, const xray_store_scope *wanted, xray_error *err);

/* After those that are left were walked: takes back marks, of segments that have more of a run of theirs, or of all if the catalogue
 * is not to be used after all. 1: some were, and are to be walked now; 0; XRAY_ENOMEM. */
int xf_scope_settle(struct xray_store *s, xray_error *err);

/* After that: were the segments those that the catalogue means, and are the ids found that were asked for? If not, takes back
 * all marks. 1, 0, XRAY_ENOMEM. */
int xf_scope_check(struct xray_store *s, const xray_store_scope *wanted, xray_error *err);

/* Takes back all marks. False: there were none. */
bool xf_scope_widen(struct xray_store *s);

/* Digits that tell all run ids of the store apart, as far as the catalogue knows; 0: it is not used. */
uint32_t xf_scope_digits(const struct xray_store *s);

void xf_scope_free(struct xf_narrowing *n);

#endif
