/* Which payload matches a search (xray_hits): every part and every skeleton is looked at
 * once; a stored value is then tested by the bits of what it refers to. */
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"
#include "store/layers.h"
#include "store/resolve.h"

struct block_hits {
    uint64_t first, first2; /* part and value its bits begin with */
    uint32_t parts, values;
    uint64_t before;      /* parts that match in the blocks before */
    uint32_t *rank;       /* parts that match before each word */
    uint64_t *part_bits;
    uint64_t *value_bits;
};

struct segment_hits {
    struct block_hits *blocks; /* `first` ascends in a good segment */
    uint32_t count, cap;
};

struct xray_hits {
    xray_visit visit;
    void *ctx;
    struct segment_hits *segments;
    uint32_t segment_count;
};

/* ---- testing ------------------------------------------------------------------------------ */

/* The last block whose first part (or value) is not behind `number`. */
static const struct block_hits *find_block(const struct segment_hits *seg, uint64_t number, bool value)
{
    uint32_t low = 0, high = seg->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if ((value ? seg->blocks[middle].first2 : seg->blocks[middle].first) <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &seg->blocks[low - 1] : NULL;
}

/* How many parts before this one match. */
static uint64_t matches_before(const struct segment_hits *seg, uint64_t part)
{
    const struct block_hits *b = find_block(seg, part, false);
    uint64_t off, bits;

    if (b == NULL)
        return 0;
    off = part - b->first < b->parts ? part - b->first : b->parts;
    bits = off % 64 == 0 ? 0 : b->part_bits[off / 64] & ((UINT64_C(1) << off % 64) - 1);
    return b->before + b->rank[off / 64] + (uint64_t)__builtin_popcountll(bits);
}

static bool test_value(const struct segment_hits *seg, uint32_t value)
{
    const struct block_hits *b = find_block(seg, value, true);
    const uint64_t off = b != NULL ? value - b->first2 : 0;

    return b != NULL && off < b->values && (b->value_bits[off / 64] >> off % 64 & 1) != 0;
}

/* Whether any part that the skeleton refers to matches. */
static bool test_references(const struct segment_hits *seg, const uint8_t *data, size_t len)
{
    xray_mp c = xray_mp_over(data, len);
    xray_mp_item item;

    while (c.left > 0 && xray_mp_next(&c, &item)) {
        const uint8_t *p = (const uint8_t *)item.bytes.ptr;
        uint64_t from, count;

        if (item.type != XRAY_MP_EXT || item.ext_type != XF_EXT_PART ||
            (item.bytes.len != 4 && item.bytes.len != 8))
            continue;
        from = xf_get_be32(p);
        count = item.bytes.len == 8 ? xf_get_be32(p + 4) : 1;
        if (matches_before(seg, from + count) > matches_before(seg, from))
            return true;
    }
    return false;
}

static bool test_one(const xray_hits *h, uint32_t segment, const uint8_t *data, size_t len)
{
    uint32_t value;

    if (segment >= h->segment_count)
        return false;
    if (xf_is_value_reference(data, len, &value))
        return test_value(&h->segments[segment], value);
    return h->visit(h->ctx, data, len) > 0 || test_references(&h->segments[segment], data, len);
}

bool xray_hits_test(const xray_hits *h, xray_ref ref)
{
    xray_str layers = xray_strn((const char *)ref.data, ref.len), value;
    uint32_t segment;

    if (ref.data == NULL)
        return false;
    if (ref.segment != XF_LAYERED)
        return test_one(h, ref.segment, ref.data, ref.len);
    while (xf_layers_take(&layers, &segment, &value))
        if (test_one(h, segment, (const uint8_t *)value.ptr, value.len))
            return true;
    return false;
}

/* ---- building ------------------------------------------------------------------------------- */

static void free_block(struct block_hits *b)
{
    xf_free(b->rank);
    xf_free(b->part_bits);
    xf_free(b->value_bits);
}

/* The block's entry, with its bits all zero. NULL: memory is out. */
static struct block_hits *add_block(struct segment_hits *seg, const struct xf_block *block,
                                    const struct xf_payload *p)
{
    const struct block_hits *last = seg->count > 0 ? &seg->blocks[seg->count - 1] : NULL;
    void *blocks = seg->blocks;
    struct block_hits *b;
    uint64_t before = 0;

    if (last != NULL)
        before = last->before + last->rank[(last->parts + 63) / 64];
    if (!xf_store_grow(&blocks, seg->count, &seg->cap, sizeof *seg->blocks))
        return NULL;
    seg->blocks = blocks;
    b = &seg->blocks[seg->count];
    *b = (struct block_hits){
        .first = block->first,
        .first2 = block->first2,
        .parts = p->part_count,
        .values = p->value_count,
        .before = before,
        .rank = xf_alloc_array((size_t)p->part_count / 64 + 2, sizeof *b->rank),
        .part_bits = xf_alloc_array((size_t)p->part_count / 64 + 1, sizeof *b->part_bits),
        .value_bits = xf_alloc_array((size_t)p->value_count / 64 + 1, sizeof *b->value_bits),
    };
    if (b->rank == NULL || b->part_bits == NULL || b->value_bits == NULL) {
        free_block(b);
        return NULL;
    }
    seg->count++;
    return b;
}

/* These return 0, or 1 once the visitor wants no more. Ranks are made of all parts then as well: those that were
 * not visited do not match. */
static int visit_parts(const xray_hits *h, struct block_hits *b, const struct xf_payload *p)
{
    const uint32_t words = (b->parts + 63) / 64;
    int r = 0;

    for (uint32_t i = 0; i < p->part_count && r >= 0; i++) {
        const xray_str part = xf_payload_part(p, i);

        r = h->visit(h->ctx, (const uint8_t *)part.ptr, part.len);
        if (r > 0)
            b->part_bits[i / 64] |= UINT64_C(1) << i % 64;
    }
    for (uint32_t w = 0; w < words; w++)
        b->rank[w + 1] = b->rank[w] + (uint32_t)__builtin_popcountll(b->part_bits[w]);
    return r < 0;
}

/* Skeletons refer to parts of this block and of those before. */
static int visit_values(const xray_hits *h, const struct segment_hits *seg, struct block_hits *b,
                        const struct xf_payload *p, bool stopped)
{
    for (uint32_t i = 0; i < p->value_count; i++) {
        const xray_str value = xf_payload_value(p, i);
        const uint8_t *data = (const uint8_t *)value.ptr;
        const int r = stopped ? 0 : h->visit(h->ctx, data, value.len);

        stopped = stopped || r < 0;
        if (r > 0 || test_references(seg, data, value.len))
            b->value_bits[i / 64] |= UINT64_C(1) << i % 64;
    }
    return stopped;
}

static int build_block(xray_hits *h, struct xray_store *s, uint32_t segment, uint32_t block, xray_error *err)
{
    struct segment_hits *seg = &h->segments[segment];
    struct block_hits *b;
    struct xf_cached *e;
    int r = xf_block_load(s, segment, block, &e, err);

    if (r <= 0)
        return r;
    b = add_block(seg, &s->parts[segment].seg->blocks[block], &e->as.payload);
    if (b != NULL) {
        r = visit_parts(h, b, &e->as.payload);
        r = visit_values(h, seg, b, &e->as.payload, r == 1);
    }
    xf_block_release(s, e);
    return b != NULL ? r : xf_fail_memory(err);
}

int xray_hits_build(xray_hits **out, xray_store *s, xray_visit visit, void *ctx, xray_error *err)
{
    xray_hits *h = xf_alloc(sizeof *h);
    int r = XRAY_OK;

    if (h == NULL)
        return xf_fail_memory(err);
    h->visit = visit;
    h->ctx = ctx;
    h->segments = xf_alloc_array(s->part_count, sizeof *h->segments);
    if (h->segments == NULL)
        r = xf_fail_memory(err);
    else
        h->segment_count = s->part_count;
    for (uint32_t rank = 0; rank < h->segment_count && r == 0; rank++) {
        const struct xf_segment *seg = s->parts[s->order[rank]].seg;

        for (uint32_t i = 0; i < seg->payload_count && r == 0; i++)
            r = build_block(h, s, s->order[rank], seg->payload[i], err);
    }
    if (r < 0) {
        xray_hits_free(h);
        return r;
    }
    *out = h;
    return r;
}

void xray_hits_free(xray_hits *h)
{
    if (h == NULL)
        return;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        for (uint32_t k = 0; k < h->segments[i].count; k++)
            free_block(&h->segments[i].blocks[k]);
        xf_free(h->segments[i].blocks);
    }
    xf_free(h->segments);
    xf_free(h);
}
