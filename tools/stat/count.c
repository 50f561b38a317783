/* See count.h. */
#include "stat/count.h"

#include <inttypes.h>
#include <math.h>

#include "common/cli.h"
#include "common/fieldtable.h"
#include "common/human.h"
#include "common/runs.h"
#include "common/when.h"

enum { MODELS_SHOWN = 10, MODELS_KNOWN = 10000 };

/* ---- the measured field ---- */

/* Values of fields with decimals are kept in units of 10^-9, so that sums and ranks are of integers. What is beyond
 * the range is kept as its end. */
static int64_t scaled(double d)
{
    const double nano = d * 1e9;

    return nano >= 9.2e18 ? INT64_MAX : nano <= -9.2e18 ? -INT64_MAX : (int64_t)llround(nano);
}

/* Recorded values (tags.x, metadata.x) can be 1 here and 1.5 there. */
static enum cell_kind kind_of(const struct named_field *f, enum cell_kind met)
{
    return f->path_count > 0 && met == CELL_INT ? CELL_DOUBLE : met;
}

static bool measured_number(struct measured *of, const struct cell *c, int64_t *n)
{
    if (c->kind == CELL_MISSING || c->kind == CELL_TEXT || c->kind == CELL_JSON ||
        (c->kind == CELL_DOUBLE && !isfinite(c->d)))
        return false;
    if (of->kind == CELL_MISSING)
        of->kind = kind_of(&of->field, c->kind);
    if (of->kind == CELL_DOUBLE)
        *n = scaled(c->kind == CELL_DOUBLE ? c->d : (double)c->n);
    else
        *n = c->n;
    return of->kind == CELL_DOUBLE || c->kind == of->kind;
}

static bool wants_of(const struct counting *c)
{
    for (int m = M_sum; m <= M_p99; m++) {
        if (c->wants[m])
            return true;
    }
    return false;
}

static bool wants_percentiles(const struct counting *c)
{
    return c->wants[M_p50] || c->wants[M_p90] || c->wants[M_p95] || c->wants[M_p99];
}

static void add_measured(struct counting *c, struct group *g, const struct record *r)
{
    struct cell *cell = &c->groups.cell;
    int64_t n;

    field_get(&c->of.field, r, cell);
    if (!measured_number(&c->of, cell, &n))
        return;
    g->of_min = g->of_count == 0 || n < g->of_min ? n : g->of_min;
    g->of_max = g->of_count == 0 || n > g->of_max ? n : g->of_max;
    g->of_sum += n;
    g->of_count++;
    if (wants_percentiles(c))
        groups_number(&c->groups, g, n);
}

/* ---- cost ---- */

static void note_unknown(struct counting *c, xray_str model)
{
    bool added = false;

    c->unknown_steps++;
    if (c->unknown_models.count < MODELS_KNOWN)
        strmap_put(&c->unknown_models, model, &added);
    if (!added || c->unknown_models.count > MODELS_SHOWN)
        return;
    text_puts(&c->unknown_list, c->unknown_models.count > 1 ? ", " : "");
    text_escape(&c->unknown_list, xray_strn(model.ptr, text_char_floor(model.ptr, model.len, 100)), SAFE_LINE);
}

/* `first`: of the groups that this step goes into, so that messages count it once. */
static void add_cost(struct counting *c, struct group *g, const struct record *r, int64_t time_ns, bool first)
{
    const xray_step_record *s = r->step;
    const struct price_usage usage = {
        .model = s->model,
        .time_ns = time_ns,
        .in = s->tokens_in,
        .out = s->tokens_out,
        .cache_read = s->tokens_cache_read,
        .cache_write = s->tokens_cache_write,
        .total = s->tokens_total,
    };
    price_femto femto = 0;

    switch (price_of(&c->price_list, &usage, &femto)) {
    case PRICE_NOTHING:
        return;
    case PRICE_UNKNOWN:
        g->unpriced++;
        if (first)
            note_unknown(c, s->model);
        return;
    case PRICE_ESTIMATED:
        g->estimated++;
        break;
    case PRICE_EXACT:
        break;
    }
    g->priced = true;
    price_add(&g->computed, femto);
}

static void add_tokens(struct group *g, const xray_step_record *s)
{
    int64_t total = s->tokens_total;

    if (total == XRAY_MISSING && s->tokens_in != XRAY_MISSING && s->tokens_out != XRAY_MISSING &&
        __builtin_add_overflow(s->tokens_in, s->tokens_out, &total))
        total = XRAY_MISSING;
    wide_add(&g->tokens[TOKENS_IN], s->tokens_in);
    wide_add(&g->tokens[TOKENS_CACHE_READ], s->tokens_cache_read);
    wide_add(&g->tokens[TOKENS_CACHE_WRITE], s->tokens_cache_write);
    wide_add(&g->tokens[TOKENS_OUT], s->tokens_out);
    wide_add(&g->tokens[TOKENS_TOTAL], total);
}

/* ---- one record ---- */

static void add_status(struct group *g, bool ended, bool abandoned, xray_outcome outcome)
{
    g->ended += ended;
    g->failures += ended && outcome == XRAY_FAILURE;
    g->abandoned += !ended && abandoned;
    g->running += !ended && !abandoned;
}

static void add_counts(struct group *g, const xray_step_record *s)
{
    wide_add(&g->in, s->candidates_in);
    wide_add(&g->out, s->candidates_out);
    if (s->candidates_in == XRAY_MISSING || s->candidates_out == XRAY_MISSING)
        return;
    wide_add(&g->both_in, s->candidates_in);
    wide_add(&g->both_out, s->candidates_out);
}

/* The last record is the one with the latest time; among those without times the last that was read. */
static void add_time(struct counting *c, struct group *g, const struct record *r, int64_t time_ns)
{
    const bool is_first = time_ns != XRAY_MISSING && (g->first == XRAY_MISSING || time_ns < g->first);
    const bool is_last = time_ns != XRAY_MISSING ? g->last == XRAY_MISSING || time_ns >= g->last
                                                 : g->last == XRAY_MISSING;

    if (c->wants[M_version] && (is_first || is_last || g->last_version == 0)) {
        const uint32_t version = groups_text(&c->groups, r->run->version);

        if (is_first || g->first_version == 0)
            g->first_version = version;
        if (is_last || g->last_version == 0)
            g->last_version = version;
    }
    if (is_first)
        g->first = time_ns;
    if (!is_last)
        return;
    g->last = time_ns;
    memcpy(g->example, r->run->id, sizeof g->example);
    g->has_example = true;
}

static void add_record(struct counting *c, struct group *g, const struct record *r, int64_t time_ns, bool first)
{
    g->n++;
    add_time(c, g, r, time_ns);
    if (c->wants[M_runs] && groups_is_new(&c->groups, g, 'r', r->run->id, sizeof r->run->id))
        g->runs++;
    if (c->unit == XRAY_UNIT_CAND) {
        if (c->wants[M_items] && groups_is_new(&c->groups, g, 'i', r->event->item.ptr, r->event->item.len))
            g->items++;
    } else if (c->unit == XRAY_UNIT_RUN) {
        add_status(g, r->run->ended, r->run->abandoned, r->run->outcome);
        wide_add(&g->cost, r->run->cost);
    } else {
        add_status(g, r->step->ended, r->step->abandoned, r->step->outcome);
        add_counts(g, r->step);
        add_tokens(g, r->step);
        wide_add(&g->cost, r->step->cost);
        if (c->prices)
            add_cost(c, g, r, time_ns, first);
    }
    if (wants_of(c))
        add_measured(c, g, r);
}

static int64_t time_of(const struct record *r)
{
    if (r->event != NULL && r->event->time_ns != XRAY_MISSING)
        return r->event->time_ns;
    return r->step != NULL && r->step->start_ns != XRAY_MISSING ? r->step->start_ns : r->run->start_ns;
}

void count_record(void *ctx, const struct record *r)
{
    struct counting *c = ctx;
    struct groups *all = &c->groups;
    uint32_t numbers[GROUPS_MAX_FIELDS];
    const uint32_t *values = groups_values(all, r, numbers) ? numbers : NULL;
    const int64_t time_ns = time_of(r);
    int64_t slice = XRAY_MISSING;

    if (all->every_ns > 0 && time_ns != XRAY_MISSING)
        slice = when_floor(time_ns, all->every_ns);
    add_record(c, groups_get(all, slice, values), r, time_ns, true);
    if (c->totals)
        add_record(c, groups_get(all, GROUP_TOTAL, values), r, time_ns, false);
}

/* ---- sums ---- */

static bool is_summed_field(const struct named_field *f)
{
    if (f->owner == FIELD_OF_RUN)
        return field_needs(f) == 0 && f->entry->id != F_EXT_ID && f->entry->id != F_STEPS;
    return f->owner == FIELD_OF_STEP && (f->entry->id == F_NAME || f->entry->id == F_TYPE);
}

bool count_takes_sums(const struct counting *c)
{
    static const enum measure summed[] = {M_n,   M_failures, M_failure_rate, M_in,  M_out, M_rejected, M_rejection_rate, M_sum, M_min,
                                          M_mean, M_max,     M_p50,          M_p90, M_p95, M_p99,      M_cost};
    size_t told = 0, wanted = 0;

    if (c->unit != XRAY_UNIT_STEP || c->groups.every_ns > 0 || c->prices)
        return false;
    for (size_t i = 0; i < c->groups.field_count; i++)
        if (!is_summed_field(&c->groups.fields[i]))
            return false;
    for (int m = 0; m < MEASURE_COUNT; m++)
        wanted += c->wants[m];
    for (size_t i = 0; i < sizeof summed / sizeof summed[0]; i++)
        told += c->wants[summed[i]];
    return told == wanted &&
           (!wants_of(c) || (c->of.field.owner == FIELD_OF_STEP && c->of.field.entry->id == F_DURATION));
}

bool count_same_group(void *ctx, const xray_run_record *a, const xray_run_record *b)
{
    struct counting *c = ctx;
    uint32_t x[GROUPS_MAX_FIELDS], y[GROUPS_MAX_FIELDS];
    bool differ = false;

    /* What steps are grouped by beside is the same for all steps of a sum. Two of a kind are alike without asking. */
    for (size_t i = 0; i < c->groups.field_count; i++) {
        const struct named_field *f = &c->groups.fields[i];

        differ = differ || (f->owner == FIELD_OF_RUN && f->entry->id != F_PIPELINE && f->entry->id != F_VERSION);
    }
    if (!differ)
        return true;
    return groups_values(&c->groups, &(struct record){.run = a}, x) &&
           groups_values(&c->groups, &(struct record){.run = b}, y) && memcmp(x, y, sizeof x) == 0;
}

static void add_durations(struct counting *c, struct group *g, const xray_step_sum *sum)
{
    c->of.kind = CELL_DURATION;
    g->of_min = g->of_count == 0 || sum->durations[0] < g->of_min ? sum->durations[0] : g->of_min;
    g->of_max = g->of_count == 0 || sum->durations[sum->duration_count - 1] > g->of_max
                    ? sum->durations[sum->duration_count - 1]
                    : g->of_max;
    for (size_t i = 0; i < sum->duration_count; i++) {
        g->of_sum += sum->durations[i];
        g->of_count++;
        if (wants_percentiles(c))
            groups_number(&c->groups, g, sum->durations[i]);
    }
}

void count_sum(void *ctx, const xray_run_record *run, const xray_step_sum *sum)
{
    struct counting *c = ctx;
    const xray_step_record step = {.name = sum->name, .type = sum->type};
    uint32_t numbers[GROUPS_MAX_FIELDS];
    const uint32_t *values = groups_values(&c->groups, &(struct record){.run = run, .step = &step}, numbers) ? numbers : NULL;
    struct group *g = groups_get(&c->groups, XRAY_MISSING, values);

    g->n += sum->steps;
    g->ended += (uint64_t)sum->ended;
    g->failures += (uint64_t)sum->failures;
    wide_add(&g->in, sum->candidates_in);
    wide_add(&g->out, sum->candidates_out);
    wide_add(&g->both_in, sum->both_in);
    wide_add(&g->both_out, sum->both_out);
    wide_add(&g->cost, sum->cost);
    if (wants_of(c) && sum->duration_count > 0)
        add_durations(c, g, sum);
}

/* ---- what is not complete ---- */

void count_report(const struct counting *c)
{
    const struct groups *g = &c->groups;

    if (c->unknown_steps > 0) {
        cli_say(NULL, "no price for %" PRIu64 " steps of %zu models: %.*s%s", c->unknown_steps,
                c->unknown_models.count, (int)c->unknown_list.len, c->unknown_list.data,
                c->unknown_models.count > MODELS_SHOWN ? ", ..." : "");
        cli_hint("add them to a price table (--prices), or give --default-price IN,OUT");
    }
    if (g->overflowed) {
        cli_say(NULL, "more groups than fit (%zu): the rest is counted as (other)", g->count - 1);
        cli_skipped();
    }
    if (g->lost_numbers) {
        cli_say(NULL, "too many numbers for the percentiles of all groups: some are not shown");
        cli_skipped();
    }
    if (g->lost_distinct) {
        cli_say(NULL, "more than %d different runs or items: their counts are too low", GROUPS_DISTINCT);
        cli_skipped();
    }
}
