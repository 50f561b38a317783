/* A spine body back to rows (spine_read.h). */
#include "format/spine_read.h"

#include "base/fail.h"

static const struct xf_column detail_columns[XF_DETAIL_COLUMNS] = {
    [XF_DETAIL_RUN] = {"run", XF_ENC_RUN},
    [XF_DETAIL_STEP] = {"step", XF_ENC_INT},
    [XF_DETAIL_BLOCK] = {"block", XF_ENC_INT},
};

struct decoder {
    struct xf_spine *spine;
    struct xf_scope scope;
    union xf_cell *runs, *steps, *details;
    bool no_memory;
    const char *at; /* what is being decoded, for the message */
};

static bool take_run_names(struct decoder *d, xray_str table, const char *key, const struct xf_slice **out)
{
    const struct xf_column column = {key, XF_ENC_STR};
    const uint32_t want = d->spine->run_count;
    union xf_cell *cells = NULL;
    xray_mp c = xray_mp_over(table.ptr, table.len);
    uint32_t count;

    if (!xf_table_take(&c, &d->scope, &column, 1, XF_ROWS_MAX, &cells, &count, &d->no_memory))
        return false;
    if (cells != NULL && count != want)
        return false;
    *out = cells != NULL ? &cells->s : NULL;
    return true;
}

/* Spec 5.3. A cell of one column is one slice, so the table of names is an array of slices. */
static bool take_run_table(struct decoder *d, xray_str table)
{
    struct xf_spine *s = d->spine;
    xray_str value, ids;
    xray_mp c;

    _Static_assert(sizeof(union xf_cell) == sizeof(struct xf_slice), "cells of names are slices");
    if (!xf_mp_find(table, "id", &value))
        return false;
    c = xray_mp_over(value.ptr, value.len);
    if (!xf_mp_take_bin(&c, &ids) || ids.len % 16 != 0 || ids.len / 16 > XF_ROWS_MAX)
        return false;
    s->run_ids = (const uint8_t *)ids.ptr;
    s->run_count = d->scope.run_count = (uint32_t)(ids.len / 16);
    return take_run_names(d, table, "pipeline", &s->pipelines) && take_run_names(d, table, "version", &s->versions);
}

/* Every row says whose it is; a step also which. */
static bool check_rows(const struct decoder *d)
{
    const struct xf_spine *s = d->spine;

    for (uint32_t i = 0; i < s->run_rows; i++)
        if (s->runs[i].c[XF_RUN_RUN].i == XRAY_MISSING)
            return false;
    for (uint32_t i = 0; i < s->step_rows; i++)
        if (s->steps[i].c[XF_STEP_RUN].i == XRAY_MISSING || s->steps[i].c[XF_STEP_STEP].i <= 0)
            return false;
    for (uint32_t i = 0; i < s->detail_rows; i++)
        if (s->details[i].c[XF_DETAIL_RUN].i == XRAY_MISSING || s->details[i].c[XF_DETAIL_BLOCK].i < 0)
            return false;
    return true;
}

static bool take_table(struct decoder *d, xray_mp c, const char *name, const struct xf_column *columns,
                       unsigned column_count, union xf_cell **rows, uint32_t *count)
{
    if (c.at == NULL)
        return true;
    d->at = name;
    return xf_table_take(&c, &d->scope, columns, column_count, XF_ROWS_MAX, rows, count, &d->no_memory);
}

enum key { KEY_STRINGS, KEY_T0, KEY_RUN, KEY_RUNS, KEY_STEPS, KEY_DETAILS, KEYS };
static const char *const key_names[KEYS] = {"strings", "t0", "run", "runs", "steps", "details"};

/* Where the value of each known key stands. */
static bool find_keys(xray_str body, xray_mp at[KEYS])
{
    xray_mp c = xray_mp_over(body.ptr, body.len);
    uint32_t pairs;

    memset(at, 0, KEYS * sizeof *at);
    if (!xf_mp_take_map(&c, &pairs))
        return false;
    for (uint32_t i = 0; i < pairs; i++) {
        xray_str name, value;

        if (!xf_mp_take_str(&c, &name) || !xf_mp_take_value(&c, &value))
            return false;
        for (int k = 0; k < KEYS; k++)
            if (at[k].at == NULL && strlen(key_names[k]) == name.len && memcmp(key_names[k], name.ptr, name.len) == 0)
                at[k] = xray_mp_over(value.ptr, value.len);
    }
    return true;
}

static bool decode(struct decoder *d, xray_str body)
{
    struct xf_spine *s = d->spine;
    xray_mp at[KEYS];

    d->at = "body";
    if (!find_keys(body, at))
        return false;
    d->at = "strings";
    if (at[KEY_STRINGS].at != NULL &&
        !xf_strings_take(&at[KEY_STRINGS], d->scope.arena, &s->strings, &s->string_count, &d->no_memory))
        return false;
    d->scope.strings = s->strings;
    d->scope.string_count = s->string_count;
    d->at = "t0";
    if (at[KEY_T0].at != NULL && !xf_mp_take_int(&at[KEY_T0], &d->scope.t0))
        return false;
    d->at = "run";
    if (at[KEY_RUN].at != NULL && !take_run_table(d, xray_strn((const char *)at[KEY_RUN].at, at[KEY_RUN].left)))
        return false;
    if (!take_table(d, at[KEY_RUNS], "runs", xf_run_columns, XF_RUN_COLUMNS, &d->runs, &s->run_rows) ||
        !take_table(d, at[KEY_STEPS], "steps", xf_step_columns, XF_STEP_COLUMNS, &d->steps, &s->step_rows) ||
        !take_table(d, at[KEY_DETAILS], "details", detail_columns, XF_DETAIL_COLUMNS, &d->details, &s->detail_rows))
        return false;
    s->runs = (const struct xf_run_row *)d->runs;
    s->steps = (const struct xf_step_row *)d->steps;
    s->details = (const struct xf_detail_row *)d->details;
    d->at = "rows";
    return check_rows(d);
}

int xf_spine_decode(struct xf_spine *out, xray_str body, struct xf_arena *arena, xray_error *err)
{
    struct xf_spine spine = {.body = (const uint8_t *)body.ptr};
    struct decoder d = {.spine = &spine, .scope = {.body = spine.body, .arena = arena}};

    if (!decode(&d, body))
        return d.no_memory ? xf_fail_memory(err)
                           : xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "spine contradicts the spec in its %s", d.at);
    *out = spine;
    return XRAY_OK;
}
