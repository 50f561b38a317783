/* A loss body (loss_read.h). */
#include "format/loss_read.h"

#include "base/fail.h"

enum loss_column { CAUSE, WHAT, COUNT, FROM, TO, COLUMNS };

static const struct xf_column columns[COLUMNS] = {
    [CAUSE] = {"cause", XF_ENC_ID}, /* plain text: an id like any other to the table reader */
    [WHAT] = {"what", XF_ENC_ID},
    [COUNT] = {"count", XF_ENC_INT},
    [FROM] = {"from", XF_ENC_INT},
    [TO] = {"to", XF_ENC_INT},
};

static xray_str text_of(const uint8_t *body, struct xf_slice s)
{
    xray_mp c = xray_mp_over(body + s.off, s.len);
    xray_str text;

    return s.off != 0 && xf_mp_take_str(&c, &text) ? text : xray_strn(NULL, 0);
}

int xf_loss_decode(const struct xf_loss **rows, uint32_t *count, xray_str body, struct xf_arena *arena,
                   xray_error *err)
{
    const struct xf_scope scope = {.body = (const uint8_t *)body.ptr, .arena = arena};
    const union xf_cell *cells[COLUMNS];
    struct xf_loss *list;
    uint32_t n = 0;
    bool no_memory = false;
    xray_str table;
    xray_mp c;

    c = xray_mp_over(body.ptr, body.len);
    if (!xray_mp_skip(&c) || c.left > 0 || !xf_mp_find(body, "losses", &table))
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "loss body is not one map with a table of losses");
    c = xray_mp_over(table.ptr, table.len);
    if (!xf_table_take(&c, &scope, columns, COLUMNS, XF_ROWS_MAX, cells, &n, &no_memory))
        return no_memory ? xf_fail_memory(err)
                         : xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "table of losses is malformed");
    list = xf_arena_alloc(arena, (n > 0 ? n : 1) * sizeof *list);
    if (list == NULL)
        return xf_fail_memory(err);
    for (uint32_t i = 0; i < n; i++) {
        const int64_t lost = xf_cell_int(cells[COUNT], i);

        list[i] = (struct xf_loss){
            .cause = text_of(scope.body, xf_cell_slice(cells[CAUSE], i)),
            .what = text_of(scope.body, xf_cell_slice(cells[WHAT], i)),
            .count = lost > 0 ? (uint64_t)lost : 0,
            .from_ns = xf_cell_int(cells[FROM], i),
            .to_ns = xf_cell_int(cells[TO], i),
        };
    }
    *rows = list;
    *count = n;
    return XRAY_OK;
}
