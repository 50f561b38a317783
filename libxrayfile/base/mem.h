/* The only callers of malloc. Sizes are checked; tests can make the n-th
 * allocation fail. */
#ifndef XF_BASE_MEM_H
#define XF_BASE_MEM_H

#include <stddef.h>

void *xf_alloc(size_t size);                               /* zeroed; size 0 gives 1 byte */
void *xf_alloc_array(size_t count, size_t size);           /* zeroed; NULL on overflow */
void *xf_resize_array(void *p, size_t count, size_t size); /* new part is not zeroed; p stays valid on NULL */
void xf_free(void *p);

/* The n-th allocation from now on (1 = the next) and all after it fail; 0 turns it off.
 * For tests, one thread. Returns how many allocations were asked for since the last call. */
size_t xf_mem_fail_from(size_t n);
/* The same, but only the n-th fails. */
size_t xf_mem_fail_once(size_t n);

#endif
