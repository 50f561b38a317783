/* The content digest (spec 10). */
#include "format/digest.h"

#include "base/bytes.h"

static void sum(struct xf_digest *d, XXH128_hash_t h)
{
    d->high += h.high64;
    d->low += h.low64;
}

void xf_digest_add(struct xf_digest *d, const void *data, size_t len)
{
    sum(d, XXH3_128bits(data, len));
}

void xf_digest_begin(struct xf_digest_record *r)
{
    XXH3_INITSTATE(&r->state);
    XXH3_128bits_reset(&r->state);
}

void xf_digest_piece(struct xf_digest_record *r, const void *data, size_t len)
{
    XXH3_128bits_update(&r->state, data, len);
}

void xf_digest_finish(struct xf_digest *d, struct xf_digest_record *r)
{
    sum(d, XXH3_128bits_digest(&r->state));
}

void xf_digest_encode(const struct xf_digest *d, uint8_t out[16])
{
    xf_put_be64(out, d->high);
    xf_put_be64(out + 8, d->low);
}
