/* Which files a store has and which segments are in them. */
#ifndef XF_STORE_CATALOG_H
#define XF_STORE_CATALOG_H

#include "store/store.h"

/* Takes the files of `paths` into the store / looks for what is new. 1 if there is anything new, 0, or a
 * negative status as xray_store_open and xray_store_refresh say. */
int xf_catalog_open(struct xray_store *s, const char *const *paths, size_t count, xray_error *err);
int xf_catalog_refresh(struct xray_store *s, xray_error *err);

#endif
