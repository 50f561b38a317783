/* See data.h. */
#include "funnel/data.h"

#include <inttypes.h>

#include "common/jsonline.h"

/* What a row's fields are taken from. */
struct line_ref {
    struct board *board;
    struct board_line *line;
};

/* ---- fields ---- */

enum { MAX_FIELDS = 40 };

static struct {
    struct board *board;
    uint64_t reasons;
    struct field_own own[MAX_FIELDS];
    size_t count;
    struct text list;
    struct rows_tool tool;
} data;

static const struct line_ref *line_of(const struct record *r)
{
    return r->own;
}

static struct board_step *step_of(const struct record *r)
{
    return &line_of(r)->board->steps[line_of(r)->line->step];
}

static void get_pipeline(const struct record *r, struct cell *c)
{
    cell_set_text(c, text_str(&line_of(r)->board->pipelines[step_of(r)->pipeline].name));
}

static void get_name(const struct record *r, struct cell *c)
{
    cell_set_text(c, text_str(&step_of(r)->name));
}

static void get_type(const struct record *r, struct cell *c)
{
    cell_set_text(c, text_str(&step_of(r)->type));
}

static void get_bucket(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_TIME, line_of(r)->line->group.bucket);
}

static void get_by_1(const struct record *r, struct cell *c)
{
    group_cell(line_of(r)->board->grouping, &line_of(r)->line->group, 0, c);
}

static void get_by_2(const struct record *r, struct cell *c)
{
    group_cell(line_of(r)->board->grouping, &line_of(r)->line->group, 1, c);
}

static void set_runs(struct cell *c, const struct tally *t)
{
    cell_set_int(c, CELL_INT, (int64_t)t->runs.count);
}

static void set_drop(struct cell *c, const struct record *r, int side)
{
    double drop;

    if (tally_drop(&line_of(r)->line->sides[side], line_of(r)->board->rate, &drop))
        cell_set_double(c, drop);
    else
        cell_set_text(c, xray_s(NULL));
}

static void set_quantile(struct cell *c, const struct record *r, double part)
{
    int64_t ns = XRAY_MISSING;

    quantiles_get(&line_of(r)->line->sides[0].durations, part, &ns);
    cell_set_int(c, CELL_DURATION, ns);
}

static void get_runs(const struct record *r, struct cell *c)
{
    set_runs(c, &line_of(r)->line->sides[0]);
}

static void get_steps(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_INT, (int64_t)line_of(r)->line->sides[0].steps);
}

static void get_in(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_INT, line_of(r)->line->sides[0].in);
}

static void get_out(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_INT, line_of(r)->line->sides[0].out);
}

static void get_rejected(const struct record *r, struct cell *c)
{
    int64_t n = XRAY_MISSING;

    tally_rejected(&line_of(r)->line->sides[0], &n);
    cell_set_int(c, CELL_INT, n);
}

static void get_drop(const struct record *r, struct cell *c)
{
    set_drop(c, r, 0);
}

static void get_p50(const struct record *r, struct cell *c)
{
    set_quantile(c, r, 0.50);
}

static void get_p95(const struct record *r, struct cell *c)
{
    set_quantile(c, r, 0.95);
}

static void get_cost(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_COST, line_of(r)->line->sides[0].cost);
}

/* {"price_too_high":7,"no_price":1} */
static void put_reasons(struct text *t, const struct tally *tally)
{
    text_puts(t, "{");
    for (size_t i = 0; i < tally->reason_count && i < data.reasons; i++) {
        text_puts(t, i > 0 ? "," : "");
        json_string(t, text_str(&tally->reasons[i].code));
        text_printf(t, ":%" PRIu64, tally->reasons[i].count);
    }
    text_puts(t, "}");
}

static void get_reasons(const struct record *r, struct cell *c)
{
    const struct tally *tally = &line_of(r)->line->sides[0];

    cell_set_text(c, xray_s(NULL));
    if (tally->reason_count == 0 || data.reasons == 0)
        return;
    c->kind = CELL_JSON;
    text_reset(&c->json);
    text_reset(&c->text);
    put_reasons(&c->json, tally);
    text_put(&c->text, c->json.data, c->json.len);
}

static void get_runs_a(const struct record *r, struct cell *c)
{
    set_runs(c, &line_of(r)->line->sides[0]);
}

static void get_runs_b(const struct record *r, struct cell *c)
{
    set_runs(c, &line_of(r)->line->sides[1]);
}

static void get_n_a(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_INT, (int64_t)line_of(r)->line->rates[0].runs);
}

static void get_n_b(const struct record *r, struct cell *c)
{
    cell_set_int(c, CELL_INT, (int64_t)line_of(r)->line->rates[1].runs);
}

static void get_drop_b(const struct record *r, struct cell *c)
{
    set_drop(c, r, 1);
}

static const struct interval *interval_of(const struct record *r)
{
    return &line_of(r)->line->interval;
}

static void set_number(struct cell *c, bool known, double value)
{
    cell_set_text(c, xray_s(NULL));
    if (known)
        cell_set_double(c, value);
}

static void get_difference(const struct record *r, struct cell *c)
{
    set_number(c, interval_of(r)->kind != INTERVAL_NONE, interval_of(r)->difference);
}

static void get_low(const struct record *r, struct cell *c)
{
    set_number(c, interval_of(r)->kind == INTERVAL_GIVEN, interval_of(r)->low);
}

static void get_high(const struct record *r, struct cell *c)
{
    set_number(c, interval_of(r)->kind == INTERVAL_GIVEN, interval_of(r)->high);
}

/* Why there is no interval. */
static const char *no_interval(const struct interval *i)
{
    switch (i->kind) {
    case INTERVAL_NONE:
        return "no counts";
    case INTERVAL_TOO_FEW:
        return "n<30";
    case INTERVAL_NO_SPREAD:
        return "no spread";
    case INTERVAL_GIVEN:
        break;
    }
    return NULL;
}

static void get_no_interval(const struct record *r, struct cell *c)
{
    cell_set_text(c, xray_s(no_interval(interval_of(r))));
}

static void add_field(const char *name, void (*get)(const struct record *, struct cell *))
{
    data.own[data.count++] = (struct field_own){name, get};
    text_puts(&data.list, data.list.len > 0 ? "," : "");
    text_puts(&data.list, name);
}

static void add_fields(const struct field_own *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_field(fields[i].name, fields[i].get);
}

const struct rows_tool *data_rows(struct board *board, uint64_t reasons)
{
    static const struct field_own first[] = {{"pipeline", get_pipeline}, {"name", get_name}, {"type", get_type}};
    static const struct field_own one_side[] = {
        {"runs", get_runs}, {"steps", get_steps},       {"candidates_in", get_in}, {"candidates_out", get_out},
        {"rejected", get_rejected}, {"drop", get_drop}, {"p50", get_p50},          {"p95", get_p95},
        {"cost", get_cost}, {"reasons", get_reasons}};
    static const struct field_own two_sides[] = {
        {"runs_a", get_runs_a}, {"runs_b", get_runs_b}, {"n_a", get_n_a},     {"n_b", get_n_b},
        {"drop_a", get_drop},   {"drop_b", get_drop_b}, {"difference", get_difference},
        {"low", get_low},       {"high", get_high},     {"no_interval", get_no_interval}};
    const struct grouping *g = board->grouping;

    data.board = board;
    data.reasons = reasons;
    add_fields(first, sizeof first / sizeof first[0]);
    if (g->bucket_ns > 0)
        add_field("bucket", get_bucket);
    for (size_t i = 0; i < g->field_count; i++)
        add_field(g->fields[i].title, i == 0 ? get_by_1 : get_by_2);
    if (board->compares)
        add_fields(two_sides, sizeof two_sides / sizeof two_sides[0]);
    else
        add_fields(one_side, sizeof one_side / sizeof one_side[0]);
    text_put(&data.list, "", 1);
    data.tool = (struct rows_tool){
        .formats = 1u << ROWS_TEXT | 1u << ROWS_LINE | 1u << ROWS_NDJSON | 1u << ROWS_JSON | 1u << ROWS_CSV |
                   1u << ROWS_TSV | 1u << ROWS_MSGPACK | 1u << ROWS_TEMPLATE | 1u << ROWS_MARKDOWN,
        .defaults = {[XRAY_UNIT_STEP] = data.list.data},
        .own = data.own,
    };
    return &data.tool;
}

/* ---- objects ---- */

static void put_pipeline(struct text *t, const struct board *b, const struct board_pipeline *p)
{
    const char *separator = "";

    text_puts(t, "{\"v\":1,\"kind\":\"pipeline\"");
    json_member(t, "pipeline", text_str(&p->name));
    text_printf(t, ",\"runs\":%" PRIu64 ",\"running\":%" PRIu64 ",\"abandoned\":%" PRIu64, p->runs[0] + p->runs[1],
                p->running, p->abandoned);
    if (b->compares)
        text_printf(t, ",\"runs_a\":%" PRIu64 ",\"runs_b\":%" PRIu64, p->runs[0], p->runs[1]);
    text_printf(t, ",\"rate\":\"%s\"", b->rate == RATE_POOLED ? "pooled" : "mean");
    text_printf(t, ",\"ended_empty\":%" PRIu64 ",\"emptied_at\":{", p->empty);
    for (size_t i = 0; i < p->step_count; i++) {
        const struct board_step *s = &b->steps[p->steps[i]];

        if (s->emptied == 0)
            continue;
        text_puts(t, separator);
        json_string(t, text_str(&s->name));
        text_printf(t, ":%" PRIu64, s->emptied);
        separator = ",";
    }
    text_puts(t, "}}");
}

static void put_group(struct text *t, const struct grouping *g, const struct group *group)
{
    if (g->bucket_ns > 0 && group->bucket != XRAY_MISSING)
        text_printf(t, ",\"bucket\":\"%" PRId64 "\"", group->bucket);
    if (g->field_count == 0)
        return;
    text_puts(t, ",\"by\":{");
    for (size_t i = 0; i < g->field_count; i++) {
        const struct text *json = &group_value(g, group, i)->json;

        text_puts(t, i > 0 ? "," : "");
        json_string(t, xray_s(g->fields[i].title));
        text_puts(t, ":");
        text_put(t, json->data, json->len);
    }
    text_puts(t, "}");
}

static void put_tally(struct text *t, struct tally *tally, enum rate_kind rate)
{
    double drop;
    int64_t n;

    text_printf(t, "\"runs\":%" PRIu64 ",\"steps\":%" PRIu64, tally->runs.count, tally->steps);
    json_count(t, "candidates_in", tally->in);
    json_count(t, "candidates_out", tally->out);
    if (tally_rejected(tally, &n))
        json_count(t, "rejected", n);
    if (tally_drop(tally, rate, &drop))
        json_rate(t, "drop", drop);
    if (quantiles_get(&tally->durations, 0.50, &n))
        text_printf(t, ",\"p50\":\"%" PRId64 "\"", n);
    if (quantiles_get(&tally->durations, 0.95, &n))
        text_printf(t, ",\"p95\":\"%" PRId64 "\"", n);
    if (!quantiles_exact(&tally->durations))
        text_printf(t, ",\"quantile_error\":%g", 0.5 / QUANTILE_BUCKETS_PER_DOUBLING);
    json_cost(t, "cost", tally->cost);
    text_puts(t, ",\"reasons\":");
    put_reasons(t, tally);
    text_printf(t, ",\"reason_sum\":%" PRIu64, tally->reason_sum);
}

static void put_comparison(struct text *t, struct board_line *line, enum rate_kind rate)
{
    const struct interval *i = &line->interval;

    for (int side = 0; side < 2; side++) {
        text_printf(t, ",\"%c\":{\"n\":%zu,", "ab"[side], line->rates[side].runs);
        put_tally(t, &line->sides[side], rate);
        text_puts(t, "}");
    }
    if (i->kind != INTERVAL_NONE)
        json_rate(t, "difference", i->difference);
    if (i->kind == INTERVAL_GIVEN) {
        json_rate(t, "low", i->low);
        json_rate(t, "high", i->high);
    } else {
        json_member(t, "no_interval", xray_s(no_interval(i)));
    }
}

static void put_line(struct text *t, struct board *b, const struct board_pipeline *p, struct board_line *line)
{
    text_puts(t, "{\"v\":1,\"kind\":\"step\"");
    json_member(t, "pipeline", text_str(&p->name));
    json_member(t, "name", text_str(&b->steps[line->step].name));
    json_member(t, "type", text_str(&b->steps[line->step].type));
    put_group(t, b->grouping, &line->group);
    if (b->compares) {
        put_comparison(t, line, b->rate);
    } else {
        text_puts(t, ",");
        put_tally(t, &line->sides[0], b->rate);
    }
    text_puts(t, "}");
}

static void print_pipeline(struct board *b, const struct board_pipeline *p, struct rows *rows)
{
    struct text t = {0};

    if (!rows_has_fields(rows)) {
        put_pipeline(&t, b, p);
        rows_put_json(rows, t.data, t.len);
    }
    for (size_t i = 0; i < p->line_count; i++) {
        struct line_ref ref = {b, &b->lines[p->lines[i]]};
        const struct record record = {.own = &ref};

        if (rows_has_fields(rows)) {
            rows_put(rows, &record);
            continue;
        }
        text_reset(&t);
        put_line(&t, b, p, ref.line);
        rows_put_json(rows, t.data, t.len);
    }
    text_free(&t);
}

void data_print(struct board *board, struct rows *rows)
{
    for (size_t i = 0; i < board->pipeline_count; i++)
        print_pipeline(board, &board->pipelines[i], rows);
}

void data_end(void)
{
    text_free(&data.list);
    data.count = 0;
}
