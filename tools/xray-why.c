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
#include "common/runs.h"
#include "common/where.h"
#include "why/path.h"
#include "why/visits.h"

static const struct cli_option option_table[] = {
    {'j', "json", NULL, "one JSON object per line"},
    WHERE_OPTIONS,
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-why B07X traces", "every run that B07X was in, and where it left"},
    {"xray-why B07X -r 5b8e traces", "B07X through the steps of one run, and where else it went"},
    {"xray-why B07X --since 30d -p 'competitor_*' traces", "of these runs only"},
    {"xray-why -j B07X traces | jq -r 'select(.left).left.reason'", "what it fell for"},
    {"xray-why -- -odd-id traces", "an item that begins with a dash"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-why",
    .summary = "follow one candidate through the steps of a run, and through all runs",
    .usage = {"ITEM [-r RUN] [-j] [--since TIME] [-p PIPELINE] [-W EXPR] [FILE...]"},
    .examples = examples,
    .options = option_table,
    .operands = "ITEM is the candidate's id, exactly as recorded. (No argument can hold an id with a NUL in it.) FILE is a segment or a directory of them; without one, "
                "$XRAY_DIR is read.",
    .about =
        "Without -r: one line for each run that has a record of the item, newest first: the last step that let it pass, "
        "and the step at which it left with the first reason. Below, how often each verdict was given.\n\n"
        "With -r (once): each step of that run that counted candidates, with every record of the item: verdict, reasons "
        "(rule, version, parameters), score, threshold, ranks, evidence. A rejected score is \"missed by\" its distance to "
        "the threshold, as a share of the threshold. A step without a record of the item says why: \"not evaluated after "
        "rejection\", \"not seen\", or, where fewer candidates were recorded than came in, \"not recorded or not seen\". "
        "The line \"elsewhere\" counts the other runs with the item, and in how many of them it passed the step that "
        "rejected it here, by version.\n\n"
        "The other options choose runs; beside -r they restrict what counts as elsewhere.\n\n"
        "With -j: objects of kind \"visit\" (run, pipeline, version, start; path: step, name, verdict, reason; survived "
        "and left: elements of the path), then one of kind \"item\" (item, runs, and the count of each verdict). With -r: one "
        "of kind \"path\" (run, pipeline, version, item; steps: step, name, type, absent, missed_by, and records, which are "
        "candidates of xrayfile(5)), then one of kind \"elsewhere\" (runs; with a rejection: step, passed).",
    .see_also = "xray-cat(1), xray-grep(1), xray-funnel(1), xray-query(7), xrayfile(5)",
    .reader = true,
    .pager = true,
};

struct why {
    xray_store *store;
    xray_str item;
    const char *run_id; /* -r, or NULL */
    bool json;
    struct where where;
    struct visits visits;
    int id_digits;
    size_t runs;
    uint64_t verdicts[VERDICTS];
};

static void parse_options(struct why *w, int argc, char **argv)
{
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        if (key == 'j') {
            w->json = true;
        } else if (key == 'r') {
            if (w->run_id != NULL)
                cli_usage("-r can be given once");
            w->run_id = arg;
        } else {
            where_option(&w->where, key, arg);
        }
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

static void put_visit(struct why *w, xray_trace *trace, size_t at, size_t end)
{
    const xray_run_record *run = xray_trace_run(trace);
    const struct visit *survived, *left;
    struct text t = {0};

    visits_fate(&w->visits, at, end, &survived, &left);
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
        if (left->code.len > 0) {
            text_puts(&t, ": ");
            out_styled(&t, STYLE_BAD, left->code);
        }
    }
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

static void json_visit(struct text *t, const struct visit *visit, const xray_trace *trace)
{
    const xray_step_record *step = visits_step(visit, trace);

    text_printf(t, "{\"step\":%" PRId64, visit->step);
    if (step != NULL)
        json_member(t, "name", step->name);
    json_member(t, "verdict", xray_s(xray_verdict_name(visit->verdict)));
    json_member(t, "reason", visit->code);
    text_puts(t, "}");
}

static void put_visit_json(struct why *w, xray_trace *trace, size_t at, size_t end)
{
    const xray_run_record *run = xray_trace_run(trace);
    const struct visit *survived, *left;
    struct text t = {0};

    visits_fate(&w->visits, at, end, &survived, &left);
    text_puts(&t, "{\"kind\":\"visit\",\"run\":\"");
    runs_put_id(&t, run->id, 32);
    text_puts(&t, "\"");
    json_member(&t, "pipeline", run->pipeline);
    json_member(&t, "version", run->version);
    if (run->start_ns != XRAY_MISSING)
        text_printf(&t, ",\"start\":\"%" PRId64 "\"", run->start_ns);
    text_puts(&t, ",\"path\":[");
    for (size_t i = at; i < end; i++) {
        text_puts(&t, i > at ? "," : "");
        json_visit(&t, &w->visits.items[i], trace);
    }
    text_puts(&t, "]");
    if (survived != NULL) {
        text_puts(&t, ",\"survived\":");
        json_visit(&t, survived, trace);
    }
    if (left != NULL) {
        text_puts(&t, ",\"left\":");
        json_visit(&t, left, trace);
    }
    text_puts(&t, "}\n");
    out_text(&t);
    text_free(&t);
}

static void put_summary(const struct why *w)
{
    struct text t = {0};

    if (w->json) {
        text_puts(&t, "{\"kind\":\"item\",\"item\":");
        json_string(&t, w->item);
        text_printf(&t, ",\"runs\":%zu", w->runs);
    } else {
        out_styled(&t, STYLE_BOLD, w->item);
        text_printf(&t, " in %zu run%s:", w->runs, w->runs == 1 ? "" : "s");
    }
    for (int v = XRAY_ACCEPT, any = 0; v < VERDICTS; v++)
        if (w->json)
            text_printf(&t, ",\"%s\":%" PRIu64, xray_verdict_name(v), w->verdicts[v]);
        else if (w->verdicts[v] > 0)
            text_printf(&t, "%s %s %" PRIu64, any++ > 0 ? "," : "", xray_verdict_name(v), w->verdicts[v]);
    text_puts(&t, w->json ? "}\n" : "\n");
    out_text(&t);
    text_free(&t);
}

static void show_runs(struct why *w)
{
    for (size_t at = 0, end; at < w->visits.count; at = end) {
        xray_trace *trace = visits_open(&w->visits, w->store, &w->where, at, &end);

        if (trace == NULL)
            continue;
        w->runs++;
        for (size_t i = at; i < end; i++)
            w->verdicts[w->visits.items[i].verdict]++;
        if (w->json)
            put_visit_json(w, trace, at, end);
        else
            put_visit(w, trace, at, end);
        xray_trace_close(trace);
    }
    if (w->runs > 0)
        put_summary(w);
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
static bool passes(const struct visits *v, size_t at, size_t end, const xray_trace *trace, const struct text *name)
{
    for (size_t i = at; i < end; i++) {
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
    size_t count = 0, cap = 0, passed = 0;
    struct text t = {0};

    for (size_t at = 0, end; at < w->visits.count; at = end) {
        const bool is_here = w->visits.items[at].run == here;
        xray_trace *trace = visits_open(&w->visits, w->store, &w->where, at, &end);

        if (trace != NULL && !is_here) {
            w->runs++;
            if (left != 0 && passes(&w->visits, at, end, trace, name)) {
                passed++;
                count_version(&versions, &count, &cap, xray_trace_run(trace)->version);
            }
        }
        xray_trace_close(trace);
    }
    if (w->json) {
        text_printf(&t, "{\"kind\":\"elsewhere\",\"runs\":%zu", w->runs);
        if (left != 0) {
            json_member(&t, "step", xray_strn(name->data, name->len));
            text_printf(&t, ",\"passed\":%zu", passed);
        }
        text_puts(&t, "}\n");
    } else {
        text_printf(&t, "  elsewhere: %zu run%s", w->runs, w->runs == 1 ? "" : "s");
        if (left != 0 && w->runs > 0) {
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
    }
    out_text(&t);
    text_free(&t);
    for (size_t i = 0; i < count; i++)
        text_free(&versions[i].version);
    free(versions);
}

static bool show_run(struct why *w)
{
    struct text name = {0};
    xray_trace *trace = NULL;
    xray_error err = {0};
    int64_t left = 0;
    size_t index, found = 0;

    if (!runs_by_id(w->store, w->run_id, &index))
        return false;
    if (xray_trace_open(&trace, w->store, index, &err) < 0) {
        input_failed(&err);
        return false;
    }
    found = path_print(w->store, trace, w->item, w->json, w->id_digits, &left, &name);
    xray_trace_close(trace);
    show_elsewhere(w, index, left, &name);
    text_free(&name);
    return found + w->runs > 0;
}

int main(int argc, char **argv)
{
    struct why w = {0};
    bool found = false;
    int count;

    parse_options(&w, argc, argv);

    char **operands = cli_operands(&count);

    if (count == 0)
        cli_usage("no ITEM was given");
    w.item = xray_s(operands[0]);
    where_parse(&w.where, XRAY_UNIT_AUTO);
    w.store = input_open(operands + 1, count - 1);

    const bool explained = where_explain(&w.where, w.store, XRAY_NEEDS_STEPS | XRAY_NEEDS_EVENTS);

    if (!explained && visits_find(&w.visits, w.store, w.item)) {
        where_bind(&w.where, w.store);
        w.id_digits = runs_id_digits(w.store);
        if (w.run_id != NULL)
            found = show_run(&w);
        else
            show_runs(&w);
        found = found || w.runs > 0;
    }
    visits_free(&w.visits);
    where_free(&w.where);
    input_close(w.store);
    return cli_finish(explained || found);
}
