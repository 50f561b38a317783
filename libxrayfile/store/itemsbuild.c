/* Making the section of items (indexer.h; format-spec/index-file.md, 3.3): filters of the items that
 * candidates blocks name. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/fuse.h"
#include "store/indexer.h"
#include "store/indexuse.h"

enum { ITEM_HEAD = 8, ITEM_ENTRY = 12, AUTO_LEAST = 2, AUTO_MOST = 8, KEYS_ENOUGH = 1 << 18, TRIES_FEW = 4, TRIES_MANY = 100 };

static int compare_keys(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Keys of filters that are being gathered: of neighbouring blocks, so that each filter has many, which is
 * what makes it small. */
struct xf_itemtable {
    const struct xf_segment *seg;
    unsigned item_bits;
    uint64_t *keys;
    uint32_t count, cap;
    uint32_t first_block;
    uint64_t stored; /* bytes of its blocks */
    xray_buffer table, data;
};

struct xf_itemtable *xf_itemtable_new(const struct xf_segment *seg, unsigned item_bits)
{
    struct xf_itemtable *t = xf_alloc(sizeof *t);

    if (t == NULL)
        return NULL;
    t->seg = seg;
    t->item_bits = item_bits;
    return t;
}

void xf_itemtable_free(struct xf_itemtable *t)
{
    if (t == NULL)
        return;
    xray_buffer_free(&t->table);
    xray_buffer_free(&t->data);
    xf_free(t->keys);
    xf_free(t);
}

/* As many bits as 2.5 % of the blocks pays for (index-file.md, 3.3). */
static unsigned choose_bits(uint32_t keys, uint64_t stored)
{
    unsigned bits = AUTO_LEAST;

    while (bits < AUTO_MOST && xf_fuse_len(keys, bits + 1) <= stored / 40)
        bits++;
    return bits;
}

static void drop_doubles(struct xf_itemtable *t)
{
    uint32_t kept = 0;

    if (t->count > 1)
        qsort(t->keys, t->count, sizeof *t->keys, compare_keys);
    for (uint32_t i = 0; i < t->count; i++)
        if (i == 0 || t->keys[i] != t->keys[i - 1])
            t->keys[kept++] = t->keys[i];
    t->count = kept;
}

/* A block's items are distinct, and so are their hashes: only in a block of somebody's making, or once in
 * 2^64, are they not, and only then is the sort worth its while. */
static int build_filter(struct xf_itemtable *t)
{
    const unsigned bits = t->item_bits > 0 ? t->item_bits : choose_bits(t->count, t->stored);
    const int r = xf_fuse_build(t->keys, t->count, bits, TRIES_FEW, &t->data);

    if (r != 0)
        return r;
    drop_doubles(t);
    return xf_fuse_build(t->keys, t->count, bits, TRIES_MANY, &t->data);
}

static bool end_filter(struct xf_itemtable *t)
{
    const size_t off = t->data.len;
    uint8_t *p;
    int r;

    if (t->count == 0)
        return true;
    r = build_filter(t);
    p = r >= 0 ? xf_buf_extend(&t->table, ITEM_ENTRY) : NULL;
    if (p == NULL)
        return false;
    xf_put_u32(p, t->first_block);
    xf_put_u32(p + 4, (uint32_t)off);
    xf_put_u32(p + 8, (uint32_t)(t->data.len - off)); /* 0: none was found, and the blocks may hold anything */
    t->count = 0;
    t->stored = 0;
    return true;
}

bool xf_itemtable_add(struct xf_itemtable *t, const struct xf_cached *e)
{
    const struct xf_cands *c = &e->as.cands;
    uint64_t *keys;

    if (c->item_count > XF_FUSE_KEYS_MAX - t->count && !end_filter(t))
        return false;
    if (t->count == 0)
        t->first_block = e->block;
    if (t->cap - t->count < c->item_count) {
        keys = xf_resize_array(t->keys, (size_t)t->count + c->item_count, sizeof *keys);
        if (keys == NULL)
            return false;
        t->keys = keys;
        t->cap = t->count + c->item_count;
    }
    for (uint32_t i = 0; i < c->item_count; i++)
        t->keys[t->count++] = xf_index_item_key(xf_hash64(c->items[i].ptr, c->items[i].len, 0), e->block);
    t->stored += t->seg->blocks[e->block].stored_len;
    return t->count < KEYS_ENOUGH || end_filter(t);
}

int xf_itemtable_put(struct xf_itemtable *t, xray_buffer *out, xray_error *err)
{
    uint8_t head[ITEM_HEAD];

    if (!end_filter(t))
        return xf_fail_memory(err);
    xf_put_u32(head, (uint32_t)(t->table.len / ITEM_ENTRY));
    xf_put_u32(head + 4, t->item_bits);
    for (size_t i = 0; i + ITEM_ENTRY <= t->table.len; i += ITEM_ENTRY)
        xf_put_u32(t->table.data + i + 4,
                   (uint32_t)(xf_get_u32(t->table.data + i + 4) + sizeof head + t->table.len));
    xf_buf_put(out, head, sizeof head);
    xf_buf_put(out, t->table.data, t->table.len);
    xf_buf_put(out, t->data.data, t->data.len);
    return out->failed || t->table.failed || t->data.failed ? xf_fail_memory(err) : XRAY_OK;
}
