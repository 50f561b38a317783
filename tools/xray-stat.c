/* xray-stat: counts, sums, rates, percentiles and cost of runs, steps or candidates, in groups and over time. Reads the
 * spine, and more only where an expression or a field asks for it. */
#include "common/cli.h"
#include "common/input.h"
#include "common/runs.h"
#include "common/when.h"
#include "stat/feed.h"
#include "stat/print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_UNIT = CLI_LONG, KEY_BY, KEY_SHOW, KEY_OF, KEY_EVERY, KEY_SPARK, KEY_SORT, KEY_TOP, KEY_RUNNING, KEY_COST,
       KEY_PRICES, KEY_DEFAULT_PRICE, KEY_SHOW_PRICES };

enum { MAX_PRICES = 16 << 20 };

static const struct cli_option option_table[] = {
    {KEY_BY, "by", "LIST", "a line for each value of these fields: pipeline,model,tags.tier\n"
     "Up to 4 fields of runs, steps or candidates, as in xray-query(7), comma-separated."},
    {KEY_SHOW, "show", "LIST", "these columns: n,p50,p95,max,failures; a wrong one lists them all", measure_names},
    {KEY_OF, "of", "FIELD", "sum, min, mean, max and percentiles are of this field (duration)"},
    {KEY_UNIT, "unit", "UNIT", "what is counted: run, step (the default), cand", "run step cand"},
    {KEY_EVERY, "every", "LENGTH", "a line for each slice of time: 1h, 1d"},
    {KEY_SPARK, "spark", NULL, "with --every: one line per group, its first column drawn over time\n"
     "What the values jumped to, and since when, stands behind it. Formats for programs have a row per slice."},
    {KEY_SORT, "sort", "COLUMN", "by this column, -COLUMN: the greatest first"},
    {KEY_TOP, "top", "N", "the first N lines only"},
    {KEY_RUNNING, "running", NULL, "only what has no end: in flight, or abandoned"},
    {KEY_COST, "cost", NULL, "compute the cost from tokens; by model if no --by is given"},
    {KEY_PRICES, "prices", "FILE", "the price table, instead of the one that is built in", "FILE"},
    {KEY_DEFAULT_PRICE, "default-price", "IN,OUT", "dollars per million tokens for models the table lacks"},
    {KEY_SHOW_PRICES, "show-prices", NULL, "print the built-in price table and stop"},
    WHERE_OPTIONS,
    ROWS_OPTIONS,
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-stat traces", "how many, how slow, how often failed: each step"},
    {"xray-stat --cost --by pipeline,model --since 30d traces", "what did which model cost?"},
    {"xray-stat -W 'step.status = failure' --by step.name,error_type --show n,first,last,example traces", "what fails?"},
    {"xray-stat -s filter_price --every 1d --spark --show reduction,runs,version traces", "since when?"},
    {"xray-stat --format=prom traces >xray.prom", "for Prometheus"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-stat",
    .summary = "counts, rates, percentiles and cost of runs, steps and candidates",
    .usage = {"[--by LIST] [--show LIST] [--every LENGTH] [-W EXPR] [OPTION...] [FILE...]",
              "--cost [--prices FILE] [OPTION...] [FILE...]"},
    .examples = examples,
    .options = option_table,
    .statuses = "0 found, 1 nothing found, 2 error, 3 damaged data was skipped, or groups did not fit",
    .about =
        "Prints one line per group of steps, runs (--unit run) or candidates (--unit cand): by pipeline and step if "
        "nothing else is said. A name that runs and steps both have, such as status or error_type, is that of what is counted. "
        "What is missing shows -, never 0. Lines are in the order of their values, or of --sort.\n\n"
        "The columns: n (also calls), runs (different ones), failures, failure_rate (of those that ended), running, "
        "abandoned; in, out, rejected, rejection_rate (also reduction; pooled: 1 - sum of out / sum of in, over steps that "
        "have both); sum, min, mean, max, p50, p90, p95, p99 of the duration or of --of FIELD; tok_in, tok_cache, "
        "tok_cache_write, tok_out, tok_total; cost as the application recorded it, cost_computed, estimated, unpriced; items "
        "(different candidates), version (of the first and the last record), first, last (times), example (run of the last "
        "record).\n\n"
        "A percentile is the value with rank ceil(p * n). It is exact up to a million values of a group and 64 MiB of values "
        "of all groups; beyond, values are counted in buckets as HdrHistogram does, and marked: the error is at most 1/256. "
        "At most a million groups, or 96 MiB of them, are kept apart; the rest is counted in one line, (other), and the exit "
        "status is 3. Of both there is less beside a long list of runs, a fifth at a million, so that all stays within 256 MiB.\n\n"
        "Where there are indexes, their sums are taken instead of steps: for the columns n, failures, failure_rate, in, out, rejected, "
        "rejection_rate, cost, and sum to p99 of the step's duration, grouped by names and types of steps and by fields of runs that are no values, "
        "without --every, --running and --cost. What is printed is the same.\n\n"
        "--unit cand counts candidates that were recorded one by one, so it opens every run; a sample of them counts as a "
        "sample. It is the default where a column or a field needs it: items, or a field of candidates. The field reason is "
        "then the candidate's.\n\n"
        "The time of a record is the candidate's or step's own, else the start of its run; --every cuts by it, in the zone of "
        "--tz. Bars are drawn on a terminal that shows UTF-8, elsewhere characters stand for them. The change is where the "
        "values are best cut in two: shown if the two means explain at least half of their spread.\n\n"
        "--cost computes from the tokens of each step and the price of its model on the day of the step. Input tokens "
        "include cached ones: what is not read from or written to a cache is input minus both. Arithmetic is of integers and "
        "exact; amounts are rounded once, to six decimals. An amount marked ~ is an estimate: some step had a total of tokens "
        "only (70 % are taken as input, 30 % as output), no time (the newest price is taken) or one before the first price, a "
        "cache without a price, cached tokens beyond the input, or a model that only --default-price knows. Steps of models "
        "without a price are named on stderr, counted in the column unpriced, and not part of any sum.\n\n"
        "The price table has columns separated by tabs: a regular expression for the model, the first day of the price, and "
        "dollars per million tokens for input, output, cache read, cache write; its head says more (--show-prices prints it). "
        "The built-in one is dated data: list prices of general knowledge as of November 2025, not copied from the vendors' lists. They are to be checked where it matters. "
        "A model that it lacks is never guessed at: it is named.\n\n"
        "--format=prom is the text exposition format 0.0.4 of Prometheus, for the textfile collector of its node exporter; "
        "write to a file beside and rename it. The measured field is a summary. --format=markdown is a table.",
    .see_also = "xray-funnel(1), xray-ls(1), xray-query(7), xrayfile(5)",
    .reader = true,
};

static struct settings {
    struct where where;
    struct rows rows;
    struct counting counting;
    struct printing printing;
    enum xray_unit unit;
    const char *by, *show, *of, *prices, *sort;
    bool running;
} settings = {.printing = {.top = UINT64_MAX}};

/* ---- lists ---- */

/* The next name of a comma-separated list; commas in quotes are part of a name. */
static bool next_name(const char *option, const char **list, xray_str *name)
{
    const char *begin = *list;
    const char *end = begin;
    bool quoted = false;

    if (*begin == '\0')
        return false;
    for (; *end != '\0' && (quoted || *end != ','); end++)
        quoted = quoted != (*end == '"');
    *list = *end == ',' ? end + 1 : end;
    *name = xray_strn(begin, (size_t)(end - begin));
    if (name->len == 0)
        cli_usage("%s: there is an empty name in the list", option);
    return true;
}

static enum measure parse_measure(const char *option, xray_str name)
{
    const int m = measure_find(name);

    if (m >= 0)
        return (enum measure)m;
    cli_error(NULL, "%s: there is no column '%.*s'", option, (int)(name.len < 100 ? name.len : 100), name.ptr);
    cli_hint("columns: %s", measure_names);
    exit(EXIT_TROUBLE);
}

static void parse_show(struct settings *s, const char *list)
{
    struct printing *p = &s->printing;
    xray_str name;

    while (next_name("--show", &list, &name)) {
        const enum measure m = parse_measure("--show", name);

        if (s->counting.wants[m])
            continue; /* once is enough */
        s->counting.wants[m] = true;
        p->shows[p->show_count++] = m;
    }
    if (p->show_count == 0)
        cli_usage("--show takes a list of columns");
}

/* ---- what is counted ---- */

static unsigned owners_of(enum xray_unit unit)
{
    return FIELD_OF_RUN | (unit != XRAY_UNIT_RUN ? FIELD_OF_STEP : 0) | (unit == XRAY_UNIT_CAND ? FIELD_OF_CAND : 0);
}

/* status, error_type and so on are those of what is counted. */
static unsigned counted_owner(enum xray_unit unit)
{
    return unit == XRAY_UNIT_RUN ? FIELD_OF_RUN : unit == XRAY_UNIT_STEP ? FIELD_OF_STEP : FIELD_OF_CAND;
}

static bool has_candidate_field(const char *list)
{
    xray_str name;

    while (list != NULL && next_name("--by", &list, &name)) {
        if (name.len > 5 && memcmp(name.ptr, "cand.", 5) == 0)
            return true;
    }
    return false;
}

static enum xray_unit choose_unit(const struct settings *s)
{
    if (s->unit != XRAY_UNIT_AUTO)
        return s->unit;
    if (s->counting.wants[M_items] || has_candidate_field(s->by) || has_candidate_field(s->of))
        return XRAY_UNIT_CAND;
    return XRAY_UNIT_STEP;
}

static bool is_text(xray_str a, const char *b)
{
    return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0;
}

static void parse_by(struct settings *s, const char *list)
{
    struct groups *g = &s->counting.groups;
    xray_str name;

    while (next_name("--by", &list, &name)) {
        if (g->field_count == GROUPS_MAX_FIELDS)
            cli_usage("--by takes at most %d fields", GROUPS_MAX_FIELDS);
        if (s->counting.unit == XRAY_UNIT_CAND && is_text(name, "reason"))
            name = xray_s("cand.reason");
        field_parse_preferring(&g->fields[g->field_count++], "--by", name, owners_of(s->counting.unit),
                               counted_owner(s->counting.unit));
    }
}

static void choose_columns(struct settings *s)
{
    const char *show = s->show;

    if (show == NULL)
        show = s->running         ? "n,running,abandoned,first,last,example"
               : s->counting.prices ? "n,tok_in,tok_cache,tok_out,cost,cost_computed"
               : s->unit == XRAY_UNIT_CAND || (s->unit == XRAY_UNIT_AUTO && has_candidate_field(s->by)) ? "n,items"
                                                                                                        : "n,p50,p95,max,failures";
    parse_show(s, show);
    if (s->counting.prices && s->show == NULL && s->rows.format != ROWS_TEXT && s->rows.format != ROWS_MARKDOWN)
        parse_show(s, "estimated,unpriced"); /* where there is no ~ */
}

static void choose_groups(struct settings *s)
{
    struct counting *c = &s->counting;

    c->unit = choose_unit(s);
    if (c->unit == XRAY_UNIT_RUN)
        parse_by(s, s->by != NULL ? s->by : "pipeline");
    else
        parse_by(s, s->by != NULL ? s->by : c->prices ? "model" : "pipeline,step.name");
    c->of.given = s->of != NULL;
    field_parse_preferring(
        &c->of.field, "--of",
        xray_s(s->of != NULL ? s->of : c->unit == XRAY_UNIT_RUN ? "run.duration" : "step.duration"),
        owners_of(c->unit), counted_owner(c->unit));
    if (c->wants[M_items] && c->unit != XRAY_UNIT_CAND)
        cli_usage("--show items needs --unit cand");
    if (c->prices && c->unit != XRAY_UNIT_STEP)
        cli_usage("--cost counts steps: --unit %s has no tokens", c->unit == XRAY_UNIT_RUN ? "run" : "cand");
    if (c->wants[M_cost_computed] && !c->prices)
        cli_usage("--show cost_computed needs --cost");
}

/* Fields that a scan of steps cannot tell: values of the run, and what needs all its steps. */
static bool needs_traces(const struct settings *s)
{
    static const char *const whole[] = {"steps", "number", "parent", "orphan"};
    const struct counting *c = &s->counting;

    for (size_t i = 0; i <= c->groups.field_count; i++) {
        const struct named_field *f = i < c->groups.field_count ? &c->groups.fields[i] : &c->of.field;
        const char *dot = strrchr(f->title, '.');
        const char *name = dot != NULL ? dot + 1 : f->title;

        if (f->owner == FIELD_OF_RUN && (field_needs(f) & XRAY_NEEDS_PAYLOAD) != 0)
            return true;
        for (size_t k = 0; k < sizeof whole / sizeof whole[0]; k++) {
            if (strcmp(name, whole[k]) == 0)
                return true;
        }
    }
    return false;
}

static unsigned needs_of_fields(const struct counting *c)
{
    unsigned needs = c->unit == XRAY_UNIT_CAND ? XRAY_NEEDS_EVENTS : 0;

    for (size_t i = 0; i < c->groups.field_count; i++)
        needs |= field_needs(&c->groups.fields[i]);
    return needs | (field_needs(&c->of.field) & ~XRAY_NEEDS_STEPS);
}

/* ---- prices ---- */

static void read_file(const char *path, struct text *t)
{
    FILE *f = fopen(path, "rb");
    char chunk[4096];
    size_t n;

    if (f == NULL)
        cli_die("%s: %s", path, strerror(errno));
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        if (t->len + n > MAX_PRICES)
            cli_die("%s: more than 16 MiB are no price table", path);
        text_put(t, chunk, n);
    }
    if (ferror(f))
        cli_die("%s: %s", path, strerror(errno));
    fclose(f);
}

static void load_prices(struct settings *s)
{
    struct text file = {0};
    char error[256];

    if (s->prices != NULL)
        read_file(s->prices, &file);
    if (!price_parse(&s->counting.price_list, s->prices != NULL ? text_str(&file) : xray_s(price_builtin()), error))
        cli_die("%s: %s", s->prices != NULL ? s->prices : "built-in prices", error);
    text_free(&file);
}

static void set_default_price(struct price_list *p, const char *arg)
{
    const char *comma = strchr(arg, ',');

    p->has_default = comma != NULL && price_parse_amount(xray_strn(arg, (size_t)(comma - arg)), &p->default_in) &&
                     price_parse_amount(xray_s(comma + 1), &p->default_out);
    if (!p->has_default)
        cli_usage("--default-price takes dollars per million tokens in and out, as 1,2.50, not '%s'", arg);
}

static _Noreturn void show_prices(void)
{
    out_put(price_builtin(), strlen(price_builtin()));
    exit(cli_finish(true));
}

/* ---- options ---- */

static void take_option(struct settings *s, int key, const char *arg)
{
    switch (key) {
    case KEY_UNIT:
        s->unit = where_parse_unit(arg);
        break;
    case KEY_BY:
        s->by = arg;
        break;
    case KEY_SHOW:
        s->show = arg;
        break;
    case KEY_OF:
        s->of = arg;
        break;
    case KEY_EVERY:
        s->counting.groups.every_ns = when_option_duration("--every", arg);
        if (s->counting.groups.every_ns <= 0)
            cli_usage("--every takes a length of time such as 1h, not '%s'", arg);
        break;
    case KEY_SPARK:
        s->printing.spark = true;
        break;
    case KEY_SORT:
        s->sort = arg;
        break;
    case KEY_TOP:
        s->printing.top = cli_number("--top", arg, 1);
        break;
    case KEY_RUNNING:
        s->running = true;
        break;
    case KEY_COST:
        s->counting.prices = true;
        break;
    case KEY_PRICES:
        s->prices = arg;
        s->counting.prices = true;
        break;
    case KEY_DEFAULT_PRICE:
        set_default_price(&s->counting.price_list, arg);
        s->counting.prices = true;
        break;
    case KEY_SHOW_PRICES:
        show_prices();
    }
}

static void check_options(struct settings *s)
{
    const bool table = s->rows.format == ROWS_TEXT || s->rows.format == ROWS_MARKDOWN;
    const bool every = s->counting.groups.every_ns > 0;
    const size_t columns = s->counting.groups.field_count + s->printing.show_count + (every ? 2 : 0);

    if (s->printing.spark && !every)
        cli_usage("--spark needs --every");
    if (every && s->rows.format == ROWS_PROM)
        cli_usage("--every and --format=prom exclude each other: Prometheus gives its own times");
    if (table && s->rows.list == NULL && columns > 16)
        cli_usage("a table has at most 16 columns; --format=line has more");
    s->counting.totals = s->printing.spark && table && s->rows.list == NULL;
}

static void parse_options(struct settings *s, int argc, char **argv)
{
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        if (!where_option(&s->where, key, arg) && !rows_option(&s->rows, key, arg))
            take_option(s, key, arg);
    }
    if (s->sort != NULL) {
        s->printing.sorts = true;
        s->printing.descending = s->sort[0] == '-';
        s->printing.sort = parse_measure("--sort", xray_s(s->sort + s->printing.descending));
    }
    choose_columns(s);
    s->counting.wants[s->printing.sort] = s->counting.wants[s->printing.sort] || s->printing.sorts;
    choose_groups(s);
    /* An expression may speak of the run alone, whatever is counted; of candidates it may only where they are. */
    where_parse(&s->where, s->counting.unit == XRAY_UNIT_CAND ? XRAY_UNIT_CAND : XRAY_UNIT_AUTO);
    check_options(s);
    if (s->counting.prices)
        load_prices(s);
    s->printing.counting = &s->counting;
    rows_begin(&s->rows, print_rows_tool(&s->printing, &s->rows), XRAY_UNIT_STEP);
}

/* ---- main ---- */

static bool count_store(struct settings *s, xray_store *store)
{
    const bool sums = !s->running && count_takes_sums(&s->counting);
    const struct feed feed = {
        .store = store,
        .where = &s->where,
        .unit = s->counting.unit,
        .traces = needs_traces(s),
        .running = s->running,
        .take = count_record,
        .same_group = count_same_group,
        .take_sum = sums ? count_sum : NULL,
        .ctx = &s->counting,
    };

    size_t runs;

    if (!runs_count(store, &runs))
        return false;
    groups_limit(&s->counting.groups, runs);
    if (!feed_read(&feed))
        return false;
    s->printing.id_digits = runs_id_digits(store);

    const bool found = print_groups(&s->printing, &s->rows) > 0;

    count_report(&s->counting);
    return found;
}

int main(int argc, char **argv)
{
    struct settings *s = &settings;
    bool found = false;
    int count;

    parse_options(s, argc, argv);

    char **paths = cli_operands(&count);
    where_narrow(&s->where);

    xray_store *store = input_open(paths, count);

    if (where_explain(&s->where, store, needs_of_fields(&s->counting)))
        found = true;
    else if (where_bind(&s->where, store))
        found = count_store(s, store);
    rows_end(&s->rows);
    input_close(store);
    groups_free(&s->counting.groups);
    field_free(&s->counting.of.field);
    price_free(&s->counting.price_list);
    strmap_free(&s->counting.unknown_models);
    text_free(&s->counting.unknown_list);
    text_free(&s->printing.list);
    where_free(&s->where);
    return cli_finish(found);
}
