/* What a file that is no segment looks like, for the message. */
#ifndef XF_STORE_GUESS_H
#define XF_STORE_GUESS_H

#include "store/store.h"

/* Adds the problem that file number `file` is not a segment. */
void xf_guess_complain(struct xray_store *s, uint32_t file);

#endif
