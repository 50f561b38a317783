/* References to parts and values in a body (spec 6.3): only those to blocks before it count (4.6). */
#ifndef XF_FORMAT_REFERENCES_H
#define XF_FORMAT_REFERENCES_H

#include <stddef.h>
#include <stdint.h>

/* Goes through the MessagePack in `body` and makes references to parts from part_limit on, or to values from
 * value_limit on, refer to nothing. Returns how many there were: none, in a file of a sound writer. */
size_t xf_references_bound(uint8_t *body, size_t len, uint64_t part_limit, uint64_t value_limit);

#endif
