/* What will be read soon (expect.h). */
#include "store/expect.h"

#include "os/file.h"

enum {
    FIRST = 256 << 10, /* bytes that are expected when the second block in a row is read */
    MOST = 4 << 20,    /* at most: a disk of 400 MB/s is busy for 10 ms with it, longer than any other takes to answer */
    GAP = 32 << 10,    /* bytes of other kinds that are fetched rather than left out */
    SEGMENTS = 8,      /* further ones that are looked into: each keeps a descriptor open, of which there are 64 */
};

static const struct xf_part *part_at(const struct xray_store *s, uint32_t rank)
{
    return &s->parts[s->order[rank]];
}

/* From `at` on, to a block of the kind. False at the end of the store. */
static bool find(const struct xray_store *s, uint8_t kind, struct xf_expect_at *at)
{
    for (; at->rank < s->part_count; at->rank++, at->block = 0) {
        const struct xf_segment *seg = part_at(s, at->rank)->seg;

        for (; at->block < seg->block_count; at->block++)
            if (seg->blocks[at->block].kind == kind)
                return true;
    }
    return false;
}

static bool is_before(const struct xf_expect_at *a, const struct xf_expect_at *b)
{
    return a->rank < b->rank || (a->rank == b->rank && a->block < b->block);
}

static uint64_t length_of(const struct xf_block *b)
{
    return (uint64_t)XF_HEADER_LEN + b->stored_len;
}

/* In pieces that are not too long. */
static void tell(struct xray_store *s, uint32_t file, uint64_t from, uint64_t to)
{
    while (from < to) {
        const size_t len = to - from < XF_FILE_EXPECT_MOST ? (size_t)(to - from) : XF_FILE_EXPECT_MOST;

        xf_store_expect(s, file, from, len);
        from += len;
    }
}

/* Tells of what follows until the window is full; blocks that stand beside each other at once. */
static void fill(struct xf_expect *e, struct xray_store *s, uint32_t rank)
{
    uint32_t file = 0;
    uint64_t from = 0, to = 0;

    while (e->told_bytes < e->window && find(s, e->kind, &e->told) && e->told.rank - rank <= SEGMENTS) {
        const struct xf_part *part = part_at(s, e->told.rank);
        const struct xf_block *b = &part->seg->blocks[e->told.block++];

        if (part->file != file || b->pos < to || b->pos - to > GAP || to == 0) {
            tell(s, file, from, to);
            file = part->file;
            from = b->pos;
        }
        to = b->pos + length_of(b);
        e->told_bytes += length_of(b);
    }
    tell(s, file, from, to);
}

void xf_expect_read(struct xf_expect *e, struct xray_store *s, uint32_t segment, uint32_t block)
{
    const struct xf_block *b = &s->parts[segment].seg->blocks[block];
    const struct xf_expect_at at = {s->parts[segment].rank, block};
    const bool expected = e->begun && e->kind == b->kind && e->next.rank == at.rank && e->next.block == at.block;

    if (!expected) {
        *e = (struct xf_expect){.kind = b->kind, .begun = true, .told = {at.rank, block + 1}};
    } else {
        e->window = e->window == 0 ? FIRST : e->window < MOST ? 2 * e->window : MOST;
        if (is_before(&at, &e->told))
            e->told_bytes -= length_of(b);
        else /* it is read before the system could be told */
            e->told = (struct xf_expect_at){at.rank, block + 1};
    }
    e->next = (struct xf_expect_at){at.rank, block + 1};
    find(s, e->kind, &e->next);
    if (e->told_bytes <= e->window / 2)
        fill(e, s, at.rank);
}
