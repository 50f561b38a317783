/* The segments of a store, and their order (segments.h). */
#include "store/segments.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "os/process.h"

int xf_segments_add(struct xray_store *s, struct xf_segment *seg, uint32_t file, xray_error *err)
{
    void *parts = s->parts;
    const bool room = xf_store_grow(&parts, s->part_count, &s->part_cap, sizeof *s->parts);

    s->parts = parts;
    if (!room)
        return xf_fail_memory(err);
    if (s->part_count >= XF_SEGMENTS_MAX)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "a store has at most %u segments", XF_SEGMENTS_MAX);
    s->parts[s->part_count++] = (struct xf_part){.seg = seg, .file = file};
    return XRAY_OK;
}

/* ---- order ------------------------------------------------------------------------ */

struct place { /* qsort has no context: what it compares is gathered first */
    struct xf_part part;
    uint32_t index;
    const char *path;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    const struct xf_segment *p = x->part.seg, *q = y->part.seg;
    int r;

    if (p->created_ns != q->created_ns)
        return p->created_ns < q->created_ns ? -1 : 1;
    if (p->n != q->n)
        return p->n < q->n ? -1 : 1;
    r = strcmp(x->path, y->path);
    if (r != 0)
        return r;
    return p->base != q->base ? (p->base < q->base ? -1 : 1) : 0;
}

/* Segments from first_new on are put in order in place; then every segment gets its rank among all. */
static void sort_parts(struct xray_store *s, struct place *places, uint32_t first_new)
{
    for (uint32_t i = 0; i < s->part_count; i++)
        places[i] = (struct place){s->parts[i], i, s->files[s->parts[i].file].path};
    qsort(places + first_new, s->part_count - first_new, sizeof *places, compare_places);
    for (uint32_t i = first_new; i < s->part_count; i++) {
        s->parts[i] = places[i].part;
        places[i].index = i;
    }
    qsort(places, s->part_count, sizeof *places, compare_places);
    for (uint32_t rank = 0; rank < s->part_count; rank++) {
        s->order[rank] = places[rank].index;
        s->parts[places[rank].index].rank = rank;
    }
}

static int number_writers(struct xray_store *s, uint32_t first_new, xray_error *err)
{
    for (uint32_t i = first_new; i < s->part_count; i++) {
        s->parts[i].writer = xf_dict_put(&s->writers, s->parts[i].seg->writer_id, 16);
        if (s->parts[i].writer == UINT32_MAX)
            return xf_fail_memory(err);
    }
    return XRAY_OK;
}

static int put_in_order(struct xray_store *s, uint32_t first_new, xray_error *err)
{
    struct place *places = xf_alloc_array(s->part_count, sizeof *places);
    uint32_t *order = xf_resize_array(s->order, s->part_count, sizeof *order);

    if (order != NULL)
        s->order = order;
    if (order == NULL || places == NULL) {
        xf_free(places);
        return xf_fail_memory(err);
    }
    sort_parts(s, places, first_new);
    xf_free(places);
    return number_writers(s, first_new, err);
}

/* ---- copies ------------------------------------------------------------------------- */

/* Whether the shorter one holds the first blocks of the longer one and nothing else. */
static bool is_prefix(const struct xf_segment *shorter, const struct xf_segment *longer)
{
    for (uint32_t i = 0; i < shorter->block_count; i++) {
        const struct xf_block *a = &shorter->blocks[i], *b = &longer->blocks[i];

        if (a->ordinal != b->ordinal || a->body != b->body || a->pos - shorter->base != b->pos - longer->base)
            return false;
    }
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    const int r = memcmp(x->part.seg->id, y->part.seg->id, 16);

    return r != 0 ? r : (x->index > y->index) - (x->index < y->index);
}

static void drop_part(struct xray_store *s, uint32_t index)
{
    struct xf_part *p = &s->parts[index];

    if (s->files[p->file].tail == p->seg)
        s->files[p->file].tail = NULL;
    xf_segment_free(p->seg);
    p->seg = NULL;
}

/* Of two segments with one id, one is dropped: a new one if possible, for the index of an old one is known
 * outside. Returns the one that stays. */
static uint32_t choose(struct xray_store *s, uint32_t first_new, uint32_t a, uint32_t b)
{
    const bool a_longer = s->parts[a].seg->block_count >= s->parts[b].seg->block_count;
    uint32_t keep = a_longer ? a : b, drop = a_longer ? b : a;
    const bool same = is_prefix(s->parts[drop].seg, s->parts[keep].seg);

    if (drop < first_new) {
        const uint32_t other = keep;

        keep = drop;
        drop = other;
    }
    if (!same || s->parts[keep].seg->block_count < s->parts[drop].seg->block_count) {
        xray_error why;

        xf_fail(&why, XRAY_ECORRUPT, XF_NO_POS, "not read: has the same segment id as %s, but other blocks",
                s->files[s->parts[keep].file].path);
        xf_problems_add(&s->problems, s->files[s->parts[drop].file].path, -1, UINT64_MAX, XRAY_ECORRUPT,
                        why.message);
    }
    drop_part(s, drop);
    return keep;
}

static int drop_copies(struct xray_store *s, uint32_t first_new, xray_error *err)
{
    struct place *places = xf_alloc_array(s->part_count, sizeof *places);
    uint32_t kept = first_new;

    if (places == NULL)
        return xf_fail_memory(err);
    for (uint32_t i = 0; i < s->part_count; i++)
        places[i] = (struct place){.part = s->parts[i], .index = i};
    qsort(places, s->part_count, sizeof *places, compare_ids);
    for (uint32_t i = 1; i < s->part_count; i++) {
        const struct place *before = &places[i - 1];

        if (memcmp(before->part.seg->id, places[i].part.seg->id, 16) == 0) {
            const uint32_t keep = choose(s, first_new, before->index, places[i].index);

            places[i].index = keep;
            places[i].part = s->parts[keep];
        }
    }
    xf_free(places);
    for (uint32_t i = first_new; i < s->part_count; i++)
        if (s->parts[i].seg != NULL)
            s->parts[kept++] = s->parts[i];
    s->part_count = kept;
    return XRAY_OK;
}

/* ---- losses and life ------------------------------------------------------------------ */

static int count_losses(struct xray_store *s, uint32_t index, xray_error *err)
{
    struct xf_segment *seg = s->parts[index].seg;

    for (; s->parts[index].loss_seen < seg->block_count; s->parts[index].loss_seen++) {
        const uint32_t block = s->parts[index].loss_seen;
        struct xf_cached *e;
        int r;

        if (seg->blocks[block].kind != XF_LOSS)
            continue;
        r = xf_block_load(s, index, block, &e, err);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        for (uint32_t i = 0; i < e->as.loss.count; i++) {
            const uint64_t n = e->as.loss.rows[i].count;

            seg->lost = n > UINT64_MAX - seg->lost ? UINT64_MAX : seg->lost + n;
        }
        xf_block_release(s, e);
    }
    return XRAY_OK;
}

int xf_segments_settle(struct xray_store *s, uint32_t first_new, xray_error *err)
{
    int r = XRAY_OK;

    if (s->part_count > first_new) {
        r = drop_copies(s, first_new, err);
        if (r >= 0 && s->part_count > 0)
            r = put_in_order(s, first_new, err);
    }
    for (uint32_t i = 0; i < s->part_count && r >= 0; i++) {
        struct xf_segment *seg = s->parts[i].seg;

        seg->writer_dead = !seg->sealed && xf_process_is_dead(xf_segment_host(seg), xf_segment_boot(seg),
                                                              seg->pid, seg->process_start);
        r = count_losses(s, i, err);
    }
    return r;
}
