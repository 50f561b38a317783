/* Tables (spec 5): each column becomes an array of cells of one size, so that rows can be
 * reached by number. Cells point into the body they were read from. */
#ifndef XF_FORMAT_TABLE_READ_H
#define XF_FORMAT_TABLE_READ_H

#include "base/arena.h"
#include "base/bytes.h"
#include "codec/mpread.h"
#include "format/columns.h"

/* A span of a body. No cell stands at its first byte, so off 0 means "none". */
struct xf_slice {
    uint32_t off;
    uint32_t len;
};

/* One cell. Integers, times and the run index: `i`, XRAY_MISSING if nil. All others: `s`. Names are the
 * text itself; ids, reasons and values are the encoded element. */
union xf_cell {
    int64_t i;
    struct xf_slice s;
};

/* What cells may refer to. */
struct xf_scope {
    const uint8_t *body;
    const xray_str *strings;
    uint32_t string_count;
    uint32_t run_count;
    int64_t t0;
    struct xf_arena *arena;
    struct xf_slice *values; /* NULL, or by column: where those of values stand */
    bool late;               /* these are checked, not taken (xf_column_take) */
};

static inline xray_str xf_slice_text(const uint8_t *base, struct xf_slice s)
{
    return s.off == 0 ? xray_strn(NULL, 0) : xray_strn((const char *)base + s.off, s.len);
}

/* The cell of a column that a table may lack: columns[k] is NULL then. */
static inline int64_t xf_cell_int(const union xf_cell *column, uint32_t row)
{
    return column != NULL ? column[row].i : XRAY_MISSING;
}

static inline struct xf_slice xf_cell_slice(const union xf_cell *column, uint32_t row)
{
    const struct xf_slice none = {0, 0};

    return column != NULL ? column[row].s : none;
}

/* Takes a table at the cursor. columns[k] becomes the cells of the column that `names` has at k, in the
 * arena, or NULL if the table has none; columns with other names are skipped. False if malformed, a
 * reference is out of range, or memory is out (*no_memory). */
bool xf_table_take(xray_mp *c, const struct xf_scope *scope, const struct xf_column *names,
                   unsigned column_count, uint32_t max_rows, const union xf_cell **columns,
                   uint32_t *row_count, bool *no_memory);

/* Takes a column of values that was only checked. NULL: memory is out. */
const union xf_cell *xf_column_take(struct xf_slice at, const uint8_t *body, struct xf_arena *arena);

/* Takes an array of str into the arena. */
bool xf_strings_take(xray_mp *c, struct xf_arena *arena, const xray_str **strings, uint32_t *count,
                     bool *no_memory);

#endif
