/* Tables of columns back to rows (table_read.h). */
#include "format/table_read.h"

/* Cells of column `k` of a table that is being taken. */
struct target {
    union xf_cell *cell; /* in the first row */
    unsigned stride;     /* cells per row */
    uint32_t rows;
};

static bool take_ints(xray_mp *c, struct target t)
{
    for (uint32_t i = 0; i < t.rows; i++, t.cell += t.stride)
        if (!xf_mp_take_int(c, &t.cell->i))
            return false;
    return true;
}

/* Differences wrap like unsigned integers, so any two times have one. */
static bool take_deltas(xray_mp *c, struct target t, int64_t base)
{
    uint64_t last = (uint64_t)base;

    for (uint32_t i = 0; i < t.rows; i++, t.cell += t.stride) {
        if (!xf_mp_take_int(c, &t.cell->i))
            return false;
        if (t.cell->i != XRAY_MISSING) {
            last += (uint64_t)t.cell->i;
            t.cell->i = (int64_t)last;
        }
    }
    return true;
}

static bool take_runs(xray_mp *c, struct target t, uint32_t run_count)
{
    for (uint32_t i = 0; i < t.rows; i++, t.cell += t.stride)
        if (!xf_mp_take_int(c, &t.cell->i) || t.cell->i < 0 || t.cell->i >= run_count)
            return false;
    return true;
}

static struct xf_slice slice_of(const uint8_t *body, const void *at, size_t len)
{
    return (struct xf_slice){.off = (uint32_t)((const uint8_t *)at - body), .len = (uint32_t)len};
}

static bool take_names(xray_mp *c, struct target t, const struct xf_scope *scope)
{
    for (uint32_t i = 0; i < t.rows; i++, t.cell += t.stride) {
        int64_t index;

        if (!xf_mp_take_int(c, &index))
            return false;
        if (index == XRAY_MISSING)
            continue;
        if (index < 0 || index >= scope->string_count)
            return false;
        t.cell->s = slice_of(scope->body, scope->strings[index].ptr, scope->strings[index].len);
    }
    return true;
}

/* [index, count, ...]; checked here so that nobody later has to. */
static bool check_reasons(const uint8_t *at, size_t len, const struct xf_scope *scope)
{
    xray_mp c = xray_mp_over(at, len);
    uint32_t count;
    int64_t index, n;

    if (!xf_mp_take_array(&c, &count) || count % 2 != 0)
        return false;
    for (uint32_t i = 0; i < count / 2; i++) {
        if (!xf_mp_take_int(&c, &index) || !xf_mp_take_int(&c, &n))
            return false;
        if (index < 0 || index >= scope->string_count || n < 0)
            return false;
    }
    return true;
}

/* str, bin 8 or bin 16 (spec 7.3). */
static bool check_id(const uint8_t *at, size_t len)
{
    xray_mp c = xray_mp_over(at, len);
    xray_mp_item item;

    if (!xray_mp_next(&c, &item))
        return false;
    return item.type == XRAY_MP_STR ||
           (item.type == XRAY_MP_BIN && (item.bytes.len == 8 || item.bytes.len == 16));
}

static bool take_encoded(xray_mp *c, struct target t, const struct xf_scope *scope, enum xf_encoding encoding)
{
    for (uint32_t i = 0; i < t.rows; i++, t.cell += t.stride) {
        const uint8_t *at = c->at;
        size_t len;

        if (c->left > 0 && *at == 0xc0) {
            c->at++;
            c->left--;
            continue;
        }
        if (!xray_mp_skip(c))
            return false;
        len = (size_t)(c->at - at);
        if (encoding == XF_ENC_REASONS && !check_reasons(at, len, scope))
            return false;
        if (encoding == XF_ENC_ID && !check_id(at, len))
            return false;
        t.cell->s = slice_of(scope->body, at, len);
    }
    return true;
}

static bool take_column(xray_mp *c, const struct xf_scope *scope, enum xf_encoding encoding, struct target t)
{
    switch (encoding) {
    case XF_ENC_INT:
        return take_ints(c, t);
    case XF_ENC_RUN:
        return take_runs(c, t, scope->run_count);
    case XF_ENC_STR:
        return take_names(c, t, scope);
    case XF_ENC_DELTA:
        return take_deltas(c, t, scope->t0);
    case XF_ENC_ID:
    case XF_ENC_REASONS:
    case XF_ENC_VALUE:
        return take_encoded(c, t, scope, encoding);
    case XF_ENC_NONE:
        break;
    }
    return false;
}

static bool is_number(enum xf_encoding encoding)
{
    return encoding == XF_ENC_INT || encoding == XF_ENC_RUN || encoding == XF_ENC_DELTA;
}

/* Rows in which nothing is set. */
static union xf_cell *new_rows(struct xf_arena *arena, const struct xf_column *columns, unsigned column_count,
                               uint32_t count)
{
    const size_t row_len = column_count * sizeof(union xf_cell);
    union xf_cell *rows = xf_arena_alloc(arena, row_len * (count > 0 ? count : 1));

    if (rows == NULL || count == 0)
        return rows;
    for (unsigned k = 0; k < column_count; k++)
        if (is_number(columns[k].encoding))
            rows[k].i = XRAY_MISSING;
    for (uint32_t i = 1; i < count; i++)
        memcpy(rows + (size_t)i * column_count, rows, row_len);
    return rows;
}

/* The column of this name; writers keep the order of the spec, so the search begins behind the last one. */
static unsigned find_column(const struct xf_column *columns, unsigned column_count, unsigned from, xray_str name)
{
    for (unsigned n = 0; n < column_count; n++) {
        const unsigned k = (from + n) % column_count;

        if (strlen(columns[k].name) == name.len && memcmp(columns[k].name, name.ptr, name.len) == 0)
            return columns[k].encoding == XF_ENC_NONE ? column_count : k;
    }
    return column_count;
}

bool xf_table_take(xray_mp *c, const struct xf_scope *scope, const struct xf_column *columns, unsigned column_count,
                   uint32_t max_rows, union xf_cell **rows, uint32_t *row_count, bool *no_memory)
{
    union xf_cell *cells = NULL;
    uint32_t pairs, count, rows_here = 0;
    uint64_t taken = 0;
    unsigned k = 0;

    if (!xf_mp_take_map(c, &pairs))
        return false;
    for (uint32_t i = 0; i < pairs; i++) {
        xray_str name;

        if (!xf_mp_take_str(c, &name))
            return false;
        k = find_column(columns, column_count, k < column_count ? k : 0, name);
        if (k == column_count || (taken >> k & 1) != 0) {
            if (!xray_mp_skip(c))
                return false;
            continue;
        }
        if (!xf_mp_take_array(c, &count) || count > max_rows || (cells != NULL && count != rows_here))
            return false;
        if (cells == NULL) {
            rows_here = count;
            cells = new_rows(scope->arena, columns, column_count, count);
            if (cells == NULL) {
                *no_memory = true;
                return false;
            }
        }
        taken |= UINT64_C(1) << k;
        if (!take_column(c, scope, columns[k].encoding, (struct target){cells + k, column_count, rows_here}))
            return false;
    }
    *rows = cells;
    *row_count = rows_here;
    return true;
}

bool xf_strings_take(xray_mp *c, struct xf_arena *arena, const xray_str **strings, uint32_t *count, bool *no_memory)
{
    xray_str *list;
    uint32_t n;

    if (!xf_mp_take_array(c, &n) || n > XF_ROWS_MAX)
        return false;
    list = xf_arena_alloc(arena, (size_t)n * sizeof *list);
    if (list == NULL) {
        *no_memory = true;
        return false;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!xf_mp_take_str(c, &list[i]))
            return false;
    *strings = list;
    *count = n;
    return true;
}
