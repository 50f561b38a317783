/* An index beside a segment (index.h). */
#include "file/index.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/sidecar.h"

enum { LEVEL = 9, BLOCK_LEN = 64, FRONT_LEN = 16 * 1024 };

char *xf_index_name(const char *segment_path)
{
    const size_t len = strlen(segment_path);
    char *name = xf_alloc(len + sizeof XF_INDEX_SUFFIX);

    if (name == NULL)
        return NULL;
    memcpy(name, segment_path, len);
    memcpy(name + len, XF_INDEX_SUFFIX, sizeof XF_INDEX_SUFFIX);
    return name;
}

/* ---- reading ---- */

static int open_beside(const char *path, int segment_fd, int *fd, uint64_t *size, xray_error *err)
{
    char *name = xf_index_name(path);
    int r;

    if (name == NULL)
        return xf_fail_memory(err);
    r = xf_sidecar_open(fd, size, name, segment_fd, err);
    xf_free(name);
    return r == XRAY_EIO ? 0 : r;
}

/* The header that ends what is covered: its digest stands for all before it (trace-file.md, 4.3). */
static bool is_of_segment(const struct xf_index_head *head, struct xf_header *last, int segment_fd, uint64_t pos,
                          xray_error *err)
{
    uint8_t bytes[XF_HEADER_LEN];
    size_t got;

    if (xf_file_read(segment_fd, pos, bytes, sizeof bytes, &got, err) < 0)
        return false;
    if (got < sizeof bytes || xf_header_digest(bytes) != head->chain ||
        xf_header_decode(last, bytes, pos, err) < 0 || memcmp(last->segment, head->segment, 16) != 0 ||
        last->pos != pos || last->ordinal != head->blocks - 1 ||
        head->covered - pos != (uint64_t)XF_HEADER_LEN + last->stored_len) {
        xf_fail(err, XRAY_ECORRUPT, pos, "the index was made for other bytes than the segment has");
        return false;
    }
    return true;
}

/* Reads the beginning of the file. 1, 0, XRAY_ENOMEM. */
static int read_front(struct xf_index_file *f, const char *path, int segment_fd, uint64_t *size, xray_error *err)
{
    size_t got = 0;
    int fd = -1;
    int r = open_beside(path, segment_fd, &fd, size, err);

    if (r <= 0)
        return r;
    xf_buf_reset(&f->front);
    if (xf_buf_reserve(&f->front, FRONT_LEN))
        r = xf_file_read(fd, 0, f->front.data, FRONT_LEN, &got, err);
    else
        r = xf_fail_memory(err);
    xf_file_close(fd);
    f->front.len = got;
    f->read_bytes += got;
    return r == XRAY_ENOMEM ? r : r == XRAY_OK;
}

int xf_index_bind(struct xf_index_file *out, const char *path, int segment_fd, const uint8_t segment_id[16],
                  uint64_t file_size, xray_error *err)
{
    struct xf_index_head head;
    uint64_t size = 0;
    int r = read_front(out, path, segment_fd, &size, err);

    if (r <= 0)
        return r;
    if (xf_index_head_decode(&head, out->front.data, out->front.len, size, err) < 0)
        return 0;
    if (memcmp(head.segment, segment_id, 16) != 0) {
        xf_fail(err, XRAY_ECORRUPT, 0, "the index is that of another segment");
        return 0;
    }
    if (head.covered > file_size || head.blocks == 0 || head.blocks > UINT32_MAX || head.last_pos >= head.covered) {
        xf_fail(err, XRAY_ECORRUPT, 0, "the index covers more than the segment has");
        return 0;
    }
    if (!is_of_segment(&head, &out->last, segment_fd, head.last_pos, err))
        return 0;
    out->head = head;
    return 1;
}

const uint8_t *xf_index_front(const struct xf_index_file *f, enum xf_index_kind kind, size_t *len)
{
    const struct xf_index_entry *e = xf_index_find(&f->head, kind);

    if (e == NULL || e->off > f->front.len || e->stored_len > f->front.len - e->off)
        return NULL;
    *len = e->stored_len;
    return f->front.data + e->off;
}

static bool is_section(const struct xf_index_head *head, enum xf_index_kind kind, const uint8_t *stored, size_t len,
                       xray_error *err)
{
    const struct xf_index_entry *e = xf_index_find(head, kind);

    if (e != NULL && len == e->stored_len && xf_index_section_check(head, kind, stored, len) == e->check)
        return true;
    xf_fail(err, XRAY_ECORRUPT, e != NULL ? e->off : XF_NO_POS, "the checksum of section %d does not match", (int)kind);
    return false;
}

int xf_index_decode(const struct xf_index_head *head, enum xf_index_kind kind, const uint8_t *stored, size_t len,
                    struct xf_zframe *z, xray_buffer *out, xray_error *err)
{
    const struct xf_index_entry *e = xf_index_find(head, kind);
    int r = XRAY_OK;

    if (!is_section(head, kind, stored, len, err))
        return 0;
    xf_buf_reset(out);
    if (e->stored_len != e->raw_len)
        r = xf_zframe_decode(z, stored, len, e->raw_len, out, err);
    else
        xf_buf_put(out, stored, len);
    if (r == XRAY_ENOMEM || out->failed)
        return xf_fail_memory(err);
    return r == XRAY_OK;
}

int xf_index_read(const struct xf_index_head *head, enum xf_index_kind kind, const char *path, int segment_fd,
                  struct xf_zframe *z, xray_buffer *stored, xray_buffer *out, uint64_t *read_bytes,
                  xray_error *err)
{
    const struct xf_index_entry *e = xf_index_find(head, kind);
    uint64_t size = 0;
    size_t got = 0;
    int fd = -1;
    int r;

    if (e == NULL) {
        xf_fail(err, XRAY_ENOTFOUND, XF_NO_POS, "the index has no section %d", (int)kind);
        return 0;
    }
    r = open_beside(path, segment_fd, &fd, &size, err);
    if (r <= 0)
        return r;
    xf_buf_reset(stored);
    if (e->off > size || e->stored_len > size - e->off) {
        xf_file_close(fd);
        xf_fail(err, XRAY_ECORRUPT, e->off, "section %d stops early", (int)kind);
        return 0;
    }
    if (!xf_buf_reserve(stored, (size_t)e->stored_len + 1)) {
        xf_file_close(fd);
        return xf_fail_memory(err);
    }
    r = xf_file_read(fd, e->off, stored->data, e->stored_len, &got, err);
    xf_file_close(fd);
    *read_bytes += got;
    stored->len = got;
    if (r < 0)
        return 0;
    if (e->stored_len != e->raw_len)
        return xf_index_decode(head, kind, stored->data, got, z, out, err);
    if (!is_section(head, kind, stored->data, got, err))
        return 0;

    const xray_buffer old = *out; /* the filters of a large segment need no second copy */

    *out = *stored;
    *stored = old;
    return 1;
}

/* ---- building ---- */

int xf_index_begin(struct xf_index_head *head, xray_buffer *image, xray_error *err)
{
    uint8_t *p;

    memset(head->sections, 0, sizeof head->sections);
    xf_buf_reset(image);
    p = xf_buf_extend(image, XF_INDEX_HEAD_LEN);
    if (p == NULL)
        return xf_fail_memory(err);
    memset(p, 0, XF_INDEX_HEAD_LEN);
    return XRAY_OK;
}

int xf_index_add(struct xf_index_head *head, xray_buffer *image, enum xf_index_kind kind, const xray_buffer *raw,
                 struct xf_zframe *z, xray_error *err)
{
    const size_t off = image->len;
    struct xf_index_entry *e = head->sections;

    if (raw->failed || image->failed)
        return xf_fail_memory(err);
    if (raw->len > XF_INDEX_SECTION_MAX) /* left out: readers do without it */
        return XRAY_OK;
    while (e->kind != 0)
        e++;
    if (raw->len > 0) {
        const int r = xf_zframe_encode(z, LEVEL, raw->data, raw->len, image, err);

        if (r < 0)
            return r;
    }
    if (image->len - off > raw->len - raw->len / 16) {
        image->len = off;
        xf_buf_put(image, raw->data, raw->len);
    }
    if (image->failed)
        return xf_fail_memory(err);
    *e = (struct xf_index_entry){
        .kind = kind,
        .stored_len = (uint32_t)(image->len - off),
        .raw_len = (uint32_t)raw->len,
        .off = off,
        .check = xf_index_section_check(head, kind, image->data + off, image->len - off),
    };
    return XRAY_OK;
}

void xf_index_finish(const struct xf_index_head *head, xray_buffer *image)
{
    xf_index_head_encode(head, image->data);
}

/* ---- blocks ---- */

void xf_index_put_blocks(const struct xf_segment *seg, uint32_t count, xray_buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct xf_block *b = &seg->blocks[i];
        uint8_t *p = xf_buf_extend(out, BLOCK_LEN);

        if (p == NULL)
            return;
        xf_put_u32(p, b->kind);
        xf_put_u32(p + 4, b->stored_len);
        xf_put_u32(p + 8, b->raw_len);
        xf_put_u32(p + 12, b->rows);
        xf_put_u32(p + 16, b->rows2);
        xf_put_u32(p + 20, 0);
        xf_put_u64(p + 24, b->first);
        xf_put_u64(p + 32, b->first2);
        xf_put_u64(p + 40, (uint64_t)b->time_min);
        xf_put_u64(p + 48, (uint64_t)b->time_max);
        xf_put_u64(p + 56, b->body);
    }
}

static bool take_block(struct xf_header *h, const uint8_t *p)
{
    const uint32_t rows_max = xf_get_u32(p) == XF_CANDIDATES ? XF_CANDIDATES_MAX : XF_ROWS_MAX;

    *h = (struct xf_header){
        .kind = (uint8_t)xf_get_u32(p),
        .stored_len = xf_get_u32(p + 4),
        .raw_len = xf_get_u32(p + 8),
        .rows = xf_get_u32(p + 12),
        .rows2 = xf_get_u32(p + 16),
        .first = xf_get_u64(p + 24),
        .first2 = xf_get_u64(p + 32),
        .time_min = (int64_t)xf_get_u64(p + 40),
        .time_max = (int64_t)xf_get_u64(p + 48),
        .body = xf_get_u64(p + 56),
    };
    return xf_get_u32(p) <= UINT8_MAX && h->stored_len > 0 && h->stored_len <= XF_BLOCK_MAX && h->raw_len > 0 &&
           h->raw_len <= XF_BLOCK_MAX && h->rows <= rows_max && h->rows2 <= XF_ROWS_MAX && xf_get_u32(p + 20) == 0;
}

/* All must be well before any is added. */
static bool blocks_fit(const struct xf_index_head *head, uint64_t first_pos, const xray_buffer *raw)
{
    uint64_t pos = first_pos;

    if (raw->len / BLOCK_LEN != head->blocks || raw->len % BLOCK_LEN != 0)
        return false;
    for (uint64_t i = 0; i < head->blocks; i++) {
        struct xf_header h;

        if (i == head->blocks - 1 && pos != head->last_pos)
            return false;
        if (!take_block(&h, raw->data + i * BLOCK_LEN) || pos > head->covered)
            return false;
        pos += (uint64_t)XF_HEADER_LEN + h.stored_len;
    }
    return pos == head->covered;
}

int xf_index_take_blocks(struct xf_segment *seg, const struct xf_index_head *head, uint64_t first_pos,
                         const xray_buffer *raw, xray_error *err)
{
    uint64_t pos = first_pos;

    if (!blocks_fit(head, first_pos, raw)) {
        xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the index lists other blocks than it covers");
        return 0;
    }
    for (uint64_t i = 0; i + 1 < head->blocks; i++) {
        struct xf_header h;
        int r;

        take_block(&h, raw->data + i * BLOCK_LEN);
        h.ordinal = i;
        r = xf_segment_add(seg, &h, pos, err);
        if (r < 0)
            return r == XRAY_ENOMEM ? r : 0;
        pos += (uint64_t)XF_HEADER_LEN + h.stored_len;
    }
    return 1;
}
