/* Candidates blocks: row records become shapes and dense columns (spec 8). */
#include "format/cands_build.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/idcol.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "codec/numcol.h"

static const char *const cand_names[XF_CAND_COLUMNS] = {"shape",    "item",   "score", "threshold", "rank_in",
                                                        "rank_out", "weight", "time",  "evidence"};
static const char *const event_names[XF_EV_COLUMNS] = {"run", "step", "after", "name", "time", "body"};

static void reset_block(struct xf_cands_build *b)
{
    struct xf_column_build *fixed[] = {&b->batch_run, &b->batch_step, &b->batch_n, &b->batch_time};

    xf_dict_reset(&b->strings);
    xf_dict_reset(&b->runs);
    xf_dict_reset(&b->items);
    xf_dict_reset(&b->keys);
    xf_dict_reset(&b->shapes);
    xf_dict_reset(&b->owners);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        xf_column_reset(fixed[i]);
    for (size_t i = 0; i < XF_CAND_COLUMNS; i++)
        xf_column_reset(&b->columns[i]);
    for (size_t i = 0; i < b->evidence_cap; i++)
        xf_column_reset(&b->evidence[i]);
    for (size_t i = 0; i < XF_EV_COLUMNS; i++) {
        xf_column_reset(&b->decisions.columns[i]);
        xf_column_reset(&b->notes.columns[i]);
    }
    xf_cand_forms_reset(&b->forms);
    b->decisions.rows = b->notes.rows = b->rows = 0;
    b->last_item = -1;
    b->time_min = INT64_MAX;
    b->time_max = INT64_MIN;
    b->size = 0;
}

void xf_cands_init(struct xf_cands_build *b)
{
    *b = (struct xf_cands_build){0};
    reset_block(b);
}

void xf_cands_new_segment(struct xf_cands_build *b)
{
    b->first = b->first2 = 0;
}

void xf_cands_done(struct xf_cands_build *b)
{
    struct xf_column_build *fixed[] = {&b->batch_run, &b->batch_step, &b->batch_n, &b->batch_time};

    xf_dict_done(&b->strings);
    xf_dict_done(&b->runs);
    xf_dict_done(&b->items);
    xf_dict_done(&b->keys);
    xf_dict_done(&b->shapes);
    xf_dict_done(&b->owners);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        xray_buffer_free(&fixed[i]->bytes);
    for (size_t i = 0; i < XF_CAND_COLUMNS; i++)
        xray_buffer_free(&b->columns[i].bytes);
    for (size_t i = 0; i < b->evidence_cap; i++)
        xray_buffer_free(&b->evidence[i].bytes);
    for (size_t i = 0; i < XF_EV_COLUMNS; i++) {
        xray_buffer_free(&b->decisions.columns[i].bytes);
        xray_buffer_free(&b->notes.columns[i].bytes);
    }
    xf_cand_forms_done(&b->forms);
    xf_free(b->evidence);
    xray_buffer_free(&b->shape);
    xray_buffer_free(&b->record);
}

static void note_time(struct xf_cands_build *b, int64_t time_ns)
{
    if (time_ns == XRAY_MISSING)
        return;
    b->time_min = time_ns < b->time_min ? time_ns : b->time_min;
    b->time_max = time_ns > b->time_max ? time_ns : b->time_max;
}

static int note_owner(struct xf_cands_build *b, const struct xf_owner *owner, uint32_t *run)
{
    uint8_t key[24];

    memcpy(key, owner->run_id, 16);
    xf_put_u64(key + 16, (uint64_t)owner->step);
    *run = xf_dict_put(&b->runs, owner->run_id, 16);
    if (*run == UINT32_MAX || xf_dict_put(&b->owners, key, sizeof key) == UINT32_MAX)
        return XRAY_ENOMEM;
    return XRAY_OK;
}

void xf_cands_owner(const struct xf_cands_build *b, uint32_t i, const uint8_t **run_id, int64_t *step)
{
    const uint8_t *key = (const uint8_t *)xf_dict_get(&b->owners, i).ptr;

    *run_id = key;
    *step = (int64_t)xf_get_u64(key + 16);
}

static bool is_nil(xray_str value)
{
    return value.len == 1 && (uint8_t)value.ptr[0] == 0xc0;
}

/* Most members of most candidates are nil: one byte, no need to look further. */
static void take_member(xray_mp *c, xray_str *out)
{
    if (c->left > 0 && *c->at == 0xc0) {
        *out = xray_strn((const char *)c->at, 1);
        c->at++;
        c->left--;
        return;
    }
    xf_mp_take_value(c, out);
}

static bool take_cand(xray_mp *c, struct xf_cand *out)
{
    uint32_t members;

    if (!xf_mp_take_array(c, &members) || members != 12)
        return false;
    xf_mp_take_str(c, &out->item);
    xf_mp_take_int(c, &out->verdict);
    xf_mp_take_value(c, &out->all_reasons);
    out->fields = 0;
    for (unsigned i = 0; i < 5; i++) {
        take_member(c, &out->numbers[i]);
        out->fields |= is_nil(out->numbers[i]) ? 0 : 1u << i;
    }
    xf_mp_take_int(c, &out->time);
    out->fields |= out->time != XRAY_MISSING ? XRAY_HAS_TIME : 0;
    xf_mp_take_int(c, &out->by);
    xf_mp_take_int(c, &out->provenance);
    take_member(c, &out->evidence);
    if (c->bad)
        return false;
    out->reasons = xray_mp_over(out->all_reasons.ptr, out->all_reasons.len);
    return xf_mp_take_array(&out->reasons, &out->reason_count);
}

/* Appends the shape's reasons: strings become indexes. */
static bool put_shape_reasons(struct xf_cands_build *b, struct xf_cand *c)
{
    xf_mp_array(&b->shape, c->reason_count);
    for (uint32_t i = 0; i < c->reason_count; i++) {
        uint32_t members;

        if (!xf_mp_take_array(&c->reasons, &members))
            return false;
        xf_mp_array(&b->shape, members);
        for (uint32_t k = 0; k < members; k++) {
            xray_mp_item text;
            uint32_t index;

            if (!xray_mp_next(&c->reasons, &text))
                return false;
            if (text.type != XRAY_MP_STR) {
                xf_mp_nil(&b->shape);
                continue;
            }
            index = xf_dict_put(&b->strings, text.bytes.ptr, text.bytes.len);
            if (index == UINT32_MAX)
                return false;
            xf_mp_uint(&b->shape, index);
        }
    }
    return true;
}

static bool more_evidence(struct xf_cands_build *b, uint32_t key)
{
    const uint32_t cap = b->evidence_cap != 0 ? b->evidence_cap * 2 : 16;
    struct xf_column_build *more;

    if (key < b->evidence_cap)
        return true;
    more = xf_resize_array(b->evidence, cap, sizeof *more);
    if (more == NULL)
        return false;
    memset(more + b->evidence_cap, 0, (cap - b->evidence_cap) * sizeof *more);
    b->evidence = more;
    b->evidence_cap = cap;
    return more_evidence(b, key);
}

/* True if all keys of the evidence map are str: then it goes to columns by key. */
static bool keys_are_text(xray_str evidence)
{
    xray_mp c = xray_mp_over(evidence.ptr, evidence.len);
    uint32_t count;

    if (!xf_mp_take_map(&c, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        xray_str key;

        if (!xf_mp_take_str(&c, &key) || !xray_mp_skip(&c))
            return false;
    }
    return true;
}

static int put_evidence_value(struct xf_cands_build *b, struct xf_payload_build *p, uint32_t key, xray_str value)
{
    struct xf_column_build *column = &b->evidence[key];
    const size_t before = column->bytes.len;
    const int r = xf_payload_store(p, value.ptr, value.len, &column->bytes);

    if (r < 0)
        return r;
    column->count++;
    b->size += column->bytes.len - before;
    return XRAY_OK;
}

/* Appends the shape's list of keys, and each value to its key's column; the first XF_FORM_KEYS keys also to `columns`. */
static int put_evidence(struct xf_cands_build *b, struct xf_payload_build *p, xray_str evidence, uint32_t *columns)
{
    xray_mp c = xray_mp_over(evidence.ptr, evidence.len);
    uint32_t count;

    if (!xf_mp_take_map(&c, &count))
        return XRAY_ECORRUPT;
    xf_mp_array(&b->shape, count);
    for (uint32_t i = 0; i < count; i++) {
        xray_str key, value;
        uint32_t index;
        int r;

        xf_mp_take_str(&c, &key);
        if (!xf_mp_take_value(&c, &value))
            return XRAY_ECORRUPT;
        index = xf_dict_put(&b->keys, key.ptr, key.len);
        if (index == UINT32_MAX || !more_evidence(b, index))
            return XRAY_ENOMEM;
        xf_mp_uint(&b->shape, index);
        r = put_evidence_value(b, p, index, value);
        if (r < 0)
            return r;
        if (i < XF_FORM_KEYS)
            columns[i] = index;
    }
    return XRAY_OK;
}

static int put_whole_evidence(struct xf_cands_build *b, struct xf_payload_build *p, xray_str evidence)
{
    struct xf_column_build *column = &b->columns[XF_CAND_EVIDENCE];
    const size_t before = column->bytes.len;
    const int r = xf_payload_store(p, evidence.ptr, evidence.len, &column->bytes);

    if (r < 0)
        return r;
    column->count++;
    b->size += column->bytes.len - before;
    xf_mp_array(&b->shape, 0);
    return XRAY_OK;
}

static void put_item(struct xf_cands_build *b, uint32_t index)
{
    xf_column_put_int(&b->columns[XF_CAND_ITEM], (int64_t)index - b->last_item);
    b->last_item = index;
}

/* Columns of the fields that are there. */
static void put_numbers(struct xf_cands_build *b, unsigned fields, const xray_str numbers[5], int64_t time, int64_t base_time)
{
    for (unsigned i = 0; i < 5; i++)
        if ((fields >> i & 1) != 0) {
            xf_column_put(&b->columns[XF_CAND_SCORE + i], numbers[i]);
            b->size += numbers[i].len;
        }
    if ((fields & XRAY_HAS_TIME) != 0) {
        xf_column_put_int(&b->columns[XF_CAND_TIME], (int64_t)((uint64_t)time - (uint64_t)base_time));
        note_time(b, time);
        b->size += 5;
    }
}

/* ---- candidates ---- */

static int add_formed(struct xf_cands_build *b, struct xf_payload_build *p, const struct xf_cand_form *f,
                      const struct xf_cand_values *v, int64_t base_time)
{
    if (f->fields != 0)
        put_numbers(b, f->fields, v->numbers, v->time, base_time);
    for (uint32_t i = 0; i < f->key_count; i++) {
        const int r = put_evidence_value(b, p, f->column[i], v->evidence[i]);

        if (r < 0)
            return r;
    }
    xf_column_put_int(&b->columns[XF_CAND_SHAPE], f->shape);
    return XRAY_OK;
}

/* A candidate of a form not met before: its shape, and the columns it goes to. Evidence as a whole is not worth
 * remembering: another candidate hardly has the same. */
static int add_unformed(struct xf_cands_build *b, struct xf_payload_build *p, struct xf_cand *c, int64_t base_time)
{
    const bool none = is_nil(c->evidence), whole = !none && !keys_are_text(c->evidence);
    uint32_t columns[XF_FORM_KEYS], shape;
    int r = XRAY_OK;

    xf_buf_reset(&b->shape);
    xf_mp_array(&b->shape, 6);
    xf_mp_int(&b->shape, c->verdict);
    if (!put_shape_reasons(b, c))
        return XRAY_ENOMEM;
    put_numbers(b, c->fields, c->numbers, c->time, base_time);
    xf_mp_uint(&b->shape, c->fields | (whole ? XRAY_HAS_EVIDENCE : 0u));
    xf_mp_int(&b->shape, c->by);
    xf_mp_int(&b->shape, c->provenance);
    if (none)
        xf_mp_array(&b->shape, 0);
    else
        r = whole ? put_whole_evidence(b, p, c->evidence) : put_evidence(b, p, c->evidence, columns);
    if (r < 0)
        return r;
    shape = xf_dict_put(&b->shapes, b->shape.data, b->shape.len);
    if (shape == UINT32_MAX || b->shape.failed)
        return XRAY_ENOMEM;
    xf_column_put_int(&b->columns[XF_CAND_SHAPE], shape);
    if (!whole)
        xf_cand_form_add(&b->forms, c, shape, columns);
    return XRAY_OK;
}

/* The record `c` at the cursor, which moves behind it. */
static int add_cand(struct xf_cands_build *b, struct xf_payload_build *p, xray_mp *cursor, int64_t base_time)
{
    const uint32_t items_before = b->items.count;
    const struct xf_cand_form *form;
    struct xf_cand_values values;
    xray_mp at = *cursor;
    struct xf_cand c;
    uint32_t members, item;
    int r;

    if (!xf_mp_take_array(&at, &members) || members != 12 || !xf_mp_take_str(&at, &c.item))
        return XRAY_ECORRUPT;
    item = xf_dict_put(&b->items, c.item.ptr, c.item.len);
    if (item == UINT32_MAX)
        return XRAY_ENOMEM;
    form = xf_cand_form_match(&b->forms, &at, &values);
    if (form != NULL) {
        *cursor = at;
        r = add_formed(b, p, form, &values, base_time);
    } else {
        r = take_cand(cursor, &c) ? add_unformed(b, p, &c, base_time) : XRAY_ECORRUPT;
    }
    if (r < 0)
        return r;
    put_item(b, item);
    b->size += 3 + (b->items.count != items_before ? c.item.len : 0);
    b->rows++;
    return XRAY_OK;
}

int xf_cands_add_batch(struct xf_cands_build *b, struct xf_payload_build *p, struct xf_digest *digest,
                       const struct xf_owner *owner, int64_t base_time, const xray_buffer *records, uint32_t count)
{
    const int64_t base = base_time != XRAY_MISSING ? base_time : 0;
    const uint32_t times_before = b->columns[XF_CAND_TIME].count;
    xray_mp cursor = xray_mp_over(records->data, records->len);
    size_t head;
    uint32_t run;
    int r;

    r = note_owner(b, owner, &run);
    if (r < 0)
        return r;
    xf_record_begin(&b->record, XF_TABLE_CANDS, owner, 1);
    head = b->record.len;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *start = cursor.at;

        r = add_cand(b, p, &cursor, base);
        if (r < 0)
            return r;
        b->record.len = head;
        xf_buf_put(&b->record, start, (size_t)(cursor.at - start));
        xf_digest_add(digest, b->record.data, b->record.len);
    }
    xf_column_put_int(&b->batch_run, run);
    xf_column_put_int(&b->batch_step, owner->step);
    xf_column_put_int(&b->batch_n, count);
    xf_column_put_int(&b->batch_time, b->columns[XF_CAND_TIME].count > times_before ? base_time : XRAY_MISSING);
    b->size += 24;
    return b->record.failed ? XRAY_ENOMEM : XRAY_OK;
}

int xf_cands_add_event(struct xf_cands_build *b, struct xf_payload_build *p, struct xf_digest *digest,
                       const struct xf_owner *owner, enum xf_table table, xray_str record)
{
    struct xf_event_table *t = table == XF_TABLE_DECISIONS ? &b->decisions : &b->notes;
    xray_mp c = xray_mp_over(record.ptr, record.len);
    xray_str name, body, members;
    uint32_t count, run, index;
    int64_t after, time_ns;
    int r;

    if (!xf_mp_take_array(&c, &count) || count != 4)
        return XRAY_ECORRUPT;
    members = xray_strn((const char *)c.at, c.left);
    xf_mp_take_int(&c, &after);
    xf_mp_take_str(&c, &name);
    xf_mp_take_int(&c, &time_ns);
    if (!xf_mp_take_value(&c, &body))
        return XRAY_ECORRUPT;

    r = note_owner(b, owner, &run);
    if (r < 0)
        return r;
    xf_record_begin(&b->record, table, owner, 4);
    xf_buf_put(&b->record, members.ptr, members.len);
    xf_digest_add(digest, b->record.data, b->record.len);

    index = xf_dict_put(&b->strings, name.ptr, name.len);
    if (index == UINT32_MAX)
        return XRAY_ENOMEM;
    xf_column_put_int(&t->columns[XF_EV_RUN], run);
    xf_column_put_int(&t->columns[XF_EV_STEP], owner->step);
    xf_column_put_int(&t->columns[XF_EV_AFTER], after);
    xf_column_put_int(&t->columns[XF_EV_NAME], index);
    xf_column_put_int(&t->columns[XF_EV_TIME], time_ns);
    r = xf_payload_store(p, body.ptr, body.len, &t->columns[XF_EV_BODY].bytes);
    if (r < 0)
        return r;
    t->columns[XF_EV_BODY].count++;
    t->rows++;
    note_time(b, time_ns);
    b->size += 90;
    return b->record.failed ? XRAY_ENOMEM : XRAY_OK;
}

static void put_run_table(xray_buffer *body, const struct xf_dict *runs)
{
    xf_mp_cstr(body, "run");
    xf_mp_map(body, 1);
    xf_mp_cstr(body, "id");
    xf_mp_bin(body, runs->bytes.data, (size_t)runs->count * 16);
}

static int put_items(xray_buffer *body, const struct xf_dict *items)
{
    xray_str *ids = xf_alloc_array(items->count, sizeof *ids);

    if (ids == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < items->count; i++)
        ids[i] = xf_dict_get(items, i);
    xf_mp_cstr(body, "items");
    xf_idcol_encode(ids, items->count, body);
    xf_free(ids);
    return XRAY_OK;
}

static void put_shapes(xray_buffer *body, const struct xf_dict *shapes)
{
    xf_mp_cstr(body, "shapes");
    xf_mp_array(body, shapes->count);
    xf_buf_put(body, shapes->bytes.data, shapes->bytes.len);
}

static void put_batches(struct xf_cands_build *b, xray_buffer *body)
{
    xf_mp_cstr(body, "batches");
    xf_mp_map(body, 4);
    xf_column_write(&b->batch_run, "run", body);
    xf_column_write(&b->batch_step, "step", body);
    xf_column_write(&b->batch_n, "n", body);
    xf_column_write(&b->batch_time, "time", body);
}

static bool is_num(enum xf_cand_column c)
{
    return c == XF_CAND_SCORE || c == XF_CAND_THRESHOLD || c == XF_CAND_WEIGHT;
}

static void put_cands(struct xf_cands_build *b, xray_buffer *body)
{
    size_t present = 0;

    for (size_t i = 0; i < XF_CAND_COLUMNS; i++)
        present += b->columns[i].count > 0;
    xf_mp_cstr(body, "cands");
    xf_mp_map(body, present);
    for (size_t i = 0; i < XF_CAND_COLUMNS; i++) {
        if (b->columns[i].count == 0)
            continue;
        if (!is_num((enum xf_cand_column)i)) {
            xf_column_write(&b->columns[i], cand_names[i], body);
            continue;
        }
        xf_mp_cstr(body, cand_names[i]);
        xf_numcol_encode(&b->columns[i].bytes, b->columns[i].count, body);
    }
}

static void put_evidence_columns(struct xf_cands_build *b, xray_buffer *body)
{
    xf_mp_cstr(body, "evidence");
    xf_mp_array(body, b->keys.count);
    for (uint32_t i = 0; i < b->keys.count; i++)
        xf_numcol_encode(&b->evidence[i].bytes, b->evidence[i].count, body);
}

static void put_events(xray_buffer *body, const char *name, const struct xf_event_table *t)
{
    if (t->rows == 0)
        return;
    xf_mp_cstr(body, name);
    xf_mp_map(body, XF_EV_COLUMNS);
    for (size_t i = 0; i < XF_EV_COLUMNS; i++)
        xf_column_write(&t->columns[i], event_names[i], body);
}

int xf_cands_finish(struct xf_cands_build *b, xray_buffer *body)
{
    int r;

    xf_mp_map(body, 9u + (b->decisions.rows > 0) + (b->notes.rows > 0));
    xf_mp_cstr(body, "kind");
    xf_mp_cstr(body, "candidates");
    xf_column_write_dict(&b->strings, "strings", body);
    put_run_table(body, &b->runs);
    r = put_items(body, &b->items);
    if (r < 0)
        return r;
    xf_column_write_dict(&b->keys, "keys", body);
    put_shapes(body, &b->shapes);
    put_batches(b, body);
    put_cands(b, body);
    put_evidence_columns(b, body);
    put_events(body, "decisions", &b->decisions);
    put_events(body, "notes", &b->notes);
    b->first += b->rows;
    b->first2 += (uint64_t)b->decisions.rows + b->notes.rows;
    reset_block(b);
    return body->failed ? XRAY_ENOMEM : XRAY_OK;
}
