/* The list of runs (runs.h): one pass over the spine. Values are not kept, and names
 * only once, so that it stays small beside the store. */
#include "store/runs.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/ahead.h"
#include "store/runbuild.h"

/* ---- finding runs by id --------------------------------------------------------------- */

static uint32_t slot_of(const struct xf_run_builder *b, const uint8_t id[16])
{
    return (uint32_t)xf_hash64(id, 16, b->s->seed) & (b->slot_count - 1);
}

static bool grow_slots(struct xf_run_builder *b)
{
    const uint32_t count = b->slot_count == 0 ? 256 : b->slot_count * 2;
    uint32_t *slots;

    if (b->count < b->slot_count / 2)
        return true;
    if (count < b->slot_count)
        return false;
    slots = xf_alloc_array(count, sizeof *slots);
    if (slots == NULL)
        return false;
    xf_free(b->slots);
    b->slots = slots;
    b->slot_count = count;
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t at = slot_of(b, b->runs[i].id);

        while (slots[at] != 0)
            at = (at + 1) & (count - 1);
        slots[at] = i + 1;
    }
    return true;
}

static bool grow_runs(struct xf_run_builder *b)
{
    void *runs = b->runs;
    const bool room = xf_store_grow(&runs, b->count, &b->cap, sizeof *b->runs);

    b->runs = runs;
    return room;
}

/* The slot that has the run with this id, or the free one where it belongs. */
static uint32_t find_slot(const struct xf_run_builder *b, const uint8_t id[16])
{
    uint32_t at = slot_of(b, id);

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

    if (!grow_slots(b))
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
        .rank = b->s->parts[segment].rank,
        .seq = XRAY_MISSING,
        .start = XRAY_MISSING,
        .dur = XRAY_MISSING,
        .end = XRAY_MISSING,
        .status = XRAY_MISSING,
        .cost = XRAY_MISSING,
        .flags = XRAY_MISSING,
        .local = XF_NO_PLACE,
    };
    memcpy(run->id, id, 16);
    memset(run->text, 0xff, sizeof run->text);
    b->slots[at] = b->count;
    return b->count - 1;
}

/* ---- rows ------------------------------------------------------------------------------------ */

bool xf_run_builder_text(struct xf_run_builder *b, struct xf_run_sum *run, enum xf_run_text which, xray_str text)
{
    if (text.ptr == NULL || (which != XF_RT_EXT_ID && text.len == 0))
        return true;
    run->text[which] = xf_dict_put(&b->text, text.ptr, text.len);
    return run->text[which] != XF_NO_TEXT;
}

static bool join_row(struct xf_run_builder *b, struct xf_run_sum *run, const struct xf_view *v)
{
    xray_run_record r;

    if (xf_view_fill_run(v, &b->scratch, &r) < 0)
        return false;
    xf_run_sum_int(&run->seq, xf_view_int(v, XF_RUN_SEQ));
    xf_run_sum_int(&run->start, xf_view_int(v, XF_RUN_START));
    xf_run_sum_int(&run->dur, xf_view_int(v, XF_RUN_DUR));
    xf_run_sum_int(&run->end, xf_view_int(v, XF_RUN_END));
    xf_run_sum_int(&run->status, xf_view_int(v, XF_RUN_STATUS));
    xf_run_sum_int(&run->cost, xf_view_int(v, XF_RUN_COST));
    xf_run_sum_int(&run->flags, xf_view_int(v, XF_RUN_FLAGS));
    run->ended |= (xf_view_int(v, XF_RUN_STATE) & XF_STATE_END) != 0;
    if (r.has_parent_run) {
        run->has_parent = true;
        memcpy(run->parent, r.parent_run, 16);
    }
    return xf_run_builder_text(b, run, XF_RT_EXT_ID, r.ext_id) && xf_run_builder_text(b, run, XF_RT_PROJECT, r.project) &&
           xf_run_builder_text(b, run, XF_RT_SESSION, r.session) && xf_run_builder_text(b, run, XF_RT_USER, r.user) &&
           xf_run_builder_text(b, run, XF_RT_ERROR_TYPE, r.error_type);
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
    run->last_segment = e->segment;
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
    struct xf_ahead ahead = {.store = b->s, .next = next_spine, .ctx = &s};
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

/* Segment, then seq, then as they came; runs whose own rows are lost come last in their segment. */
static int compare_runs(const void *a, const void *b)
{
    const struct xf_run_sum *x = a, *y = b;
    const uint64_t p = (uint64_t)x->seq, q = (uint64_t)y->seq; /* missing is the largest */

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (p != q)
        return p < q ? -1 : 1;
    return (x->first_place > y->first_place) - (x->first_place < y->first_place);
}

static xray_str text_of(const struct xf_dict *d, uint32_t i)
{
    return i != XF_NO_TEXT ? xf_dict_get(d, i) : xray_strn(NULL, 0);
}

static int64_t end_of(const struct xf_run_sum *run)
{
    int64_t end = run->end;

    if (end == XRAY_MISSING && run->start != XRAY_MISSING && run->dur != XRAY_MISSING &&
        __builtin_add_overflow(run->start, run->dur, &end))
        end = XRAY_MISSING;
    return end;
}

static void fill_record(const struct xray_store *s, const struct xf_run_sum *run, const struct xf_dict *text,
                        xray_run_record *out)
{
    *out = (xray_run_record){
        .seq = run->seq != XRAY_MISSING ? (uint64_t)run->seq : 0,
        .segment = run->segment,
        .ended = run->ended,
        .abandoned = !run->ended && xf_part_is_over(&s->parts[run->last_segment]),
        .outcome = run->status >= XRAY_SUCCESS && run->status <= XRAY_PARTIAL ? (xray_outcome)run->status
                                                                              : XRAY_RUNNING,
        .ext_id = text_of(text, run->text[XF_RT_EXT_ID]),
        .pipeline = text_of(text, run->text[XF_RT_PIPELINE]),
        .version = text_of(text, run->text[XF_RT_VERSION]),
        .project = text_of(text, run->text[XF_RT_PROJECT]),
        .session = text_of(text, run->text[XF_RT_SESSION]),
        .user = text_of(text, run->text[XF_RT_USER]),
        .error_type = text_of(text, run->text[XF_RT_ERROR_TYPE]),
        .has_parent_run = run->has_parent,
        .start_ns = run->start,
        .end_ns = end_of(run),
        .duration_ns = run->dur,
        .cost = run->cost,
        .flags = run->flags != XRAY_MISSING ? (uint32_t)run->flags : 0,
    };
    memcpy(out->id, run->id, 16);
    memcpy(out->parent_run, run->parent, 16);
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

static struct xf_run_list *make_list(struct xf_run_builder *b)
{
    struct xf_run_list *list = xf_alloc(sizeof *list);

    if (list == NULL)
        return NULL;
    list->records = xf_alloc_array(b->count, sizeof *list->records);
    list->first_place = xf_alloc_array(b->count, sizeof *list->first_place);
    list->first_loose = xf_alloc_array(b->count, sizeof *list->first_loose);
    list->local = xf_alloc_array(b->count, sizeof *list->local);
    if (list->records == NULL || list->first_place == NULL || list->first_loose == NULL ||
        list->local == NULL) {
        xf_run_list_free(list);
        return NULL;
    }
    if (b->count > 1)
        qsort(b->runs, b->count, sizeof *b->runs, compare_runs);
    list->count = b->count;
    list->text = b->text;
    list->places = b->places;
    for (uint32_t i = 0; i < b->count; i++) {
        fill_record(b->s, &b->runs[i], &list->text, &list->records[i]);
        list->first_place[i] = b->runs[i].first_place;
        list->first_loose[i] = b->runs[i].first_loose;
        list->local[i] = local_of(b, &b->runs[i]);
    }
    b->text = (struct xf_dict){0};
    b->places = NULL;
    return list;
}

int xf_run_list_build(struct xray_store *s, struct xf_run_list **out, struct xf_run_sum **sums, xray_error *err)
{
    struct xf_run_builder b = {.s = s};
    struct xf_run_list *list = NULL;
    int r = take_segments(&b, err);

    if (r >= 0) {
        list = make_list(&b);
        r = list != NULL ? XRAY_OK : xf_fail_memory(err);
    }
    if (r >= 0) {
        *out = list;
        if (sums != NULL) {
            *sums = b.runs;
            b.runs = NULL;
        }
    }
    xf_free(b.runs);
    xf_free(b.slots);
    xf_free(b.places);
    xf_dict_done(&b.text);
    xf_scratch_done(&b.scratch);
    return r;
}

int xf_run_list_get(struct xray_store *s, const struct xf_run_list **out, xray_error *err)
{
    int r = XRAY_OK;

    if (s->runs == NULL)
        r = xf_run_list_build(s, &s->runs, NULL, err);
    if (r >= 0)
        *out = s->runs;
    return r;
}

void xf_run_list_free(struct xf_run_list *list)
{
    if (list == NULL)
        return;
    xf_free(list->records);
    xf_free(list->first_place);
    xf_free(list->first_loose);
    xf_free(list->local);
    xf_free(list->places);
    xf_dict_done(&list->text);
    xf_free(list);
}

int xray_store_runs(xray_store *s, const xray_run_record **out, size_t *count, xray_error *err)
{
    const struct xf_run_list *list;
    const int r = xf_run_list_get(s, &list, err);

    if (r < 0)
        return r;
    *out = list->records;
    *count = list->count;
    return XRAY_OK;
}

/* ---- finding by a prefix ------------------------------------------------------------------------ */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The digits of a prefix, dashes skipped; their count, or -1 if it is no prefix of an id. */
static int take_digits(xray_str text, uint8_t digits[32])
{
    int n = 0;

    for (size_t i = 0; i < text.len; i++) {
        const int v = hex_value(text.ptr[i]);

        if (text.ptr[i] == '-')
            continue;
        if (v < 0 || n == 32)
            return -1;
        digits[n++] = (uint8_t)v;
    }
    return n;
}

static bool id_begins(const uint8_t id[16], const uint8_t digits[32], int count)
{
    for (int i = 0; i < count; i++)
        if ((i % 2 == 0 ? id[i / 2] >> 4 : id[i / 2] & 15) != digits[i])
            return false;
    return true;
}

int xray_store_find_run(xray_store *s, xray_str id, size_t *index, size_t matches[16], xray_error *err)
{
    const struct xf_run_list *list;
    uint8_t digits[32];
    const int digit_count = take_digits(id, digits);
    uint32_t found = 0, exact = 0;
    size_t last = 0, last_exact = 0;
    int r;

    if (id.len < 4)
        return xf_fail(err, XRAY_ESYNTAX, XF_NO_POS, "an id needs at least 4 characters");
    r = xf_run_list_get(s, &list, err);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < list->count; i++) {
        const xray_run_record *run = &list->records[i];
        const bool by_ext = run->ext_id.len >= id.len && memcmp(run->ext_id.ptr, id.ptr, id.len) == 0;

        if (!by_ext && !(digit_count >= 4 && id_begins(run->id, digits, digit_count)))
            continue;
        if (matches != NULL && found < 16)
            matches[found] = i;
        found++;
        last = i;
        if (by_ext && run->ext_id.len == id.len) {
            exact++;
            last_exact = i;
        }
    }
    if (exact == 1) { /* "run-1" is meant where there is a "run-10" too */
        *index = last_exact;
        if (matches != NULL)
            matches[0] = last_exact;
        return 1;
    }
    if (found == 1)
        *index = last;
    return found > INT32_MAX ? INT32_MAX : (int)found;
}
