/* fuzz_blocks - any bytes as the bodies of blocks.
 *
 * In a real file a checksum stands before every body, and a fuzzer would never get
 * past it. Here the input is a list of bodies, each behind 8 bytes (kind, rows u16, rows2 u16,
 * length u24, little-endian), and what is around them is made properly.
 *
 * Property: as in fuzz_segment; and a file with good checksums is never "not a segment". */
#include "base/buf.h"
#include "base/hash.h"
#include "codec/zframe.h"
#include "format/block.h"
#include "fuzz/fuzz.h"

struct segment {
    xray_buffer bytes;
    struct xf_zframe *zframe;
    uint64_t ordinal, prev;
    uint64_t rows[6], rows2[6]; /* so far, by kind */
};

static const uint8_t segment_id[16] = "fuzzed segment 1";

static void begin(struct segment *s)
{
    struct xf_hello hello = {
        .version = 1,
        .min_reader = 1,
        .pid = XRAY_MISSING,
        .process_start = XRAY_MISSING,
        .clock_real = 1700000000000000000,
        .clock_mono = 1,
    };

    memcpy(hello.id, segment_id, sizeof hello.id);
    memcpy(hello.writer_id, segment_id, sizeof hello.writer_id);
    fuzz_require(xf_hello_encode(&hello, &s->bytes, NULL) == XRAY_OK, "a hello can be encoded");
    s->prev = xf_hash64(s->bytes.data, s->bytes.len, 0);
}

/* Takes one body from the input and appends it as a block. False at the end of the input. */
static bool add_block(struct segment *s, const uint8_t **data, size_t *len)
{
    const uint8_t *p = *data;

    if (*len < 9)
        return false;

    struct xf_header h = {.kind = p[0], .ordinal = s->ordinal++, .pos = s->bytes.len, .prev = s->prev};
    size_t raw_len = p[5] | (size_t)p[6] << 8 | (size_t)p[7] << 16;
    xray_buffer stored = {0};
    uint8_t encoded[XF_HEADER_LEN];

    if (raw_len > *len - 8)
        raw_len = *len - 8;
    if (raw_len == 0)
        return false;
    fuzz_require(xf_zframe_encode(s->zframe, 1, p + 8, raw_len, &stored, NULL) == XRAY_OK,
                 "a body can be compressed");
    memcpy(h.segment, segment_id, sizeof h.segment);
    h.flags = h.kind >= XF_PAYLOAD && h.kind <= XF_SPINE ? XF_FLAG_CRITICAL : 0;
    h.stored_len = (uint32_t)stored.len;
    h.raw_len = (uint32_t)raw_len;
    h.rows = (uint32_t)p[1] | (uint32_t)p[2] << 8;
    h.rows2 = (uint32_t)p[3] | (uint32_t)p[4] << 8;
    h.time_min = INT64_MAX;
    h.time_max = INT64_MIN;
    if (h.kind < 6) {
        h.first = s->rows[h.kind];
        h.first2 = s->rows2[h.kind];
        s->rows[h.kind] += h.rows;
        s->rows2[h.kind] += h.rows2;
    }
    h.body = xf_body_checksum(&h, stored.data, stored.len);
    xf_header_encode(&h, encoded);
    s->prev = xf_header_digest(encoded);
    xf_buf_put(&s->bytes, encoded, sizeof encoded);
    xf_buf_put(&s->bytes, stored.data, stored.len);
    xray_buffer_free(&stored);
    *data += 8 + raw_len;
    *len -= 8 + raw_len;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct segment s = {.zframe = xf_zframe_new()};
    struct fuzz_file file;
    xray_buffer once = {0}, again = {0};

    begin(&s);
    while (add_block(&s, &data, &len))
        continue;
    fuzz_file_init(&file, s.bytes.data, s.bytes.len);
    fuzz_require(fuzz_read_all(&file, 0, &once) == XRAY_OK, "a segment with good checksums can be opened");
    fuzz_require(fuzz_read_all(&file, 1, &again) == XRAY_OK, "a segment with good checksums can be opened");
    fuzz_require(once.len == again.len && (once.len == 0 || memcmp(once.data, again.data, once.len) == 0),
                 "a small cache shows the same as a large one");
    xray_buffer_free(&once);
    xray_buffer_free(&again);
    fuzz_file_done(&file);
    xf_zframe_free(s.zframe);
    xray_buffer_free(&s.bytes);
    return 0;
}
