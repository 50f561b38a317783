/* A candidates body: dictionaries, shapes, batches, events (cands_read.h). The columns
 * are in cands_take.c. */
#include "format/cands_read.h"

#include <stdlib.h>

#include "base/fail.h"
#include "codec/idcol.h"
#include "format/cands_take.h"

struct decoder {
    struct xf_cands *c;
    struct xf_arena *arena;
    struct xf_scope scope;
    struct xf_cands_cursor start; /* before the first candidate */
    struct xf_numcol *evidence;   /* its evidence columns, or NULL */
    uint32_t reasons_left, keys_left; /* of all shapes together */
    bool no_memory;
    const char *at; /* what is being decoded, for the message */
};

static void *take_memory(struct decoder *d, size_t count, size_t size)
{
    void *p = xf_arena_alloc(d->arena, (count > 0 ? count : 1) * size);

    d->no_memory |= p == NULL;
    return p;
}

static bool take_run_ids(struct decoder *d, xray_mp *at)
{
    xray_str table, value, ids;
    xray_mp c;

    if (!xf_mp_take_value(at, &table) || !xf_mp_find(table, "id", &value))
        return false;
    c = xray_mp_over(value.ptr, value.len);
    if (!xf_mp_take_bin(&c, &ids) || ids.len % 16 != 0 || ids.len / 16 > XF_ROWS_MAX)
        return false;
    d->c->run_ids = (const uint8_t *)ids.ptr;
    d->c->run_count = d->scope.run_count = (uint32_t)(ids.len / 16);
    return true;
}

/* ---- shapes (spec 8.2) ---------------------------------------------------------- */

static bool take_reason(struct decoder *d, xray_mp *c, xray_reason *out)
{
    xray_str *members[4] = {&out->code, &out->rule, &out->version, &out->params};
    uint32_t count;

    if (!xf_mp_take_array(c, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        int64_t index;

        if (i >= 4) { /* of a later version */
            if (!xray_mp_skip(c))
                return false;
            continue;
        }
        if (!xf_mp_take_int(c, &index))
            return false;
        if (index == XRAY_MISSING)
            continue;
        if (index < 0 || index >= d->c->string_count)
            return false;
        *members[i] = d->c->strings[index];
    }
    return true;
}

static bool take_reasons(struct decoder *d, xray_mp *c, struct xf_shape *s)
{
    xray_reason *reasons;
    uint32_t count;

    if (!xf_mp_take_array(c, &count) || count > d->reasons_left)
        return false;
    d->reasons_left -= count;
    reasons = take_memory(d, count, sizeof *reasons);
    if (reasons == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!take_reason(d, c, &reasons[i]))
            return false;
    s->reasons = reasons;
    s->reason_count = count;
    return true;
}

static bool take_shape_keys(struct decoder *d, xray_mp *c, struct xf_shape *s)
{
    uint32_t *keys;
    xray_str *names;
    uint32_t count;

    if (!xf_mp_take_array(c, &count) || count > d->keys_left)
        return false;
    d->keys_left -= count;
    keys = take_memory(d, count, sizeof *keys);
    names = take_memory(d, count, sizeof *names);
    if (keys == NULL || names == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        int64_t index;

        if (!xf_mp_take_int(c, &index) || index < 0 || index >= d->c->key_count)
            return false;
        keys[i] = (uint32_t)index;
        names[i] = d->c->keys[index];
    }
    s->keys = keys;
    s->key_names = names;
    s->key_count = count;
    if (count > d->c->max_keys)
        d->c->max_keys = count;
    return true;
}

static bool take_number(xray_mp *c, int64_t low, int64_t high, int64_t *out)
{
    return xf_mp_take_int(c, out) && *out >= low && *out <= high;
}

static bool take_shape(struct decoder *d, xray_mp *c, struct xf_shape *s)
{
    int64_t verdict, fields, by, provenance;
    uint32_t count;

    if (!xf_mp_take_array(c, &count) || count < 6)
        return false;
    if (!take_number(c, XRAY_ACCEPT, XRAY_MODIFY, &verdict) || !take_reasons(d, c, s) ||
        !take_number(c, 0, 127, &fields) || !take_number(c, 0, XRAY_BY_HUMAN, &by) ||
        !take_number(c, 0, XRAY_INFERRED, &provenance) || !take_shape_keys(d, c, s))
        return false;
    for (uint32_t i = 6; i < count; i++)
        if (!xray_mp_skip(c))
            return false;
    s->verdict = (int)verdict;
    s->fields = (unsigned)fields;
    s->by = (int)by;
    s->provenance = (int)provenance;
    return true;
}

static bool take_shapes(struct decoder *d, xray_mp *c)
{
    struct xf_shape *shapes;
    uint32_t count;

    if (!xf_mp_take_array(c, &count) || count > XF_ROWS_MAX)
        return false;
    shapes = take_memory(d, count, sizeof *shapes);
    if (shapes == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!take_shape(d, c, &shapes[i]))
            return false;
    d->c->shapes = shapes;
    d->c->shape_count = count;
    return true;
}

/* ---- batches and events (spec 8.4, 8.6) -------------------------------------------- */

struct owner { /* sorts rows by whose they are */
    const uint8_t *run_id;
    int64_t step;
    uint32_t row;
};

static int compare_owner(const uint8_t *run_a, int64_t step_a, const uint8_t *run_b, int64_t step_b)
{
    const int r = memcmp(run_a, run_b, 16);

    return r != 0 ? r : (step_a > step_b) - (step_a < step_b);
}

static int compare_owners(const void *a, const void *b)
{
    const struct owner *x = a, *y = b;
    const int r = compare_owner(x->run_id, x->step, y->run_id, y->step);

    return r != 0 ? r : (x->row > y->row) - (x->row < y->row);
}

static const uint32_t *sort_owners(struct decoder *d, struct owner *owners, uint32_t count)
{
    uint32_t *order = take_memory(d, count, sizeof *order);

    if (order == NULL)
        return NULL;
    qsort(owners, count, sizeof *owners, compare_owners);
    for (uint32_t i = 0; i < count; i++)
        order[i] = owners[i].row;
    return order;
}

static bool take_batches(struct decoder *d, xray_mp *c)
{
    enum { RUN, STEP, N, TIME, COLUMNS };
    static const struct xf_column columns[COLUMNS] = {
        {"run", XF_ENC_RUN}, {"step", XF_ENC_INT}, {"n", XF_ENC_INT}, {"time", XF_ENC_INT}};
    const union xf_cell *cells[COLUMNS];
    struct xf_batch *batches;
    struct owner *owners;
    uint32_t count = 0, total = 0;

    if (!xf_table_take(c, &d->scope, columns, COLUMNS, XF_CANDIDATES_MAX, cells, &count, &d->no_memory))
        return false;
    batches = take_memory(d, count, sizeof *batches);
    owners = take_memory(d, count, sizeof *owners);
    if (batches == NULL || owners == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const int64_t n = xf_cell_int(cells[N], i), time = xf_cell_int(cells[TIME], i);
        const int64_t run = xf_cell_int(cells[RUN], i), step = xf_cell_int(cells[STEP], i);

        if (run == XRAY_MISSING || n < 0 || n > XF_CANDIDATES_MAX - total)
            return false;
        batches[i] = (struct xf_batch){
            .run = (uint32_t)run,
            .count = (uint32_t)n,
            .first = total,
            .step = step,
            .time = time != XRAY_MISSING ? time : 0,
        };
        owners[i] = (struct owner){d->c->run_ids + (size_t)run * 16, step, i};
        total += (uint32_t)n;
    }
    d->c->batches = batches;
    d->c->batch_order = sort_owners(d, owners, count);
    d->c->batch_count = count;
    d->c->cand_count = total;
    return d->c->batch_order != NULL;
}

static bool take_events(struct decoder *d, xray_mp *c, struct xf_event_rows *out)
{
    static const struct xf_column columns[XF_EVENT_CELLS] = {
        [XF_EVENT_RUN] = {"run", XF_ENC_RUN},     [XF_EVENT_STEP] = {"step", XF_ENC_INT},
        [XF_EVENT_AFTER] = {"after", XF_ENC_INT}, [XF_EVENT_NAME] = {"name", XF_ENC_STR},
        [XF_EVENT_TIME] = {"time", XF_ENC_INT},   [XF_EVENT_BODY] = {"body", XF_ENC_VALUE}};
    struct owner *owners;
    uint32_t count = 0;

    if (!xf_table_take(c, &d->scope, columns, XF_EVENT_CELLS, XF_ROWS_MAX, out->columns, &count,
                       &d->no_memory))
        return false;
    owners = take_memory(d, count, sizeof *owners);
    if (owners == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const int64_t run = xf_cell_int(out->columns[XF_EVENT_RUN], i);

        if (run == XRAY_MISSING)
            return false;
        owners[i] =
            (struct owner){d->c->run_ids + (size_t)run * 16, xf_cell_int(out->columns[XF_EVENT_STEP], i), i};
    }
    out->order = sort_owners(d, owners, count);
    out->count = count;
    return out->order != NULL;
}

/* ---- the body ----------------------------------------------------------------------- */

enum key { STRINGS, RUN, ITEMS, KEYS, SHAPES, BATCHES, CANDS, EVIDENCE, DECISIONS, NOTES, KEY_COUNT };

static const struct {
    const char *name;
    unsigned needs; /* keys that it refers to */
} keys[KEY_COUNT] = {
    [STRINGS] = {"strings", 0},
    [RUN] = {"run", 0},
    [ITEMS] = {"items", 0},
    [KEYS] = {"keys", 0},
    [SHAPES] = {"shapes", 1u << STRINGS | 1u << KEYS},
    [BATCHES] = {"batches", 1u << RUN},
    [CANDS] = {"cands", 0},
    [EVIDENCE] = {"evidence", 1u << KEYS},
    [DECISIONS] = {"decisions", 1u << STRINGS | 1u << RUN},
    [NOTES] = {"notes", 1u << STRINGS | 1u << RUN},
};

static bool take_items(struct decoder *d, xray_mp *c)
{
    xray_str value;
    int r;

    if (!xf_mp_take_value(c, &value))
        return false;
    r = xf_idcol_decode(value, d->arena, &d->c->items, &d->c->item_count, NULL);
    d->no_memory |= r == XRAY_ENOMEM;
    return r == XRAY_OK && d->c->item_count <= XF_ROWS_MAX;
}

static bool take_key(struct decoder *d, enum key key, xray_mp *c)
{
    struct xf_cands *s = d->c;

    d->at = keys[key].name;
    switch (key) {
    case STRINGS:
        if (!xf_strings_take(c, d->arena, &s->strings, &s->string_count, &d->no_memory))
            return false;
        d->scope.strings = s->strings;
        d->scope.string_count = s->string_count;
        return true;
    case RUN:
        return take_run_ids(d, c);
    case ITEMS:
        return take_items(d, c);
    case KEYS:
        return xf_strings_take(c, d->arena, &s->keys, &s->key_count, &d->no_memory);
    case SHAPES:
        return take_shapes(d, c);
    case BATCHES:
        return take_batches(d, c);
    case CANDS:
        return xf_cands_take_columns(c, &d->start, d->arena);
    case EVIDENCE:
        d->evidence = take_memory(d, s->key_count, sizeof *d->evidence);
        return d->evidence != NULL && xf_cands_take_evidence(c, d->evidence, s->key_count, d->arena);
    case DECISIONS:
        return take_events(d, c, &s->decisions);
    case NOTES:
        return take_events(d, c, &s->notes);
    case KEY_COUNT:
        break;
    }
    return false;
}

static int find_key(xray_str name)
{
    for (int k = 0; k < KEY_COUNT; k++)
        if (strlen(keys[k].name) == name.len && memcmp(keys[k].name, name.ptr, name.len) == 0)
            return k;
    return KEY_COUNT;
}

/* Keys are taken as they come where what they refer to is there, which is how writers put them; what comes
 * too early waits for the end. */
static bool take_keys(struct decoder *d, xray_str body)
{
    xray_mp c = xray_mp_over(body.ptr, body.len);
    xray_mp waiting[KEY_COUNT] = {{NULL, 0, false}};
    unsigned seen = 0;
    uint32_t pairs;
    xray_str name;

    if (!xf_mp_take_map(&c, &pairs))
        return false;
    for (uint32_t i = 0; i < pairs; i++) {
        int key;
        bool first;

        d->at = "body";
        if (!xf_mp_take_str(&c, &name))
            return false;
        key = find_key(name);
        first = key < KEY_COUNT && (seen >> key & 1) == 0;
        if (first && (seen & keys[key].needs) == keys[key].needs) {
            if (!take_key(d, (enum key)key, &c))
                return false;
        } else {
            if (first)
                waiting[key] = c;
            if (!xray_mp_skip(&c))
                return false;
        }
        if (first)
            seen |= 1u << key;
    }
    for (int k = 0; k < KEY_COUNT; k++)
        if (waiting[k].at != NULL && !take_key(d, (enum key)k, &waiting[k]))
            return false;
    return c.left == 0;
}

static bool decode(struct decoder *d, xray_str body)
{
    struct xf_cands_cursor *start;

    d->at = "body";
    d->start.last_item = -1;
    if (!take_keys(d, body))
        return false;
    d->c->cursor_len = sizeof *start + d->c->key_count * sizeof *d->evidence;
    start = take_memory(d, 1, d->c->cursor_len);
    if (start == NULL)
        return false;
    *start = d->start;
    if (d->evidence != NULL)
        memcpy(start + 1, d->evidence, d->c->key_count * sizeof *d->evidence);
    d->at = "candidates";
    return xf_cands_mark(d->c, start, d->arena, &d->no_memory);
}

int xf_cands_decode(struct xf_cands *out, xray_str body, struct xf_arena *arena, xray_error *err)
{
    struct xf_cands c = {.body = (const uint8_t *)body.ptr};
    struct decoder d = {
        .c = &c,
        .arena = arena,
        .scope = {.body = c.body, .arena = arena},
        .reasons_left = XF_ROWS_MAX,
        .keys_left = XF_ROWS_MAX,
    };

    if (!decode(&d, body))
        return d.no_memory ? xf_fail_memory(err)
                           : xf_fail(err, XRAY_ECORRUPT, XF_NO_POS,
                                     "candidates contradict the spec in their %s", d.at);
    *out = c;
    return XRAY_OK;
}

/* ---- finding ------------------------------------------------------------------------- */

static int compare_batch(const struct xf_cands *c, uint32_t i, const uint8_t *run_id, int64_t step)
{
    const struct xf_batch *b = &c->batches[c->batch_order[i]];

    return compare_owner(c->run_ids + (size_t)b->run * 16, b->step, run_id, step);
}

void xf_cands_find(const struct xf_cands *c, const uint8_t run_id[16], int64_t step, uint32_t *from,
                   uint32_t *to)
{
    uint32_t low = 0, high = c->batch_count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (compare_batch(c, middle, run_id, step) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *from = low;
    while (low < c->batch_count && compare_batch(c, low, run_id, step) == 0)
        low++;
    *to = low;
}

static int compare_event(const struct xf_cands *c, const struct xf_event_rows *rows, uint32_t i,
                         const uint8_t *run_id, int64_t step)
{
    const uint32_t row = rows->order[i];

    return compare_owner(c->run_ids + (size_t)xf_cell_int(rows->columns[XF_EVENT_RUN], row) * 16,
                         xf_cell_int(rows->columns[XF_EVENT_STEP], row), run_id, step);
}

void xf_events_find(const struct xf_cands *c, const struct xf_event_rows *rows, const uint8_t run_id[16],
                    int64_t step, uint32_t *from, uint32_t *to)
{
    uint32_t low = 0, high = rows->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (compare_event(c, rows, middle, run_id, step) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *from = low;
    while (low < rows->count && compare_event(c, rows, low, run_id, step) == 0)
        low++;
    *to = low;
}
