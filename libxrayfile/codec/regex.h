/* Patterns: PCRE2 with limits (ql 2.4). The only user of pcre2.h in the library. */
#ifndef XF_CODEC_REGEX_H
#define XF_CODEC_REGEX_H

#include "xrayfile.h"

#define XF_MATCH_LIMIT 100000
#define XF_REGEX_FLAGS "imsx"

struct xf_regex_env; /* limits and stack, shared by the patterns of one query */
struct xf_regex;

/* match_limit 0: XF_MATCH_LIMIT. NULL: memory is out. */
struct xf_regex_env *xf_regex_env_new(uint32_t match_limit);
/* Frees the patterns too. */
void xf_regex_env_free(struct xf_regex_env *env);

/* Compiles `pattern` (unanchored, UTF) with flags out of "imsx". XRAY_ESYNTAX: *message says why, *off is
 * where in the pattern. XRAY_ENOMEM. The pattern belongs to the env. */
int xf_regex_new(struct xf_regex **out, struct xf_regex_env *env, xray_str pattern, xray_str flags,
                 char message[200], size_t *off);

/* 1, 0, XRAY_ELIMIT (too expensive), XRAY_ENOMEM. Text that is not UTF-8 is matched around the bytes that are
 * not. */
int xf_regex_test(const struct xf_regex *re, xray_str text, xray_error *err);

/* As they were given; live as long as the env. */
xray_str xf_regex_pattern(const struct xf_regex *re);
xray_str xf_regex_flags(const struct xf_regex *re);

#endif
