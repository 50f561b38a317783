/* Sealed segments: whoever makes something of them (the index, format-spec/index-file.md) is told of each. */
#ifndef XF_WRITER_SEALED_H
#define XF_WRITER_SEALED_H

#include "xrayfile.h"

#include <stddef.h>

/* What is done with a sealed segment. The writer knows nothing of it: it is on a higher floor (sdk/open.c). Nobody hears
 * how it went. */
typedef void xf_sealed_fn(const char *path);

struct xf_sealed;

/* For segments in the directory `dir`. `threaded`: on a thread of its own, which lives while there is something to do, so that
 * the writer's goes on recording; else within xf_sealed_add. NULL: no memory. */
struct xf_sealed *xf_sealed_new(const char *dir, xf_sealed_fn *fn, bool threaded);

/* By one thread at a time. Segments that too many others are waiting before are left out, and so is one when memory or threads run out. */
void xf_sealed_add(struct xf_sealed *s, const char *name);

/* Waits until all is done. Both take NULL. */
void xf_sealed_wait(struct xf_sealed *s);
void xf_sealed_free(struct xf_sealed *s);

#endif
