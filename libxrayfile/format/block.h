/* Block headers and the hello frame (spec 3, 4); pure functions over memory. */
#ifndef XF_FORMAT_BLOCK_H
#define XF_FORMAT_BLOCK_H

#include "format/layout.h"
#include "xrayfile.h"

struct xf_header {
    uint8_t kind;
    uint8_t flags;
    uint8_t segment[16];
    uint64_t ordinal;
    uint64_t pos;
    uint32_t stored_len;
    uint32_t raw_len;
    uint32_t rows;
    uint32_t rows2;
    uint64_t first;
    uint64_t first2;
    int64_t time_min;
    int64_t time_max;
    uint64_t prev;
    uint64_t body;
};

/* XXH3-64 of the stored bytes, keyed by the header's segment, ordinal, pos (4.1, `body`). */
uint64_t xf_body_checksum(const struct xf_header *h, const void *stored, size_t len);

/* Writes the 120 bytes, `check` included. */
void xf_header_encode(const struct xf_header *h, uint8_t out[XF_HEADER_LEN]);

/* Digest of an encoded header (4.3). */
uint64_t xf_header_digest(const uint8_t bytes[XF_HEADER_LEN]);

/* Decodes and checks all of 4.2 that can be checked without the file: magics, zero
 * field, check, lengths, rows. `pos` is for messages: where the bytes stand in the file. Whether segment,
 * pos and ordinal are the expected ones is the caller's question. */
int xf_header_decode(struct xf_header *out, const uint8_t bytes[XF_HEADER_LEN], uint64_t pos, xray_error *err);

/* Hello record (3.2) as readers need it; strings borrow the bytes decoded. */
struct xf_hello {
    uint8_t id[16];
    uint8_t writer_id[16];
    int64_t version;
    int64_t min_reader;
    int64_t n;
    xray_str host, boot, app;
    int64_t pid, process_start;   /* XRAY_MISSING */
    int64_t clock_real, clock_mono;
};

/* Appends the whole hello frame. */
int xf_hello_encode(const struct xf_hello *h, xray_buffer *out, xray_error *err);

/* True if a hello frame may start with these bytes (at least 11 + 9 needed). */
bool xf_hello_looks_like(const uint8_t *data, size_t len);

/* Decodes the frame at data. Returns its length in bytes; XRAY_ETRUNCATED if data stops early,
 * XRAY_ECORRUPT, XRAY_EUNSUPPORTED (3.3; err names the feature). */
int64_t xf_hello_decode(struct xf_hello *out, const uint8_t *data, size_t len, xray_error *err);

#endif
