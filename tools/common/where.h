/* Which runs and steps are wanted: the options that all query tools share.
 *
 *     static const struct cli_option option_table[] = {{'n', ...}, WHERE_OPTIONS, ROWS_OPTIONS, {0}};
 *     struct where where = {0};
 *     for (int key; (key = cli_next(&arg)) != 0;)
 *         if (!where_option(&where, key, arg) && ...)
 *     where_parse(&where, unit);          before anything is read
 *     store = input_open(paths, count);
 *     if (where_explain(&where, store)) ...
 *     where_bind(&where, store);          -r needs the runs
 *
 * Then for each run: where_test_run; if that says WHERE_OPEN, or if steps are to be told apart, open the trace
 * and ask where_run, where_step, where_event. */
#ifndef COMMON_WHERE_H
#define COMMON_WHERE_H

#include "common/cli.h"
#include "common/text.h"

enum { /* keys of the long options */
    KEY_WHERE_FILE = CLI_WHERE,
    KEY_SINCE,
    KEY_UNTIL,
    KEY_WHERE_STATUS,
    KEY_EXPLAIN,
};

/* For tools that look at runs only. */
#define WHERE_RUN_OPTIONS                                                                                    \
    {CLI_HEADING, "", NULL, "Choosing"},                                                                     \
        {'W', "where", "EXPR",                                                                               \
         "only what this expression holds for; see xray-query(7)\nRepeated, all must hold, for the same step."}, \
        {KEY_WHERE_FILE, "where-file", "FILE", "the same, read from a file", "FILE"},                        \
        {KEY_SINCE, "since", "TIME",                                                                         \
         "runs that began at this time or later\n"                                                           \
         "A time is 2026-08-21, \"2026-08-21 09:14\", an RFC 3339 time, @SECONDS, now, today, yesterday,\n"  \
         "or how long ago: 2h, \"2h ago\", 1h30m, 3d, 2w, 1mo, 1y. Runs without a time never match."},       \
        {KEY_UNTIL, "until", "TIME", "runs that began before this time"},                                    \
        {'p', "pipeline", "NAME", "runs of this pipeline; * ? [...] match as in the shell\nRepeated, any may match."}, \
        {'r', "id", "ID",                                                                                    \
         "this run: the first 4 or more characters of its id\n"                                              \
         "The id is given in hexadecimal digits or as the application gave it. Repeated, any may match."},   \
        {KEY_WHERE_STATUS, "status", "S", "running, abandoned, success, failure, partial, ended",            \
         "running abandoned success failure partial ended"},                                                 \
    {                                                                                                        \
        KEY_EXPLAIN, "explain", NULL, "say what was understood and what would be read, and stop"             \
    }

#define WHERE_OPTIONS                                                                                        \
    WHERE_RUN_OPTIONS, {'t', "type", "TYPE", "steps of this type; * ? [...] match\nRepeated, any may match."}, \
    {                                                                                                        \
        's', "step", "STEP", "steps of this name (* ? [...] match) or number\nRepeated, any may match."}

/* A growing list of arguments. */
struct where_list {
    const char **items;
    size_t count, cap;
};

struct where { /* start with all zero */
    struct where_list exprs, files, pipelines, types, steps, ids;
    const char *since, *until; /* texts */
    const char *status; /* canonical, or NULL */
    bool explain;

    /* private */
    int64_t since_ns, until_ns;
    xray_query *query; /* all expressions as one, or NULL */
    enum xray_unit unit;
    size_t *runs; /* indexes that -r names, ascending, each once; valid once bound */
    size_t run_count;
    xray_store *store; /* bound to; its indexes are asked */
    bool asks_items;   /* and has not done so yet */
    uint8_t *has_item; /* by run: has the one item that the expressions need; NULL: they need none, or nobody asked */
    size_t has_item_count;
    uint64_t failures;
    xray_store_scope scope; /* see where_narrow */
    xray_str *scope_ids;
};

/* Takes an option. False if it is none of these. */
bool where_option(struct where *w, int key, const char *arg);

/* --unit's argument (run, step, cand), or the end of the program. */
enum xray_unit where_parse_unit(const char *arg);

/* Parses the expressions. What is wrong ends the program with status 2 (query language, section 5).
 * `unit` is --unit's, or XRAY_UNIT_AUTO: then what a hit is follows from the expressions, -t and -s. */
void where_parse(struct where *w, enum xray_unit unit);

/* What a hit is: run, step or cand. XRAY_UNIT_AUTO if nothing was said that decides it. */
enum xray_unit where_unit(const struct where *w);

/* Was nothing chosen at all; nothing but runs, by -r. */
bool where_is_all(const struct where *w);
bool where_has_ids(const struct where *w);
/* Are runs told apart by anything but expressions. */
bool where_has_runs(const struct where *w);
/* Are steps told apart: by -t, -s or an expression whose hit is not the run. */
bool where_has_steps(const struct where *w);

/* What telling whether a step is wanted takes: a set of XRAY_NEEDS_*. */
unsigned where_needs(const struct where *w);

/* The least of the numbers that -s gives, if it gives nothing but numbers; else 0. */
int64_t where_step_number(const struct where *w);

/* Lets input_open leave out segments that have no run that can be wanted, as far as -r, or all other filters say. Not for tools
 * that tell of the whole store, or look at it again. `w` stays where it is until then. */
void where_narrow(struct where *w);

/* With --explain: prints the canonical expression and what will be read, and returns true: nothing more is to be done.
 * `reads` are the tool's own needs beside the spine: a set of XRAY_NEEDS_*. */
bool where_explain(const struct where *w, xray_store *store, unsigned reads);

/* Finds the runs that -r names. An id that is unknown or ambiguous is an error (the list of candidates is
 * printed, exit status 2); false if none is left though some were named. */
bool where_bind(struct where *w, xray_store *store);

/* From now on it is asked about runs of this store; where_bind says so too. */
void where_use_store(struct where *w, xray_store *store);

/* From now on where_test_run says no to runs without the candidate, where the expressions need one of a certain id; these runs are found
 * once, by the filters of indexes where there are any. Not for stores that are refreshed: an old run can get the candidate later. */
void where_ask_items(struct where *w);

/* Could the run with this index be one that is wanted? Cheap: only -r is asked. The indexes named by -r, or NULL. */
const size_t *where_runs(const struct where *w, size_t *count);

enum where_answer {
    WHERE_NO = 0,   /* nothing of this run is wanted */
    WHERE_YES = 1,  /* the run, and every step of it, is wanted */
    WHERE_OPEN = 2, /* its trace must be opened to tell */
};

/* What the run's record alone tells. `index` is its number in the store. */
enum where_answer where_test_run(struct where *w, size_t index, const xray_run_record *run);
/* The same without -r, for records that come from a scan. */
enum where_answer where_test_record(struct where *w, const xray_run_record *run);

/* What the record of a step out of a scan tells, with the record of its run, of a run for which where_test_run did not say no. WHERE_YES:
 * where_step would hold for it. */
enum where_answer where_test_step(struct where *w, const xray_run_record *run, const xray_step_record *step);

/* Opened traces, of runs for which where_test_run did not say no. Expressions that fail on a value (a pattern that is
 * too expensive) are reported, the exit status will be 2, and do not match. */
bool where_run(struct where *w, xray_store *store, xray_trace *trace); /* is there a hit in it */
bool where_step(struct where *w, xray_store *store, xray_trace *trace, size_t step);
bool where_event(struct where *w, xray_store *store, xray_trace *trace, size_t step, const xray_event_record *event);

void where_free(struct where *w);

/* Nothing but digits: an argument of -s that is a number. */
bool where_is_number(const char *text);

#endif
