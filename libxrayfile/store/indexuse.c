/* Indexes of a store (indexuse.h). */
#include "store/indexuse.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/fuse.h"

enum { ITEM_HEAD = 8, ITEM_ENTRY = 12, FEW_RUNS = 4096, KEPT = 1 << 20 };

static int segment_fd(struct xray_store *s, uint32_t file, int *fd, xray_error *err)
{
    const struct xf_file *f = &s->files[file];

    *fd = f->fd;
    return f->fd >= 0 ? XRAY_OK : xf_fdpool_get(&s->fds, file, f->path, f->listed, fd, err);
}

/* The blocks, and the runs if they are few: most segments of a store of many are asked for nothing else. */
static int take_front(struct xray_store *s, const char *path, int fd, struct xf_segment *seg, uint64_t first_pos,
                      struct xf_index_file *f, xray_error *why)
{
    xray_buffer raw = {0};
    size_t len;
    const uint8_t *stored = xf_index_front(f, XF_INDEX_BLOCKS, &len);
    int r = stored != NULL ? xf_index_decode(&f->head, XF_INDEX_BLOCKS, stored, len, s->z, &raw, why)
                           : xf_index_read(&f->head, XF_INDEX_BLOCKS, path, fd, s->z, &s->stored, &raw,
                                           &f->read_bytes, why);

    if (r > 0)
        r = xf_index_take_blocks(seg, &f->head, first_pos, &raw, why);
    xray_buffer_free(&raw);
    stored = r > 0 ? xf_index_front(f, XF_INDEX_RUNS, &len) : NULL;
    if (stored != NULL && len <= FEW_RUNS)
        xf_buf_put(&seg->index_runs, stored, len);
    return r;
}

int xf_index_attach(struct xray_store *s, uint32_t file, struct xf_segment *seg, uint64_t first_pos, uint64_t size,
                    struct xf_place *place, xray_error *why)
{
    const struct xf_file *f = &s->files[file];
    struct xf_index_file *bound = &s->bound;
    int fd;
    int r;

    if (f->fd >= 0) { /* standard input has no name, so nothing stands beside it */
        xf_fail(why, XRAY_ENOTFOUND, XF_NO_POS, "standard input has no index");
        return 0;
    }
    if (segment_fd(s, file, &fd, why) < 0)
        return 0;
    bound->read_bytes = 0;
    r = xf_index_bind(bound, f->path, fd, seg->id, size, why);
    if (r > 0)
        r = take_front(s, f->path, fd, seg, first_pos, bound, why);
    s->stats.index_bytes += bound->read_bytes;
    if (r <= 0)
        return r;
    seg->index = xf_alloc(sizeof *seg->index);
    if (seg->index == NULL)
        return XRAY_ENOMEM;
    *seg->index = bound->head;
    *place = (struct xf_place){
        .pos = bound->head.last_pos,
        .next_ordinal = bound->head.blocks - 1,
        .digest = bound->last.prev,
        .chained = true,
        .inside = true,
    };
    memcpy(place->segment, seg->id, 16);
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
    if (kind == XF_INDEX_RUNS && part->seg->index_runs.len > 0) {
        r = xf_index_decode(part->seg->index, kind, part->seg->index_runs.data, part->seg->index_runs.len, s->z,
                            &s->section, &why);
        *out = &s->section;
        return r == XRAY_ENOMEM ? xf_fail_memory(err) : r;
    }
    if (segment_fd(s, part->file, &fd, &why) < 0)
        return 0;
    r = xf_index_read(part->seg->index, kind, s->files[part->file].path, fd, s->z, &s->stored, &s->section,
                      &s->stats.index_bytes, &why);
    if (s->stored.cap > KEPT) /* what was read is of no use any more, and there may be much of it */
        xray_buffer_free(&s->stored);
    if (r == XRAY_ENOMEM)
        return xf_fail_memory(err);
    if (r > 0)
        *out = &s->section;
    return r;
}

void xf_index_used(struct xray_store *s)
{
    if (s->section.cap > KEPT)
        xray_buffer_free(&s->section);
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
