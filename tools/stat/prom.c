/* Groups in the text exposition format 0.0.4 of Prometheus, for the textfile collector of its node exporter:
 *
 *     # HELP xray_failures_total Records whose status is failure
 *     # TYPE xray_failures_total counter
 *     xray_failures_total{step_name="filter_price"} 3
 *
 * A family's samples stand together, every label has a value, and what is missing has no sample. */
#include <inttypes.h>

#include "common/out.h"
#include "stat/print.h"

enum { NAME = 200 };

struct label_names {
    struct text names[GROUPS_MAX_FIELDS];
};

/* [a-zA-Z_][a-zA-Z0-9_]*; other bytes become _. Names that Prometheus keeps for itself get "by" before them. */
static void put_name(struct text *t, const char *from, bool label)
{
    const size_t mark = t->len;

    for (size_t i = 0; from[i] != '\0' && i < NAME; i++) {
        const char c = from[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        text_put(t, letter ? &c : "_", 1);
    }
    if (!label)
        return;

    const xray_str made = xray_strn(t->data + mark, t->len - mark);
    const bool kept = (made.len == 8 && memcmp(made.ptr, "quantile", 8) == 0) || made.ptr[0] == '_' ||
                      (made.ptr[0] >= '0' && made.ptr[0] <= '9');

    if (kept) {
        struct text with = {0};

        text_puts(&with, "by_");
        text_put(&with, made.ptr, made.len);
        t->len = mark;
        text_put(t, with.data, with.len);
        text_free(&with);
    }
}

/* Names that differ in other bytes only must stay apart: the later ones get their place. */
static void make_label_names(const struct groups *g, struct label_names *l)
{
    for (size_t i = 0; i < g->field_count; i++) {
        put_name(&l->names[i], g->fields[i].title, true);
        for (size_t k = 0; k < i; k++) {
            if (l->names[k].len == l->names[i].len &&
                memcmp(l->names[k].data, l->names[i].data, l->names[i].len) == 0)
                text_printf(&l->names[i], "_%zu", i + 1);
        }
    }
}

/* \\ \" \n are the escapes of label values; what a terminal must not see is shown escaped before. */
static void put_label_value(struct text *t, xray_str value)
{
    struct text safe = {0};

    text_escape(&safe, value, SAFE_LINE);
    for (size_t i = 0; i < safe.len; i++) {
        if (safe.data[i] == '\\' || safe.data[i] == '"')
            text_puts(t, "\\");
        text_put(t, &safe.data[i], 1);
    }
    text_free(&safe);
}

static void put_labels(struct text *t, const struct printing *p, const struct label_names *l,
                       const struct group *group, const char *quantile)
{
    const struct groups *g = &p->counting->groups;

    if (g->field_count == 0 && quantile == NULL)
        return;
    for (size_t i = 0; i < g->field_count; i++) {
        text_puts(t, i == 0 ? "{" : ",");
        text_put(t, l->names[i].data, l->names[i].len);
        text_puts(t, "=\"");
        if (group->other)
            text_puts(t, "(other)");
        else
            put_label_value(t, text_str(&groups_value(g, group->values[i])->plain));
        text_puts(t, "\"");
    }
    if (quantile != NULL)
        text_printf(t, "%squantile=\"%s\"", g->field_count > 0 ? "," : "{", quantile);
    text_puts(t, "}");
}

static void put_double(struct text *t, double d)
{
    xray_buffer number = {0};

    if (xray_json_double(d, &number) == 0)
        text_put(t, (const char *)number.data, number.len);
    xray_buffer_free(&number);
}

/* Prometheus counts in seconds and whole units of money. */
static void put_sample_value(struct text *t, const struct cell *c)
{
    if (c->kind == CELL_TIME || c->kind == CELL_DURATION)
        put_double(t, (double)c->n / 1e9);
    else
        cell_put_plain(t, c);
}

static void put_head(struct text *t, const struct text *name, const char *help, const char *type)
{
    text_printf(t, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)name->len, name->data, help, (int)name->len, name->data,
                type);
}

/* ---- one measure, one family ---- */

static bool is_gauge(enum measure m)
{
    return m == M_failure_rate || m == M_rejection_rate || m == M_running || m == M_abandoned || m == M_items ||
           m == M_first || m == M_last || m == M_runs;
}

static void put_family_name(struct text *t, const struct printing *p, enum measure m)
{
    static const char *const records[] = {"records", "runs", "steps", "candidates"};

    text_puts(t, "xray_");
    switch ((int)m) {
    case M_n:
        text_puts(t, records[p->counting->unit]);
        break;
    case M_runs:
        text_puts(t, "distinct_runs");
        break;
    case M_in:
    case M_out:
    case M_rejected:
        text_printf(t, "candidates_%s", measure_name(m));
        break;
    case M_failure_rate:
    case M_rejection_rate:
        text_puts(t, m == M_failure_rate ? "failure_ratio" : "rejection_ratio");
        break;
    case M_first:
    case M_last:
        text_printf(t, "%s_timestamp_seconds", measure_name(m));
        break;
    case M_cost_computed:
        text_puts(t, "cost_computed_usd");
        break;
    default:
        text_puts(t, measure_name(m));
    }
    if (!is_gauge(m))
        text_puts(t, "_total");
}

static void put_family(struct text *t, const struct printing *p, const struct label_names *l,
                       struct group *const *lines, size_t count, enum measure m)
{
    struct text name = {0};
    struct cell cell = {0};

    put_family_name(&name, p, m);
    put_head(t, &name, measure_help(m), is_gauge(m) ? "gauge" : "counter");
    for (size_t i = 0; i < count; i++) {
        measure_cell(&p->counting->groups, &p->counting->of, lines[i], m, &cell);
        if (cell.kind == CELL_MISSING)
            continue;
        text_put(t, name.data, name.len);
        put_labels(t, p, l, lines[i], NULL);
        text_puts(t, " ");
        put_sample_value(t, &cell);
        text_puts(t, "\n");
    }
    cell_free(&cell);
    text_free(&name);
}

/* ---- the measured field: a summary, and gauges for the extremes ---- */

static void put_measured_name(struct text *t, const struct printing *p)
{
    const struct measured *of = &p->counting->of;

    text_puts(t, "xray_");
    if (of->given)
        put_name(t, of->field.title, false);
    else
        text_puts(t, p->counting->unit == XRAY_UNIT_RUN ? "run_duration" : "step_duration");
    if (of->kind == CELL_DURATION)
        text_puts(t, "_seconds");
}

static void put_one(struct text *t, const struct printing *p, const struct label_names *l, struct group *group,
                    const struct text *name, const char *suffix, const char *quantile, enum measure m)
{
    struct cell cell = {0};

    measure_cell(&p->counting->groups, &p->counting->of, group, m, &cell);
    if (cell.kind != CELL_MISSING) {
        text_put(t, name->data, name->len);
        text_puts(t, suffix);
        put_labels(t, p, l, group, quantile);
        text_puts(t, " ");
        put_sample_value(t, &cell);
        text_puts(t, "\n");
    }
    cell_free(&cell);
}

static void put_summary(struct text *t, const struct printing *p, const struct label_names *l,
                        struct group *const *lines, size_t count, const struct text *name)
{
    static const char *const quantiles[] = {"0.5", "0.9", "0.95", "0.99"};

    put_head(t, name, "The measured field", "summary");
    for (size_t i = 0; i < count; i++) {
        for (int m = M_p50; m <= M_p99; m++) {
            if (p->counting->wants[m])
                put_one(t, p, l, lines[i], name, "", quantiles[m - M_p50], (enum measure)m);
        }
        if (lines[i]->of_count == 0)
            continue;
        put_one(t, p, l, lines[i], name, "_sum", NULL, M_sum);
        text_put(t, name->data, name->len);
        text_puts(t, "_count");
        put_labels(t, p, l, lines[i], NULL);
        text_printf(t, " %" PRIu64 "\n", lines[i]->of_count);
    }
}

static void put_extreme(struct text *t, const struct printing *p, const struct label_names *l,
                        struct group *const *lines, size_t count, const struct text *base, enum measure m)
{
    struct text name = {0};

    text_put(&name, base->data, base->len);
    text_puts(&name, m == M_min ? "_min" : "_max");
    put_head(t, &name, measure_help(m), "gauge");
    for (size_t i = 0; i < count; i++)
        put_one(t, p, l, lines[i], &name, "", NULL, m);
    text_free(&name);
}

static void put_measured(struct text *t, const struct printing *p, const struct label_names *l,
                         struct group *const *lines, size_t count)
{
    const bool *wants = p->counting->wants;
    struct text name = {0};

    put_measured_name(&name, p);
    if (p->counting->of.kind != CELL_TIME &&
        (wants[M_sum] || wants[M_mean] || wants[M_p50] || wants[M_p90] || wants[M_p95] || wants[M_p99]))
        put_summary(t, p, l, lines, count, &name);
    for (int m = M_min; m <= M_max; m++) {
        if (wants[m] && m != M_mean)
            put_extreme(t, p, l, lines, count, &name, (enum measure)m);
    }
    text_free(&name);
}

void prom_print(const struct printing *p, struct group *const *lines, size_t count)
{
    struct label_names labels = {0};
    struct text t = {0};

    make_label_names(&p->counting->groups, &labels);
    for (size_t i = 0; i < p->show_count; i++) {
        const enum measure m = p->shows[i];

        if ((m >= M_sum && m <= M_p99) || m == M_version || m == M_example)
            continue; /* below; and text, which is no sample */
        put_family(&t, p, &labels, lines, count, m);
        out_text(&t);
        text_reset(&t);
    }
    if (p->counting->of.kind != CELL_MISSING)
        put_measured(&t, p, &labels, lines, count);
    out_text(&t);
    for (size_t i = 0; i < GROUPS_MAX_FIELDS; i++)
        text_free(&labels.names[i]);
    text_free(&t);
}
