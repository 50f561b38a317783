/* See group.h. */
#include "funnel/group.h"

#include <stdlib.h>

#include "common/cli.h"
#include "common/when.h"

void grouping_add_field(struct grouping *g, const char *name)
{
    if (g->field_count == GROUP_MAX_FIELDS)
        cli_usage("--by can be given %d times", GROUP_MAX_FIELDS);
    field_parse(&g->fields[g->field_count++], "--by", xray_s(name), FIELD_OF_RUN | FIELD_OF_STEP, NULL);
}

void grouping_set_bucket(struct grouping *g, const char *length)
{
    g->bucket_ns = when_option_duration("--bucket", length);
    if (g->bucket_ns <= 0)
        cli_usage("--bucket takes a length of time such as 1h, not '%s'", length);
}

bool grouping_needs_values(const struct grouping *g)
{
    for (size_t i = 0; i < g->field_count; i++) {
        if (g->fields[i].owner == FIELD_OF_RUN && (field_needs(&g->fields[i]) & XRAY_NEEDS_PAYLOAD) != 0)
            return true;
    }
    return false;
}

bool grouping_of_steps(const struct grouping *g)
{
    for (size_t i = 0; i < g->field_count; i++) {
        if (g->fields[i].owner != FIELD_OF_RUN)
            return true;
    }
    return false;
}

/* The numbers of steps and of parents are settled only where the whole run is known. */
bool grouping_needs_traces(const struct grouping *g)
{
    static const char *const names[] = {"steps", "number", "parent", "orphan"};

    for (size_t i = 0; i < g->field_count; i++) {
        const char *dot = strrchr(g->fields[i].title, '.');
        const char *name = dot != NULL ? dot + 1 : g->fields[i].title;

        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (strcmp(name, names[k]) == 0)
                return true;
        }
    }
    return false;
}

static size_t value_number(struct grouping *g, size_t field, const struct record *record)
{
    bool added;

    field_get(&g->fields[field], record, &g->cell);
    text_reset(&g->key);
    if (g->cell.kind == CELL_MISSING)
        text_puts(&g->key, "null");
    else
        cell_put_json(&g->key, &g->cell);

    const size_t number = strmap_put(&g->numbers, text_str(&g->key), &added);

    if (!added)
        return number;
    if (number == GROUP_MAX_VALUES) {
        cli_error(NULL, "--by %s: more than %d different values", g->fields[field].title, GROUP_MAX_VALUES);
        cli_hint("group by a field that has fewer, or choose fewer runs with -W, --since or -p");
        exit(EXIT_TROUBLE);
    }
    g->values = memory_grow(g->values, &g->value_cap, number + 1, sizeof *g->values);
    g->values[number] = (struct group_value){.kind = g->cell.kind};
    text_put(&g->values[number].json, g->key.data, g->key.len);
    if (g->cell.kind != CELL_MISSING)
        cell_put_plain(&g->values[number].plain, &g->cell);
    g->value_count = number + 1;
    return number;
}

void group_of_run(struct grouping *g, const struct record *record, struct group *out)
{
    *out = (struct group){.bucket = XRAY_MISSING};
    if (g->bucket_ns > 0 && record->run->start_ns != XRAY_MISSING)
        out->bucket = when_floor(record->run->start_ns, g->bucket_ns);
    for (size_t i = 0; i < g->field_count; i++) {
        if (g->fields[i].owner == FIELD_OF_RUN)
            out->values[i] = value_number(g, i, record);
    }
}

void group_of_step(struct grouping *g, const struct record *record, struct group *inout)
{
    for (size_t i = 0; i < g->field_count; i++) {
        if (g->fields[i].owner != FIELD_OF_RUN)
            inout->values[i] = value_number(g, i, record);
    }
}

bool group_equal(const struct group *a, const struct group *b)
{
    return a->bucket == b->bucket && a->values[0] == b->values[0] && a->values[1] == b->values[1];
}

int group_compare(const struct grouping *g, const struct group *a, const struct group *b)
{
    if (a->bucket != b->bucket)
        return a->bucket < b->bucket ? -1 : 1;
    for (size_t i = 0; i < g->field_count; i++) {
        const struct text *x = &g->values[a->values[i]].json;
        const struct text *y = &g->values[b->values[i]].json;
        const int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

        if (order != 0)
            return order;
        if (x->len != y->len)
            return x->len < y->len ? -1 : 1;
    }
    return 0;
}

const struct group_value *group_value(const struct grouping *g, const struct group *group, size_t field)
{
    return &g->values[group->values[field]];
}

void group_cell(const struct grouping *g, const struct group *group, size_t field, struct cell *out)
{
    const struct group_value *v = group_value(g, group, field);

    cell_set_text(out, text_str(&v->plain));
    if (v->kind == CELL_TEXT || v->kind == CELL_MISSING)
        return;
    /* Numbers and the like stay what they are in JSON. */
    out->kind = CELL_JSON;
    text_reset(&out->json);
    text_put(&out->json, v->json.data, v->json.len);
}

void group_put(struct text *t, const struct grouping *g, const struct group *group, size_t field)
{
    const struct group_value *v = group_value(g, group, field);

    if (v->kind == CELL_MISSING)
        text_puts(t, "-");
    else if (v->plain.len == 0)
        text_puts(t, "\"\"");
    text_safe(t, text_str(&v->plain), SAFE_LINE);
}

void group_put_bucket(struct text *t, const struct grouping *g, const struct group *group)
{
    if (group->bucket == XRAY_MISSING)
        text_puts(t, "-");
    else
        when_put(t, group->bucket, g->bucket_ns % INT64_C(1000000000) == 0 ? 0 : 9);
}

void grouping_free(struct grouping *g)
{
    for (size_t i = 0; i < g->field_count; i++)
        field_free(&g->fields[i]);
    for (size_t i = 0; i < g->value_count; i++) {
        text_free(&g->values[i].plain);
        text_free(&g->values[i].json);
    }
    free(g->values);
    strmap_free(&g->numbers);
    cell_free(&g->cell);
    text_free(&g->key);
}
