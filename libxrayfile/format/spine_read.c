/* A spine body back to tables (spine_read.h). */
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
    bool no_memory;
    const char *at; /* what is being decoded, for the message */
};

static bool take_run_names(struct decoder *d, xray_str table, const char *key, const union xf_cell **out)
{
    const struct xf_column column = {key, XF_ENC_STR};
    xray_mp c = xray_mp_over(table.ptr, table.len);
    uint32_t count;

    return xf_table_take(&c, &d->scope, &column, 1, XF_ROWS_MAX, out, &count, &d->no_memory) &&
           (*out == NULL || count == d->spine->run_count);
}

/* Spec 5.3. */
static bool take_run_table(struct decoder *d, xray_str table)
{
    struct xf_spine *s = d->spine;
    xray_str value, ids;
    xray_mp c;

    if (!xf_mp_find(table, "id", &value))
        return false;
    c = xray_mp_over(value.ptr, value.len);
    if (!xf_mp_take_bin(&c, &ids) || ids.len % 16 != 0 || ids.len / 16 > XF_ROWS_MAX)
        return false;
    s->run_ids = (const uint8_t *)ids.ptr;
    s->run_count = d->scope.run_count = (uint32_t)(ids.len / 16);
    return take_run_names(d, table, "pipeline", &s->pipelines) &&
           take_run_names(d, table, "version", &s->versions);
}

/* Every row says whose it is; a step also which, a detail also where. */
static bool check_rows(const struct decoder *d)
{
    const struct xf_spine *s = d->spine;

    if ((s->run_rows > 0 && s->runs[XF_RUN_RUN] == NULL) ||
        (s->step_rows > 0 && s->steps[XF_STEP_RUN] == NULL) ||
        (s->detail_rows > 0 && s->details[XF_DETAIL_RUN] == NULL))
        return false;
    for (uint32_t i = 0; i < s->step_rows; i++)
        if (xf_cell_int(s->steps[XF_STEP_STEP], i) <= 0)
            return false;
    for (uint32_t i = 0; i < s->detail_rows; i++)
        if (xf_cell_int(s->details[XF_DETAIL_BLOCK], i) < 0)
            return false;
    return true;
}

enum key { STRINGS, T0, RUN, RUNS, STEPS, DETAILS, KEYS };
static const char *const key_names[KEYS] = {"strings", "t0", "run", "runs", "steps", "details"};

static bool take_key(struct decoder *d, enum key key, xray_mp *c)
{
    struct xf_spine *s = d->spine;
    xray_str value;

    d->at = key_names[key];
    switch (key) {
    case STRINGS:
        if (!xf_strings_take(c, d->scope.arena, &s->strings, &s->string_count, &d->no_memory))
            return false;
        d->scope.strings = s->strings;
        d->scope.string_count = s->string_count;
        return true;
    case T0:
        return xf_mp_take_int(c, &d->scope.t0);
    case RUN:
        return xf_mp_take_value(c, &value) && take_run_table(d, value);
    case RUNS:
        d->scope.values = s->run_values;
        d->scope.late = false;
        return xf_table_take(c, &d->scope, xf_run_columns, XF_RUN_COLUMNS, XF_ROWS_MAX, s->runs, &s->run_rows,
                             &d->no_memory);
    case STEPS:
        d->scope.values = s->step_values;
        d->scope.late = s->is_light;
        return xf_table_take(c, &d->scope, xf_step_columns, XF_STEP_COLUMNS, XF_ROWS_MAX, s->steps,
                             &s->step_rows, &d->no_memory);
    case DETAILS:
        d->scope.values = NULL;
        return xf_table_take(c, &d->scope, detail_columns, XF_DETAIL_COLUMNS, XF_ROWS_MAX, s->details,
                             &s->detail_rows, &d->no_memory);
    case KEYS:
        break;
    }
    return false;
}

static int find_key(xray_str name)
{
    for (int k = 0; k < KEYS; k++)
        if (strlen(key_names[k]) == name.len && memcmp(key_names[k], name.ptr, name.len) == 0)
            return k;
    return KEYS;
}

/* Keys are taken as they come where those before them in the list are there, which is how writers put
 * them; what comes too early waits for the end. */
static bool decode(struct decoder *d, xray_str body)
{
    xray_mp c = xray_mp_over(body.ptr, body.len);
    xray_mp waiting[KEYS] = {{NULL, 0, false}};
    unsigned seen = 0;
    uint32_t pairs;
    xray_str name;

    d->at = "body";
    if (!xf_mp_take_map(&c, &pairs))
        return false;
    for (uint32_t i = 0; i < pairs; i++) {
        int key;

        d->at = "body";
        if (!xf_mp_take_str(&c, &name))
            return false;
        key = find_key(name);
        if (key < KEYS && (seen >> key & 1) == 0 && (key <= RUN || (seen & 7) == 7)) {
            if (!take_key(d, (enum key)key, &c))
                return false;
        } else {
            if (key < KEYS && (seen >> key & 1) == 0)
                waiting[key] = c;
            if (!xray_mp_skip(&c))
                return false;
        }
        if (key < KEYS)
            seen |= 1u << key;
    }
    for (int k = 0; k < KEYS; k++)
        if (waiting[k].at != NULL && !take_key(d, (enum key)k, &waiting[k]))
            return false;
    d->at = "rows";
    return c.left == 0 && check_rows(d);
}

int xf_spine_complete(struct xf_spine *s, struct xf_arena *arena, xray_error *err)
{
    for (int k = 0; s->is_light && k < XF_STEP_COLUMNS; k++) {
        if (s->step_values[k].off == 0 || s->steps[k] != NULL)
            continue;
        s->steps[k] = xf_column_take(s->step_values[k], s->body, arena);
        if (s->steps[k] == NULL)
            return xf_fail_memory(err);
    }
    s->is_light = false;
    return XRAY_OK;
}

int xf_spine_decode(struct xf_spine *out, xray_str body, bool light, struct xf_arena *arena, xray_error *err)
{
    struct xf_spine spine = {.body = (const uint8_t *)body.ptr, .is_light = light};
    struct decoder d = {.spine = &spine, .scope = {.body = spine.body, .arena = arena}};

    if (!decode(&d, body))
        return d.no_memory
                   ? xf_fail_memory(err)
                   : xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "spine contradicts the spec in its %s", d.at);
    *out = spine;
    return XRAY_OK;
}
