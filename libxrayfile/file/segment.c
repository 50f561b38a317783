/* One segment's table of blocks (segment.h). */
#include "file/segment.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"

int xf_segment_new(struct xf_segment **out, const struct xf_hello *hello, uint64_t base, xray_error *err)
{
    struct xf_segment *seg = xf_alloc(sizeof *seg);

    if (seg == NULL)
        return xf_fail_memory(err);
    memcpy(seg->id, hello->id, 16);
    memcpy(seg->writer_id, hello->writer_id, 16);
    seg->base = seg->end = base;
    seg->created_ns = hello->clock_real;
    seg->n = hello->n;
    seg->pid = hello->pid;
    seg->process_start = hello->process_start;
    xf_buf_put(&seg->names, hello->host.ptr, hello->host.len);
    xf_buf_put(&seg->names, hello->boot.ptr, hello->boot.len);
    xf_buf_put(&seg->names, hello->app.ptr, hello->app.len);
    seg->version = hello->version;
    seg->host_len = hello->host.len;
    seg->boot_len = hello->boot.len;
    if (seg->names.failed) {
        xf_segment_free(seg);
        return xf_fail_memory(err);
    }
    *out = seg;
    return XRAY_OK;
}

void xf_segment_free(struct xf_segment *seg)
{
    if (seg == NULL)
        return;
    xray_buffer_free(&seg->names);
    xf_free(seg->blocks);
    xf_free(seg->payload);
    xf_free(seg->index);
    xray_buffer_free(&seg->index_runs);
    xf_free(seg);
}

/* Of names; none: no pointer either. */
static xray_str name_at(const struct xf_segment *seg, size_t off, size_t len)
{
    return len == 0 ? xray_strn(NULL, 0) : xray_strn((const char *)seg->names.data + off, len);
}

xray_str xf_segment_host(const struct xf_segment *seg)
{
    return name_at(seg, 0, seg->host_len);
}

xray_str xf_segment_boot(const struct xf_segment *seg)
{
    return name_at(seg, seg->host_len, seg->boot_len);
}

xray_str xf_segment_app(const struct xf_segment *seg)
{
    const size_t off = seg->host_len + seg->boot_len;

    return name_at(seg, off, seg->names.len - off);
}

/* Makes room for one more element. */
static bool grow(void **array, uint32_t count, uint32_t *cap, size_t size)
{
    uint32_t wanted = *cap < 16 ? 16 : *cap + *cap / 2;
    void *p;

    if (count < *cap)
        return true;
    if (wanted <= *cap)
        return false;
    p = xf_resize_array(*array, wanted, size);
    if (p == NULL)
        return false;
    *array = p;
    *cap = wanted;
    return true;
}

static bool is_known(uint8_t kind)
{
    return kind >= XF_PAYLOAD && kind <= XF_SEAL;
}

int xf_segment_add(struct xf_segment *seg, const struct xf_header *h, uint64_t pos, xray_error *err)
{
    seg->end = pos + XF_HEADER_LEN + h->stored_len;
    if (seg->refused)
        return XRAY_OK;
    if (!is_known(h->kind) && (h->flags & XF_FLAG_CRITICAL) != 0) {
        seg->refused = true;
        return xf_fail(err, XRAY_EUNSUPPORTED, pos,
                       "block %" PRIu64 " at byte %" PRIu64
                       ": of the critical kind %u, which this reader does not "
                       "know; the rest of the segment is not read",
                       h->ordinal, pos, h->kind);
    }

    void *blocks = seg->blocks, *payload = seg->payload;
    const bool room = grow(&blocks, seg->block_count, &seg->block_cap, sizeof *seg->blocks) &&
                      (h->kind != XF_PAYLOAD ||
                       grow(&payload, seg->payload_count, &seg->payload_cap, sizeof *seg->payload));

    seg->blocks = blocks;
    seg->payload = payload;
    if (!room)
        return xf_fail_memory(err);
    if (h->kind == XF_PAYLOAD)
        seg->payload[seg->payload_count++] = seg->block_count;
    seg->blocks[seg->block_count++] = (struct xf_block){
        .pos = pos,
        .ordinal = h->ordinal,
        .first = h->first,
        .first2 = h->first2,
        .time_min = h->time_min,
        .time_max = h->time_max,
        .body = h->body,
        .stored_len = h->stored_len,
        .raw_len = h->raw_len,
        .rows = h->rows,
        .rows2 = h->rows2,
        .kind = h->kind,
    };
    return XRAY_OK;
}

int64_t xf_segment_find_block(const struct xf_segment *seg, uint64_t ordinal)
{
    uint32_t low = 0, high = seg->block_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (seg->blocks[middle].ordinal < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low < seg->block_count && seg->blocks[low].ordinal == ordinal ? (int64_t)low : -1;
}

/* The last payload block whose first part (or value) is not after `number`, if it is in there. What headers
 * claim need not ascend in a hostile file; then things are not found, no more. */
static int64_t find_payload(const struct xf_segment *seg, uint64_t number, bool value)
{
    uint32_t low = 0, high = seg->payload_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct xf_block *b = &seg->blocks[seg->payload[middle]];

        if ((value ? b->first2 : b->first) <= number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return -1;

    const struct xf_block *b = &seg->blocks[seg->payload[low - 1]];

    if (number - (value ? b->first2 : b->first) >= (value ? b->rows2 : b->rows))
        return -1;
    return (int64_t)seg->payload[low - 1];
}

int64_t xf_segment_find_part(const struct xf_segment *seg, uint64_t part)
{
    return find_payload(seg, part, false);
}

int64_t xf_segment_find_value(const struct xf_segment *seg, uint64_t value)
{
    return find_payload(seg, value, true);
}

uint32_t xf_segment_payload_number(const struct xf_segment *seg, uint32_t index)
{
    uint32_t low = 0, high = seg->payload_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (seg->payload[middle] < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t xf_segment_payload_before(const struct xf_segment *seg, uint32_t index)
{
    const uint32_t number = xf_segment_payload_number(seg, index);

    return number > 0 ? (int64_t)seg->payload[number - 1] : -1;
}

/* Moves the position of a message into the file and says which block it is about. */
static int blame(const struct xf_block *b, int status, const xray_error *why, xray_error *err)
{
    if (status == XRAY_ENOMEM || status == XRAY_EIO) {
        if (err != NULL)
            *err = *why;
        return status;
    }
    return xf_fail(err, status, b->pos,
                   "block %" PRIu64 " at byte %" PRIu64 ": %s; %" PRIu64 " bytes skipped", b->ordinal, b->pos,
                   why->message, (uint64_t)XF_HEADER_LEN + b->stored_len);
}

static int read_stored(const struct xf_block *b, const struct xf_source *source, xray_buffer *stored,
                       xray_error *err)
{
    size_t got;
    int r;

    xf_buf_reset(stored);
    if (!xf_buf_reserve(stored, b->stored_len))
        return xf_fail_memory(err);
    r = source->read(source->ctx, b->pos + XF_HEADER_LEN, stored->data, b->stored_len, &got, err);
    if (r < 0)
        return r;
    stored->len = got;
    return got == b->stored_len ? XRAY_OK
                                : xf_fail(err, XRAY_ETRUNCATED, b->pos, "the file has become shorter");
}

static int fetch(const struct xf_block *b, const struct xf_source *source, uint32_t max_raw, xray_buffer *stored,
                 xray_error *err)
{
    if (b->raw_len > max_raw)
        return xf_fail(err, XRAY_ELIMIT, b->pos, "%" PRIu32 " bytes decompressed are over the limit of %" PRIu32,
                       b->raw_len, max_raw);
    return read_stored(b, source, stored, err);
}

static int unpack(const struct xf_segment *seg, const struct xf_block *b, struct xf_zframe *z,
                  const xray_buffer *stored, xray_buffer *body, xray_error *err)
{
    struct xf_header h = {.ordinal = b->ordinal, .pos = b->pos - seg->base};

    memcpy(h.segment, seg->id, 16);
    if (xf_body_checksum(&h, stored->data, stored->len) != b->body)
        return xf_fail(err, XRAY_ECORRUPT, b->pos, "body checksum does not match");
    return xf_zframe_decode(z, stored->data, stored->len, b->raw_len, body, err);
}

int xf_segment_fetch(const struct xf_block *b, const struct xf_source *source,
                     uint32_t max_raw, xray_buffer *stored, xray_error *err)
{
    xray_error why = {0};
    const int r = fetch(b, source, max_raw, stored, &why);

    return r < 0 ? blame(b, r, &why, err) : XRAY_OK;
}

int xf_segment_unpack(const struct xf_segment *seg, const struct xf_block *b, struct xf_zframe *z,
                      const xray_buffer *stored, xray_buffer *body, xray_error *err)
{
    xray_error why = {0};
    const int r = unpack(seg, b, z, stored, body, &why);

    return r < 0 ? blame(b, r, &why, err) : XRAY_OK;
}

int xf_segment_body(const struct xf_segment *seg, const struct xf_block *b, const struct xf_source *source,
                    struct xf_zframe *z, xray_buffer *stored, xray_buffer *body, xray_error *err)
{
    const int r = fetch(b, source, XF_BLOCK_MAX, stored, err);

    return r < 0 ? r : unpack(seg, b, z, stored, body, err);
}
