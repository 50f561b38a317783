/* What a file that is no segment looks like, for the message. */
#ifndef XF_STORE_GUESS_H
#define XF_STORE_GUESS_H

#include "store/store.h"

/* Adds the problem that file number `file` is not a segment. A file of a directory that is an empty one is no problem. */
void xf_guess_complain(struct xray_store *s, uint32_t file);

/* Whether a file of `size` bytes that holds no segment is an empty one (spec 2.2): what its writer leaves when it dies, or
 * loses power, before its hello is whole. `data` is the start of it, XF_GUESS_LEN bytes if it has as many. */
#define XF_GUESS_LEN 4096
bool xf_is_empty_segment(const uint8_t *data, size_t len, uint64_t size);

#endif
