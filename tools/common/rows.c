/* See rows.h. */
#include "common/rows.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/jsonline.h"
#include "common/out.h"
#include "common/template.h"

static const char *const format_names[] = {
    [ROWS_TEXT] = "text",       [ROWS_LINE] = "line",         [ROWS_NDJSON] = "ndjson",
    [ROWS_JSON] = "json",       [ROWS_CSV] = "csv",           [ROWS_TSV] = "tsv",
    [ROWS_MSGPACK] = "msgpack", [ROWS_TEMPLATE] = "template", [ROWS_MARKDOWN] = "markdown",
    [ROWS_PROM] = "prom",
};

enum { FORMAT_COUNT = sizeof format_names / sizeof format_names[0] };

/* ---- options ---- */

static void set_format(struct rows *r, const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(name, format_names[i]) == 0) {
            r->format = (enum rows_format)i;
            r->has_format = true;
            return;
        }
    }
    cli_usage("--format: there is no format '%s'", name);
}

bool rows_option(struct rows *r, int key, const char *arg)
{
    switch (key) {
    case KEY_FORMAT:
        set_format(r, arg);
        return true;
    case 'j':
        set_format(r, "ndjson");
        return true;
    case KEY_FIELDS:
        r->list = arg;
        return true;
    case KEY_TEMPLATE:
        r->template = arg;
        return true;
    case '0':
        r->null = true;
        return true;
    case KEY_RAW_CSV:
        r->raw_csv = true;
        return true;
    default:
        return false;
    }
}

static void check_format(struct rows *r)
{
    struct text names = {0};

    if (r->template != NULL && r->has_format && r->format != ROWS_TEMPLATE)
        cli_usage("--template and --format=%s exclude each other", format_names[r->format]);
    if (r->template != NULL)
        r->format = ROWS_TEMPLATE;
    else if (r->format == ROWS_TEMPLATE)
        cli_usage("--format=template needs --template");
    if ((r->tool->formats & 1u << r->format) == 0) {
        for (size_t i = 0; i < FORMAT_COUNT; i++) {
            if ((r->tool->formats & 1u << i) != 0)
                text_printf(&names, "%s%s", names.len > 0 ? " " : "", format_names[i]);
        }
        cli_usage("%s has no format %s; it has %.*s", cli_name(), format_names[r->format], (int)names.len,
                  names.data);
    }
    if (r->list != NULL && r->format == ROWS_TEXT)
        r->format = ROWS_LINE;
    if (r->null && (r->format == ROWS_TEXT || r->format == ROWS_MSGPACK))
        cli_usage("-0 needs a format of lines: --format=line, ndjson, csv, tsv, or --template");
    if (r->format == ROWS_MSGPACK && isatty(STDOUT_FILENO))
        cli_die("MessagePack is not for terminals: redirect the output");
}

/* ---- fields ---- */

/* The next name of a comma-separated list; commas in quotes are part of a name. */
static bool next_name(const char **list, xray_str *name)
{
    const char *begin = *list;
    bool quoted = false;

    if (*begin == '\0')
        return false;

    const char *end = begin;

    while (*end != '\0' && (quoted || *end != ',')) {
        quoted = quoted != (*end == '"');
        end++;
    }
    *list = *end == ',' ? end + 1 : end;
    while (begin < end && *begin == ' ')
        begin++;
    while (end > begin && end[-1] == ' ')
        end--;
    *name = xray_strn(begin, (size_t)(end - begin));
    if (name->len == 0)
        cli_usage("--fields: there is an empty name in the list");
    return true;
}

static unsigned owners_of(enum xray_unit unit)
{
    switch (unit) {
    case XRAY_UNIT_CAND:
        return FIELD_OF_RUN | FIELD_OF_STEP | FIELD_OF_CAND;
    case XRAY_UNIT_STEP:
        return FIELD_OF_RUN | FIELD_OF_STEP;
    case XRAY_UNIT_AUTO:
    case XRAY_UNIT_RUN:
        break;
    }
    return FIELD_OF_RUN;
}

static void add_fields(struct rows *r, const char *option, const char *list, unsigned owners)
{
    xray_str name;

    while (next_name(&list, &name)) {
        if (name.ptr[0] == '-')
            continue;
        r->fields = memory_grow(r->fields, &r->field_cap, r->field_count + 1, sizeof *r->fields);
        field_parse(&r->fields[r->field_count++], option, name, owners, r->tool->own);
    }
}

static bool is_same(const struct named_field *a, const struct named_field *b)
{
    if (a->own != b->own || a->entry != b->entry || a->owner != b->owner || a->path_count != b->path_count)
        return false;
    for (size_t i = 0; i < a->path_count; i++) {
        const struct field_step *x = &a->path[i];
        const struct field_step *y = &b->path[i];

        if (x->index != y->index || x->name.len != y->name.len ||
            (x->name.len > 0 && memcmp(x->name.data, y->name.data, x->name.len) != 0))
            return false;
    }
    return true;
}

static void drop_fields(struct rows *r, const char *list, unsigned owners)
{
    struct named_field dropped;
    xray_str name;

    while (next_name(&list, &name)) {
        size_t kept = 0;

        if (name.ptr[0] != '-')
            continue;
        field_parse(&dropped, "--fields", xray_strn(name.ptr + 1, name.len - 1), owners, r->tool->own);
        for (size_t i = 0; i < r->field_count; i++) {
            if (is_same(&r->fields[i], &dropped))
                field_free(&r->fields[i]);
            else
                r->fields[kept++] = r->fields[i];
        }
        r->field_count = kept;
        field_free(&dropped);
    }
}

static void parse_fields(struct rows *r, enum xray_unit unit)
{
    const unsigned owners = owners_of(unit);

    if (r->list != NULL)
        add_fields(r, "--fields", r->list, owners);
    if (r->field_count == 0 && r->tool->defaults[unit] != NULL)
        add_fields(r, "--fields", r->tool->defaults[unit], owners);
    if (r->list != NULL)
        drop_fields(r, r->list, owners);
    if (r->field_count == 0)
        cli_usage("--fields leaves no field");
}

bool rows_has_fields(const struct rows *r)
{
    switch (r->format) {
    case ROWS_TEXT:
    case ROWS_MSGPACK:
    case ROWS_MARKDOWN:
    case ROWS_PROM:
        return false;
    case ROWS_NDJSON:
    case ROWS_JSON:
        return r->list != NULL;
    case ROWS_LINE:
    case ROWS_CSV:
    case ROWS_TSV:
    case ROWS_TEMPLATE:
        break;
    }
    return true;
}

unsigned rows_needs(const struct rows *r)
{
    unsigned needs = r->parsed != NULL ? template_needs(r->parsed) : 0;

    for (size_t i = 0; i < r->field_count; i++)
        needs |= field_needs(&r->fields[i]);
    return needs;
}

/* ---- cells ---- */

/* The same bytes on a terminal and elsewhere: so what is harmful on one is made safe always. */
static void put_tabbed(struct text *t, const struct cell *c, struct text *plain)
{
    text_reset(plain);
    cell_put_plain(plain, c);
    text_safe(t, text_str(plain), SAFE_LINE);
}

static bool is_formula(const struct cell *c, xray_str text)
{
    return c->kind == CELL_TEXT && text.len > 0 && strchr("=+-@\t\r", text.ptr[0]) != NULL &&
           text.ptr[0] != '\0';
}

/* RFC 4180. */
static void put_quoted(struct text *t, xray_str text)
{
    text_puts(t, "\"");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            text_puts(t, "\"");
        text_put(t, &text.ptr[i], 1);
    }
    text_puts(t, "\"");
}

static void put_csv(struct text *t, const struct cell *c, bool raw_csv, struct text *plain)
{
    struct text safe = {0};

    text_reset(plain);
    cell_put_plain(plain, c);
    if (!raw_csv && is_formula(c, text_str(plain)))
        text_puts(&safe, "'");
    text_safe(&safe, text_str(plain), SAFE_BLOCK);

    bool quote = safe.len > 0 && (safe.data[0] == ' ' || safe.data[safe.len - 1] == ' ');

    for (size_t i = 0; i < safe.len; i++)
        quote = quote || strchr(",\"\r\n", safe.data[i]) != NULL;
    if (quote)
        put_quoted(t, text_str(&safe));
    else
        text_put(t, safe.data, safe.len);
    text_free(&safe);
}

/* A foreign text as a field; nothing of a row's options. */
void rows_put_csv_field(struct text *t, xray_str foreign)
{
    struct cell c = {0};
    struct text plain = {0};

    cell_set_text(&c, foreign);
    put_csv(t, &c, false, &plain);
    text_free(&plain);
    cell_free(&c);
}

static void put_tsv(struct text *t, const struct cell *c, bool raw_csv, struct text *plain)
{
    if (!raw_csv && c->kind == CELL_TEXT && is_formula(c, text_str(&c->text)))
        text_puts(t, "'");
    put_tabbed(t, c, plain);
}

void rows_put_tsv_field(struct text *t, xray_str foreign)
{
    struct cell c = {0};
    struct text plain = {0};

    cell_set_text(&c, foreign);
    put_tsv(t, &c, false, &plain);
    text_free(&plain);
    cell_free(&c);
}

static void end_line(struct rows *r)
{
    text_put(&r->line,
             r->null                 ? "\0"
             : r->format == ROWS_CSV ? "\r\n"
                                     : "\n",
             r->format == ROWS_CSV && !r->null ? 2 : 1);
    out_text(&r->line);
    text_reset(&r->line);
    out_rest();
}

static void put_titles(struct rows *r)
{
    struct cell title = {.kind = CELL_TEXT};
    struct text plain = {0};

    for (size_t i = 0; i < r->field_count; i++) {
        cell_set_text(&title, xray_s(r->fields[i].title));
        text_puts(&r->line, i == 0 ? "" : r->format == ROWS_CSV ? "," : "\t");
        if (r->format == ROWS_CSV)
            put_csv(&r->line, &title, true, &plain);
        else
            put_tabbed(&r->line, &title, &plain);
    }
    text_free(&plain);
    cell_free(&title);
    end_line(r);
}

/* ---- rows ---- */

void rows_begin(struct rows *r, const struct rows_tool *tool, enum xray_unit unit)
{
    r->tool = tool;
    check_format(r);
    if (r->format == ROWS_TEMPLATE)
        r->parsed = template_parse(r->template, owners_of(unit), tool->own);
    else if (rows_has_fields(r))
        parse_fields(r, unit);
}

/* What stands before the first row; with no row at all the titles and the brackets are printed all the same.
 */
static void begin_rows(struct rows *r)
{
    if ((r->format == ROWS_CSV || r->format == ROWS_TSV) && !r->no_header)
        put_titles(r);
    if (r->format == ROWS_JSON)
        out_put("[", 1);
}

static void put_object(struct rows *r, const struct record *record)
{
    bool first = true;

    text_puts(&r->line, "{");
    for (size_t i = 0; i < r->field_count; i++) {
        field_get(&r->fields[i], record, &r->cell);
        if (r->cell.kind == CELL_MISSING)
            continue;
        text_puts(&r->line, first ? "" : ",");
        json_string(&r->line, xray_s(r->fields[i].title));
        text_puts(&r->line, ":");
        cell_put_json(&r->line, &r->cell);
        first = false;
    }
    text_puts(&r->line, "}");
}

static void put_values(struct rows *r, const struct record *record)
{
    struct text plain = {0};

    for (size_t i = 0; i < r->field_count; i++) {
        field_get(&r->fields[i], record, &r->cell);
        text_puts(&r->line, i == 0 ? "" : r->format == ROWS_CSV ? "," : "\t");
        if (r->format == ROWS_CSV)
            put_csv(&r->line, &r->cell, r->raw_csv, &plain);
        else if (r->format == ROWS_LINE && r->cell.kind == CELL_MISSING)
            text_puts(&r->line, "-");
        else if (r->format == ROWS_TSV)
            put_tsv(&r->line, &r->cell, r->raw_csv, &plain);
        else
            put_tabbed(&r->line, &r->cell, &plain);
    }
    text_free(&plain);
}

void rows_put(struct rows *r, const struct record *record)
{
    if (r->format == ROWS_JSON || r->format == ROWS_NDJSON) {
        struct text object = {0};

        put_object(r, record);
        text_put(&object, r->line.data, r->line.len);
        text_reset(&r->line);
        rows_put_json(r, object.data, object.len);
        text_free(&object);
        return;
    }
    if (r->count++ == 0)
        begin_rows(r);
    if (r->format == ROWS_TEMPLATE)
        template_put(&r->line, r->parsed, record, r->tool->shows_step, r->tool->ctx);
    else
        put_values(r, record);
    /* A template says itself where lines end, unless it says nothing. */
    if (r->format == ROWS_TEMPLATE && !r->null && r->line.len > 0 && r->line.data[r->line.len - 1] == '\n') {
        out_text(&r->line);
        text_reset(&r->line);
        out_rest();
    } else {
        end_line(r);
    }
}

/* MessagePack of the object, in which what JSON cannot say is said again. */
static void put_msgpack(const char *object, size_t len)
{
    xray_buffer packed = {0};
    xray_error err = {0};

    if (xray_value_pack(xray_jsonn(object, len), true, &packed, &err) < 0)
        cli_error(NULL, "a record cannot be packed: %s", err.message);
    else
        out_put((const char *)packed.data, packed.len);
    xray_buffer_free(&packed);
}

void rows_put_json(struct rows *r, const char *object, size_t len)
{
    while (len > 0 && object[len - 1] == '\n')
        len--;
    if (r->format == ROWS_MSGPACK) {
        put_msgpack(object, len);
        return;
    }
    if (r->count++ == 0)
        begin_rows(r);
    else if (r->format == ROWS_JSON)
        out_put(",", 1);
    if (r->format == ROWS_JSON) {
        out_put("\n", 1);
        out_put(object, len);
        return;
    }
    text_put(&r->line, object, len);
    end_line(r);
}

void rows_end(struct rows *r)
{
    if (r->tool != NULL && r->count == 0 && r->format != ROWS_TEXT)
        begin_rows(r);
    if (r->tool != NULL && r->format == ROWS_JSON)
        out_put(r->count > 0 ? "\n]\n" : "]\n", r->count > 0 ? 3 : 2);
    for (size_t i = 0; i < r->field_count; i++)
        field_free(&r->fields[i]);
    free(r->fields);
    template_free(r->parsed);
    cell_free(&r->cell);
    text_free(&r->line);
    *r = (struct rows){0};
}
