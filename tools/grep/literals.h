/* Finds any of many plain texts at once: what stands at a place is hashed, as many bytes as the shortest of
 * them has, and looked up. */
#ifndef GREP_LITERALS_H
#define GREP_LITERALS_H

#include "xrayfile.h"

struct literals;

/* `texts` are kept as they are and must live as long; none of them is empty. */
struct literals *literals_new(const xray_str *texts, size_t count);
void literals_free(struct literals *l);

/* The first at or behind `from`, the longest there. */
bool literals_find(const struct literals *l, xray_str text, size_t from, size_t *start, size_t *end);

#endif
