/* xray_value_pack for those who keep a memory of JSON (jsonmemo.h). */
#ifndef XF_CODEC_VALUE_H
#define XF_CODEC_VALUE_H

#include "codec/jsonmemo.h"

/* As xray_value_pack; `memo` may be NULL. */
int xf_value_pack(const xray_value *value, bool lax, struct xf_json_memo *memo, xray_buffer *out, xray_error *err);

#endif
