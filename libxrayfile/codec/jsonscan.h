/* Strict JSON (RFC 8259) as a check over the text, before json-c parses it.
 * json-c is the parser; this says exactly where and why a text is refused, and
 * finds what json-c would let pass, or would lose without a word. */
#ifndef XF_CODEC_JSONSCAN_H
#define XF_CODEC_JSONSCAN_H

#include "xrayfile.h"

/* The objects of spec 13 ({"$map":[[key,value]]}) take up to three levels of JSON for one of the value. */
#define XF_JSON_DEPTH 98

struct xf_json_facts {
    size_t members;    /* of all objects together */
    bool rewrite;      /* it holds what json-c cannot keep: see xf_json_rewrite */
    bool nonfinite;    /* NaN, Infinity or -Infinity (lax only) */
    uint64_t deep_pos; /* where it first nests deeper than a value may, or UINT64_MAX */
};

/* XRAY_ESYNTAX or XRAY_ELIMIT (nesting) with err->pos, or 0. NaN, Infinity and -Infinity pass with `lax`.
 * Duplicate keys are not looked for. */
int xf_json_scan(const char *text, size_t len, bool lax, struct xf_json_facts *facts, xray_error *err);

/* Length of the JSON number that `text` begins with; 0: none. */
size_t xf_json_number_len(const char *text, size_t len);

/* True for a number without fraction and exponent beyond int64 and uint64. */
bool xf_json_is_big_integer(const char *number, size_t len);

/* Length of a run of printable ASCII without quote and backslash: what stands for itself in every JSON string. */
size_t xf_json_plain_run(const char *text, size_t len);

#endif
