/* See print.h. */
#include "stat/print.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "common/human.h"
#include "common/markdown.h"
#include "common/out.h"
#include "common/table.h"
#include "common/when.h"
#include "stat/spark.h"

enum { MAX_SLICES = 60 };

/* What a column of a table shows, beside measures. */
enum { COLUMN_SLICE = -1, COLUMN_SPARK = -2, COLUMN_CHANGE = -3, COLUMN_BY = -100 /* and up */ };

struct view {
    const struct printing *p;
    struct group **lines;
    size_t count;
    int kinds[TABLE_COLUMNS];
    struct table_column columns[TABLE_COLUMNS];
    int column_count;
    struct group **slices; /* all that have one, by values, then by time; for sparklines */
    size_t slice_count;
    int64_t first_slice;
    size_t drawn; /* slices in a sparkline */
};

static struct groups *groups_of(const struct printing *p)
{
    return &p->counting->groups;
}

/* ---- order ---- */

/* qsort has no context. One thread prints, once. */
static const struct printing *ordering;

static int compare_keys(const void *a, const void *b)
{
    return groups_compare(groups_of(ordering), *(struct group *const *)a, *(struct group *const *)b);
}

struct sortable {
    struct group *group;
    bool has;
    double number;
};

/* Lines without the number come last, either way. */
static int compare_numbers(const void *a, const void *b)
{
    const struct sortable *x = a;
    const struct sortable *y = b;

    if (x->has != y->has)
        return x->has ? -1 : 1;
    if (x->has && x->number != y->number)
        return (x->number < y->number) != ordering->descending ? -1 : 1;
    return groups_compare(groups_of(ordering), x->group, y->group);
}

static void sort_lines(const struct printing *p, struct group **lines, size_t count)
{
    ordering = p;
    if (!p->sorts) {
        qsort(lines, count, sizeof *lines, compare_keys);
        return;
    }

    struct sortable *sortables = memory_new(count, sizeof *sortables);

    for (size_t i = 0; i < count; i++) {
        sortables[i].group = lines[i];
        sortables[i].has = measure_number(groups_of(p), &p->counting->of, lines[i], p->sort, &sortables[i].number);
    }
    qsort(sortables, count, sizeof *sortables, compare_numbers);
    for (size_t i = 0; i < count; i++)
        lines[i] = sortables[i].group;
    free(sortables);
}

/* The groups that are lines of the output, in its order. */
static struct group **choose_lines(const struct printing *p, size_t *count)
{
    struct groups *g = groups_of(p);
    struct group **lines = memory_new(g->count, sizeof *lines);

    *count = 0;
    for (size_t i = 0; i < g->count; i++) {
        if (p->counting->totals == (g->groups[i].slice == GROUP_TOTAL) || g->groups[i].other)
            lines[(*count)++] = &g->groups[i];
    }
    sort_lines(p, lines, *count);
    if (*count > p->top)
        *count = (size_t)p->top;
    return lines;
}

/* ---- sparklines ---- */

static int compare_values(const void *a, const void *b)
{
    const struct group *x = *(struct group *const *)a;
    const struct group *y = *(struct group *const *)b;
    const int order = memcmp(x->values, y->values, sizeof x->values);

    return order != 0 ? order : (x->slice > y->slice) - (x->slice < y->slice);
}

/* The slices between first and last, without those that a line has no room for at its beginning. Slices of days are
 * not all of one length where clocks change, so places are counted by halves of a slice. */
static size_t slice_place(const struct view *v, int64_t slice)
{
    const int64_t every = groups_of(v->p)->every_ns;

    return (size_t)(((unsigned __int128)((wide)slice - v->first_slice) + (unsigned)(every / 2)) / (unsigned __int128)every);
}

static void gather_slices(struct view *v)
{
    const struct groups *g = groups_of(v->p);
    int64_t last = INT64_MIN;

    v->first_slice = INT64_MAX;
    v->slices = memory_new(g->count, sizeof *v->slices);
    for (size_t i = 0; i < g->count; i++) {
        struct group *group = &g->groups[i];

        if (group->slice == GROUP_TOTAL || group->slice == XRAY_MISSING)
            continue;
        v->slices[v->slice_count++] = group;
        v->first_slice = group->slice < v->first_slice ? group->slice : v->first_slice;
        last = group->slice > last ? group->slice : last;
    }
    qsort(v->slices, v->slice_count, sizeof *v->slices, compare_values);
    if (v->slice_count == 0)
        return;
    v->drawn = slice_place(v, last) + 1;
    if (v->drawn > MAX_SLICES) { /* the newest */
        v->first_slice = (int64_t)((wide)last - (wide)(MAX_SLICES - 1) * g->every_ns);
        v->drawn = MAX_SLICES;
    }
}

/* The first measure that is shown, of each slice of the line's group. */
static void slice_values(const struct view *v, const struct group *line, double values[MAX_SLICES])
{
    size_t low = 0;
    size_t high = v->slice_count;

    for (size_t i = 0; i < v->drawn; i++)
        values[i] = NAN;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (memcmp(v->slices[middle]->values, line->values, sizeof line->values) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < v->slice_count && memcmp(v->slices[low]->values, line->values, sizeof line->values) == 0; low++) {
        double number;

        if (v->slices[low]->slice < v->first_slice)
            continue;

        const size_t place = slice_place(v, v->slices[low]->slice);

        if (place < v->drawn &&
            measure_number(groups_of(v->p), &v->p->counting->of, v->slices[low], v->p->shows[0], &number))
            values[place] = number;
    }
}

static void put_slice(struct text *t, const struct groups *g, int64_t slice)
{
    if (slice != XRAY_MISSING && slice != GROUP_TOTAL)
        when_put(t, slice, g->every_ns % INT64_C(1000000000) == 0 ? 0 : 9);
}

static void put_number(struct text *t, const struct view *v, double d)
{
    const enum measure m = v->p->shows[0];
    const enum cell_kind kind = v->p->counting->of.kind;

    if (m == M_rejection_rate || m == M_failure_rate)
        human_rate(t, d);
    else if (m >= M_sum && m <= M_p99 && kind == CELL_DURATION)
        human_duration(t, (int64_t)d);
    else
        text_printf(t, "%.4g", m == M_cost || (m >= M_sum && m <= M_p99 && kind == CELL_COST) ? d / 1e9 : d);
}

static void put_change(struct text *t, const struct view *v, const double *values)
{
    struct spark_change change;

    if (!spark_change(values, v->drawn, &change))
        return;
    put_number(t, v, change.before);
    text_puts(t, " -> ");
    put_number(t, v, change.after);
    text_puts(t, " since ");
    put_slice(t, groups_of(v->p),
              when_floor((int64_t)((wide)v->first_slice + (wide)change.at * groups_of(v->p)->every_ns),
                         groups_of(v->p)->every_ns));
}

/* ---- tables ---- */

static void put_value(struct text *t, const struct groups *g, const struct group *group, size_t field)
{
    if (group->other) {
        text_puts(t, "(other)");
        return;
    }

    const struct group_value *value = groups_value(g, group->values[field]);

    text_safe(t, text_str(&value->plain), SAFE_LINE);
}

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct view *v = ctx;
    struct group *group = v->lines[row];
    const int kind = v->kinds[column];
    const size_t mark = t->len;
    double values[MAX_SLICES];

    if (kind == COLUMN_SPARK || kind == COLUMN_CHANGE)
        slice_values(v, group, values);
    if (kind == COLUMN_SLICE)
        put_slice(t, groups_of(v->p), group->slice);
    else if (kind == COLUMN_SPARK)
        spark_put(t, values, v->drawn, out_is_unicode());
    else if (kind == COLUMN_CHANGE)
        put_change(t, v, values);
    else if (kind < 0)
        put_value(t, groups_of(v->p), group, (size_t)(kind - COLUMN_BY));
    else
        measure_put(t, groups_of(v->p), &v->p->counting->of, group, (enum measure)kind, v->p->id_digits);
    if (t->len == mark)
        text_puts(t, "-");
}

static bool is_right(int kind)
{
    return kind >= 0 && kind != M_version && kind != M_first && kind != M_last && kind != M_example;
}

static void add_column(struct view *v, int kind, const char *title)
{
    if (v->column_count == TABLE_COLUMNS)
        return; /* print_groups has checked that there is room */
    v->kinds[v->column_count] = kind;
    v->columns[v->column_count] = (struct table_column){title, is_right(kind), v->column_count > 0 ? 2 : 0, false};
    v->column_count++;
}

static void choose_columns(struct view *v)
{
    const struct groups *g = groups_of(v->p);

    if (g->every_ns > 0 && !v->p->counting->totals)
        add_column(v, COLUMN_SLICE, "time");
    for (size_t i = 0; i < g->field_count; i++)
        add_column(v, COLUMN_BY + (int)i, g->fields[i].title);
    for (size_t i = 0; i < v->p->show_count; i++)
        add_column(v, (int)v->p->shows[i], measure_title(v->p->shows[i]));
    if (v->p->counting->totals) {
        add_column(v, COLUMN_SPARK, "over time");
        add_column(v, COLUMN_CHANGE, "change");
    }
}

static void put_notes(struct text *t, const struct view *v)
{
    const struct groups *g = groups_of(v->p);

    if (v->p->counting->totals && v->drawn > 0) {
        text_puts(t, "over time: ");
        text_puts(t, measure_title(v->p->shows[0]));
        text_puts(t, " from ");
        put_slice(t, g, v->first_slice);
        text_printf(t, ", %zu %s%s\n", v->drawn, v->drawn == 1 ? "slice" : "slices",
                    v->drawn == MAX_SLICES ? " (the newest)" : "");
    }
    if (g->rounded)
        text_printf(t, "≈: too many values to keep, within %.1f%%\n", 50.0 / QUANTILE_BUCKETS_PER_DOUBLING);
}

static void print_text(struct view *v)
{
    struct table table = {.columns = v->columns, .count = v->column_count, .cell = put_cell, .ctx = v};
    struct text t = {0};

    for (size_t i = 0; i < v->count; i++)
        table_measure(&table, i);
    table_measure_titles(&table, false);
    out_style(&t, STYLE_DIM);
    table_put_titles(&table, &t);
    out_style(&t, STYLE_NONE);
    for (size_t i = 0; i < v->count; i++) {
        table_put(&table, i, &t);
        out_text(&t);
        text_reset(&t);
    }
    put_notes(&t, v);
    out_text(&t);
    text_free(&t);
}

static void print_markdown(struct view *v)
{
    struct text t = {0};
    struct text cell = {0};

    for (int i = 0; i < v->column_count; i++) {
        text_reset(&cell);
        text_puts(&cell, v->columns[i].title);
        text_puts(&t, i == 0 ? "| " : " | ");
        markdown_literal(&t, &cell);
    }
    text_puts(&t, " |\n");
    for (int i = 0; i < v->column_count; i++)
        text_puts(&t, v->columns[i].right ? "|---:" : "|---");
    text_puts(&t, "|\n");
    for (size_t row = 0; row < v->count; row++) {
        for (int i = 0; i < v->column_count; i++) {
            text_reset(&cell);
            put_cell(&cell, v, row, i);
            text_puts(&t, i == 0 ? "| " : " | ");
            markdown_literal(&t, &cell);
        }
        text_puts(&t, " |\n");
        out_text(&t);
        text_reset(&t);
    }
    text_free(&cell);
    text_free(&t);
}

/* ---- rows ---- */

struct row {
    const struct printing *p;
    struct group *group;
};

static void get_slice(const struct record *r, struct cell *c)
{
    const struct row *row = r->own;

    cell_set_int(c, CELL_TIME, row->group->slice != GROUP_TOTAL ? row->group->slice : XRAY_MISSING);
}

static void get_value(const struct record *r, struct cell *c, size_t field)
{
    const struct row *row = r->own;

    if (row->group->other) {
        cell_set_text(c, xray_s("(other)"));
        return;
    }

    const struct group_value *value = groups_value(groups_of(row->p), row->group->values[field]);

    cell_set_text(c, text_str(&value->plain));
    if (value->kind == CELL_TEXT || value->kind == CELL_MISSING)
        return;
    c->kind = CELL_JSON; /* numbers and the like stay what they are in JSON */
    text_put(&c->json, value->json.data, value->json.len);
}

/* A field's function knows only the row, so each column has one of its own. */
#define BY(i)                                                        \
    static void get_by_##i(const struct record *r, struct cell *c)   \
    {                                                                \
        get_value(r, c, i);                                          \
    }
BY(0)
BY(1)
BY(2)
BY(3)
#undef BY

static void (*const by_getters[GROUPS_MAX_FIELDS])(const struct record *, struct cell *) = {
    get_by_0, get_by_1, get_by_2, get_by_3};

#define X(name, title, help)                                                                      \
    static void get_##name(const struct record *r, struct cell *c)                                \
    {                                                                                             \
        const struct row *row = r->own;                                                           \
        measure_cell(groups_of(row->p), &row->p->counting->of, row->group, M_##name, c);          \
    }
MEASURES(X)
#undef X

static void (*const measure_getters[MEASURE_COUNT])(const struct record *, struct cell *) = {
#define X(name, title, help) get_##name,
    MEASURES(X)
#undef X
};

static void add_own(struct printing *p, size_t *count, const char *name,
                    void (*get)(const struct record *, struct cell *))
{
    p->own[(*count)++] = (struct field_own){name, get};
    text_puts(&p->list, p->list.len > 0 ? "," : "");
    text_puts(&p->list, name);
}

const struct rows_tool *print_rows_tool(struct printing *p, struct rows *rows)
{
    const struct groups *g = groups_of(p);
    size_t count = 0;

    if (g->every_ns > 0)
        add_own(p, &count, "time", get_slice);
    for (size_t i = 0; i < g->field_count; i++)
        add_own(p, &count, g->fields[i].title, by_getters[i]);
    for (size_t i = 0; i < p->show_count; i++)
        add_own(p, &count, measure_name(p->shows[i]), measure_getters[p->shows[i]]);
    text_put(&p->list, "", 1);
    p->rows_tool = (struct rows_tool){
        .formats = 1u << ROWS_TEXT | 1u << ROWS_LINE | 1u << ROWS_NDJSON | 1u << ROWS_JSON | 1u << ROWS_CSV |
                   1u << ROWS_TSV | 1u << ROWS_TEMPLATE | 1u << ROWS_MARKDOWN | 1u << ROWS_PROM,
        .defaults = {[XRAY_UNIT_STEP] = p->list.data},
        .own = p->own,
    };
    if (rows->list == NULL && (rows->format == ROWS_NDJSON || rows->format == ROWS_JSON))
        rows->list = p->list.data;
    return &p->rows_tool;
}

static void print_rows(const struct printing *p, struct rows *rows, struct group **lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row row = {.p = p, .group = lines[i]};

        rows_put(rows, &(struct record){.own = &row});
    }
}

size_t print_groups(struct printing *p, struct rows *rows)
{
    struct view v = {.p = p};

    v.lines = choose_lines(p, &v.count);
    if (rows->format == ROWS_PROM) {
        prom_print(p, v.lines, v.count);
    } else if (rows->format == ROWS_TEXT || rows->format == ROWS_MARKDOWN) {
        choose_columns(&v);
        if (p->counting->totals)
            gather_slices(&v);
        if (v.count > 0 && rows->format == ROWS_TEXT)
            print_text(&v);
        else if (v.count > 0)
            print_markdown(&v);
    } else {
        print_rows(p, rows, v.lines, v.count);
    }
    free(v.lines);
    free(v.slices);
    return v.count;
}
