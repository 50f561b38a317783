/* JSON text and json-c trees to canonical MessagePack. Parsing is json-c's, strict; what
 * it would let pass or lose is checked before: duplicate keys, lone surrogates, invalid UTF-8, depth. */
#ifndef XF_CODEC_JSON_H
#define XF_CODEC_JSON_H

#include "xrayfile.h"

int xf_json_pack(const char *text, size_t len, bool lax, xray_buffer *out, xray_error *err);
int xf_json_tree_pack(struct json_object *tree, xray_buffer *out, xray_error *err);

#endif
