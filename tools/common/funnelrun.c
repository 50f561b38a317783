/* See funnelrun.h. */
#include "common/funnelrun.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/funnelprint.h"
#include "common/human.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/runs.h"
#include "common/show.h"
#include "common/table.h"
#include "common/value.h"

struct run_view {
    uint64_t reasons;
    const xray_step_record *steps;
};

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
        funnel_reason(t, i, sorted[i].code, sorted[i].count, total);
    funnel_reasons_left(t, step->reason_count, most);
    free(sorted);
}

static void put_cell(struct text *t, const void *ctx, size_t row, int column)
{
    const struct run_view *v = ctx;
    const xray_step_record *step = &v->steps[row];
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
            funnel_drop(t, rate);
        break;
    case DURATION:
        human_duration(t, step->duration_ns);
        return;
    case COST:
        human_money(t, step->cost);
        return;
    case REASONS:
        put_reasons(t, step, v->reasons);
        return;
    case COLUMNS:
        break;
    }
    funnel_dash(t, mark);
}

void funnel_run_print(xray_store *store, xray_trace *trace, uint64_t reasons, int id_digits)
{
    enum { OUTPUT_COLUMNS = 160 };
    size_t count;
    const struct run_view v = {.reasons = reasons, .steps = xray_trace_steps(trace, &count)};
    struct table table = {.columns = columns, .count = COLUMNS, .cell = put_cell, .ctx = &v};
    const xray_run_record *run = xray_trace_run(trace);
    struct text t = {0};

    show_run_heading(&t, store, run, id_digits);
    for (size_t i = 0; i < count; i++)
        table_measure(&table, i);
    table_measure_titles(&table, true);
    table_fit(&table, REASONS, 30);
    table_put_titles(&table, &t);
    for (size_t i = 0; i < count; i++)
        table_put(&table, i, &t);
    if (run->output.data != NULL) {
        text_puts(&t, " output: ");
        value_line(&t, store, run->output, out_is_terminal() ? out_columns() - 9 : OUTPUT_COLUMNS);
        text_puts(&t, "\n");
    }
    out_text(&t);
    text_free(&t);
}

void funnel_run_print_json(xray_trace *trace, uint64_t reasons)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);
    struct text t = {0};
    double rate;

    for (size_t i = 0; i < count; i++) {
        const xray_step_record *s = &steps[i];

        text_puts(&t, "{\"v\":1,\"kind\":\"step\",\"run\":\"");
        runs_put_id(&t, s->run_id, 32);
        text_printf(&t, "\",\"step\":%" PRId64, s->number);
        json_member(&t, "name", s->name);
        json_member(&t, "type", s->type);
        json_count(&t, "candidates_in", s->candidates_in);
        json_count(&t, "candidates_out", s->candidates_out);
        if (rejection_rate(s->candidates_in, s->candidates_out, &rate))
            json_rate(&t, "drop", rate);
        if (s->duration_ns != XRAY_MISSING)
            text_printf(&t, ",\"duration\":\"%" PRId64 "\"", s->duration_ns);
        json_cost(&t, "cost", s->cost);
        text_puts(&t, ",\"reasons\":{");
        for (size_t k = 0; k < s->reason_count && k < reasons; k++) {
            text_puts(&t, k > 0 ? "," : "");
            json_string(&t, s->reasons[k].code);
            text_printf(&t, ":%" PRIu64, s->reasons[k].count);
        }
        text_puts(&t, "}}\n");
        out_text(&t);
        text_reset(&t);
    }
    text_free(&t);
}
