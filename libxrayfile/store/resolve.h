/* Stored values with their references resolved (spec 6). */
#ifndef XF_STORE_RESOLVE_H
#define XF_STORE_RESOLVE_H

#include "store/store.h"

/* Appends one stored value of a segment. As xray_ref_resolve. */
int xf_resolve(struct xray_store *s, uint32_t segment, xray_str value, xray_buffer *out, xray_error *err);

/* Appends what stands for a value that is lost (ext 3, nothing known of it). */
void xf_put_lost(xray_buffer *out);

/* Whether the value is a reference to a skeleton (ext 2), and to which. */
bool xf_is_value_reference(const uint8_t *data, size_t len, uint32_t *number);

#endif
