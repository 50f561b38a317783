/* Tables (table_read.h). */
#include "format/table_read.h"

/* Cells of a column that is being taken. */
struct target {
    union xf_cell *cell;
    uint32_t rows;
};

static bool take_ints(xray_mp *c, struct target t)
{
    for (uint32_t i = 0; i < t.rows; i++)
        if (!xf_mp_take_int_here(c, &t.cell[i].i))
            return false;
    return true;
}

/* Differences wrap like unsigned integers, so any two times have one. */
static bool take_deltas(xray_mp *c, struct target t, int64_t base)
{
    uint64_t last = (uint64_t)base;

    for (uint32_t i = 0; i < t.rows; i++) {
        if (!xf_mp_take_int_here(c, &t.cell[i].i))
            return false;
        if (t.cell[i].i != XRAY_MISSING) {
            last += (uint64_t)t.cell[i].i;
            t.cell[i].i = (int64_t)last;
        }
    }
    return true;
}

static bool take_runs(xray_mp *c, struct target t, uint32_t run_count)
{
    for (uint32_t i = 0; i < t.rows; i++)
        if (!xf_mp_take_int_here(c, &t.cell[i].i) || t.cell[i].i < 0 || t.cell[i].i >= run_count)
            return false;
    return true;
}

static struct xf_slice slice_of(const uint8_t *body, const void *at, size_t len)
{
    return (struct xf_slice){.off = (uint32_t)((const uint8_t *)at - body), .len = (uint32_t)len};
}

static bool take_names(xray_mp *c, struct target t, const struct xf_scope *scope)
{
    for (uint32_t i = 0; i < t.rows; i++) {
        int64_t index;

        t.cell[i].i = 0;
        if (!xf_mp_take_int_here(c, &index))
            return false;
        if (index == XRAY_MISSING)
            continue;
        if (index < 0 || index >= scope->string_count)
            return false;
        t.cell[i].s = slice_of(scope->body, scope->strings[index].ptr, scope->strings[index].len);
    }
    return true;
}

static bool take_nil(xray_mp *c)
{
    if (c->left == 0 || *c->at != 0xc0)
        return false;
    c->at++;
    c->left--;
    return true;
}

/* [index, count, ...]; checked here so that nobody later has to. */
static bool take_reasons(xray_mp *c, const struct xf_scope *scope)
{
    uint32_t count;
    int64_t index, n;

    if (!xf_mp_take_array(c, &count) || count % 2 != 0)
        return false;
    for (uint32_t i = 0; i < count / 2; i++) {
        if (!xf_mp_take_int_here(c, &index) || !xf_mp_take_int_here(c, &n))
            return false;
        if (index < 0 || index >= scope->string_count || n < 0)
            return false;
    }
    return true;
}

/* str, bin 8 or bin 16 (spec 7.3). */
static bool take_id(xray_mp *c)
{
    xray_mp_item item;

    if (!xray_mp_next(c, &item))
        return false;
    return item.type == XRAY_MP_STR ||
           (item.type == XRAY_MP_BIN && (item.bytes.len == 8 || item.bytes.len == 16));
}

static bool take_encoded(xray_mp *c, struct target t, const struct xf_scope *scope, enum xf_encoding encoding)
{
    for (uint32_t i = 0; i < t.rows; i++) {
        const uint8_t *at = c->at;
        bool good;

        t.cell[i].i = 0;
        if (take_nil(c))
            continue;
        if (encoding == XF_ENC_REASONS)
            good = take_reasons(c, scope);
        else
            good = encoding == XF_ENC_ID ? take_id(c) : xray_mp_skip(c);
        if (!good)
            return false;
        t.cell[i].s = slice_of(scope->body, at, (size_t)(c->at - at));
    }
    return true;
}

static bool check_values(xray_mp *c, uint32_t rows)
{
    for (uint32_t i = 0; i < rows; i++)
        if (!take_nil(c) && !xray_mp_skip(c))
            return false;
    return true;
}

const union xf_cell *xf_column_take(struct xf_slice at, const uint8_t *body, struct xf_arena *arena)
{
    const struct xf_scope scope = {.body = body};
    xray_mp c = xray_mp_over(body + at.off, at.len);
    struct target t;

    if (!xf_mp_take_array(&c, &t.rows))
        return NULL; /* cannot be: it was checked */
    t.cell = xf_arena_room(arena, ((size_t)t.rows + 1) * sizeof *t.cell);
    return t.cell != NULL && take_encoded(&c, t, &scope, XF_ENC_VALUE) ? t.cell : NULL;
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

static bool take_cells(xray_mp *c, const struct xf_scope *scope, enum xf_encoding encoding, struct target t,
                       const union xf_cell **out, bool *no_memory)
{
    t.cell = xf_arena_room(scope->arena, ((size_t)t.rows + 1) * sizeof *t.cell);
    *no_memory |= t.cell == NULL;
    if (t.cell == NULL || !take_column(c, scope, encoding, t))
        return false;
    *out = t.cell;
    return true;
}

/* The column of this name; writers keep the order of the spec, so the search begins behind the last one. */
static unsigned find_column(const struct xf_column *names, unsigned column_count, unsigned from,
                            xray_str name)
{
    for (unsigned n = 0; n < column_count; n++) {
        const unsigned k = (from + n) % column_count;

        if (strlen(names[k].name) == name.len && memcmp(names[k].name, name.ptr, name.len) == 0)
            return names[k].encoding == XF_ENC_NONE ? column_count : k;
    }
    return column_count;
}

bool xf_table_take(xray_mp *c, const struct xf_scope *scope, const struct xf_column *names,
                   unsigned column_count, uint32_t max_rows, const union xf_cell **columns,
                   uint32_t *row_count, bool *no_memory)
{
    uint32_t pairs, rows = 0;
    bool any = false;
    unsigned k = 0;

    memset(columns, 0, column_count * sizeof *columns);
    if (!xf_mp_take_map(c, &pairs))
        return false;
    for (uint32_t i = 0; i < pairs; i++) {
        struct target t;
        xray_str name;
        xray_mp start;
        bool is_late;

        if (!xf_mp_take_str(c, &name))
            return false;
        k = find_column(names, column_count, k < column_count ? k : 0, name);
        if (k == column_count || columns[k] != NULL || (scope->values != NULL && scope->values[k].off != 0)) {
            if (!xray_mp_skip(c))
                return false;
            continue;
        }
        start = *c;
        if (!xf_mp_take_array(c, &t.rows) || t.rows > max_rows || (any && t.rows != rows))
            return false;
        rows = t.rows;
        any = true;
        is_late = scope->late && names[k].encoding == XF_ENC_VALUE;
        if (is_late && !check_values(c, rows))
            return false;
        if (!is_late && !take_cells(c, scope, names[k].encoding, t, &columns[k], no_memory))
            return false;
        if (scope->values != NULL && names[k].encoding == XF_ENC_VALUE)
            scope->values[k] = slice_of(scope->body, start.at, (size_t)(c->at - start.at));
    }
    *row_count = rows;
    return true;
}
bool xf_strings_take(xray_mp *c, struct xf_arena *arena, const xray_str **strings, uint32_t *count,
                     bool *no_memory)
{
    xray_str *list;
    uint32_t n;

    if (!xf_mp_take_array(c, &n) || n > XF_ROWS_MAX)
        return false;
    list = xf_arena_room(arena, (size_t)n * sizeof *list);
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
