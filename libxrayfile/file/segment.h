/* One segment as readers know it: where it lies, who wrote it, and a compact table of its
 * block headers. Bodies are read one at a time. */
#ifndef XF_FILE_SEGMENT_H
#define XF_FILE_SEGMENT_H

#include "codec/zframe.h"
#include "file/walk.h"
#include "format/indexfile.h"

struct xf_block { /* what readers need of a header */
    uint64_t pos; /* in the file */
    uint64_t ordinal;
    uint64_t first, first2;
    int64_t time_min, time_max;
    uint64_t body;
    uint32_t stored_len, raw_len;
    uint32_t rows, rows2;
    uint8_t kind;
    bool bad; /* its body was read and found wrong; not tried again */
};

struct xf_segment {
    uint8_t id[16];
    uint8_t writer_id[16];
    uint64_t base; /* of the segment, in the file */
    int64_t created_ns;
    int64_t n;
    int64_t pid, process_start;
    int64_t version;   /* of the format */
    xray_buffer names; /* host, boot id and app, one behind the other */
    size_t host_len, boot_len;

    struct xf_block *blocks; /* ordinals ascend */
    uint32_t block_count, block_cap;
    uint32_t *payload; /* which of them are payload */
    uint32_t payload_count, payload_cap;

    uint64_t end; /* of the last whole block, in the file */
    uint64_t torn_bytes, skipped_bytes;
    bool sealed;
    bool damaged; /* blocks were skipped or are missing */
    bool refused; /* a critical block of unknown kind: nothing from there on */
    bool writer_dead;
    uint64_t lost;

    struct xf_index_head *index; /* of the first blocks, if there is one to be trusted; owned */
    xray_buffer index_runs;      /* its section of runs as it is stored, if it is small; until it is used */
};

/* XRAY_ENOMEM. The caller releases it with xf_segment_free. */
int xf_segment_new(struct xf_segment **out, const struct xf_hello *hello, uint64_t base, xray_error *err);
void xf_segment_free(struct xf_segment *seg);

xray_str xf_segment_host(const struct xf_segment *seg);
xray_str xf_segment_boot(const struct xf_segment *seg);
xray_str xf_segment_app(const struct xf_segment *seg);

/* Adds the header of the block at `pos`. XRAY_ENOMEM, or XRAY_EUNSUPPORTED if the
 * reader must stop here (spec 4.5): blocks after that are not added. */
int xf_segment_add(struct xf_segment *seg, const struct xf_header *h, uint64_t pos, xray_error *err);

/* Index of the block with this ordinal / that holds this part / this value; -1: none. */
int64_t xf_segment_find_block(const struct xf_segment *seg, uint64_t ordinal);
int64_t xf_segment_find_part(const struct xf_segment *seg, uint64_t part);
int64_t xf_segment_find_value(const struct xf_segment *seg, uint64_t value);

/* How many payload blocks stand before block `index`: of one, its number. */
uint32_t xf_segment_payload_number(const struct xf_segment *seg, uint32_t index);

/* Index of the last payload block before block `index`; -1: none. */
int64_t xf_segment_payload_before(const struct xf_segment *seg, uint32_t index);

/* The body of one block, in two steps. The first reads what is stored. The second checks it (spec 4.2) and
 * decompresses it; any thread can do that: it looks at nothing of the segment but what never changes, and `b`
 * may be a copy. XRAY_ECORRUPT, XRAY_ETRUNCATED, XRAY_ELIMIT (over max_raw), XRAY_EIO, XRAY_ENOMEM. */
int xf_segment_fetch(const struct xf_block *b, const struct xf_source *source, uint32_t max_raw,
                     xray_buffer *stored, xray_error *err);
int xf_segment_unpack(const struct xf_segment *seg, const struct xf_block *b, struct xf_zframe *z,
                      const xray_buffer *stored, xray_buffer *body, xray_error *err);

/* Both steps at once, with messages that do not say which block it is. */
int xf_segment_body(const struct xf_segment *seg, const struct xf_block *b, const struct xf_source *source,
                    struct xf_zframe *z, xray_buffer *stored, xray_buffer *body, xray_error *err);

#endif
