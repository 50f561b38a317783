/* xray-grep: finds steps, runs and candidates by their text and by their fields.
 *
 * What the runs' own records tell is asked first: runs that cannot have a hit are never opened. Then, with a
 * pattern, the payload is searched: all of it once, in the order of the file, after which the spine tells
 * which runs refer to what matched; or, where few runs are left, only what these refer to. At last the runs
 * in question are opened one by one, in the order of the store. Candidates, decisions and notes are searched
 * there, where they are asked for and there are any. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/input.h"
#include "common/out.h"
#include "common/runs.h"
#include "grep/choose.h"
#include "grep/explain.h"

enum {
    /* Where the first hits are enough, the first runs are tried one by one: a common pattern is found there. */
    FIRST_RUNS = 16,
};

/* ---- counting ---- */

static bool lists_files(const struct grep *g)
{
    return g->settings.output == OUTPUT_FILES || g->settings.output == OUTPUT_OTHER_FILES;
}

static bool is_full(const struct grep *g)
{
    return g->matched >= g->settings.max_count || g->matched_runs >= g->settings.max_runs ||
           (lists_files(g) && g->listed == xray_store_segment_count(g->store));
}

static void list_segment(struct grep *g, uint32_t segment)
{
    if (!lists_files(g) || segment >= xray_store_segment_count(g->store) || g->segments[segment])
        return;
    g->segments[segment] = true;
    g->listed++;
}

/* With -q the first hit is all that is wanted, whatever went wrong before. */
static void count_hits(struct grep *g, uint64_t hits)
{
    g->matched += hits;
    if (hits > 0 && g->settings.output == OUTPUT_NONE)
        exit(EXIT_FOUND);
}

/* Is one hit of a run enough? */
static bool counts_runs(const struct grep *g)
{
    return g->settings.output == OUTPUT_COUNT_RUNS || g->settings.output == OUTPUT_RUNS ||
           g->settings.output == OUTPUT_NONE;
}

static void print_run_id(const struct grep *g, const xray_run_record *run)
{
    struct text t = {0};

    runs_put_id(&t, run->id, 32);
    text_put(&t, g->settings.null ? "" : "\n", 1);
    out_text(&t);
    text_free(&t);
}

/* ---- steps alone ---- */

/* Is the number of steps all that is asked for, and nothing said that only the list of runs tells? */
static bool counts_steps(const struct grep *g)
{
    const struct settings *s = &g->settings;

    return (s->output == OUTPUT_COUNT || s->output == OUTPUT_NONE) && !s->has_pattern && s->unit == XRAY_UNIT_STEP &&
           s->max_count == UINT64_MAX && s->max_runs == UINT64_MAX && selection_is_of_steps(&s->selection);
}

/* Does counting without the list of runs save making it? An index tells that list which runs cannot have a hit. And behind the last
 * spine of a segment that was not sealed there may be candidates: making the list looks at them. */
static bool needs_no_list(const struct grep *g)
{
    for (size_t i = 0; i < xray_store_segment_count(g->store); i++) {
        xray_segment_info info;

        if (xray_store_segment(g->store, i, &info) < 0 || !info.sealed || info.indexed)
            return false;
    }
    return counts_steps(g);
}

/* False if the records of steps do not tell, of one at least. */
static bool count_steps(struct grep *g)
{
    struct selection *s = &g->settings.selection;
    enum where_answer answer = WHERE_NO;
    xray_scan *scan = NULL;
    xray_scan_record record;
    uint64_t hits = 0;
    int r = xray_scan_open(&scan, g->store, XRAY_SCAN_STEP, NULL);

    if (r >= 0) {
        xray_scan_without(scan, narrow_without(selection_needs(s)));
        xray_scan_once(scan);
    }
    while (r >= 0 && answer != WHERE_OPEN && (r = xray_scan_next(scan, &record, NULL)) == 1) {
        answer = selection_test_step(s, NULL, record.step);
        hits += answer == WHERE_YES;
        if (hits > 0 && g->settings.output == OUTPUT_NONE)
            break;
    }
    xray_scan_close(scan);
    g->counted = true;
    if (r < 0 || answer == WHERE_OPEN || xray_store_problem_count(g->store) > 0)
        return false;
    count_hits(g, hits);
    return true;
}

/* ---- one run ---- */

static void list_steps(struct grep *g, xray_trace *trace)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);

    if (!lists_files(g))
        return;
    if (g->marks.run_text)
        list_segment(g, xray_trace_run(trace)->segment);
    for (size_t i = 0; i < count; i++) {
        if (g->marks.hits[i] > 0)
            list_segment(g, steps[i].segment);
    }
}

/* The run has hits. The trace is NULL where its record was enough. */
static void take_run(struct grep *g, size_t index, xray_trace *trace)
{
    xray_run_record record;
    const xray_run_record *run = &record;

    if (trace != NULL)
        run = xray_trace_run(trace);
    else
        runs_record(g->store, index, &record);
    g->matched_runs++;
    count_hits(g, g->marks.total);
    if (g->settings.unit == XRAY_UNIT_RUN)
        list_segment(g, run->segment);
    else
        list_steps(g, trace);
    if (settings_prints_hits(&g->settings))
        deliver_run(&g->deliver, index, trace, run, &g->marks);
    else if (g->settings.output == OUTPUT_RUNS)
        print_run_id(g, run);
}

/* The run has hits that need not be opened. */
static void take_told_run(struct grep *g, size_t index, uint64_t left)
{
    const uint64_t hits = counts_runs(g) || g->settings.unit == XRAY_UNIT_RUN ? 1 : g->narrow.hits[index];
    xray_run_record run;

    g->matched_runs++;
    count_hits(g, hits < left ? hits : left);
    if (g->settings.output != OUTPUT_RUNS)
        return;
    runs_record(g->store, index, &run);
    print_run_id(g, &run);
}

/* Is the run a hit as a whole by what its record says, and is that enough for the output? */
static bool needs_no_trace(const struct grep *g, size_t index)
{
    return g->settings.unit == XRAY_UNIT_RUN && !g->settings.has_pattern && g->answers[index] == WHERE_YES &&
           !(settings_prints_hits(&g->settings) && deliver_needs_trace(&g->deliver));
}

/* Is the run as a whole all that is asked for, and some text of it known to match? */
static bool is_told_by_text(const struct grep *g, size_t index)
{
    return g->texts != NULL && g->texts[index] && g->answers[index] == WHERE_YES && counts_runs(g) &&
           !g->settings.invert && g->settings.unit != XRAY_UNIT_CAND && !selection_has_steps(&g->settings.selection);
}

/* Do the records of its steps tell all that is printed of the run? */
static bool is_told(const struct grep *g, size_t index)
{
    if (is_told_by_text(g, index))
        return true;
    return g->narrowed && !g->narrow.open[index] && g->answers[index] == WHERE_OPEN && !g->settings.has_pattern &&
           !settings_prints_hits(&g->settings) && !lists_files(g);
}

/* Can anything of the run match, by what a search of all payload has found? */
static bool may_have_text(const struct grep *g, size_t index)
{
    xray_run_record run;

    if (g->texts == NULL || g->texts[index])
        return true;
    runs_record(g->store, index, &run);
    return search_may_have_events(&g->search, run.id);
}

static void grep_run(struct grep *g, size_t index)
{
    const uint64_t left = g->settings.max_count - g->matched;
    xray_trace *trace = NULL;
    xray_error err = {0};

    if (g->answers[index] == WHERE_NO || !may_have_text(g, index))
        return;
    if (needs_no_trace(g, index)) {
        g->marks.total = 1;
        take_run(g, index, NULL);
        return;
    }
    if (is_told(g, index)) {
        take_told_run(g, index, left);
        return;
    }
    if (xray_trace_open(&trace, g->store, index, &err) < 0) {
        input_failed(&err);
        return;
    }
    mark_run(&g->marker, trace, g->answers[index], counts_runs(g) && left > 0 ? 1 : left, &g->marks);
    if (g->marks.total > 0)
        take_run(g, index, trace);
    xray_trace_close(trace);
}

/* The runs from `from` to before `to`, in the order of the store, until there are hits enough. */
static void grep_runs(struct grep *g, size_t from, size_t to)
{
    for (size_t i = from; i < to && !is_full(g); i++)
        grep_run(g, i);
}

/* ---- the spine after a search of all payload ---- */

/* Is a match in the spine or the payload, of a run that is wanted whatever its steps are, all there is to
 * know? */
static bool spine_tells(const struct grep *g)
{
    return !g->search.events && selection_is_all(&g->settings.selection) &&
           g->settings.unit == XRAY_UNIT_STEP;
}

static bool counts_only(const struct grep *g)
{
    return g->settings.output == OUTPUT_COUNT || lists_files(g) || g->settings.output == OUTPUT_NONE;
}

static bool record_matches(struct grep *g, const xray_scan_record *record)
{
    return record->kind == XRAY_SCAN_RUN ? search_run(&g->search, record->run)
                                         : search_step(&g->search, record->step);
}

/* Where an index ruled out blocks, most runs may be out of the question: the scan leaves out those that are. */
static int leave_out_runs(struct grep *g, xray_scan *scan, xray_error *err)
{
    xray_read_stats stats;
    uint8_t *known;
    size_t *runs, count = 0;
    int r = 0;

    xray_store_get_stats(g->store, &stats);
    if (g->settings.invert || stats.blocks_skipped == 0)
        return 0;
    known = memory_new(g->run_count, sizeof *known);
    runs = memory_new(g->run_count, sizeof *runs);
    if (search_runs(&g->search, known, g->run_count)) {
        for (size_t i = 0; i < g->run_count; i++)
            if (known[i] != XRAY_HITS_NONE)
                runs[count++] = i;
        if (count < g->run_count)
            r = xray_scan_only(scan, runs, count, err);
    }
    free(known);
    free(runs);
    return r;
}

/* Counts without opening any run. */
static int count_by_scan(struct grep *g, xray_error *err)
{
    const unsigned kinds = g->settings.invert ? XRAY_SCAN_STEP : XRAY_SCAN_RUN | XRAY_SCAN_STEP;
    xray_scan *scan = NULL;
    xray_scan_record record;
    int r = xray_scan_open(&scan, g->store, kinds, err);

    if (r >= 0)
        r = leave_out_runs(g, scan, err);
    while (r >= 0 && !is_full(g) && (r = xray_scan_next(scan, &record, err)) == 1) {
        const uint32_t segment = record.kind == XRAY_SCAN_RUN ? record.run->segment : record.step->segment;

        if (lists_files(g) && segment < xray_store_segment_count(g->store) && g->segments[segment])
            continue;
        if (record_matches(g, &record) == g->settings.invert)
            continue;
        list_segment(g, segment);
        count_hits(g, 1);
    }
    xray_scan_close(scan);
    return r < 0 ? r : 0;
}

/* Looks at the records of runs of which it is not known. */
static int scan_texts(struct grep *g, const uint8_t *known, const size_t *runs, size_t count, xray_error *err)
{
    xray_scan *scan = NULL;
    xray_scan_record record;
    size_t run;
    int r = xray_scan_open(&scan, g->store, XRAY_SCAN_RUN | XRAY_SCAN_STEP, err);

    if (r >= 0 && count < g->run_count)
        r = xray_scan_only(scan, runs, count, err);
    while (r >= 0 && (r = xray_scan_next(scan, &record, err)) == 1) {
        const uint8_t *id = record.kind == XRAY_SCAN_RUN ? record.run->id : record.step->run_id;

        if (xray_store_run_index(g->store, id, &run, NULL) == 1 && known[run] == XRAY_HITS_POSSIBLE &&
            !g->texts[run])
            g->texts[run] = record_matches(g, &record);
    }
    xray_scan_close(scan);
    return r < 0 ? r : 0;
}

/* Finds the runs of which some text matches. */
static int narrow_by_text(struct grep *g, xray_error *err)
{
    uint8_t *known = memory_new(g->run_count, sizeof *known);
    size_t *runs = memory_new(g->run_count, sizeof *runs);
    size_t count = 0;
    int r = 0;

    free(g->texts);
    g->texts = memory_new(g->run_count, sizeof *g->texts);
    if (!search_runs(&g->search, known, g->run_count))
        memset(known, XRAY_HITS_POSSIBLE, g->run_count);
    for (size_t i = 0; i < g->run_count; i++) {
        g->texts[i] = known[i] == XRAY_HITS_SURE;
        if (known[i] == XRAY_HITS_POSSIBLE)
            runs[count++] = i;
    }
    if (count > 0)
        r = scan_texts(g, known, runs, count, err);
    free(known);
    free(runs);
    return r;
}

/* With the payload searched; `from` is the first run that was not looked at yet. */
static int grep_searched(struct grep *g, size_t from, xray_error *err)
{
    int r = 0;

    if (spine_tells(g) && counts_only(g) && g->matched == 0)
        return count_by_scan(g, err);
    if (!g->settings.invert)
        r = narrow_by_text(g, err);
    if (r >= 0)
        grep_runs(g, from, g->run_count);
    return r;
}

/* ---- the store ---- */

/* Does it end with the first hits? */
static bool stops_early(const struct grep *g)
{
    return g->settings.output == OUTPUT_NONE || g->settings.max_count < UINT64_MAX ||
           g->settings.max_runs < UINT64_MAX;
}

/* With -q the search of the payload stops at the first match as well. If that belongs to nothing that counts
 * (it is not of a step that the expression holds for, or of none at all) everything is searched after all. */
static int grep_payload(struct grep *g, size_t from, xray_error *err)
{
    bool first_only = g->settings.output == OUTPUT_NONE && !g->settings.invert;

    for (;;) {
        const int stopped = search_all_payload(&g->search, first_only, err);
        const int r = stopped < 0 ? stopped : grep_searched(g, from, err);

        if (r < 0 || stopped == 0)
            return r;
        first_only = false;
    }
}

/* Behind the first so many runs in question. */
static size_t behind_open(const struct grep *g, size_t open)
{
    size_t i = 0;

    while (i < g->run_count && open > 0)
        open -= g->answers[i++] == WHERE_OPEN;
    return i;
}

/* Without a pattern. What only counts is told by the scan; where runs must be opened for what is printed, it pays if
 * few have a hit: the first ones show it. */
static void grep_expression(struct grep *g)
{
    size_t from = 0;

    if (settings_prints_hits(&g->settings) || stops_early(g)) {
        from = behind_open(g, FIRST_RUNS);
        grep_runs(g, 0, from);
        if (is_full(g))
            return;
    }
    if (counts_steps(g) && g->chosen > g->run_count / 2 && !g->counted && count_steps(g))
        return;
    if (g->matched_runs < FIRST_RUNS / 2)
        choose_by_scan(g, from);
    grep_runs(g, from, g->run_count);
}

static int grep_store(struct grep *g, xray_error *err)
{
    const unsigned needs = selection_needs(&g->settings.selection);
    size_t from = 0;

    choose_runs(g);
    if (g->chosen == 0 || is_full(g))
        return 0;
    if (!g->settings.has_pattern) {
        grep_expression(g);
        return 0;
    }
    if (choose_are_few(g)) {
        grep_runs(g, 0, g->run_count);
        return 0;
    }
    if (stops_early(g)) {
        from = g->run_count < FIRST_RUNS ? g->run_count : FIRST_RUNS;
        grep_runs(g, 0, from);
        if (is_full(g))
            return 0;
    }
    choose_by_scan(g, from);
    if ((needs & (XRAY_NEEDS_PAYLOAD | XRAY_NEEDS_EVENTS)) == 0)
        choose_by_expression(g, from);
    if (choose_are_few(g)) {
        grep_runs(g, from, g->run_count);
        return 0;
    }
    g->marker.text_first = true; /* the payload is searched: what is left to ask of a value is a bit */
    return grep_payload(g, from, err);
}

/* ---- output at the end ---- */

/* Segments that stand one behind the other in a file are listed as one; -L lists files of which none holds a
 * hit. */
static void print_segments(const struct grep *g, struct text *t)
{
    const size_t count = xray_store_segment_count(g->store);
    const bool wanted = g->settings.output == OUTPUT_FILES;

    for (size_t i = 0; i < count;) {
        xray_segment_info info, next;
        bool holds = g->segments[i];

        if (xray_store_segment(g->store, i++, &info) < 0)
            continue;
        while (i < count && xray_store_segment(g->store, i, &next) == 0 && strcmp(info.path, next.path) == 0)
            holds = g->segments[i++] || holds;
        if (holds != wanted)
            continue;
        if (g->settings.null)
            text_put(t, info.path, strlen(info.path) + 1);
        else
            text_safe(t, xray_s(info.path), SAFE_LINE);
        text_puts(t, g->settings.null ? "" : "\n");
    }
}

/* True if what was asked for was found. */
static bool finish_output(struct grep *g)
{
    struct text t = {0};
    bool found = g->matched > 0;

    if (settings_prints_hits(&g->settings))
        deliver_finish(&g->deliver);
    if (g->settings.output == OUTPUT_COUNT)
        text_printf(&t, "%" PRIu64 "\n", g->matched);
    if (g->settings.output == OUTPUT_COUNT_RUNS)
        text_printf(&t, "%" PRIu64 "\n", g->matched_runs);
    if (lists_files(g))
        print_segments(g, &t);
    if (g->settings.output == OUTPUT_OTHER_FILES)
        found = t.len > 0;
    out_text(&t);
    text_free(&t);
    return found;
}

/* Was everything read and searched? */
static bool is_complete(const struct grep *g, bool failed, uint64_t too_expensive)
{
    return !failed && too_expensive == 0 && !is_full(g) && g->settings.top == UINT64_MAX &&
           g->settings.selection.where.failures + g->settings.selection.inverse.failures == 0 &&
           xray_store_problem_count(g->store) == 0;
}

/* False if reading failed, which was said. */
static bool grep_listed(struct grep *g)
{
    xray_error err = {0};
    int r = xray_store_run_count(g->store, &g->run_count, &err);

    if (r >= 0 && settings_prints_hits(&g->settings))
        g->deliver.print.id_digits = runs_id_digits(g->store);
    if (r >= 0 && where_bind(&g->settings.selection.where, g->store)) {
        where_ask_items(&g->settings.selection.where);
        r = grep_store(g, &err);
    }
    if (r < 0)
        input_failed(&err);
    return r >= 0;
}

/* All that reads; the output is complete when it returns. True if something was found. */
static bool grep_all(struct grep *g)
{
    bool complete = true;
    struct matcher *matcher =
        g->settings.has_pattern
            ? matcher_new(g->settings.patterns, g->settings.pattern_count, &g->settings.matcher)
            : NULL;
    uint64_t too_expensive = 0;

    g->search = (struct search){.store = g->store, .matcher = matcher, .fields = g->settings.fields};
    search_begin(&g->search);
    g->marker = (struct marker){
        .settings = &g->settings,
        .selection = &g->settings.selection,
        .search = &g->search,
        .listed = lists_files(g) ? g->segments : NULL,
    };
    deliver_begin(&g->deliver, &g->settings, &g->marker, &g->search);
    if (!needs_no_list(g) || !count_steps(g))
        complete = grep_listed(g);

    const bool found = finish_output(g);

    search_done(&g->search);
    narrow_free(&g->narrow);
    if (matcher != NULL)
        too_expensive = matcher_failures(matcher);
    if (cli_stats() && settings_prints_hits(&g->settings))
        hitprint_summary(&g->deliver.print, g->matched, g->matched_runs,
                         is_complete(g, !complete, too_expensive));
    deliver_free(&g->deliver);
    if (too_expensive > 0)
        cli_error(NULL, "pattern too expensive: gave up on %" PRIu64 " texts, which may hold matches",
                  too_expensive);
    matcher_free(matcher);
    return found;
}

int main(int argc, char **argv)
{
    struct grep g = {0};
    bool found = true;
    char **paths;
    int count;

    settings_read(&g.settings, argc, argv, &paths, &count);
    if (g.settings.output != OUTPUT_OTHER_FILES)
        where_narrow(&g.settings.selection.where);
    g.store = input_open(paths, count);
    g.segments = memory_new(xray_store_segment_count(g.store), sizeof *g.segments);
    if (!explain_search(&g))
        found = grep_all(&g);
    marks_free(&g.marks);
    free(g.texts);
    free(g.answers);
    free(g.segments);
    settings_free(&g.settings);
    input_close(g.store);
    return cli_finish(found);
}
