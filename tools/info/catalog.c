/* See catalog.h. */
#include "info/catalog.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fields.h"
#include "common/input.h"
#include "common/strmap.h"
#include "info/evidence.h"

/* Bounds what a field that is different everywhere can take. */
enum { VALUES_MAX = 100000 };

/* Calls `visit` with every run and step of the store. */
static bool scan_records(xray_store *store, void (*visit)(void *ctx, const struct record *r), void *ctx)
{
    xray_scan *scan = NULL;
    xray_scan_record rec;
    xray_error err = {0};
    int r = xray_scan_open(&scan, store, XRAY_SCAN_RUN | XRAY_SCAN_STEP, &err);

    while (r >= 0 && (r = xray_scan_next(scan, &rec, &err)) == 1) {
        const struct record record = {
            .store = store,
            .run = rec.kind == XRAY_SCAN_RUN ? rec.run : NULL,
            .step = rec.kind == XRAY_SCAN_STEP ? rec.step : NULL,
        };

        visit(ctx, &record);
    }
    xray_scan_close(scan);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

/* ---- fields ---- */

/* Recorded values are not looked into, but for tags: that would read all payload. */
struct value_field {
    const char *name;
    unsigned owner;
    size_t offset; /* of its xray_ref in the record */
};

#define RUN_VALUE(name) {#name, FIELD_OF_RUN, offsetof(xray_run_record, name)}
#define STEP_VALUE(name) {#name, FIELD_OF_STEP, offsetof(xray_step_record, name)}

static const struct value_field value_fields[] = {
    RUN_VALUE(error),      RUN_VALUE(tags),       RUN_VALUE(metadata), RUN_VALUE(input),     RUN_VALUE(output),
    RUN_VALUE(attrs),      STEP_VALUE(error),     STEP_VALUE(input),   STEP_VALUE(output),   STEP_VALUE(reasoning),
    STEP_VALUE(filters),   STEP_VALUE(params),    STEP_VALUE(sampling), STEP_VALUE(tags),    STEP_VALUE(metadata),
    STEP_VALUE(attrs),
};

enum { VALUE_FIELDS = sizeof value_fields / sizeof value_fields[0] };

struct entry {
    const char *owner;
    const char *name;
    const char *type;
    struct named_field field;
    unsigned owners;
    uint64_t count;
};

struct tag_count {
    struct text name;
    uint64_t count;
};

struct catalog {
    struct entry *entries; /* fields whose values stand in the spine */
    size_t count, cap;
    uint64_t values[VALUE_FIELDS];
    struct strmap tags; /* keys of tags, of runs and of steps: "run tags.KEY" */
    struct tag_count *tag_counts;
    size_t tag_cap;
    struct cell cell;
    xray_buffer scratch;
};

static const char *type_name(enum cell_kind kind)
{
    switch (kind) {
    case CELL_MISSING:
        break;
    case CELL_TEXT:
        return "text";
    case CELL_INT:
        return "int";
    case CELL_TIME:
        return "time";
    case CELL_DURATION:
        return "duration";
    case CELL_COST:
        return "cost";
    case CELL_DOUBLE:
        return "number";
    case CELL_BOOL:
        return "bool";
    case CELL_JSON:
        return "value";
    }
    return "";
}

static bool is_value(unsigned owner, const char *name)
{
    for (size_t i = 0; i < VALUE_FIELDS; i++)
        if (value_fields[i].owner == owner && strcmp(value_fields[i].name, name) == 0)
            return true;
    return strcmp(name, "input_size") == 0 || strcmp(name, "output_size") == 0;
}

static void add_owner(struct catalog *c, unsigned owner, const char *owner_name)
{
    const char *name;

    for (size_t i = 0; (name = field_list(owner, i)) != NULL; i++) {
        char scoped[80];

        /* run.steps belongs to a whole trace, and every run has it */
        if (is_value(owner, name) || (owner == FIELD_OF_RUN && strcmp(name, "steps") == 0))
            continue;
        if (c->count == c->cap)
            c->entries = memory_grow(c->entries, &c->cap, c->count + 1, sizeof *c->entries);
        c->entries[c->count] = (struct entry){.owner = owner_name, .name = name, .owners = owner, .type = ""};
        snprintf(scoped, sizeof scoped, "%s.%s", owner_name, name);
        field_parse(&c->entries[c->count].field, "--fields", xray_s(scoped), owner, NULL);
        c->count++;
    }
}

/* Every key of a map of tags. */
static void count_tags(struct catalog *c, xray_store *store, const char *owner, xray_ref ref)
{
    xray_mp_item item, key;
    struct text name = {0};

    c->scratch.len = 0;
    if (ref.data == NULL || xray_ref_resolve(store, ref, &c->scratch, NULL) < 0)
        return;

    xray_mp mp = xray_mp_over(c->scratch.data, c->scratch.len);

    if (!xray_mp_next(&mp, &item) || item.type != XRAY_MP_MAP)
        return;
    for (uint32_t i = 0; i < item.count && xray_mp_next(&mp, &key); i++) {
        bool added = false;

        if (key.type == XRAY_MP_STR && c->tags.count < VALUES_MAX) {
            text_reset(&name);
            text_printf(&name, "%s.tags.", owner);
            text_put(&name, key.bytes.ptr, key.bytes.len);

            const size_t at = strmap_put(&c->tags, text_str(&name), &added);

            if (at >= c->tag_cap)
                c->tag_counts = memory_grow(c->tag_counts, &c->tag_cap, at + 1, sizeof *c->tag_counts);
            if (added) {
                c->tag_counts[at] = (struct tag_count){.count = 0};
                text_put(&c->tag_counts[at].name, name.data, name.len);
            }
            c->tag_counts[at].count++;
        }
        if (!xray_mp_skip(&mp))
            break;
    }
    text_free(&name);
}

static void count_record(void *ctx, const struct record *r)
{
    struct catalog *c = ctx;
    const unsigned owner = r->run != NULL ? FIELD_OF_RUN : FIELD_OF_STEP;
    const char *base = r->run != NULL ? (const char *)r->run : (const char *)r->step;

    for (size_t i = 0; i < c->count; i++) {
        struct entry *e = &c->entries[i];

        if (e->owners != owner)
            continue;
        field_get(&e->field, r, &c->cell);
        if (c->cell.kind != CELL_MISSING && (c->cell.kind != CELL_BOOL || c->cell.n != 0)) {
            e->count++;
            e->type = type_name(c->cell.kind);
        }
    }
    for (size_t i = 0; i < VALUE_FIELDS; i++) {
        xray_ref ref;

        if (value_fields[i].owner != owner)
            continue;
        memcpy(&ref, base + value_fields[i].offset, sizeof ref);
        c->values[i] += ref.data != NULL;
    }
    count_tags(c, r->store, r->run != NULL ? "run" : "step", r->run != NULL ? r->run->tags : r->step->tags);
}

static void put_field(struct sheet *sheet, const char *owner, xray_str name, const char *type, uint64_t count)
{
    sheet_add(sheet);
    sheet_word(sheet, 0, xray_s(owner));
    sheet_word(sheet, 1, name);
    sheet_word(sheet, 2, xray_s(type));
    sheet_number(sheet, 3, count);
}

static void put_owner(struct sheet *sheet, const struct catalog *c, unsigned owner, const char *name)
{
    const size_t prefix = strlen(name) + 1;

    for (size_t i = 0; i < c->count; i++)
        if (c->entries[i].owners == owner && c->entries[i].count > 0)
            put_field(sheet, name, xray_s(c->entries[i].name), c->entries[i].type, c->entries[i].count);
    for (size_t i = 0; i < VALUE_FIELDS; i++)
        if (value_fields[i].owner == owner && c->values[i] > 0)
            put_field(sheet, name, xray_s(value_fields[i].name), "value", c->values[i]);
    for (size_t i = 0; i < c->tags.count; i++) {
        const struct text *tag = &c->tag_counts[i].name;

        if (strncmp(tag->data, name, prefix - 1) == 0)
            put_field(sheet, name, xray_strn(tag->data + prefix, tag->len - prefix), "value", c->tag_counts[i].count);
    }
}

static bool has_candidates(xray_store *store)
{
    xray_segment_info info;

    for (size_t i = 0; i < xray_store_segment_count(store); i++)
        if (xray_store_segment(store, i, &info) == 0 && info.rows[2] > 0)
            return true;
    return false;
}

bool catalog_fields(xray_store *store, enum sheet_format format)
{
    static const struct sheet_column columns[] = {
        {"owner", SHEET_WORD}, {"field", SHEET_WORD}, {"type", SHEET_WORD}, {"count", SHEET_COUNT}};
    struct sheet sheet = {.kind = "field", .columns = columns, .column_count = 4};
    struct catalog c = {0};
    bool ok;

    add_owner(&c, FIELD_OF_RUN, "run");
    add_owner(&c, FIELD_OF_STEP, "step");
    ok = scan_records(store, count_record, &c);
    put_owner(&sheet, &c, FIELD_OF_RUN, "run");
    put_owner(&sheet, &c, FIELD_OF_STEP, "step");
    ok = ok && has_candidates(store) ? evidence_fields(store, &sheet) : ok;
    ok = ok && sheet.count > 0;
    if (sheet.count > 0)
        sheet_print(&sheet, format);
    sheet_free(&sheet);
    for (size_t i = 0; i < c.count; i++)
        field_free(&c.entries[i].field);
    for (size_t i = 0; i < c.tags.count; i++)
        text_free(&c.tag_counts[i].name);
    free(c.entries);
    free(c.tag_counts);
    strmap_free(&c.tags);
    cell_free(&c.cell);
    xray_buffer_free(&c.scratch);
    return ok;
}
