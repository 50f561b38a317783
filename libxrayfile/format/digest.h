/* The content digest: a sum of hashes of row records (spec 10). */
#ifndef XF_FORMAT_DIGEST_H
#define XF_FORMAT_DIGEST_H

#include "base/hash.h"

struct xf_digest {
    uint64_t high;
    uint64_t low;
};

/* Adds the record `data`. */
void xf_digest_add(struct xf_digest *d, const void *data, size_t len);

/* The same for a record that comes in pieces. */
struct xf_digest_record {
    XXH3_state_t state;
};

void xf_digest_begin(struct xf_digest_record *r);
void xf_digest_piece(struct xf_digest_record *r, const void *data, size_t len);
void xf_digest_finish(struct xf_digest *d, struct xf_digest_record *r);

/* 16 bytes, high half first (spec 10.1). */
void xf_digest_encode(const struct xf_digest *d, uint8_t out[16]);

#endif
