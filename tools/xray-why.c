/* xray-why: follows one candidate: through every step of a run, and through all runs.
 *
 * The look-up (xray_items) reads only what names the item; of each run found the trace is opened, which gives its
 * steps their names. What is kept is one small record for each time the item was seen. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/input.h"
#include "common/jsonline.h"
#include "common/out.h"
#include "common/rows.h"
#include "common/runs.h"
#include "common/where.h"
#include "why/decision.h"
#include "why/history.h"
#include "why/margin.h"
#include "why/nearest.h"
#include "why/path.h"
#include "why/versus.h"

enum { KEY_DECISION = CLI_LONG, KEY_NOT };

static const struct cli_option option_table[] = {
    {KEY_DECISION, "decision", NULL, "who was chosen in run -r (or step -s of it), beside the best who were not\n"
     "Without -s: the last step with a decision, or else the last one that took some and rejected others."},
    {KEY_NOT, "not", "OTHER", "why ITEM and not OTHER: the first step where their fates part\n"
     "Without -r in the newest run that has both."},
    WHERE_OPTIONS,
    ROWS_OPTIONS,
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-why B07X traces", "every run that B07X was in, where it left, and since when"},
    {"xray-why B07X -r 5b8e traces", "B07X through the steps of one run, and where else it went"},
    {"xray-why B07X --not B09K traces", "why was it B07X, and not B09K?"},
    {"xray-why --decision -r 5b8e traces", "who was chosen, and who nearly was"},
    {"xray-why B07X --format csv --since 30d traces", "a row for each record of it"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-why",
    .summary = "follow one candidate through the steps of a run, and through all runs",
    .usage = {"ITEM [-r RUN] [--not OTHER] [--since TIME] [-p PIPELINE] [-W EXPR] [FILE...]",
              "--decision -r RUN [-s STEP] [FILE...]"},
    .examples = examples,
    .options = option_table,
    .operands = "ITEM is the candidate's id, exactly as recorded; behind --, one that begins with a dash. (No argument can hold an id with a "
                "NUL in it.) FILE is a segment or a directory of them; without one, $XRAY_DIR is read.",
    .about =
        "Without -r: one line for each run that has a record of the item, newest first: the last step that let it pass, "
        "and the step at which it left with the first reason. Below, how often each verdict was given, by step; and for each "
        "pipeline the version since which most of its runs end otherwise than those of the version before. Versions are in "
        "the order of their first runs with the item.\n\n"
        "With -r (once): each step of that run that counted candidates, with every record of the item: verdict, reasons "
        "(rule, version, parameters), score, threshold, ranks, evidence. A rejected score is \"missed by\" its distance to "
        "the threshold, as a share of the threshold. Where the record has no score and threshold, a number of its evidence that is "
        "beyond a limit is taken, and this is said: \"computed\". The limit stands in the evidence, or in the step's filters or "
        "params, under a name that tells which number it is for: for price these are max_price, price_max, price.max, price.lte, "
        "price_limit, min_price and so on; or limit, max, min, threshold or cutoff beside one other number. Of several, that "
        "counts which the reason's code names, else the farthest.\n\n"
        "A step without a record of the item says why: \"not evaluated after rejection\"; \"not seen\"; or, where fewer candidates "
        "were recorded than came in, \"not recorded or not seen\": they were sampled, or only counted, and it may have been there and was not "
        "kept. The line \"elsewhere\" counts the other runs with the item, and in how many of them it passed the step that "
        "rejected it here, by version. The other options choose runs; beside -r they restrict what counts as elsewhere.\n\n"
        "An item without any record is status 1; ids like it that the newest runs have are named on stderr.\n\n"
        "--not: the first step of the run that let one of the two pass and not the other, or selected one, or has a record of one only, with "
        "the records of both. --decision: those that were selected (by the decision, or else accepted), and the five best of the others: "
        "by score, the highest first, else by rank, else by what they missed the limit by. Scores that only the decision has are taken from there.\n\n"
        "Formats: with line, csv, tsv, template, or --fields, one row for each record of the item; its fields are those of candidates, steps and runs, "
        "and missed_by and missed_from. ndjson without --fields has objects of kind \"visit\" (run, pipeline, version, start; path: step, name, verdict, reason; survived "
        "and left: elements of the path), then one of kind \"item\" (item, runs, the count of each verdict; steps: name and counts; "
        "changes: pipeline, version, since, runs, fate, step, reason, in how many of the runs, and the same of the version before). With -r: one "
        "of kind \"path\" (run, pipeline, version, item; steps: step, name, type, absent, missed_by, missed_from, and records, which are "
        "candidates of xrayfile(5)), then one of kind \"elsewhere\" (runs; with a rejection: step, passed; steps and changes). --decision and "
        "--not have objects of kind \"decision\" (chosen, others: how many; best_chosen, best_others: item, score, why_not, record) and "
        "\"versus\" (same: numbers of steps; step; sides: item, passed, selected, why_not, records).",
    .see_also = "xray-cat(1), xray-grep(1), xray-funnel(1), xray-query(7), xrayfile(5)",
    .reader = true,
    .pager = true,
};

struct why {
    xray_store *store;
    xray_str item;
    const char *run_id; /* -r, or NULL */
    const char *other;  /* --not, or NULL */
    bool decision;
    struct rows rows;
    struct where where;
    struct visits visits;
    struct history history;
    int id_digits;
};

/* ---- rows ---- */

static void get_missed_by(const struct record *r, struct cell *out)
{
    struct margin margin = {0};

    if (r->event != NULL && r->step != NULL)
        margin_find(&margin, r->store, r->step, r->event);
    if (margin.found)
        cell_set_double(out, margin.share);
    margin_free(&margin);
}

static void get_missed_from(const struct record *r, struct cell *out)
{
    struct margin margin = {0};

    if (r->event != NULL && r->step != NULL)
        margin_find(&margin, r->store, r->step, r->event);
    if (margin.found && margin.computed)
        cell_set_text(out, text_str(&margin.limit_name));
    else if (margin.found)
        cell_set_text(out, xray_s("threshold"));
    margin_free(&margin);
}

static const struct field_own own_fields[] = {
    {"missed_by", get_missed_by},
    {"missed_from", get_missed_from},
    {NULL, NULL},
};

static const struct rows_tool rows_tool = {
    .formats = 1u << ROWS_TEXT | 1u << ROWS_LINE | 1u << ROWS_NDJSON | 1u << ROWS_CSV | 1u << ROWS_TSV | 1u << ROWS_TEMPLATE,
    .defaults = {[XRAY_UNIT_CAND] = "run.start,run.id,run.pipeline,run.version,step.number,step.name,cand.id,cand.verdict,cand.reason,"
                                    "cand.score,cand.threshold,missed_by"},
    .own = own_fields,
};

static void parse_options(struct why *w, int argc, char **argv)
{
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        if (key == 'r') {
            if (w->run_id != NULL)
                cli_usage("-r can be given once");
            w->run_id = arg;
        } else if (key == KEY_DECISION) {
            w->decision = true;
        } else if (key == KEY_NOT) {
            if (w->other != NULL)
                cli_usage("--not can be given once");
            w->other = arg;
        } else if (!where_option(&w->where, key, arg)) {
            rows_option(&w->rows, key, arg);
        }
    }
    rows_begin(&w->rows, &rows_tool, XRAY_UNIT_CAND);
    if (w->decision && w->other != NULL)
        cli_usage("one of --decision and --not at a time");
    if (w->decision && w->run_id == NULL)
        cli_usage("--decision needs a run: -r RUN");
    if ((w->decision || w->other != NULL) && rows_has_fields(&w->rows))
        cli_usage("%s prints text or ndjson", w->decision ? "--decision" : "--not");
}

static bool is_json(const struct why *w)
{
    return w->rows.format == ROWS_NDJSON;
}

/* The records of the item in one step, as rows. */
static bool put_rows_of_step(struct why *w, xray_trace *trace, int64_t number, const xray_step_record *step)
{
    struct record record = {.store = w->store, .trace = trace, .run = xray_trace_run(trace), .step = step};
    xray_events *events = NULL;
    xray_event_record e;
    xray_error err = {0};
    int r = xray_events_open(&events, trace, number, XRAY_EVENT_CANDIDATE, &err);

    while (r >= 0 && (r = xray_events_next(events, &e, &err)) == 1) {
        if (e.item.len != w->item.len || (e.item.len > 0 && memcmp(e.item.ptr, w->item.ptr, e.item.len) != 0))
            continue;
        record.event = &e;
        rows_put(&w->rows, &record);
    }
    xray_events_close(events);
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

static void put_rows(struct why *w, xray_trace *trace, size_t i)
{
    const struct visit *before = NULL;

    for (size_t k = w->visits.runs[i].at; k < w->visits.runs[i].end; before = &w->visits.items[k++]) {
        const struct visit *visit = &w->visits.items[k];

        if ((before == NULL || before->step != visit->step) &&
            !put_rows_of_step(w, trace, visit->step, visits_step(visit, trace)))
            return;
    }
}

/* ---- all runs ---- */

static void put_place(struct text *t, const struct visit *visit, const xray_trace *trace)
{
    const xray_step_record *step = visits_step(visit, trace);

    if (step == NULL)
        text_puts(t, "the run");
    else
        out_styled(t, STYLE_BOLD, step->name);
}

static void put_visit(struct why *w, xray_trace *trace, size_t i)
{
    const xray_run_record *run = xray_trace_run(trace);
    const struct visit *survived, *left;
    struct text t = {0};

    visits_fate(&w->visits, i, &survived, &left);
    if (run->start_ns == XRAY_MISSING)
        text_puts(&t, "-");
    human_time(&t, run->start_ns, 0);
    text_puts(&t, "  ");
    out_style(&t, STYLE_ID);
    runs_put_id(&t, run->id, w->id_digits);
    out_style(&t, STYLE_NONE);
    text_puts(&t, "  ");
    runs_put_pipeline(&t, run);
    if (survived != NULL) {
        text_puts(&t, "  survived ");
        put_place(&t, survived, trace);
    }
    if (left != NULL) {
        text_puts(&t, "  left at ");
        put_place(&t, left, trace);
        if (left->code > 0) {
            text_puts(&t, ": ");
            out_styled(&t, STYLE_BAD, visits_code(&w->visits, left));
        }
    }
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

static void json_visit(struct text *t, const struct visits *v, const struct visit *visit, const xray_trace *trace)
{
    const xray_step_record *step = visits_step(visit, trace);

    text_printf(t, "{\"step\":%" PRIu32, visit->step);
    if (step != NULL)
        json_member(t, "name", step->name);
    json_member(t, "verdict", xray_s(xray_verdict_name(visit->verdict)));
    json_member(t, "reason", visits_code(v, visit));
    text_puts(t, "}");
}

static void put_visit_json(struct why *w, xray_trace *trace, size_t i)
{
    const xray_run_record *run = xray_trace_run(trace);
    const struct visit *survived, *left;
    struct text t = {0};

    visits_fate(&w->visits, i, &survived, &left);
    text_puts(&t, "{\"kind\":\"visit\",\"run\":\"");
    runs_put_id(&t, run->id, 32);
    text_puts(&t, "\"");
    json_member(&t, "pipeline", run->pipeline);
    json_member(&t, "version", run->version);
    if (run->start_ns != XRAY_MISSING)
        text_printf(&t, ",\"start\":\"%" PRId64 "\"", run->start_ns);
    text_puts(&t, ",\"path\":[");
    for (size_t k = w->visits.runs[i].at; k < w->visits.runs[i].end; k++) {
        text_puts(&t, k > w->visits.runs[i].at ? "," : "");
        json_visit(&t, &w->visits, &w->visits.items[k], trace);
    }
    text_puts(&t, "]");
    if (survived != NULL) {
        text_puts(&t, ",\"survived\":");
        json_visit(&t, &w->visits, survived, trace);
    }
    if (left != NULL) {
        text_puts(&t, ",\"left\":");
        json_visit(&t, &w->visits, left, trace);
    }
    text_puts(&t, "}\n");
    out_text(&t);
    text_free(&t);
}

static void put_summary(const struct why *w)
{
    const struct history *h = &w->history;
    struct text t = {0};

    if (is_json(w)) {
        text_puts(&t, "{\"kind\":\"item\",\"item\":");
        json_string(&t, w->item);
        text_printf(&t, ",\"runs\":%zu", h->runs);
        history_put_json(&t, h);
        text_puts(&t, "}\n");
    } else {
        out_styled(&t, STYLE_BOLD, w->item);
        text_printf(&t, " in %zu run%s:", h->runs, h->runs == 1 ? "" : "s");
        for (int v = XRAY_ACCEPT, any = 0; v < VERDICTS; v++)
            if (h->verdicts[v] > 0)
                text_printf(&t, "%s %s %" PRIu64, any++ > 0 ? "," : "", xray_verdict_name(v), h->verdicts[v]);
        text_puts(&t, "\n");
        history_put_steps(&t, h);
        history_put_changes(&t, h);
    }
    out_text(&t);
    text_free(&t);
}

static bool show_runs(struct why *w)
{
    for (size_t i = 0; i < w->visits.run_count; i++) {
        xray_trace *trace = visits_open(&w->visits, w->store, &w->where, i);

        if (trace == NULL)
            continue;
        history_add(&w->history, &w->visits, i, trace);
        if (rows_has_fields(&w->rows))
            put_rows(w, trace, i);
        else if (is_json(w))
            put_visit_json(w, trace, i);
        else
            put_visit(w, trace, i);
        xray_trace_close(trace);
    }
    if (w->history.runs > 0 && !rows_has_fields(&w->rows))
        put_summary(w);
    return w->history.runs > 0;
}

/* ---- one run ---- */

struct passed { /* runs in which the item passed the step, by version */
    struct text version;
    size_t count;
};

static void count_version(struct passed **list, size_t *count, size_t *cap, xray_str version)
{
    size_t i = 0;

    while (i < *count && !((*list)[i].version.len == version.len &&
                           (version.len == 0 || memcmp((*list)[i].version.data, version.ptr, version.len) == 0)))
        i++;
    if (i == *count) {
        if (i == *cap)
            *list = memory_grow(*list, cap, i + 1, sizeof **list);
        (*list)[i] = (struct passed){.count = 0};
        text_put(&(*list)[i].version, version.ptr, version.len);
        ++*count;
    }
    (*list)[i].count++;
}

/* Did the item pass a step of this name? */
static bool passes(const struct visits *v, size_t run, const xray_trace *trace, const struct text *name)
{
    for (size_t i = v->runs[run].at; i < v->runs[run].end; i++) {
        const xray_step_record *step = visits_step(&v->items[i], trace);

        if (step != NULL && v->items[i].verdict != XRAY_REJECT && step->name.len == name->len &&
            (name->len == 0 || memcmp(step->name.ptr, name->data, name->len) == 0))
            return true;
    }
    return false;
}

static void show_elsewhere(struct why *w, size_t here, int64_t left, const struct text *name)
{
    struct passed *versions = NULL;
    size_t count = 0, cap = 0, passed = 0, runs = 0;
    struct text t = {0};

    for (size_t i = 0; i < w->visits.run_count; i++) {
        const bool is_here = w->visits.items[w->visits.runs[i].at].run == here;
        xray_trace *trace = visits_open(&w->visits, w->store, &w->where, i);

        if (trace != NULL)
            history_add(&w->history, &w->visits, i, trace);
        if (trace != NULL && !is_here) {
            runs++;
            if (left != 0 && passes(&w->visits, i, trace, name)) {
                passed++;
                count_version(&versions, &count, &cap, xray_trace_run(trace)->version);
            }
        }
        xray_trace_close(trace);
    }
    if (is_json(w)) {
        text_printf(&t, "{\"kind\":\"elsewhere\",\"runs\":%zu", runs);
        if (left != 0) {
            json_member(&t, "step", xray_strn(name->data, name->len));
            text_printf(&t, ",\"passed\":%zu", passed);
        }
        history_put_json(&t, &w->history);
        text_puts(&t, "}\n");
    } else {
        text_printf(&t, "  elsewhere: %zu run%s", runs, runs == 1 ? "" : "s");
        if (left != 0 && runs > 0) {
            text_puts(&t, ", survived ");
            text_safe(&t, text_str(name), SAFE_LINE);
            text_printf(&t, " in %zu", passed);
        }
        for (size_t i = 0; i < count; i++) {
            text_puts(&t, i == 0 ? " (" : ", ");
            text_puts(&t, "version ");
            text_safe(&t, versions[i].version.len > 0 ? text_str(&versions[i].version) : xray_s("unknown"), SAFE_LINE);
            text_printf(&t, ": %zu%s", versions[i].count, i + 1 == count ? ")" : "");
        }
        text_puts(&t, "\n");
        history_put_changes(&t, &w->history);
    }
    out_text(&t);
    text_free(&t);
    for (size_t i = 0; i < count; i++)
        text_free(&versions[i].version);
    free(versions);
}

static xray_trace *open_run(struct why *w, size_t *index)
{
    xray_trace *trace = NULL;
    xray_error err = {0};

    if (runs_by_id(w->store, w->run_id, index) && xray_trace_open(&trace, w->store, *index, &err) < 0)
        input_failed(&err);
    return trace;
}

static bool show_rows_of_run(struct why *w, size_t index, xray_trace *trace)
{
    bool found = false;

    for (size_t i = 0; i < w->visits.run_count; i++) {
        xray_trace *same;

        if (w->visits.items[w->visits.runs[i].at].run != index)
            continue;
        same = visits_open(&w->visits, w->store, &w->where, i);
        if (same != NULL)
            put_rows(w, trace, i);
        found = same != NULL;
        xray_trace_close(same);
    }
    return found;
}

static bool show_run(struct why *w)
{
    struct text name = {0};
    int64_t left = 0;
    size_t index, found;
    xray_trace *trace = open_run(w, &index);

    if (trace == NULL)
        return false;
    if (rows_has_fields(&w->rows)) {
        found = show_rows_of_run(w, index, trace);
    } else {
        found = path_print(w->store, trace, w->item, is_json(w), w->id_digits, &left, &name);
        show_elsewhere(w, index, left, &name);
    }
    xray_trace_close(trace);
    text_free(&name);
    return found + w->history.runs > 0;
}

/* ---- choices ---- */

static bool show_decision(struct why *w)
{
    size_t index;
    xray_trace *trace = open_run(w, &index);
    const bool found = trace != NULL && decision_show(w->store, trace, &w->where, is_json(w), w->id_digits);

    xray_trace_close(trace);
    return found;
}

/* The newest run with records of both, or of one, if no run has both; NULL: there is none. */
static xray_trace *open_common_run(struct why *w, struct visits *others)
{
    size_t i = 0;

    for (size_t k = 0; i < w->visits.run_count; i++) {
        const uint32_t run = w->visits.items[w->visits.runs[i].at].run;
        xray_trace *trace;

        /* Both are in the same order. */
        while (k < others->run_count && others->items[others->runs[k].at].run != run &&
               (others->runs[k].start_ns > w->visits.runs[i].start_ns ||
                (others->runs[k].start_ns == w->visits.runs[i].start_ns && others->items[others->runs[k].at].run > run)))
            k++;
        if (k == others->run_count)
            return NULL;
        if (others->items[others->runs[k].at].run != run)
            continue;
        trace = visits_open(&w->visits, w->store, &w->where, i);
        if (trace != NULL)
            return trace;
    }
    return NULL;
}

static bool show_versus(struct why *w)
{
    struct visits others = {0};
    xray_trace *trace = NULL;
    size_t index;
    bool found = false;

    if (w->run_id != NULL)
        trace = open_run(w, &index);
    else if (visits_find(&w->visits, w->store, w->item) && visits_find(&others, w->store, xray_s(w->other)))
        trace = open_common_run(w, &others);
    if (trace != NULL)
        found = versus_show(w->store, trace, w->item, xray_s(w->other), is_json(w), w->id_digits);
    else if (w->run_id == NULL)
        cli_say(NULL, "no run has records of both");
    xray_trace_close(trace);
    visits_free(&others);
    return found;
}

static bool show_item(struct why *w)
{
    bool found;

    if (!visits_find(&w->visits, w->store, w->item))
        return false;
    found = w->run_id != NULL ? show_run(w) : show_runs(w);
    rows_end(&w->rows);
    if (w->visits.count == 0)
        nearest_say(w->store, w->item);
    return found;
}

int main(int argc, char **argv)
{
    struct why w = {0};
    bool found = false, explained;
    int count, item_count;

    parse_options(&w, argc, argv);

    char **operands = cli_operands(&count);

    item_count = w.decision ? 0 : 1;
    if (count < item_count)
        cli_usage("no ITEM was given");
    if (item_count > 0)
        w.item = xray_s(operands[0]);
    where_parse(&w.where, XRAY_UNIT_AUTO);
    w.store = input_open(operands + item_count, count - item_count);
    explained = where_explain(&w.where, w.store, XRAY_NEEDS_STEPS | XRAY_NEEDS_EVENTS);
    if (!explained) {
        where_bind(&w.where, w.store);
        w.id_digits = runs_id_digits(w.store);
        found = w.decision ? show_decision(&w) : w.other != NULL ? show_versus(&w) : show_item(&w);
    }
    visits_free(&w.visits);
    history_free(&w.history);
    where_free(&w.where);
    input_close(w.store);
    return cli_finish(explained || found);
}
