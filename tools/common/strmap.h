/* Numbers for texts: each distinct text gets the next number from 0 on. */
#ifndef COMMON_STRMAP_H
#define COMMON_STRMAP_H

#include "common/text.h"

struct strmap { /* start with all zero */
    struct strmap_slot *slots;
    size_t cap; /* a power of 2, or 0 */
    size_t count;
    uint64_t seed;
};

/* The number of the text, which is copied if it is new; *added tells. */
size_t strmap_put(struct strmap *m, xray_str key, bool *added);
void strmap_free(struct strmap *m);

#endif
