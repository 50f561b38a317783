/* Tables of columns back to rows (spec 5): each column is gone through once, its
 * cells are put down row by row. Cells point into the body they were read from. */
#ifndef XF_FORMAT_TABLE_READ_H
#define XF_FORMAT_TABLE_READ_H

#include "base/arena.h"
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
};

static inline xray_str xf_slice_text(const uint8_t *base, struct xf_slice s)
{
    return s.off == 0 ? xray_strn(NULL, 0) : xray_strn((const char *)base + s.off, s.len);
}

/* Takes a table at the cursor: *rows becomes *row_count rows of column_count cells, row after row, in the arena. Columns
 * that are not in `columns` are skipped. False if malformed, a reference is out of range, or memory is out
 * (*no_memory). */
bool xf_table_take(xray_mp *c, const struct xf_scope *scope, const struct xf_column *columns, unsigned column_count,
                   uint32_t max_rows, union xf_cell **rows, uint32_t *row_count, bool *no_memory);

/* Takes an array of str into the arena. */
bool xf_strings_take(xray_mp *c, struct xf_arena *arena, const xray_str **strings, uint32_t *count, bool *no_memory);

#endif
