/* Segments put together byte by byte in memory, for tests of what no writer writes. */
#ifndef TESTS_SUPPORT_IMAGE_H
#define TESTS_SUPPORT_IMAGE_H

#include "file/walk.h"

struct image {
    xray_buffer bytes;
    size_t base;       /* of the present segment */
    uint8_t id[16];
    uint64_t ordinal;  /* of the next block */
    uint64_t digest;
    size_t block[64];  /* where each block begins in bytes */
    size_t blocks;
};

/* Begins a segment whose id is sixteen times `id` and whose clock is `id` seconds; what is there stays before
 * it. */
void image_begin(struct image *m, uint8_t id);

/* Adds a block with `stored` as it is for a body: good for walking, not for reading. */
void image_raw(struct image *m, int kind, const void *stored, size_t len);

/* Adds a block whose body is `raw`, compressed. */
void image_block(struct image *m, int kind, const xray_buffer *raw, uint32_t rows, uint32_t rows2,
                 uint64_t first, uint64_t first2);

void image_done(struct image *m);

/* The bytes as a source. `m` is the context. */
struct xf_source image_source(struct image *m);

/* Writes them to a file of this process's own directory; static storage, overwritten after 16 calls. */
const char *image_file(const struct image *m);

#endif
