/* Maps that came in several rows, merged key by key (spec 7.2): see XF_LAYERED in joined.h. */
#ifndef XF_STORE_LAYERS_H
#define XF_STORE_LAYERS_H

#include "store/joined.h"
#include "store/store.h"

/* Takes the next layer off the front of *layers. False at the end. */
bool xf_layers_take(xray_str *layers, uint32_t *segment, xray_str *value);

/* Appends the merged map. As xray_ref_resolve. */
int xf_layers_resolve(struct xray_store *s, xray_ref ref, xray_buffer *out, xray_error *err);

#endif
