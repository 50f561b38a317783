/* xray-grep: finds steps by their text.
 *
 * The payload is decompressed and searched once, in the order of the file. Then the
 * spine tells which steps refer to what matched, and only runs that have such
 * a step are opened to print it. Candidates, decisions and notes are searched run by run,
 * where they are asked for and there are any. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/cli.h"
#include "grep/hitprint.h"
#include "common/input.h"
#include "common/out.h"
#include "common/runs.h"
#include "grep/search.h"

enum { KEY_IN = CLI_LONG, KEY_STATS };

static const struct cli_option option_table[] = {
    {'e', "regexp", "PATTERN", "look for this; repeatable, any may match; then all operands are FILEs"},
    {'F', "fixed-strings", NULL, "patterns are plain text"},
    {'i', "ignore-case", NULL, "upper and lower case are the same"},
    {KEY_IN, "in", "FIELDS",
     "only these, comma-separated: input output reasoning error metadata tags filters\n"
     "params attrs name type model id reason cand decision note run"},
    {'v', "invert-match", NULL, "steps that do not match"},
    {'c', "count", NULL, "print only how many steps match"},
    {'l', "files-with-matches", NULL, "print only the segments that hold matching steps"},
    {'o', "only-matching", NULL, "print only the text that matches, each match on a line"},
    {'m', "max-count", "N", "stop after N matching steps"},
    {'q', "quiet", NULL, "print nothing; exit status 0 at the first match, even after errors"},
    {'j', "json", NULL, "one JSON object per matching step and line"},
    {KEY_STATS, "stats", NULL, "say on stderr what was read"},
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-grep 'refund|chargeback' traces", "steps with either word in any text"},
    {"xray-grep -i --in output,reasoning 'sorry' traces", "in what steps wrote, any case"},
    {"xray-grep -F --in cand B07X traces", "where candidate B07X was seen"},
    {"xray-grep -c --in error timeout traces", "how many steps failed that way"},
    {"xray-grep -o 'sku-\\d{4}' traces | sort | uniq -c", "what matched, counted"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-grep",
    .summary = "find steps by their text; PATTERN is a Perl-compatible regular expression",
    .usage = {"[OPTIONS] PATTERN [FILE...]", "[OPTIONS] -e PATTERN... [FILE...]"},
    .examples = examples,
    .options = option_table,
};

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_ONLY, OUTPUT_COUNT, OUTPUT_FILES, OUTPUT_NONE };

struct settings {
    const char **patterns;
    size_t pattern_count;
    size_t pattern_cap;
    struct matcher_options matcher;
    unsigned fields;
    bool invert;
    uint64_t max_count;
    enum output output;
    bool stats;
};

struct grep {
    const struct settings *settings;
    struct search search;
    const xray_run_record *runs;
    size_t run_count;
    int id_digits;
    bool *segments; /* those that hold matching steps (-l) */
    uint64_t matched;
};

static void add_pattern(struct settings *s, const char *pattern)
{
    s->patterns = memory_grow(s->patterns, &s->pattern_cap, s->pattern_count + 1, sizeof *s->patterns);
    s->patterns[s->pattern_count++] = pattern;
}

static void take_option(struct settings *s, int key, const char *arg)
{
    switch (key) {
    case 'e':
        add_pattern(s, arg);
        break;
    case 'F':
        s->matcher.literal = true;
        break;
    case 'i':
        s->matcher.caseless = true;
        break;
    case KEY_IN:
        s->fields = fields_parse(arg);
        break;
    case 'v':
        s->invert = true;
        break;
    case 'c':
        s->output = s->output == OUTPUT_NONE ? OUTPUT_NONE : OUTPUT_COUNT;
        break;
    case 'l':
        s->output = s->output == OUTPUT_NONE ? OUTPUT_NONE : OUTPUT_FILES;
        break;
    case 'o':
        s->output = s->output == OUTPUT_TEXT ? OUTPUT_ONLY : s->output;
        break;
    case 'j':
        s->output = s->output == OUTPUT_TEXT || s->output == OUTPUT_ONLY ? OUTPUT_JSON : s->output;
        break;
    case 'm':
        s->max_count = cli_number("-m", arg, 0);
        break;
    case 'q':
        s->output = OUTPUT_NONE;
        break;
    case KEY_STATS:
        s->stats = true;
        break;
    }
}

/* Options, and the pattern that is the first operand where there was no -e. */
static struct settings parse_options(int argc, char **argv, char ***paths, int *count)
{
    struct settings s = {.fields = FIELDS_ALL, .max_count = UINT64_MAX};
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;)
        take_option(&s, key, arg);
    *paths = cli_operands(count);
    if (s.pattern_count == 0) {
        if (*count == 0)
            cli_usage("no PATTERN given");
        add_pattern(&s, (*paths)[0]);
        (*paths)++;
        (*count)--;
    }
    return s;
}

/* ---- one record ---- */

static bool is_full(const struct grep *g)
{
    return g->matched >= g->settings->max_count;
}

/* Counts a match; what is printed in the end needs no more for these outputs. */
static void count_match(struct grep *g, uint32_t segment)
{
    g->matched++;
    if (g->settings->output == OUTPUT_NONE)
        exit(EXIT_FOUND);
    if (g->settings->output == OUTPUT_FILES && segment < xray_store_segment_count(g->search.store))
        g->segments[segment] = true;
}

static bool prints_hits(const struct grep *g)
{
    const enum output output = g->settings->output;

    return output == OUTPUT_TEXT || output == OUTPUT_JSON || output == OUTPUT_ONLY;
}

/* A segment that is listed already needs no other match. */
static bool is_listed(const struct grep *g, uint32_t segment)
{
    return g->settings->output == OUTPUT_FILES && segment < xray_store_segment_count(g->search.store) &&
           g->segments[segment];
}

static struct hitprint begin_print(const struct grep *g, const xray_run_record *run, bool *headed)
{
    static const enum hitprint_mode modes[] = {
        [OUTPUT_TEXT] = HITPRINT_TEXT,
        [OUTPUT_JSON] = HITPRINT_JSON,
        [OUTPUT_ONLY] = HITPRINT_ONLY,
    };

    return (struct hitprint){
        .mode = modes[g->settings->output],
        .store = g->search.store,
        .run = run,
        .id_digits = g->id_digits,
        .headed = headed,
    };
}

/* The run's own text is its step 0. */
static void grep_run_itself(struct grep *g, xray_trace *trace, bool *headed)
{
    const xray_run_record *run = xray_trace_run(trace);

    if (g->settings->invert || is_listed(g, run->segment))
        return;
    if (!prints_hits(g)) {
        if (search_run(&g->search, run) || search_events(&g->search, trace, 0))
            count_match(g, run->segment);
        return;
    }

    struct hitprint p = begin_print(g, run, headed);

    hitprint_begin(&p, 0, run->pipeline);
    search_run_hits(&g->search, trace, run, hitprint_visit, &p);
    if (hitprint_end(&p, false))
        count_match(g, run->segment);
}

static void grep_step(struct grep *g, xray_trace *trace, const xray_step_record *step, bool *headed)
{
    if (is_listed(g, step->segment))
        return;
    if (!prints_hits(g) || g->settings->invert) {
        const bool matches = search_step(&g->search, step) || search_events(&g->search, trace, step->number);

        if (matches == g->settings->invert)
            return;
        if (prints_hits(g)) {
            struct hitprint p = begin_print(g, xray_trace_run(trace), headed);

            hitprint_begin(&p, step->number, step->name);
            hitprint_end(&p, true);
        }
        count_match(g, step->segment);
        return;
    }

    struct hitprint p = begin_print(g, xray_trace_run(trace), headed);

    hitprint_begin(&p, step->number, step->name);
    search_step_hits(&g->search, trace, step, hitprint_visit, &p);
    if (hitprint_end(&p, false))
        count_match(g, step->segment);
}

static void grep_run(struct grep *g, size_t index)
{
    xray_trace *trace = NULL;
    xray_error err = {0};
    bool headed = false;
    size_t count;

    if (xray_trace_open(&trace, g->search.store, index, &err) < 0) {
        input_failed(&err);
        return;
    }

    const xray_step_record *steps = xray_trace_steps(trace, &count);

    grep_run_itself(g, trace, &headed);
    for (size_t i = 0; i < count && !is_full(g); i++)
        grep_step(g, trace, &steps[i], &headed);
    xray_trace_close(trace);
    out_rest();
}

/* ---- the store ---- */

/* One pass over the spine. Counts, or (with `runs`) collects the runs that have
 * something to print. */
static int scan_spine(struct grep *g, struct idmap *runs, xray_error *err)
{
    xray_scan *scan = NULL;
    xray_scan_record record;
    int r = xray_scan_open(&scan, g->search.store, XRAY_SCAN_RUN | XRAY_SCAN_STEP, err);

    while (r >= 0 && !is_full(g) && (r = xray_scan_next(scan, &record, err)) == 1) {
        const bool is_run = record.kind == XRAY_SCAN_RUN;
        const uint32_t segment = is_run ? record.run->segment : record.step->segment;
        bool added;

        if ((is_run && g->settings->invert) || is_listed(g, segment))
            continue;

        const bool matches =
            is_run ? search_run(&g->search, record.run) : search_step(&g->search, record.step);

        if (matches == g->settings->invert)
            continue;
        if (runs != NULL)
            idmap_put(runs, is_run ? record.run->id : record.step->run_id, &added);
        else
            count_match(g, segment);
    }
    xray_scan_close(scan);
    return r < 0 ? r : 0;
}

/* Run by run, in the order of the store; with `only`, those runs. */
static int grep_runs(struct grep *g, const struct idmap *only, xray_error *err)
{
    const int r = xray_store_runs(g->search.store, &g->runs, &g->run_count, err);

    if (r < 0)
        return r;
    g->id_digits = runs_id_digits(g->runs, g->run_count);
    for (size_t i = 0; i < g->run_count && !is_full(g); i++) {
        size_t number;

        if (only == NULL || idmap_find(only, g->runs[i].id, &number))
            grep_run(g, i);
    }
    return 0;
}

/* Where no events are searched the spine alone tells which steps match. */
static int grep_store(struct grep *g, xray_error *err)
{
    struct idmap matching = {0};
    int r = search_begin(&g->search, err);

    if (r < 0)
        return r;
    if (g->search.events)
        return grep_runs(g, NULL, err);
    if (!prints_hits(g))
        return scan_spine(g, NULL, err);
    r = scan_spine(g, &matching, err);
    if (r >= 0 && matching.count > 0)
        r = grep_runs(g, &matching, err);
    idmap_free(&matching);
    return r;
}

/* Segments that stand one behind the other in a file are listed as one. */
static void print_segments(const struct grep *g, struct text *t)
{
    const char *last = NULL;

    for (size_t i = 0; i < xray_store_segment_count(g->search.store); i++) {
        xray_segment_info info;

        if (!g->segments[i] || xray_store_segment(g->search.store, i, &info) < 0)
            continue;
        if (last != NULL && strcmp(last, info.path) == 0)
            continue;
        text_safe(t, xray_s(info.path), SAFE_LINE);
        text_puts(t, "\n");
        last = info.path;
    }
}

static void print_summary(const struct grep *g)
{
    struct text t = {0};

    if (g->settings->output == OUTPUT_COUNT)
        text_printf(&t, "%" PRIu64 "\n", g->matched);
    if (g->settings->output == OUTPUT_FILES)
        print_segments(g, &t);
    out_text(&t);
    text_free(&t);
}

int main(int argc, char **argv)
{
    char **paths;
    int count;
    const struct settings settings = parse_options(argc, argv, &paths, &count);
    struct matcher *matcher = matcher_new(settings.patterns, settings.pattern_count, &settings.matcher);
    xray_store *store = input_open(paths, count);
    struct grep g = {
        .settings = &settings,
        .search = {.store = store, .matcher = matcher, .fields = settings.fields},
        .segments = memory_new(xray_store_segment_count(store), sizeof(bool)),
    };
    xray_error err = {0};

    if (grep_store(&g, &err) < 0)
        input_failed(&err);
    print_summary(&g);
    if (matcher_failures(matcher) > 0)
        cli_error(NULL, "pattern too expensive: gave up on %" PRIu64 " texts, which may hold matches",
                  matcher_failures(matcher));
    if (settings.stats)
        input_print_stats(store);
    search_done(&g.search);
    free(g.segments);
    input_close(store);
    matcher_free(matcher);
    free(settings.patterns);
    return cli_finish(g.matched > 0);
}
