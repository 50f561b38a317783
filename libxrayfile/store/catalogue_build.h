/* Making the catalogue of a directory of segments (format-spec/catalogue.md). */
#ifndef XF_STORE_CATALOGUE_BUILD_H
#define XF_STORE_CATALOGUE_BUILD_H

#include "format/catalogue.h"
#include "store/store.h"

/* The catalogue of the segments of a store that was opened on one directory, with indexes: its bytes go to *image, what they tell
 * to *out. XRAY_ENOTFOUND: no segment can be listed; XRAY_ELIMIT, XRAY_ENOMEM, XRAY_EIO. */
int xf_catalogue_build(struct xray_store *s, xray_buffer *image, xray_catalogue_info *out, xray_error *err);

/* Appends `raw` as it is, or as a zstd frame where that saves an eighth. */
int xf_catalogue_put_part(struct xf_catalogue_part *part, const xray_buffer *raw, struct xf_zframe *z, xray_buffer *image,
                          xray_error *err);

#endif
