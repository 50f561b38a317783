/* Finds one text in many bytes, as fast as memory can be read: two of its bytes that are rare are compared at
 * sixteen places at once, and only where both stand is the rest looked at. (glibc's memmem goes byte by
 * byte for needles of this size, and knows no letters of either case.) */
#ifndef GREP_NEEDLE_H
#define GREP_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xrayfile.h"

enum { NEEDLE_MAX = 64 }; /* of a longer text, its beginning will do */

struct needle { /* len 0: there is none */
    uint8_t bytes[NEEDLE_MAX];
    uint8_t folds[NEEDLE_MAX]; /* 0x20 for a letter that may have either case, else 0 */
    size_t len;
    size_t first, second; /* the two bytes that are looked for */
};

/* `text` is not empty; with `fold` it is ASCII. */
struct needle needle_new(xray_str text, bool fold);

/* The offset of the first place, or `len`. */
size_t needle_find(const struct needle *n, const uint8_t *data, size_t len);

#endif
