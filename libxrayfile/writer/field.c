/* Public fields and their columns, as two tables. */
#include "writer/field.h"

#include "codec/mpread.h"

#define FIELDS (XRAY_PARENT_EXT + 1)

static const struct xf_field run_fields[FIELDS] = {
    [XRAY_INPUT] = {"input", XF_FIELD_VALUE, XF_RUN_INPUT},
    [XRAY_OUTPUT] = {"output", XF_FIELD_VALUE, XF_RUN_OUTPUT},
    [XRAY_ERROR] = {"error", XF_FIELD_ERROR, XF_RUN_ERROR, false, XF_RUN_ERROR_TYPE},
    [XRAY_TAGS] = {"tags", XF_FIELD_MAP, XF_RUN_TAGS},
    [XRAY_METADATA] = {"metadata", XF_FIELD_MAP, XF_RUN_METADATA},
    [XRAY_ATTRS_FIELD] = {"attrs", XF_FIELD_MAP, XF_RUN_ATTRS},
    [XRAY_PROJECT] = {"project", XF_FIELD_TEXT, XF_RUN_PROJECT, true},
    [XRAY_SESSION] = {"session", XF_FIELD_TEXT, XF_RUN_SESSION, true},
    [XRAY_USER] = {"user", XF_FIELD_TEXT, XF_RUN_USER, true},
    [XRAY_EXT_ID] = {"ext_id", XF_FIELD_EXT_ID, XF_RUN_EXT_ID},
};

static const struct xf_field step_fields[FIELDS] = {
    [XRAY_INPUT] = {"input", XF_FIELD_VALUE, XF_STEP_INPUT},
    [XRAY_OUTPUT] = {"output", XF_FIELD_VALUE, XF_STEP_OUTPUT},
    [XRAY_REASONING] = {"reasoning", XF_FIELD_VALUE, XF_STEP_REASONING},
    [XRAY_FILTERS] = {"filters", XF_FIELD_MAP, XF_STEP_FILTERS},
    [XRAY_PARAMS] = {"params", XF_FIELD_MAP, XF_STEP_PARAMS},
    [XRAY_SAMPLING] = {"sampling", XF_FIELD_VALUE, XF_STEP_SAMPLING},
    [XRAY_ERROR] = {"error", XF_FIELD_ERROR, XF_STEP_ERROR, false, XF_STEP_ERROR_TYPE},
    [XRAY_TAGS] = {"tags", XF_FIELD_MAP, XF_STEP_TAGS},
    [XRAY_METADATA] = {"metadata", XF_FIELD_MAP, XF_STEP_METADATA},
    [XRAY_ATTRS_FIELD] = {"attrs", XF_FIELD_MAP, XF_STEP_ATTRS},
    [XRAY_NAME] = {"name", XF_FIELD_TEXT, XF_STEP_NAME, true},
    [XRAY_TYPE] = {"type", XF_FIELD_TEXT, XF_STEP_TYPE, true},
    [XRAY_MODEL] = {"model", XF_FIELD_TEXT, XF_STEP_MODEL},
    [XRAY_PROVIDER] = {"provider", XF_FIELD_TEXT, XF_STEP_PROVIDER},
    [XRAY_EXT_ID] = {"ext_id", XF_FIELD_EXT_ID, XF_STEP_EXT_ID},
    [XRAY_PARENT_EXT] = {"ext_id", XF_FIELD_EXT_ID, XF_STEP_PARENT_EXT},
};

static struct xf_field find(const struct xf_field *table, xray_field field)
{
    return (unsigned)field < FIELDS ? table[field] : (struct xf_field){0};
}

struct xf_field xf_run_field(xray_field field)
{
    return find(run_fields, field);
}

struct xf_field xf_step_field(xray_field field)
{
    return find(step_fields, field);
}

/* What stands before ": " in "ValueError: no such item", if it looks like the name of an error. */
static xray_str type_in_text(xray_str text)
{
    size_t n = 0;

    while (n < text.len && n < XF_NAME_MAX) {
        const char c = text.ptr[n];

        if (c == ':' && n > 0 && n + 1 < text.len && text.ptr[n + 1] == ' ')
            return xray_strn(text.ptr, n);
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.'))
            break;
        n++;
    }
    return xray_strn(NULL, 0);
}

static void put_error_type(struct xf_scope *s, struct xf_field field)
{
    const xray_str error = xf_row_get(&s->row, field.column);
    xray_mp c = xray_mp_over(error.ptr, error.len);
    xray_str type = {NULL, 0}, text, value;
    char copy[XF_NAME_MAX];

    if (xf_mp_take_str(&c, &text)) {
        type = type_in_text(text);
    } else if (xf_mp_find(error, "type", &value)) {
        c = xray_mp_over(value.ptr, value.len);
        if (!xf_mp_take_str(&c, &type))
            type = xray_strn(NULL, 0);
    }
    if (type.len == 0 || type.len > XF_NAME_MAX)
        return;
    memcpy(copy, type.ptr, type.len); /* putting it may move what it points into */
    xf_scope_put_text(s, field.error_type, xray_strn(copy, type.len), XF_NAME_MAX, false);
}

int xf_field_set(struct xf_scope *s, struct xf_field field, xray_value value)
{
    xray_str text;
    int r;

    switch (field.kind) {
    case XF_FIELD_NONE:
        return XRAY_EMISUSE;
    case XF_FIELD_VALUE:
    case XF_FIELD_MAP:
        return xf_scope_put_value(s, field.column, xray_s(field.name), value);
    case XF_FIELD_ERROR:
        r = xf_scope_put_value(s, field.column, xray_s(field.name), value);
        if (r == XRAY_OK) {
            s->failed = value.kind != XRAY_VALUE_NIL;
            put_error_type(s, field);
        }
        return r;
    case XF_FIELD_TEXT:
    case XF_FIELD_EXT_ID:
        break;
    }
    if (value.kind != XRAY_VALUE_TEXT)
        return XRAY_EMISUSE;
    text = xf_scrub_is_name(s->back->scrub, xray_s(field.name)) ? xray_s(XF_REDACTED_TEXT)
                                                               : xf_scrub_text(s->back->scrub, value.as.bytes);
    if (field.kind == XF_FIELD_EXT_ID)
        xf_scope_put_ext_id(s, field.column, text);
    else
        xf_scope_put_text(s, field.column, text, XF_NAME_MAX, field.ident);
    return XRAY_OK;
}

int xf_field_set_common(struct xf_scope *s, xray_int_field field, int64_t value, unsigned cost_column)
{
    s->dirty = true;
    if (field == XRAY_START) {
        s->start_ns = value;
    } else if (field == XRAY_END) {
        s->end_ns = value;
    } else if (field == XRAY_DURATION) {
        s->dur_ns = value;
    } else if (field == XRAY_FLAGS) {
        s->flags |= value == XRAY_MISSING ? 0 : (uint32_t)value;
    } else if (value == XRAY_MISSING) {
        xf_row_unset(&s->row, cost_column);
    } else {
        xf_row_put_int(&s->row, cost_column, value);
    }
    return XRAY_OK;
}
