/* Spine blocks: rows become columns (spec 7). */
#include "format/spine_build.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"

#define NO_INDEX UINT32_MAX

static void reset_table(struct xf_spine_table *t)
{
    for (unsigned i = 0; i < XF_ROW_COLUMNS; i++)
        xf_column_reset(&t->build[i]);
    t->rows = 0;
    t->last_start = XRAY_MISSING;
}

static void reset_block(struct xf_spine_build *b)
{
    xf_dict_reset(&b->strings);
    xf_dict_reset(&b->runs);
    reset_table(&b->run_rows);
    reset_table(&b->step_rows);
    xf_column_reset(&b->detail_run);
    xf_column_reset(&b->detail_step);
    xf_column_reset(&b->detail_block);
    b->t0 = XRAY_MISSING;
    b->time_min = INT64_MAX;
    b->time_max = INT64_MIN;
    b->size = 0;
}

void xf_spine_init(struct xf_spine_build *b)
{
    *b = (struct xf_spine_build){0};
    b->run_rows.columns = xf_run_columns;
    b->run_rows.column_count = XF_RUN_COLUMNS;
    b->run_rows.number = XF_TABLE_RUNS;
    b->step_rows.columns = xf_step_columns;
    b->step_rows.column_count = XF_STEP_COLUMNS;
    b->step_rows.number = XF_TABLE_STEPS;
    reset_block(b);
}

void xf_spine_new_segment(struct xf_spine_build *b)
{
    b->first = b->first2 = 0;
}

void xf_spine_done(struct xf_spine_build *b)
{
    xf_dict_done(&b->strings);
    xf_dict_done(&b->runs);
    for (unsigned i = 0; i < XF_ROW_COLUMNS; i++) {
        xray_buffer_free(&b->run_rows.build[i].bytes);
        xray_buffer_free(&b->step_rows.build[i].bytes);
    }
    xray_buffer_free(&b->detail_run.bytes);
    xray_buffer_free(&b->detail_step.bytes);
    xray_buffer_free(&b->detail_block.bytes);
    xray_buffer_free(&b->scratch);
}

/* Index of a name in `strings`; NO_INDEX for "none". False when memory is out. */
static bool put_name(struct xf_spine_build *b, xray_str name, uint32_t *index)
{
    *index = NO_INDEX;
    if (name.len == 0)
        return true;
    *index = xf_dict_put(&b->strings, name.ptr, name.len);
    return *index != NO_INDEX;
}

/* Entries differ by id, pipeline and version: a run that was given its name after its first row has two. */
static bool put_run(struct xf_spine_build *b, const struct xf_run_ref *ref, uint32_t *index)
{
    uint32_t pipeline, version;
    uint8_t key[24];

    if (!put_name(b, ref->pipeline, &pipeline) || !put_name(b, ref->version, &version))
        return false;
    memcpy(key, ref->id, 16);
    xf_put_u32(key + 16, pipeline);
    xf_put_u32(key + 20, version);
    *index = xf_dict_put(&b->runs, key, sizeof key);
    return *index != NO_INDEX;
}

static int64_t int_of(xray_str value)
{
    xray_mp c = xray_mp_over(value.ptr, value.len);
    int64_t v = XRAY_MISSING;

    xf_mp_take_int(&c, &v);
    return v;
}

/* Differences wrap like unsigned integers, so any two times have one. */
static void put_delta(struct xf_spine_build *b, struct xf_spine_table *t, xray_buffer *out, int64_t v)
{
    int64_t base = t->last_start;

    if (base == XRAY_MISSING) {
        if (b->t0 == XRAY_MISSING)
            b->t0 = v;
        base = b->t0;
    }
    xf_mp_int(out, (int64_t)((uint64_t)v - (uint64_t)base));
    t->last_start = v;
}

/* [code, count, ...] with codes as indexes. */
static int put_reasons(struct xf_spine_build *b, xray_buffer *out, xray_str value)
{
    xray_mp c = xray_mp_over(value.ptr, value.len);
    uint32_t count, index;

    if (!xf_mp_take_array(&c, &count) || count % 2 != 0)
        return XRAY_ECORRUPT;
    xf_mp_array(out, count);
    for (uint32_t i = 0; i < count / 2; i++) {
        xray_str code, n;

        if (!xf_mp_take_str(&c, &code) || !xf_mp_take_value(&c, &n))
            return XRAY_ECORRUPT;
        index = xf_dict_put(&b->strings, code.ptr, code.len);
        if (index == NO_INDEX)
            return XRAY_ENOMEM;
        xf_mp_uint(out, index);
        xf_buf_put(out, n.ptr, n.len);
    }
    return XRAY_OK;
}

static int put_str(struct xf_spine_build *b, xray_buffer *out, xray_str value)
{
    xray_mp c = xray_mp_over(value.ptr, value.len);
    xray_str text;
    uint32_t index;

    if (!xf_mp_take_str(&c, &text))
        return XRAY_ECORRUPT;
    index = xf_dict_put(&b->strings, text.ptr, text.len);
    if (index == NO_INDEX)
        return XRAY_ENOMEM;
    xf_mp_uint(out, index);
    return XRAY_OK;
}

static int put_element(struct xf_spine_build *b, struct xf_payload_build *p, struct xf_spine_table *t, unsigned column,
                       xray_str value, uint32_t run)
{
    struct xf_column_build *c = &t->build[column];
    int r = XRAY_OK;

    xf_column_pad(c, t->rows);
    switch (t->columns[column].encoding) {
    case XF_ENC_RUN:
        xf_mp_uint(&c->bytes, run);
        break;
    case XF_ENC_STR:
        r = put_str(b, &c->bytes, value);
        break;
    case XF_ENC_DELTA:
        put_delta(b, t, &c->bytes, int_of(value));
        break;
    case XF_ENC_REASONS:
        r = put_reasons(b, &c->bytes, value);
        break;
    case XF_ENC_VALUE:
        r = xf_payload_store(p, value.ptr, value.len, &c->bytes);
        break;
    case XF_ENC_INT:
    case XF_ENC_ID:
        xf_buf_put(&c->bytes, value.ptr, value.len);
        break;
    case XF_ENC_NONE:
        return XRAY_OK;
    }
    c->count++;
    return r < 0 ? r : c->bytes.failed ? XRAY_ENOMEM : XRAY_OK;
}

static void note_times(struct xf_spine_build *b, const struct xf_row *row, unsigned start_column, unsigned dur_column,
                       unsigned end_column)
{
    const int64_t start = xf_row_get_int(row, start_column), dur = xf_row_get_int(row, dur_column);
    const int64_t given = xf_row_get_int(row, end_column);
    int64_t times[2] = {start, given};

    if (given == XRAY_MISSING && start != XRAY_MISSING && dur != XRAY_MISSING)
        times[1] = (int64_t)((uint64_t)start + (uint64_t)dur);
    for (size_t i = 0; i < 2; i++) {
        if (times[i] == XRAY_MISSING)
            continue;
        b->time_min = times[i] < b->time_min ? times[i] : b->time_min;
        b->time_max = times[i] > b->time_max ? times[i] : b->time_max;
    }
}

static size_t table_size(const struct xf_spine_table *t)
{
    size_t n = 0;

    for (unsigned c = 0; c < t->column_count; c++)
        n += t->build[c].bytes.len;
    return n;
}

int xf_spine_add_row(struct xf_spine_build *b, struct xf_payload_build *p, struct xf_digest *digest,
                     enum xf_table table, const uint8_t writer_id[16], const struct xf_run_ref *ref,
                     const struct xf_row *row)
{
    struct xf_spine_table *t = table == XF_TABLE_RUNS ? &b->run_rows : &b->step_rows;
    uint32_t run;
    int r;

    if (!put_run(b, ref, &run))
        return XRAY_ENOMEM;
    r = put_element(b, p, t, 0, xray_strn(NULL, 0), run);
    for (unsigned c = 1; r >= 0 && c < t->column_count; c++)
        if (xf_row_has(row, c))
            r = put_element(b, p, t, c, xf_row_get(row, c), run);
    if (r < 0)
        return r;
    t->rows++;
    if (table == XF_TABLE_RUNS)
        note_times(b, row, XF_RUN_START, XF_RUN_DUR, XF_RUN_END);
    else
        note_times(b, row, XF_STEP_START, XF_STEP_DUR, XF_STEP_END);
    xf_record_row(digest, &b->record, &b->scratch, t->number, writer_id, ref, row);
    if (b->scratch.failed) /* the digest is wrong now */
        return XRAY_ENOMEM;
    b->size = table_size(&b->run_rows) + table_size(&b->step_rows) + b->strings.bytes.len + b->runs.bytes.len;
    return XRAY_OK;
}

/* The entry of a run whose names are not at hand. Details come in the order of the rows, so
 * going on from the last hit finds the next one at once. */
static bool find_run(struct xf_spine_build *b, const uint8_t id[16], uint32_t *index)
{
    const struct xf_run_ref unnamed = {.id = id};

    for (uint32_t n = 0; n < b->runs.count; n++) {
        const uint32_t i = (b->last_run + n) % b->runs.count;

        if (memcmp(xf_dict_get(&b->runs, i).ptr, id, 16) == 0) {
            *index = b->last_run = i;
            return true;
        }
    }
    return put_run(b, &unnamed, index);
}

int xf_spine_add_detail(struct xf_spine_build *b, const uint8_t run_id[16], int64_t step, uint64_t ordinal)
{
    uint32_t run;

    if (!find_run(b, run_id, &run))
        return XRAY_ENOMEM;
    xf_column_put_int(&b->detail_run, run);
    xf_column_put_int(&b->detail_step, step);
    xf_column_put_int(&b->detail_block, (int64_t)ordinal);
    return b->detail_block.bytes.failed ? XRAY_ENOMEM : XRAY_OK;
}

static void put_table(xray_buffer *body, const char *name, struct xf_spine_table *t)
{
    size_t present = 0;

    if (t->rows == 0)
        return;
    for (unsigned c = 0; c < t->column_count; c++)
        present += t->build[c].count > 0;
    xf_mp_cstr(body, name);
    xf_mp_map(body, present);
    for (unsigned c = 0; c < t->column_count; c++)
        if (t->build[c].count > 0) {
            xf_column_pad(&t->build[c], t->rows);
            xf_column_write(&t->build[c], t->columns[c].name, body);
        }
}

static void put_index(xray_buffer *body, uint32_t index)
{
    if (index == NO_INDEX)
        xf_mp_nil(body);
    else
        xf_mp_uint(body, index);
}

static void put_run_table(struct xf_spine_build *b, xray_buffer *body)
{
    static const char *const names[2] = {"pipeline", "version"};

    xf_mp_cstr(body, "run");
    xf_mp_map(body, 3);
    xf_mp_cstr(body, "id");
    xf_buf_reset(&b->scratch);
    for (uint32_t i = 0; i < b->runs.count; i++)
        xf_buf_put(&b->scratch, xf_dict_get(&b->runs, i).ptr, 16);
    xf_mp_bin(body, b->scratch.data, b->scratch.len);
    for (size_t k = 0; k < 2; k++) {
        xf_mp_cstr(body, names[k]);
        xf_mp_array(body, b->runs.count);
        for (uint32_t i = 0; i < b->runs.count; i++)
            put_index(body, xf_get_u32((const uint8_t *)xf_dict_get(&b->runs, i).ptr + 16 + 4 * k));
    }
}

static void put_details(struct xf_spine_build *b, xray_buffer *body)
{
    if (b->detail_run.count == 0)
        return;
    xf_mp_cstr(body, "details");
    xf_mp_map(body, 3);
    xf_column_write(&b->detail_run, "run", body);
    xf_column_write(&b->detail_step, "step", body);
    xf_column_write(&b->detail_block, "block", body);
}

int xf_spine_finish(struct xf_spine_build *b, xray_buffer *body)
{
    xf_mp_map(body, 4u + (b->run_rows.rows > 0) + (b->step_rows.rows > 0) + (b->detail_run.count > 0));
    xf_mp_cstr(body, "kind");
    xf_mp_cstr(body, "spine");
    xf_column_write_dict(&b->strings, "strings", body);
    xf_mp_cstr(body, "t0");
    xf_mp_int(body, b->t0 != XRAY_MISSING ? b->t0 : 0);
    put_run_table(b, body);
    put_table(body, "runs", &b->run_rows);
    put_table(body, "steps", &b->step_rows);
    put_details(b, body);
    b->first += b->step_rows.rows;
    b->first2 += b->run_rows.rows;
    reset_block(b);
    return body->failed ? XRAY_ENOMEM : XRAY_OK;
}
