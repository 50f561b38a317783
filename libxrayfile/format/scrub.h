/* What must not be recorded: values under certain names, texts that match certain patterns, and what is too
 * long (spec 6.7). Over MessagePack in memory. */
#ifndef XF_FORMAT_SCRUB_H
#define XF_FORMAT_SCRUB_H

#include "xrayfile.h"

#define XF_REDACTED_TEXT "(redacted)" /* where only a text can stand: names, ids */

struct xf_scrub; /* one thread at a time: it owns scratch memory */

/* Rules from a list "name, /pattern/flags, ..." (NULL: none) and limits in bytes: of one text, of one
 * value (0: none). XRAY_EMISUSE says what is wrong with the list. */
int xf_scrub_new(struct xf_scrub **out, const char *list, size_t text_limit, size_t value_limit, xray_error *err);
void xf_scrub_free(struct xf_scrub *s);

/* Whether the values under this name go. */
bool xf_scrub_is_name(const struct xf_scrub *s, xray_str name);

/* `text`, or XF_REDACTED_TEXT if a pattern matches it, or one that costs too much might. */
xray_str xf_scrub_text(const struct xf_scrub *s, xray_str text);

/* Whether numbers, and the names they stand under, stay as they are, whatever these are. */
bool xf_scrub_keeps_numbers(const struct xf_scrub *s);

#define XF_SCRUB_CUT 1u /* something was cut to a limit */

/* Scrubs the one canonical value that stands in *b from `start` on; `name` is what it stands under, or none. Returns
 * XF_SCRUB_*, or XRAY_ENOMEM. */
int xf_scrub_value(struct xf_scrub *s, xray_str name, xray_buffer *b, size_t start);

#endif
