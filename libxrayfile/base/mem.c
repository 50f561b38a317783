/* The only callers of malloc (mem.h). */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Counts allocations for tests that make them fail. Relaxed: threads of an
 * ordinary program only ever count, and nobody reads the count there. */
static atomic_size_t asked;
static atomic_size_t fail_from, fail_to;

/* No object of C is larger than PTRDIFF_MAX: pointers into it could not be subtracted. */
static bool is_refused(size_t size)
{
    const size_t nth = atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed) + 1;
    const size_t from = atomic_load_explicit(&fail_from, memory_order_relaxed);

    return size > PTRDIFF_MAX || (from != 0 && nth >= from && nth <= atomic_load_explicit(&fail_to, memory_order_relaxed));
}

void *xf_alloc(size_t size)
{
    return is_refused(size) ? NULL : calloc(1, size > 0 ? size : 1);
}

void *xf_alloc_array(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    return xf_alloc(count * size);
}

void *xf_resize_array(void *p, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    if (is_refused(count * size))
        return NULL;
    return realloc(p, count * size > 0 ? count * size : 1);
}

void xf_free(void *p)
{
    free(p);
}

static size_t fail_between(size_t from, size_t to)
{
    const size_t before = atomic_exchange(&asked, 0);

    atomic_store(&fail_to, to);
    atomic_store(&fail_from, from);
    return before;
}

size_t xf_mem_fail_from(size_t n)
{
    return fail_between(n, SIZE_MAX);
}

size_t xf_mem_fail_once(size_t n)
{
    return fail_between(n, n);
}
