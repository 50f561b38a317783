/* See measure.h. */
#include "stat/measure.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/human.h"
#include "common/runs.h"

#define NANO 1000000000

static const struct {
    const char *name, *title, *help;
} table[MEASURE_COUNT] = {
#define X(name, title, help) {#name, title, help},
    MEASURES(X)
#undef X
};

const char measure_names[] =
#define X(name, title, help) #name " "
    MEASURES(X)
#undef X
    ;

static const struct {
    const char *name;
    enum measure measure;
} aliases[] = {
    {"calls", M_n},
    {"count", M_n},
    {"reduction", M_rejection_rate},
    {"reduction_rate", M_rejection_rate},
    {"tok_cache_read", M_tok_cache},
};

const char *measure_name(enum measure m)
{
    return table[m].name;
}

const char *measure_title(enum measure m)
{
    return table[m].title;
}

const char *measure_help(enum measure m)
{
    return table[m].help;
}

static bool is_name(xray_str name, const char *known)
{
    return strlen(known) == name.len && memcmp(known, name.ptr, name.len) == 0;
}

int measure_find(xray_str name)
{
    for (int m = 0; m < MEASURE_COUNT; m++) {
        if (is_name(name, table[m].name))
            return m;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (is_name(name, aliases[i].name))
            return (int)aliases[i].measure;
    }
    return -1;
}

bool measure_is_percentile(enum measure m)
{
    return m >= M_p50 && m <= M_p99;
}

/* ---- cells ---- */

static void set_count(struct cell *c, uint64_t n)
{
    cell_set_int(c, CELL_INT, (int64_t)n);
}

/* A sum that has left 64 bits is told by its digits. */
static void set_wide(struct cell *c, enum cell_kind kind, wide n)
{
    if (n > INT64_MIN && n <= INT64_MAX) {
        cell_set_int(c, kind, (int64_t)n);
        return;
    }
    cell_set_text(c, xray_s(NULL));
    wide_put(&c->json, kind == CELL_COST ? n / NANO : n);
    text_put(&c->text, c->json.data, c->json.len);
    c->kind = CELL_JSON;
}

static void set_sum(struct cell *c, enum cell_kind kind, const struct wide_sum *s)
{
    if (s->has)
        set_wide(c, kind, s->sum);
}

static void set_rate(struct cell *c, double part, double whole)
{
    cell_set_double(c, whole > 0 ? part / whole : 0);
}

/* A number as it is kept: of fields with decimals in units of 10^-9. */
static void set_measured(struct cell *c, const struct measured *of, wide n)
{
    if (of->kind == CELL_DOUBLE)
        cell_set_double(c, (double)n / NANO);
    else
        set_wide(c, of->kind == CELL_BOOL ? CELL_INT : of->kind, n);
}

static void set_mean(struct cell *c, const struct measured *of, const struct group *g)
{
    const wide count = (wide)g->of_count;

    switch (of->kind) {
    case CELL_DURATION:
    case CELL_TIME:
    case CELL_COST:
        set_wide(c, of->kind, (g->of_sum >= 0 ? g->of_sum + count / 2 : g->of_sum - count / 2) / count);
        break;
    case CELL_DOUBLE:
        cell_set_double(c, (double)g->of_sum / NANO / (double)g->of_count);
        break;
    case CELL_MISSING:
    case CELL_TEXT:
    case CELL_INT:
    case CELL_BOOL:
    case CELL_JSON:
        cell_set_double(c, (double)g->of_sum / (double)g->of_count);
        break;
    }
}

static void set_percentile(struct cell *c, const struct measured *of, struct group *g, double part)
{
    int64_t n;

    if (g->quantiles.count == g->of_count && quantiles_get(&g->quantiles, part, &n))
        set_measured(c, of, n);
}

static void set_of(struct cell *c, const struct measured *of, struct group *g, enum measure m)
{
    static const double parts[] = {0.50, 0.90, 0.95, 0.99};

    if (g->of_count == 0)
        return;
    if (m == M_mean)
        set_mean(c, of, g);
    else if (m == M_min || m == M_max)
        set_measured(c, of, m == M_min ? g->of_min : g->of_max);
    else if (m != M_sum)
        set_percentile(c, of, g, parts[m - M_p50]);
    else if (of->kind != CELL_TIME) /* a sum of moments means nothing */
        set_measured(c, of, g->of_sum);
}

static void set_version(struct cell *c, const struct groups *all, const struct group *g)
{
    if (g->last_version == 0)
        return;

    const struct text *first = &groups_value(all, g->first_version)->plain;
    const struct text *last = &groups_value(all, g->last_version)->plain;

    cell_set_text(c, text_str(last));
    if (g->first_version == g->last_version || g->first_version == 0)
        return;
    cell_set_text(c, text_str(first));
    text_puts(&c->text, "..");
    text_put(&c->text, last->data, last->len);
}

static void set_computed(struct cell *c, const struct group *g)
{
    if (!g->priced)
        return;
    c->kind = CELL_JSON;
    price_put(&c->json, g->computed);
    text_put(&c->text, c->json.data, c->json.len);
}

static void set_tokens(struct cell *c, const struct group *g, enum measure m)
{
    static const int kinds[] = {TOKENS_IN, TOKENS_CACHE_READ, TOKENS_CACHE_WRITE, TOKENS_OUT, TOKENS_TOTAL};

    set_sum(c, CELL_INT, &g->tokens[kinds[m - M_tok_in]]);
}

void measure_cell(const struct groups *all, const struct measured *of, struct group *g, enum measure m,
                  struct cell *c)
{
    cell_set_text(c, xray_s(NULL));
    switch (m) {
    case M_n:
        set_count(c, g->n);
        break;
    case M_runs:
        set_count(c, g->runs);
        break;
    case M_failures:
        set_count(c, g->failures);
        break;
    case M_failure_rate:
        if (g->ended > 0)
            set_rate(c, (double)g->failures, (double)g->ended);
        break;
    case M_running:
        set_count(c, g->running);
        break;
    case M_abandoned:
        set_count(c, g->abandoned);
        break;
    case M_in:
        set_sum(c, CELL_INT, &g->in);
        break;
    case M_out:
        set_sum(c, CELL_INT, &g->out);
        break;
    case M_rejected:
        if (g->both_in.has)
            set_wide(c, CELL_INT, g->both_in.sum - g->both_out.sum);
        break;
    case M_rejection_rate:
        if (g->both_in.has)
            set_rate(c, (double)(g->both_in.sum - g->both_out.sum), (double)g->both_in.sum);
        break;
    case M_sum:
    case M_min:
    case M_mean:
    case M_max:
    case M_p50:
    case M_p90:
    case M_p95:
    case M_p99:
        set_of(c, of, g, m);
        break;
    case M_tok_in:
    case M_tok_cache:
    case M_tok_cache_write:
    case M_tok_out:
    case M_tok_total:
        set_tokens(c, g, m);
        break;
    case M_cost:
        set_sum(c, CELL_COST, &g->cost);
        break;
    case M_cost_computed:
        set_computed(c, g);
        break;
    case M_estimated:
        set_count(c, g->estimated);
        break;
    case M_unpriced:
        set_count(c, g->unpriced);
        break;
    case M_items:
        set_count(c, g->items);
        break;
    case M_version:
        set_version(c, all, g);
        break;
    case M_first:
        cell_set_int(c, CELL_TIME, g->first);
        break;
    case M_last:
        cell_set_int(c, CELL_TIME, g->last);
        break;
    case M_example:
        c->kind = g->has_example ? CELL_TEXT : CELL_MISSING;
        if (g->has_example)
            runs_put_id(&c->text, g->example, 32);
        break;
    case MEASURE_COUNT:
        break;
    }
}

/* ---- for people ---- */

static void put_double(struct text *t, enum measure m, double d)
{
    if (m == M_rejection_rate || m == M_failure_rate)
        human_rate(t, d);
    else if (m == M_mean)
        human_mean(t, d);
    else
        text_printf(t, "%.6g", d);
}

void measure_put(struct text *t, const struct groups *all, const struct measured *of, struct group *g,
                 enum measure m, int id_digits)
{
    struct cell c = {0};

    measure_cell(all, of, g, m, &c);
    if (measure_is_percentile(m) && c.kind != CELL_MISSING && !quantiles_exact(&g->quantiles))
        text_puts(t, "≈");
    switch (c.kind) {
    case CELL_MISSING:
        break;
    case CELL_TEXT:
        text_safe(t, m == M_example ? xray_strn(c.text.data, (size_t)id_digits) : text_str(&c.text), SAFE_LINE);
        break;
    case CELL_JSON:
        if (m == M_cost_computed)
            text_puts(t, g->estimated > 0 ? "~$" : "$");
        text_put(t, c.text.data, c.text.len);
        break;
    case CELL_INT:
    case CELL_BOOL:
        human_count(t, c.n);
        break;
    case CELL_TIME:
        human_time(t, c.n, 0);
        break;
    case CELL_DURATION:
        human_duration(t, c.n);
        break;
    case CELL_COST:
        human_money(t, c.n);
        break;
    case CELL_DOUBLE:
        put_double(t, m, c.d);
        break;
    }
    cell_free(&c);
}

bool measure_number(const struct groups *all, const struct measured *of, struct group *g, enum measure m,
                    double *out)
{
    struct cell c = {0};
    bool is = true;

    measure_cell(all, of, g, m, &c);
    if (c.kind == CELL_DOUBLE) {
        *out = c.d;
    } else if (c.kind == CELL_JSON) {
        text_put(&c.text, "", 1);
        *out = strtod(c.text.data, NULL);
    } else if (c.kind == CELL_MISSING || c.kind == CELL_TEXT) {
        is = false;
    } else {
        *out = (double)c.n;
    }
    cell_free(&c);
    return is;
}
