/* The histogram of rejections that a step line of our own NDJSON gives (spec 13). */
#ifndef TOOLS_IMPORT_HISTOGRAM_H
#define TOOLS_IMPORT_HISTOGRAM_H

#include "import/import.h"

struct histogram { /* all zero = none */
    struct histogram_entry {
        size_t off, len; /* of the code, in codes */
        int64_t count;
    } *entries;          /* in the order given */
    size_t count, cap;
    struct text codes;
    size_t *sorted; /* indexes, by code */
    size_t sorted_cap;
    bool rest; /* it has "(other)", which stands for codes that are not named */
};

/* Takes the members of an object whose values are integers. */
void histogram_read(struct histogram *h, struct import *im, uint32_t object);

/* Sets the counts of a step, in the order given. */
void histogram_put(const struct histogram *h, xray_step step);

/* Whether it counts events of this code. */
bool histogram_has(const struct histogram *h, xray_str code);

void histogram_reset(struct histogram *h);
void histogram_done(struct histogram *h);

#endif
