/* What refers to parts that match (hits.h): skeletons match as well. A block that holds none of what is
 * looked for was not read; now it is, if it refers to a place where something was found. */
#include "base/fail.h"
#include "base/mem.h"
#include "store/hits.h"

/* ---- one block ---- */

static bool is_set(const uint64_t *bits, uint32_t i)
{
    return bits != NULL && (bits[i / 64] >> i % 64 & 1) != 0;
}

bool xf_hits_add_references(struct xf_segment_hits *seg, struct xf_block_hits *b, const struct xf_payload *p)
{
    for (uint32_t i = 0; i < p->value_count; i++) {
        if (is_set(b->value_bits, i) || !xf_hits_refers(seg, xf_payload_value(p, i)))
            continue;
        if (b->value_bits == NULL)
            b->value_bits = xf_alloc_array((size_t)p->value_count / 64 + 1, sizeof *b->value_bits);
        if (b->value_bits == NULL)
            return false;
        b->value_bits[i / 64] |= UINT64_C(1) << i % 64;
    }
    return true;
}

void xf_hits_note(struct xf_segment_hits *hits, const struct xf_segment *seg, const struct xf_block_hits *b)
{
    struct xf_gram_hits found = {.parts = b->matches > 0 ? b->part_bits : NULL};

    for (uint32_t i = 0; b->value_bits != NULL && i < b->values; i++)
        if (is_set(b->value_bits, i))
            found.values |= xf_place_of_value(&seg->blocks[b->block], b->first2 + i);
    if (found.parts != NULL || found.values != 0)
        atomic_store(&hits->any, true);
    if (hits->found != NULL)
        hits->found[xf_segment_payload_number(seg, b->block)] = found;
}

/* ---- all that were left out ---- */

struct follower {
    struct xray_hits *h;
    struct xray_store *s;
    uint32_t segment, entry; /* what is looked at next */
};

/* Not again those that were read: what they refer to is known. */
static bool is_asked(const struct xf_segment_hits *hits, const struct xf_segment *seg,
                     const struct xf_block_hits *b)
{
    return b->before > 0 && b->block < hits->grams.blocks && !hits->grams.may_hold[b->block] &&
           xf_grams_refers(&hits->grams, seg, b->block, hits->found);
}

static bool next_referrer(void *ctx, uint32_t *segment, uint32_t *block)
{
    struct follower *f = ctx;

    for (; f->segment < f->s->part_count; f->segment++, f->entry = 0) {
        const struct xf_segment_hits *hits = &f->h->segments[f->segment];

        *segment = f->segment;
        while (hits->found != NULL && f->entry < hits->count) {
            const struct xf_block_hits *b = &hits->blocks[f->entry++];

            *block = b->block;
            if (is_asked(hits, f->s->parts[f->segment].seg, b))
                return true;
            f->s->stats.blocks_skipped += b->block < hits->grams.blocks && !hits->grams.may_hold[b->block];
        }
    }
    return false;
}

static struct xf_block_hits *find_entry(const struct xf_segment_hits *hits, uint32_t block)
{
    uint32_t low = 0, high = hits->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (hits->blocks[middle].block < block)
            low = middle + 1;
        else
            high = middle;
    }
    return &hits->blocks[low];
}

static int follow_block(struct xray_hits *h, struct xray_store *s, struct xf_cached *e, xray_error *err)
{
    struct xf_segment_hits *hits = &h->segments[e->segment];
    struct xf_block_hits *b = find_entry(hits, e->block);

    if (!xf_hits_add_references(hits, b, &e->as.payload))
        return xf_fail_memory(err);
    xf_hits_note(hits, s->parts[e->segment].seg, b);
    return XRAY_OK;
}

int xf_hits_follow(struct xray_hits *h, struct xray_store *s, xray_error *err)
{
    struct follower f = {.h = h, .s = s};
    struct xf_ahead ahead = {.store = s, .next = next_referrer, .ctx = &f};
    struct xf_cached *e;
    int r = xf_ahead_open(&ahead, err);

    while (r >= 0 && (r = xf_ahead_next(&ahead, &e, err)) > 0) {
        r = follow_block(h, s, e, err);
        xf_ahead_release(&ahead, e);
    }
    xf_ahead_close(&ahead);
    return r;
}
