/* Indexes of a store (indexuse.h). */
#include "store/indexuse.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/fuse.h"

enum { ITEM_HEAD = 8, ITEM_ENTRY = 12 };

static int segment_fd(struct xray_store *s, uint32_t file, int *fd, xray_error *err)
{
    const struct xf_file *f = &s->files[file];

    *fd = f->fd;
    return f->fd >= 0 ? XRAY_OK : xf_fdpool_get(&s->fds, file, f->path, f->listed, fd, err);
}

int xf_index_attach(struct xray_store *s, uint32_t file, struct xf_segment *seg, uint64_t first_pos, uint64_t size,
                    struct xf_place *place, xray_error *why)
{
    const struct xf_file *f = &s->files[file];
    struct xf_index_head *head = xf_alloc(sizeof *head);
    xray_buffer raw = {0};
    struct xf_header last;
    int fd;
    int r = XRAY_ENOMEM;

    if (head != NULL && f->fd < 0) { /* standard input has no name, so nothing stands beside it */
        r = segment_fd(s, file, &fd, why);
        r = r < 0 ? 0 : xf_index_bind(head, &last, f->path, fd, seg->id, size, why);
        s->stats.index_bytes += XF_INDEX_HEAD_LEN;
        if (r > 0)
            r = xf_index_read(head, XF_INDEX_BLOCKS, f->path, fd, s->z, &s->stored, &raw, &s->stats.index_bytes, why);
        if (r > 0)
            r = xf_index_take_blocks(seg, head, first_pos, &raw, why);
    } else if (head != NULL) {
        r = xf_fail(why, XRAY_ENOTFOUND, XF_NO_POS, "standard input has no index");
        r = 0;
    }
    xray_buffer_free(&raw);
    if (r <= 0) {
        xf_free(head);
        return r;
    }
    *place = (struct xf_place){
        .pos = head->last_pos,
        .next_ordinal = head->blocks - 1,
        .digest = last.prev,
        .chained = true,
        .inside = true,
    };
    memcpy(place->segment, seg->id, 16);
    seg->index = head;
    return 1;
}

/* The index speaks of blocks that are all there. */
static bool is_whole(const struct xf_segment *seg)
{
    return seg->index != NULL && seg->index->blocks <= seg->block_count;
}

int xf_index_use(struct xray_store *s, uint32_t segment, enum xf_index_kind kind, const xray_buffer **out,
                 xray_error *err)
{
    const struct xf_part *part = &s->parts[segment];
    xray_error why;
    int fd;
    int r;

    if (!is_whole(part->seg))
        return 0;
    if (segment_fd(s, part->file, &fd, &why) < 0)
        return 0;
    s->index_segment = UINT32_MAX;
    r = xf_index_read(part->seg->index, kind, s->files[part->file].path, fd, s->z, &s->stored, &s->section,
                      &s->stats.index_bytes, &why);
    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r > 0) {
        s->index_segment = segment;
        s->index_kind = kind;
        *out = &s->section;
    }
    return r;
}

/* ---- items ---- */

/* The filters of a segment are kept until those of another one are asked for: `const` to the caller, who sees
 * no change. */
static bool have_items(struct xray_store *s, uint32_t segment)
{
    const struct xf_part *part = &s->parts[segment];
    xray_error why;
    int fd;

    if (s->items_known && s->items_segment == segment)
        return s->items.len > 0;
    s->items_known = true;
    s->items_segment = segment;
    xf_buf_reset(&s->items);
    if (!is_whole(part->seg) || segment_fd(s, part->file, &fd, &why) < 0)
        return false;
    if (xf_index_read(part->seg->index, XF_INDEX_ITEMS, s->files[part->file].path, fd, s->z, &s->stored, &s->items,
                      &s->stats.index_bytes, &why) <= 0)
        xf_buf_reset(&s->items);
    return s->items.len > 0;
}

bool xf_index_may_hold_item(const struct xray_store *s, uint32_t segment, uint32_t block, uint64_t item_hash)
{
    const uint8_t *p;
    uint32_t count, low = 0, high;

    if (!have_items((struct xray_store *)s, segment) || s->items.len < ITEM_HEAD)
        return true;
    if (block >= s->parts[segment].seg->index->blocks)
        return true;
    p = s->items.data;
    count = high = xf_get_u32(p);
    if (count > (s->items.len - ITEM_HEAD) / ITEM_ENTRY)
        return true;
    p += ITEM_HEAD;
    while (low < high) { /* the last entry that begins at the block or before it */
        const uint32_t middle = low + (high - low) / 2;

        if (xf_get_u32(p + (size_t)middle * ITEM_ENTRY) <= block)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return true;
    p += (size_t)(low - 1) * ITEM_ENTRY;

    const uint32_t off = xf_get_u32(p + 4), len = xf_get_u32(p + 8);

    if (off > s->items.len || len > s->items.len - off)
        return true;
    return xf_fuse_may_hold(s->items.data + off, len, xf_index_item_key(item_hash, block));
}
