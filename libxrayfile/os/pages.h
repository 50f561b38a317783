/* How the system hands out memory. */
#ifndef XF_OS_PAGES_H
#define XF_OS_PAGES_H

#include <stddef.h>

/* `len` bytes at `p`, of the caller and just allocated, are about to be filled from end to end: where they are many, the
 * system is asked for large pages, which come with one fault instead of 512. A hint: where there are none, nothing
 * happens, and the contents are the same in any case. Any thread. */
void xf_pages_expect(void *p, size_t len);

#endif
