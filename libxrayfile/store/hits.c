/* Which payload matches a search (xray_hits), and whose events: every part and every skeleton was looked at
 * once (hits_build.c); a stored value is then tested by the bits of what it refers to. */
#include "store/hits.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/layers.h"
#include "store/resolve.h"

/* ---- testing ------------------------------------------------------------------------------ */

/* The last block whose first part (or value) is not behind `number`. */
static const struct xf_block_hits *find_block(const struct xf_segment_hits *seg, uint64_t number, bool value)
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
static uint64_t matches_before(const struct xf_segment_hits *seg, uint64_t part)
{
    const struct xf_block_hits *b = find_block(seg, part, false);
    uint64_t off, bits;

    if (b == NULL)
        return 0;
    if (b->part_bits == NULL)
        return b->before;
    off = part - b->first < b->parts ? part - b->first : b->parts;
    bits = off % 64 == 0 ? 0 : b->part_bits[off / 64] & ((UINT64_C(1) << off % 64) - 1);
    return b->before + b->rank[off / 64] + (uint64_t)__builtin_popcountll(bits);
}

static bool test_value(const struct xf_segment_hits *seg, uint32_t value)
{
    const struct xf_block_hits *b = find_block(seg, value, true);
    const uint64_t off = b != NULL ? value - b->first2 : 0;

    return b != NULL && b->value_bits != NULL && off < b->values && (b->value_bits[off / 64] >> off % 64 & 1) != 0;
}

bool xf_hits_refers(const struct xf_segment_hits *seg, xray_str value)
{
    xray_mp c = xray_mp_over(value.ptr, value.len);
    xray_mp_item item;

    while (xf_mp_next_of(&c, XF_MP_EXTS, &item)) {
        const uint8_t *p = (const uint8_t *)item.bytes.ptr;
        uint64_t from, count;

        if (item.bytes.len != 4 && item.bytes.len != 8)
            continue;
        from = xf_get_be32(p);
        count = item.bytes.len == 8 ? xf_get_be32(p + 4) : 1;
        if (item.ext_type == XF_EXT_PART && matches_before(seg, from + count) > matches_before(seg, from))
            return true;
        if (item.ext_type == XF_EXT_VALUE && item.bytes.len == 4 && test_value(seg, (uint32_t)from))
            return true;
    }
    return false;
}

bool xf_hits_test(const struct xray_hits *h, void *ctx, uint32_t segment, xray_str value)
{
    const uint8_t *data = (const uint8_t *)value.ptr;
    uint32_t number;

    if (segment >= h->segment_count)
        return false;
    if (xf_is_value_reference(data, value.len, &number))
        return test_value(&h->segments[segment], number);
    return h->visitor.visit(ctx, data, value.len) > 0 || xf_hits_refers(&h->segments[segment], value);
}

bool xray_hits_test(const xray_hits *h, xray_ref ref)
{
    xray_str layers = xray_strn((const char *)ref.data, ref.len), value;
    void *ctx = h->visitor.contexts[0];
    uint32_t segment;

    if (ref.data == NULL)
        return false;
    if (ref.segment != XF_LAYERED)
        return xf_hits_test(h, ctx, ref.segment, layers);
    while (xf_layers_take(&layers, &segment, &value))
        if (xf_hits_test(h, ctx, segment, value))
            return true;
    return false;
}

/* ---- blocks ------------------------------------------------------------------------------- */

bool xf_hits_rules_out(const struct xf_segment_hits *hits, const struct xf_segment *seg, uint32_t block)
{
    const struct xf_grams *g = &hits->grams;

    return block < g->blocks && !g->may_hold[block] && !xf_grams_refers(g, seg, block, hits->found);
}

/* ---- owners of events --------------------------------------------------------------------- */

uint64_t xf_hits_run(const struct xray_hits *h, const uint8_t run_id[16])
{
    return xf_hash64(run_id, 16, h->seed);
}

uint64_t xf_hits_step(const struct xray_hits *h, const uint8_t run_id[16], int64_t step)
{
    uint8_t key[16 + sizeof step];

    memcpy(key, run_id, 16);
    memcpy(key + 16, &step, sizeof step);
    return xf_hash64(key, sizeof key, h->seed);
}

static bool is_owner(const xray_hits *h, uint64_t hash)
{
    uint32_t low = 0, high = h->owner_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (h->owners[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < h->owner_count && h->owners[low] == hash;
}

/* Often nobody asks: of a run of which the spine tells that it matches, events tell nothing more. */
static bool knows_owners(xray_hits *h)
{
    if (h->owners_due) {
        h->owners_due = false;
        h->knows_owners = xf_hits_find_owners(h, h->store, NULL) == XRAY_OK && h->knows_owners;
    }
    return h->knows_owners;
}

bool xray_hits_test_run_events(xray_hits *h, const uint8_t run_id[16])
{
    return !knows_owners(h) || is_owner(h, xf_hits_run(h, run_id));
}

bool xray_hits_test_events(xray_hits *h, const uint8_t run_id[16], int64_t raw_step)
{
    return !knows_owners(h) || is_owner(h, xf_hits_step(h, run_id, raw_step));
}

void xray_hits_free(xray_hits *h)
{
    if (h == NULL)
        return;
    for (uint32_t i = 0; i < h->segment_count; i++) {
        for (uint32_t k = 0; k < h->segments[i].count; k++) {
            xf_free(h->segments[i].blocks[k].rank);
            xf_free(h->segments[i].blocks[k].part_bits);
            xf_free(h->segments[i].blocks[k].value_bits);
        }
        xf_free(h->segments[i].blocks);
        xf_free(h->segments[i].found);
        xf_grams_free(&h->segments[i].grams);
    }
    xf_free(h->segments);
    xf_free(h->owners);
    xf_free(h);
}
