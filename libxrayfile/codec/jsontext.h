/* Work on JSON text that xf_json_scan has passed. */
#ifndef XF_CODEC_JSONTEXT_H
#define XF_CODEC_JSONTEXT_H

#include "xrayfile.h"

/* json-c cuts keys at NUL and clamps integers to 64 bits. For texts that hold such
 * things (xf_json_facts.rewrite) this appends a text in which both are
 * strings with bytes that cannot occur in UTF-8:
 *     \u0000 in a string  -> C0 80
 *     an integer beyond 64 bits -> a string of FF and its digits */
#define XF_JSON_NUL_1 0xc0
#define XF_JSON_NUL_2 0x80
#define XF_JSON_NUMBER 0xff
void xf_json_rewrite(const char *text, size_t len, xray_buffer *out);

/* Finds the first key that stands twice in one object: fills *err and returns XRAY_ESYNTAX. Returns 0 if there is none. */
int xf_json_find_duplicate(const char *text, size_t len, xray_error *err);

#endif
