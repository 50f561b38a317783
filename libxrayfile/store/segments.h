/* The segments of a store, and their order (spec 7.2). */
#ifndef XF_STORE_SEGMENTS_H
#define XF_STORE_SEGMENTS_H

#include "store/store.h"

/* Adds a segment of a file; the store frees it. XRAY_ENOMEM, XRAY_ELIMIT. */
int xf_segments_add(struct xray_store *s, struct xf_segment *seg, uint32_t file, xray_error *err);

/* After files were walked: drops copies of segments, orders those from first_new on, finds out which writers
 * live and what was lost. XRAY_ENOMEM. */
int xf_segments_settle(struct xray_store *s, uint32_t first_new, xray_error *err);

#endif
