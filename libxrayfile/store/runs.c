/* The list of runs (runs.h): one pass over the spine. Values are not kept, and names
 * only once, so that it stays small beside the store. */
#include "store/runs.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "os/pages.h"
#include "store/ahead.h"
#include "store/runbuild.h"

/* ---- finding runs by id --------------------------------------------------------------- */

static uint32_t slot_of(uint64_t seed, uint32_t slot_count, const uint8_t id[16])
{
    return (uint32_t)xf_hash64(id, 16, seed) & (slot_count - 1);
}

/* slots: all 0 */
static void fill_slots(uint64_t seed, uint32_t *slots, uint32_t slot_count, const struct xf_run_sum *runs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = slot_of(seed, slot_count, runs[i].id);

        while (slots[at] != 0)
            at = (at + 1) & (slot_count - 1);
        slots[at] = i + 1;
    }
}

/* Room for `runs` of them: at most half of the slots are taken. */
static bool grow_slots(struct xf_run_builder *b, uint32_t runs)
{
    uint32_t count = b->slot_count == 0 ? 256 : b->slot_count;
    uint32_t *slots;

    if (runs <= b->slot_count / 2)
        return true;
    while (runs > count / 2 && count <= UINT32_MAX / 2)
        count *= 2;
    if (runs > count / 2)
        return false;
    slots = xf_alloc_array(count, sizeof *slots);
    if (slots == NULL)
        return false;
    xf_free(b->slots);
    b->slots = slots;
    b->slot_count = count;
    fill_slots(b->s->seed, slots, count, b->runs, b->count);
    return true;
}

/* What the list takes, the cache gives: both together are bounded longer. */
static void leave_room(struct xray_store *s, size_t taken)
{
    if (s->options.cache_bytes == 0)
        xf_cache_set_limit(&s->cache, taken < XF_CACHE_BYTES - XF_CACHE_BYTES_LEAST ? XF_CACHE_BYTES - taken
                                                                                    : XF_CACHE_BYTES_LEAST);
}

/* Makes room for `more` elements behind `count` of a growing array, which are going to be filled. */
static bool reserve(void **array, uint32_t count, uint32_t more, uint32_t *cap, size_t size)
{
    const uint32_t doubled = *cap > UINT32_MAX / 2 ? UINT32_MAX : *cap * 2;
    uint32_t wanted;
    void *p;

    if (more <= *cap - count)
        return true;
    if (more > UINT32_MAX - 1 - count)
        return false;
    wanted = count + more > doubled ? count + more : doubled;
    p = xf_resize_array(*array, wanted, size);
    if (p == NULL)
        return false;
    xf_pages_expect(p, (count + more) * size);
    *array = p;
    *cap = wanted;
    return true;
}

bool xf_run_builder_reserve(struct xf_run_builder *b, uint32_t runs, uint32_t places)
{
    void *array = b->runs;
    bool room = runs < UINT32_MAX - b->count && grow_slots(b, b->count + runs);

    if (b->cap - b->count < runs)
        leave_room(b->s, ((size_t)b->count + runs) * (sizeof *b->runs + sizeof *b->places));
    room = room && reserve(&array, b->count, runs, &b->cap, sizeof *b->runs);
    b->runs = array;
    array = b->places;
    room = room && reserve(&array, b->place_count, places, &b->place_cap, sizeof *b->places);
    b->places = array;
    return room;
}

static bool grow_runs(struct xf_run_builder *b)
{
    void *runs = b->runs;
    bool room;

    if (b->count == b->cap)
        leave_room(b->s, (size_t)b->count * 2 * (sizeof *b->runs + sizeof *b->places));
    room = xf_store_grow(&runs, b->count, &b->cap, sizeof *b->runs);
    b->runs = runs;
    return room;
}

/* The slot that has the run with this id, or the free one where it belongs. */
static uint32_t find_slot(const struct xf_run_builder *b, const uint8_t id[16])
{
    uint32_t at = slot_of(b->s->seed, b->slot_count, id);

    while (b->slots[at] != 0 && memcmp(b->runs[b->slots[at] - 1].id, id, 16) != 0)
        at = (at + 1) & (b->slot_count - 1);
    return at;
}

/* Index of the run with this id; UINT32_MAX: there is none. */
static uint32_t find_run(const struct xf_run_builder *b, const uint8_t id[16])
{
    return b->count > 0 ? b->slots[find_slot(b, id)] - 1 : UINT32_MAX;
}

uint32_t xf_run_builder_get(struct xf_run_builder *b, const uint8_t id[16], uint32_t segment)
{
    struct xf_run_sum *run;
    uint32_t at;

    if (!grow_slots(b, b->count + 1))
        return UINT32_MAX;
    at = find_slot(b, id);
    if (b->slots[at] != 0)
        return b->slots[at] - 1;
    if (!grow_runs(b))
        return UINT32_MAX;
    run = &b->runs[b->count++];
    *run = (struct xf_run_sum){
        .first_place = XF_NO_PLACE,
        .last_place = XF_NO_PLACE,
        .first_loose = XF_NO_PLACE,
        .last_loose = XF_NO_PLACE,
        .segment = segment,
        .seq = XRAY_MISSING,
        .start = XRAY_MISSING,
        .dur = XRAY_MISSING,
        .end = XRAY_MISSING,
        .status = -1,
        .cost = XRAY_MISSING,
        .parent = XF_NO_TEXT,
        .ext_id = XF_NO_TEXT,
        .texts = XF_NO_TEXT,
        .local = XF_NO_PLACE,
    };
    memcpy(run->id, id, 16);
    b->slots[at] = b->count;
    return b->count - 1;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Mostly it is the run's own id as it reads: there is nothing to keep then, and no text to make. */
static bool join_ext_id(struct xf_run_builder *b, struct xf_run_sum *run, const struct xf_view *v)
{
    static const uint8_t uuid[] = {0xc4, 16}; /* bin 8 of 16 bytes */
    const struct xf_slice s = xf_view_slice(v, XF_RUN_EXT_ID);
    char room[40];

    if (s.len != sizeof uuid + 16 || memcmp(v->base + s.off, uuid, sizeof uuid) != 0 ||
        memcmp(v->base + s.off + sizeof uuid, run->id, 16) != 0)
        return xf_run_builder_text(b, run, XF_RT_EXT_ID, xf_id_text(v->base, s, room));
    run->bits |= XF_RUN_EXT_IS_ID;
    run->ext_id = XF_NO_TEXT;
    return true;
}

static bool join_text(struct xf_run_builder *b, struct xf_run_sum *run, enum xf_run_text which, const struct xf_view *v,
                      unsigned column)
{
    return xf_run_builder_text(b, run, which, xf_slice_text(v->base, xf_view_slice(v, column)));
}

static bool join_row(struct xf_run_builder *b, struct xf_run_sum *run, const struct xf_view *v)
{
    uint8_t parent[16];

    xf_run_sum_set_int(run, XF_RI_SEQ, xf_view_int(v, XF_RUN_SEQ));
    xf_run_sum_set_int(run, XF_RI_START, xf_view_int(v, XF_RUN_START));
    xf_run_sum_set_int(run, XF_RI_DUR, xf_view_int(v, XF_RUN_DUR));
    xf_run_sum_set_int(run, XF_RI_END, xf_view_int(v, XF_RUN_END));
    xf_run_sum_set_int(run, XF_RI_STATUS, xf_view_int(v, XF_RUN_STATUS));
    xf_run_sum_set_int(run, XF_RI_COST, xf_view_int(v, XF_RUN_COST));
    xf_run_sum_set_int(run, XF_RI_FLAGS, xf_view_int(v, XF_RUN_FLAGS));
    if ((xf_view_int(v, XF_RUN_STATE) & XF_STATE_END) != 0)
        run->bits |= XF_RUN_ENDED;
    if (xf_view_run_id(v, XF_RUN_PARENT_RUN, parent) && !xf_run_builder_parent(b, run, parent))
        return false;
    return join_ext_id(b, run, v) && join_text(b, run, XF_RT_PROJECT, v, XF_RUN_PROJECT) &&
           join_text(b, run, XF_RT_SESSION, v, XF_RUN_SESSION) && join_text(b, run, XF_RT_USER, v, XF_RUN_USER) &&
           join_text(b, run, XF_RT_ERROR_TYPE, v, XF_RUN_ERROR_TYPE);
}

bool xf_run_builder_place(struct xf_run_builder *b, uint32_t *first, uint32_t *last, const struct xf_run_place *place)
{
    void *places = b->places;
    const bool room = xf_store_grow(&places, b->place_count, &b->place_cap, sizeof *b->places);

    b->places = places;
    if (!room || b->place_count == XF_NO_PLACE)
        return false;
    b->places[b->place_count] = *place;
    *(*last == XF_NO_PLACE ? first : &b->places[*last].next) = b->place_count;
    *last = b->place_count++;
    return true;
}

/* One entry of a block's run table with all its rows. */
static bool take_run(struct xf_run_builder *b, const struct xf_cached *e, uint32_t index)
{
    const struct xf_spine *s = &e->as.spine;
    const uint32_t number = xf_run_builder_get(b, xf_spine_run_id(s, index), e->segment);
    struct xf_run_sum *run;

    if (number == UINT32_MAX)
        return false;
    run = &b->runs[number];
    if (!xf_run_builder_place(b, &run->first_place, &run->last_place,
                   &(struct xf_run_place){e->segment, e->block, index, XF_NO_PLACE}))
        return false;
    if (s->pipelines != NULL && !xf_run_builder_text(b, run, XF_RT_PIPELINE, xf_slice_text(s->body, s->pipelines[index].s)))
        return false;
    if (s->versions != NULL && !xf_run_builder_text(b, run, XF_RT_VERSION, xf_slice_text(s->body, s->versions[index].s)))
        return false;
    for (uint32_t i = e->runs.start[index]; i < e->runs.start[index + 1]; i++) {
        const struct xf_view v = xf_view_run(s, e->runs.order[i], e->segment);

        if (!join_row(b, run, &v))
            return false;
    }
    return true;
}

static int take_block(struct xf_run_builder *b, struct xf_cached *e, xray_error *err)
{
    const int r = xf_block_index_runs(e, err);

    if (r < 0)
        return r;
    for (uint32_t i = 0; i < e->as.spine.run_count; i++)
        if (!take_run(b, e, i))
            return xf_fail_memory(err);
    return XRAY_OK;
}

/* Notes for every run in a candidates block that it is there. */
static int take_loose(struct xf_run_builder *b, uint32_t segment, uint32_t block, xray_error *err)
{
    struct xf_cached *e;
    int r = xf_block_load(b->s, segment, block, &e, err);

    if (r <= 0)
        return r;
    for (uint32_t i = 0; i < e->as.cands.run_count; i++) {
        const uint32_t number = find_run(b, e->as.cands.run_ids + (size_t)i * 16);
        struct xf_run_sum *run = number != UINT32_MAX ? &b->runs[number] : NULL;

        if (run != NULL && !xf_run_builder_place(b, &run->first_loose, &run->last_loose,
                                      &(struct xf_run_place){segment, block, i, XF_NO_PLACE})) {
            r = xf_fail_memory(err);
            break;
        }
    }
    xf_block_release(b->s, e);
    return r;
}

struct spine { /* of one segment, from some block on */
    const struct xf_segment *seg;
    uint32_t segment, block;
};

static bool next_spine(void *ctx, uint32_t *segment, uint32_t *block)
{
    struct spine *s = ctx;

    *segment = s->segment;
    while (s->block < s->seg->block_count) {
        *block = s->block++;
        if (s->seg->blocks[*block].kind == XF_SPINE)
            return true;
    }
    return false;
}

/* Takes the spine from block `first` on. *loose moves behind its last block. */
static int take_spine(struct xf_run_builder *b, uint32_t segment, uint32_t first, uint32_t *loose, xray_error *err)
{
    struct spine s = {b->s->parts[segment].seg, segment, first};
    struct xf_ahead ahead = {.store = b->s, .next = next_spine, .ctx = &s, .light = true};
    struct xf_cached *e;
    int r = xf_ahead_open(&ahead, err);

    while (r >= 0 && (r = xf_ahead_next(&ahead, &e, err)) > 0) {
        r = take_block(b, e, err);
        xf_block_release(b->s, e);
    }
    xf_ahead_close(&ahead);
    for (uint32_t block = s.seg->block_count; block > first && block > *loose; block--)
        if (s.seg->blocks[block - 1].kind == XF_SPINE)
            *loose = block;
    return r;
}

/* The spine says which candidates blocks a step has. Where some of it is lost, and behind its last
 * block, the candidates themselves must be asked. */
static int take_segment(struct xf_run_builder *b, uint32_t segment, xray_error *err)
{
    const struct xf_segment *seg = b->s->parts[segment].seg;
    uint32_t first = 0; /* block to be read */
    uint32_t loose = 0; /* first block to be asked */
    int r = xf_run_index_take(b, segment, &first, &loose, err);

    if (r >= 0 && first < seg->block_count)
        r = take_spine(b, segment, first, &loose, err);
    if (seg->damaged)
        loose = 0;
    for (uint32_t block = loose; block < seg->block_count && r >= 0; block++)
        if (seg->blocks[block].kind == XF_CANDIDATES)
            r = take_loose(b, segment, block, err);
    return r < 0 ? r : XRAY_OK;
}

static int take_segments(struct xf_run_builder *b, xray_error *err)
{
    int r = XRAY_OK;

    for (uint32_t rank = 0; rank < b->s->part_count && r >= 0; rank++)
        r = take_segment(b, b->s->order[rank], err);
    return r;
}

/* ---- the list --------------------------------------------------------------------------------- */

/* Of one segment: seq, then as they came; runs whose own rows are lost come last. */
static int compare_runs(const void *a, const void *b)
{
    const struct xf_run_sum *x = a, *y = b;
    const uint64_t p = (uint64_t)x->seq, q = (uint64_t)y->seq; /* missing is the largest */

    if (p != q)
        return p < q ? -1 : 1;
    return (x->first_place > y->first_place) - (x->first_place < y->first_place);
}

/* Segments were taken in their order, so runs stand in it already; mostly in that of their numbers as well. */
static void sort_runs(struct xf_run_builder *b)
{
    bool moved = false;

    for (uint32_t first = 0, end; first < b->count; first = end) {
        bool sorted = true;

        for (end = first + 1; end < b->count && b->runs[end].segment == b->runs[first].segment; end++)
            sorted = sorted && compare_runs(&b->runs[end - 1], &b->runs[end]) <= 0;
        if (!sorted)
            qsort(b->runs + first, end - first, sizeof *b->runs, compare_runs);
        moved = moved || !sorted;
    }
    if (moved) {
        memset(b->slots, 0, b->slot_count * sizeof *b->slots);
        fill_slots(b->s->seed, b->slots, b->slot_count, b->runs, b->count);
    }
}

/* Its number in the index of its segment, if that index knows all of it. */
static uint32_t local_of(const struct xf_run_builder *b, const struct xf_run_sum *run)
{
    const struct xf_segment *seg = b->s->parts[run->segment].seg;

    if (run->local == XF_NO_PLACE || seg->index == NULL)
        return XF_NO_PLACE;
    for (uint32_t i = run->first_place; i != XF_NO_PLACE; i = b->places[i].next)
        if (b->places[i].segment != run->segment || b->places[i].block >= seg->index->blocks)
            return XF_NO_PLACE;
    return run->local;
}

/* Takes over what the builder has. */
static struct xf_run_list *make_list(struct xf_run_builder *b)
{
    struct xf_run_list *list = xf_alloc(sizeof *list);

    if (list == NULL)
        return NULL;
    sort_runs(b);
    for (uint32_t i = 0; i < b->count; i++)
        b->runs[i].local = local_of(b, &b->runs[i]);
    *list = (struct xf_run_list){
        .runs = b->runs,
        .count = b->count,
        .slots = b->slots,
        .slot_count = b->slot_count,
        .places = b->places,
        .text = b->text,
        .tuples = b->tuples,
    };
    b->runs = NULL;
    b->slots = NULL;
    b->places = NULL;
    b->text = b->tuples = (struct xf_dict){0};
    return list;
}

/* Of one segment, or of all: UINT32_MAX. */
static int build_list(struct xray_store *s, uint32_t segment, struct xf_run_list **out, xray_error *err)
{
    struct xf_run_builder b = {.s = s};
    struct xf_run_list *list = NULL;
    int r = segment == UINT32_MAX ? take_segments(&b, err) : take_segment(&b, segment, err);

    /* Of a million runs their section is as large as what comes next may be. */
    xray_buffer_free(&s->section);
    xray_buffer_free(&s->stored);
    if (r >= 0) {
        list = make_list(&b);
        r = list != NULL ? XRAY_OK : xf_fail_memory(err);
    }
    if (r >= 0)
        *out = list;
    xf_free(b.runs);
    xf_free(b.slots);
    xf_free(b.places);
    xf_dict_done(&b.text);
    xf_dict_done(&b.tuples);
    return r < 0 ? r : XRAY_OK;
}

int xf_run_list_build(struct xray_store *s, struct xf_run_list **out, xray_error *err)
{
    return build_list(s, UINT32_MAX, out, err);
}

int xf_run_list_build_one(struct xray_store *s, uint32_t segment, struct xf_run_list **out, xray_error *err)
{
    return build_list(s, segment, out, err);
}

int xf_run_list_get(struct xray_store *s, struct xf_run_list **out, xray_error *err)
{
    int r = XRAY_OK;

    if (s->runs == NULL) {
        r = xf_run_list_build(s, &s->runs, err);
        s->run_lists++;
    }
    if (r >= 0)
        *out = s->runs;
    return r;
}

uint32_t xf_run_list_find(const struct xray_store *s, const struct xf_run_list *list, const uint8_t id[16])
{
    uint32_t at;

    if (list->count == 0)
        return UINT32_MAX;
    at = slot_of(s->seed, list->slot_count, id);
    while (list->slots[at] != 0 && memcmp(list->runs[list->slots[at] - 1].id, id, 16) != 0)
        at = (at + 1) & (list->slot_count - 1);
    return list->slots[at] - 1;
}

void xf_run_list_free(struct xf_run_list *list)
{
    if (list == NULL)
        return;
    xf_free(list->runs);
    xf_free(list->slots);
    xf_free(list->places);
    xf_free(list->records);
    xf_free(list->ext_ids);
    xf_dict_done(&list->text);
    xf_dict_done(&list->tuples);
    xf_free(list);
}
