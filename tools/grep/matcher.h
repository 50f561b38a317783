/* Finds patterns in texts and in MessagePack values: PCRE2 with its JIT compiler,
 * bounded, so that no pattern can hang a search. It knows nothing of runs and steps. */
#ifndef GREP_MATCHER_H
#define GREP_MATCHER_H

#include "xrayfile.h"

struct matcher;

enum matcher_case {
    CASE_EXACT,
    CASE_FOLDED,
    CASE_SMART, /* folded, unless the pattern itself holds an upper-case letter */
};

struct matcher_options {
    bool literal; /* patterns are plain text */
    enum matcher_case letters;
    bool word; /* neither a letter nor a digit nor _ stands beside a match */
    bool line; /* a match is a whole line of the text */
};

/* A text matches if any of the patterns is found in it; ^ and $ match at its lines. A
 * pattern that cannot be compiled ends the program, with a caret under the place. */
struct matcher *matcher_new(const xray_str *patterns, size_t count, const struct matcher_options *options);
void matcher_free(struct matcher *m);

/* The same patterns for a second thread; unshare frees it and adds its failures to those of the first. */
struct matcher *matcher_share(const struct matcher *from);
void matcher_unshare(struct matcher *m, struct matcher *shared);

/* The first match at or behind `from` (the longest where several patterns match there). */
bool matcher_find(struct matcher *m, xray_str text, size_t from, size_t *start, size_t *end);

/* Is there a match in the text; in any string, key or number inside a MessagePack value.
 * References (spec 6.3, ext 1 and 2) are not followed. */
bool matcher_text(struct matcher *m, xray_str text);
bool matcher_value(struct matcher *m, const uint8_t *data, size_t len);

/* Is there a text, or one of several, that every match holds? Then any bytes can be searched for it: the offset of the first,
 * or `len`. Values in whose bytes it is not found do not match. Does it hold something that is neither a
 * hexadecimal digit nor a dash? Which are they? (The matcher's; ASCII letters may have either case.) */
bool matcher_has_needle(const struct matcher *m);
const xray_str *matcher_needles(const struct matcher *m, size_t *count);
size_t matcher_find_needle(const struct matcher *m, const uint8_t *data, size_t len);
bool matcher_not_hex(const struct matcher *m);

/* Can a number's text match at all? Where not, numbers need not be written out. */
bool matcher_numbers(const struct matcher *m);

/* How many texts could not be searched to their end because a pattern was too expensive for them. */
uint64_t matcher_failures(const struct matcher *m);

#endif
