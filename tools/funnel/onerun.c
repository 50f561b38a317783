/* See onerun.h. */
#include "funnel/onerun.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"
#include "common/show.h"
#include "common/table.h"
#include "common/value.h"
#include "funnel/cells.h"

enum column { NUMBER, STEP, TYPE, IN, OUT, DROP, DURATION, COST, REASONS, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [NUMBER] = {"#", true, 1},
    [STEP] = {"step", false, 1},
    [TYPE] = {"type", false, 2},
    [IN] = {"in", true, 2},
    [OUT] = {"out", true, 2},
    [DROP] = {"drop", true, 2},
    [DURATION] = {"duration", true, 2},
    [COST] = {"cost", true, 2},
    [REASONS] = {"reasons", false, 2, true},
};

static int compare_counts(const void *a, const void *b)
{
    const xray_reason_count *r = a;
    const xray_reason_count *s = b;

    return r->count > s->count ? -1 : r->count < s->count;
}

static void put_reasons(struct text *t, const xray_step_record *step, uint64_t most)
{
    xray_reason_count *sorted = memory_new(step->reason_count, sizeof *sorted);
    uint64_t total = 0;

    for (size_t i = 0; i < step->reason_count; i++) {
        sorted[i] = step->reasons[i];
        total += sorted[i].count;
    }
    qsort(sorted, step->reason_count, sizeof *sorted, compare_counts);
    for (size_t i = 0; i < step->reason_count && i < most; i++)
        cell_reason(t, i, sorted[i].code, sorted[i].count, total);
    cell_reasons_left(t, step->reason_count, most);
    free(sorted);
}

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct onerun *o = ctx;
    const xray_step_record *step = &o->steps[row];
    const size_t mark = t->len;
    double rate;

    switch ((enum column)column) {
    case NUMBER:
        text_printf(t, "%" PRId64, step->number);
        break;
    case STEP:
        text_safe(t, step->name, SAFE_LINE);
        break;
    case TYPE:
        out_styled(t, STYLE_DIM, step->type);
        break;
    case IN:
        human_count(t, step->candidates_in);
        break;
    case OUT:
        human_count(t, step->candidates_out);
        break;
    case DROP:
        if (rejection_rate(step->candidates_in, step->candidates_out, &rate))
            cell_drop(t, rate);
        break;
    case DURATION:
        human_duration(t, step->duration_ns);
        return;
    case COST:
        human_money(t, step->cost);
        return;
    case REASONS:
        put_reasons(t, step, o->reasons);
        return;
    case COLUMNS:
        break;
    }
    cell_dash(t, mark);
}

void onerun_print(const struct onerun *o, int id_digits)
{
    enum { OUTPUT_COLUMNS = 160 };
    struct table table = {.columns = columns, .count = COLUMNS, .cell = put_cell, .ctx = o};
    const xray_run_record *run = xray_trace_run(o->trace);
    struct text t = {0};

    show_run_heading(&t, o->store, run, id_digits);
    for (size_t i = 0; i < o->count; i++)
        table_measure(&table, o->chosen[i]);
    table_measure_titles(&table, true);
    table_fit(&table, REASONS, 30);
    table_put_titles(&table, &t);
    for (size_t i = 0; i < o->count; i++)
        table_put(&table, o->chosen[i], &t);
    if (run->output.data != NULL) {
        text_puts(&t, " output: ");
        value_line(&t, o->store, run->output, out_is_terminal() ? out_columns() - 9 : OUTPUT_COLUMNS);
        text_puts(&t, "\n");
    }
    out_text(&t);
    text_free(&t);
}

/* ---- rows ---- */

const struct rows_tool onerun_rows = {
    .formats = 1u << ROWS_TEXT | 1u << ROWS_LINE | 1u << ROWS_NDJSON | 1u << ROWS_JSON | 1u << ROWS_CSV |
               1u << ROWS_TSV | 1u << ROWS_MSGPACK | 1u << ROWS_TEMPLATE,
    .defaults = {[XRAY_UNIT_STEP] = "step.number,step.name,step.type,candidates_in,candidates_out,rejection_rate,"
                                    "step.duration,step.cost"},
};

static void put_object(struct text *t, const xray_step_record *s, uint64_t reasons)
{
    double rate;

    text_puts(t, "{\"v\":1,\"kind\":\"step\",\"run\":\"");
    runs_put_id(t, s->run_id, 32);
    text_printf(t, "\",\"step\":%" PRId64, s->number);
    json_member(t, "name", s->name);
    json_member(t, "type", s->type);
    json_count(t, "candidates_in", s->candidates_in);
    json_count(t, "candidates_out", s->candidates_out);
    if (rejection_rate(s->candidates_in, s->candidates_out, &rate))
        json_rate(t, "drop", rate);
    if (s->duration_ns != XRAY_MISSING)
        text_printf(t, ",\"duration\":\"%" PRId64 "\"", s->duration_ns);
    json_cost(t, "cost", s->cost);
    text_puts(t, ",\"reasons\":{");
    for (size_t k = 0; k < s->reason_count && k < reasons; k++) {
        text_puts(t, k > 0 ? "," : "");
        json_string(t, s->reasons[k].code);
        text_printf(t, ":%" PRIu64, s->reasons[k].count);
    }
    text_puts(t, "}}");
}

void onerun_print_rows(const struct onerun *o, struct rows *rows)
{
    struct text t = {0};

    for (size_t i = 0; i < o->count; i++) {
        const xray_step_record *step = &o->steps[o->chosen[i]];
        const struct record record = {
            .store = o->store, .trace = o->trace, .run = xray_trace_run(o->trace), .step = step};

        if (rows_has_fields(rows)) {
            rows_put(rows, &record);
            continue;
        }
        text_reset(&t);
        put_object(&t, step, o->reasons);
        rows_put_json(rows, t.data, t.len);
    }
    text_free(&t);
}
