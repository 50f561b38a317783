/* See where.h. The expressions are the library's; this file has the shorthands, which are tested first: they
 * need no more than the record at hand. */
#include "common/where.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/input.h"
#include "common/runs.h"
#include "common/when.h"

enum { MAX_FAILURES = 5, MAX_EXPRESSION = 1 << 20 };

static void list_add(struct where_list *l, const char *item)
{
    l->items = memory_grow(l->items, &l->cap, l->count + 1, sizeof *l->items);
    l->items[l->count++] = item;
}

bool where_is_number(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

bool where_option(struct where *w, int key, const char *arg)
{
    switch (key) {
    case 'W':
        list_add(&w->exprs, arg);
        return true;
    case KEY_WHERE_FILE:
        list_add(&w->files, arg);
        return true;
    case KEY_SINCE:
        w->since = arg;
        return true;
    case KEY_UNTIL:
        w->until = arg;
        return true;
    case 'p':
        list_add(&w->pipelines, arg);
        return true;
    case 't':
        list_add(&w->types, arg);
        return true;
    case 's':
        if (where_is_number(arg) && strspn(arg, "0") == strlen(arg))
            cli_usage("--step takes a name, or a number from 1 up");
        list_add(&w->steps, arg);
        return true;
    case 'r':
        list_add(&w->ids, arg);
        return true;
    case KEY_WHERE_STATUS:
        w->status = runs_parse_status(arg);
        return true;
    case KEY_EXPLAIN:
        w->explain = true;
        return true;
    default:
        return false;
    }
}

enum xray_unit where_parse_unit(const char *arg)
{
    if (strcmp(arg, "run") == 0)
        return XRAY_UNIT_RUN;
    if (strcmp(arg, "step") == 0)
        return XRAY_UNIT_STEP;
    if (strcmp(arg, "cand") == 0)
        return XRAY_UNIT_CAND;
    cli_usage("--unit takes run, step or cand, not '%s'", arg);
}

/* ---- parsing ---- */

/* The line of the expression that holds the error, and a caret under it. What stands before the caret is made
 * safe like the rest, so the caret stands below the place as it is shown. */
static void print_place(xray_str text, const xray_query_error *e)
{
    struct text line = {0};
    size_t begin = e->offset < text.len ? e->offset : text.len;
    size_t end = begin;
    const size_t place = begin;

    while (begin > 0 && text.ptr[begin - 1] != '\n')
        begin--;
    while (end < text.len && text.ptr[end] != '\n')
        end++;
    text_puts(&line, "  ");
    text_escape(&line, xray_strn(text.ptr + begin, place - begin), SAFE_LINE);

    const size_t indent = text_width(line.data, line.len);

    text_escape(&line, xray_strn(text.ptr + place, end - place), SAFE_LINE);
    text_puts(&line, "\n");
    text_fill(&line, ' ', indent);
    text_puts(&line, "^\n");
    fwrite(line.data, 1, line.len, stderr);
    text_free(&line);
}

static _Noreturn void refuse(const char *option, xray_str text, const xray_query_error *e)
{
    char subject[512];

    snprintf(subject, sizeof subject, "%s:%d:%d", option, e->line, e->column);
    cli_error(subject, "%s", e->message);
    if (e->line > 0)
        print_place(text, e);
    if (e->hint[0] != '\0')
        cli_hint("%s", e->hint);
    exit(EXIT_TROUBLE);
}

static xray_query *parse_one(const char *option, xray_str text, enum xray_unit unit)
{
    const xray_query_options options = {.unit = unit, .now_ns = when_now()};
    xray_query_error error = {0};
    xray_query *query = NULL;

    if (xray_query_parse(&query, text, &options, &error) < 0)
        refuse(option, text, &error);
    return query;
}

/* Appends "(expression)" to the conjunction. It is parsed alone first: errors are told in its own lines, and
 * what is not an expression by itself, like "a) or (b", is none. A comment may end it, hence the newline. */
static void join(struct text *all, const char *option, xray_str text, enum xray_unit unit)
{
    xray_query_free(parse_one(option, text, unit));
    text_puts(all, all->len > 0 ? "and (" : "(");
    text_put(all, text.ptr, text.len);
    text_puts(all, "\n)");
}

static void read_file(const char *path, struct text *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char part[4096];
    size_t n;

    if (file == NULL)
        cli_die("--where-file: %s: %s", path, strerror(errno));
    while (out->len <= MAX_EXPRESSION && (n = fread(part, 1, sizeof part, file)) > 0)
        text_put(out, part, n);
    if (ferror(file))
        cli_die("--where-file: %s: %s", path, strerror(errno));
    if (file != stdin)
        fclose(file);
}

static void parse_expressions(struct where *w, enum xray_unit unit)
{
    struct text all = {0};
    struct text file = {0};

    if (w->exprs.count == 1 && w->files.count == 0) {
        w->query = parse_one("--where", xray_s(w->exprs.items[0]), unit);
        return;
    }
    for (size_t i = 0; i < w->exprs.count; i++)
        join(&all, "--where", xray_s(w->exprs.items[i]), unit);
    for (size_t i = 0; i < w->files.count; i++) {
        text_reset(&file);
        read_file(w->files.items[i], &file);
        join(&all, w->files.items[i], text_str(&file), unit);
    }
    if (all.len > 0)
        w->query = parse_one("--where", text_str(&all), unit);
    text_free(&file);
    text_free(&all);
}

void where_parse(struct where *w, enum xray_unit unit)
{
    w->since_ns = w->since != NULL ? when_option("--since", w->since) : INT64_MIN;
    w->until_ns = w->until != NULL ? when_option("--until", w->until) : INT64_MAX;
    if (w->since != NULL && w->until != NULL && w->since_ns >= w->until_ns)
        cli_say(NULL, "--since %s is not before --until %s: no run can match", w->since, w->until);
    /* Expressions about steps stay so with --unit=run: what else is said of steps is then said of the same
     * one. */
    parse_expressions(w, unit == XRAY_UNIT_CAND ? unit : XRAY_UNIT_AUTO);
    w->unit = unit;
    if (unit != XRAY_UNIT_AUTO)
        return;
    if (w->query != NULL)
        w->unit = xray_query_unit(w->query);
    if (w->unit != XRAY_UNIT_CAND && w->types.count + w->steps.count > 0)
        w->unit = XRAY_UNIT_STEP;
}

enum xray_unit where_unit(const struct where *w)
{
    return w->unit;
}

int64_t where_step_number(const struct where *w)
{
    int64_t least = 0;

    for (size_t i = 0; i < w->steps.count; i++) {
        const int64_t n = where_is_number(w->steps.items[i]) ? strtoll(w->steps.items[i], NULL, 10) : 0;

        if (n == 0)
            return 0;
        least = least == 0 || n < least ? n : least;
    }
    return least;
}

bool where_has_ids(const struct where *w)
{
    return w->ids.count > 0;
}

bool where_has_steps(const struct where *w)
{
    return w->types.count + w->steps.count > 0 ||
           (w->query != NULL && xray_query_unit(w->query) != XRAY_UNIT_RUN);
}

unsigned where_needs(const struct where *w)
{
    return (where_has_steps(w) ? XRAY_NEEDS_STEPS : 0) | (w->query != NULL ? xray_query_needs(w->query) : 0);
}

bool where_has_runs(const struct where *w)
{
    return w->since != NULL || w->until != NULL || w->status != NULL || w->pipelines.count + w->ids.count > 0;
}

bool where_is_all(const struct where *w)
{
    return w->query == NULL && !where_has_runs(w) && w->types.count + w->steps.count == 0;
}

/* ---- runs by id ---- */

static int compare_indexes(const void *a, const void *b)
{
    const size_t i = *(const size_t *)a;
    const size_t j = *(const size_t *)b;

    return i < j ? -1 : i > j;
}

void where_use_store(struct where *w, xray_store *store)
{
    w->store = store;
}

bool where_bind(struct where *w, xray_store *store)
{
    size_t count = 0;

    w->store = store;
    free(w->runs);
    w->runs = memory_new(w->ids.count, sizeof *w->runs);
    for (size_t i = 0; i < w->ids.count; i++) {
        if (runs_by_id(store, w->ids.items[i], &w->runs[count]))
            count++;
    }
    qsort(w->runs, count, sizeof *w->runs, compare_indexes);
    w->run_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || w->runs[i] != w->runs[i - 1])
            w->runs[w->run_count++] = w->runs[i];
    }
    return w->ids.count == 0 || w->run_count > 0;
}

const size_t *where_runs(const struct where *w, size_t *count)
{
    *count = w->run_count;
    return w->ids.count > 0 ? w->runs : NULL;
}

/* ---- testing ---- */

static bool any_matches(const struct where_list *patterns, xray_str name)
{
    if (patterns->count == 0)
        return true;
    for (size_t i = 0; i < patterns->count; i++) {
        if (name_matches(patterns->items[i], name))
            return true;
    }
    return false;
}

/* -s and -t. */
static bool step_is_named(const struct where *w, const xray_step_record *step)
{
    if (!any_matches(&w->types, step->type))
        return false;
    for (size_t i = 0; i < w->steps.count; i++) {
        const char *text = w->steps.items[i];

        if (name_matches(text, step->name) || (where_is_number(text) && strtoll(text, NULL, 10) == step->number))
            return true;
    }
    return w->steps.count == 0;
}

/* What the shorthands for runs say. */
static bool run_is_named(const struct where *w, const xray_run_record *run)
{
    if (!any_matches(&w->pipelines, run->pipeline))
        return false;
    if (w->status != NULL && strcmp(w->status, runs_status(run->ended, run->abandoned, run->outcome)) != 0)
        return false;
    if (w->since == NULL && w->until == NULL)
        return true;
    return run->start_ns != XRAY_MISSING && run->start_ns >= w->since_ns && run->start_ns < w->until_ns;
}

enum where_answer where_test_record(struct where *w, const xray_run_record *run)
{
    if (!run_is_named(w, run))
        return WHERE_NO;

    const int answer = w->query != NULL ? xray_query_test_run(w->query, run) : 1;

    if (answer == 0)
        return WHERE_NO;
    return answer == 1 && w->types.count + w->steps.count == 0 ? WHERE_YES : WHERE_OPEN;
}

void where_ask_items(struct where *w)
{
    w->asks_items = true;
}

/* The runs with the one item that the expressions need; NULL: they need none. */
static void find_item(struct where *w)
{
    xray_items *items = NULL;
    xray_item_record record;
    xray_error err = {0};
    xray_str item;
    size_t run;
    int r;

    if (!xray_query_item(w->query, &item) || xray_store_run_count(w->store, &w->has_item_count, &err) < 0)
        return;
    w->has_item = memory_new(w->has_item_count + 1, 1);
    r = xray_items_open(&items, w->store, item, &err);
    while (r >= 0 && (r = xray_items_next(items, &record, &err)) == 1)
        if (xray_store_run_index(w->store, record.run_id, &run, &err) == 1 && run < w->has_item_count)
            w->has_item[run] = 1;
    xray_items_close(items);
    if (r < 0) { /* then every run is looked at */
        free(w->has_item);
        w->has_item = NULL;
    }
}

/* Asked of runs that nothing else rules out: the look-up costs more than what stands in the spine. */
static bool may_have_item(struct where *w, size_t index)
{
    if (w->asks_items)
        find_item(w);
    w->asks_items = false;
    return w->has_item == NULL || index >= w->has_item_count || w->has_item[index] != 0;
}

enum where_answer where_test_run(struct where *w, size_t index, const xray_run_record *run)
{
    if (w->ids.count > 0 && bsearch(&index, w->runs, w->run_count, sizeof *w->runs, compare_indexes) == NULL)
        return WHERE_NO;

    const enum where_answer answer = where_test_record(w, run);

    if (answer != WHERE_OPEN || w->query == NULL || w->store == NULL)
        return answer;
    if (xray_query_test_indexed(w->query, w->store, index, NULL) == 0)
        return WHERE_NO;
    return may_have_item(w, index) ? WHERE_OPEN : WHERE_NO;
}

enum where_answer where_test_step(struct where *w, const xray_run_record *run, const xray_step_record *step)
{
    bool by_number = false; /* which a scan does not know */
    bool named = w->steps.count == 0;
    int answer = 1;

    for (size_t i = 0; i < w->steps.count; i++) {
        named = named || name_matches(w->steps.items[i], step->name);
        by_number = by_number || where_is_number(w->steps.items[i]);
    }
    if (!any_matches(&w->types, step->type) || !(named || by_number))
        return WHERE_NO;
    if (w->query != NULL)
        answer = xray_query_test_step(w->query, run, step);
    if (answer == 0)
        return WHERE_NO;
    /* What holds for all candidates says nothing of a step that has none. */
    return answer == 1 && named && w->unit != XRAY_UNIT_CAND ? WHERE_YES : WHERE_OPEN;
}

/* A value on which an expression failed does not match; this is said a few times, then counted. */
static bool holds(struct where *w, xray_trace *trace, int r, const xray_error *err)
{
    struct text id = {0};

    if (r >= 0)
        return r > 0;
    if (++w->failures <= MAX_FAILURES) {
        runs_put_id(&id, xray_trace_run(trace)->id, 32);
        cli_error(NULL, "run %.*s: %s", (int)id.len, id.data, err->message);
        text_free(&id);
    }
    return false;
}

static bool query_matches_step(struct where *w, xray_store *store, xray_trace *trace, size_t step)
{
    xray_error err = {0};

    if (w->query == NULL)
        return true;
    return holds(w, trace,
                 xray_query_unit(w->query) == XRAY_UNIT_RUN
                     ? xray_query_match_run(w->query, store, trace, &err)
                     : xray_query_match_step(w->query, store, trace, step, &err),
                 &err);
}

bool where_step(struct where *w, xray_store *store, xray_trace *trace, size_t step)
{
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);

    return step < count && step_is_named(w, &steps[step]) && query_matches_step(w, store, trace, step);
}

bool where_run(struct where *w, xray_store *store, xray_trace *trace)
{
    xray_error err = {0};
    size_t count;
    const xray_step_record *steps = xray_trace_steps(trace, &count);

    if (w->types.count + w->steps.count == 0)
        return w->query == NULL || holds(w, trace, xray_query_match_run(w->query, store, trace, &err), &err);
    /* All that is said of steps must hold for the same one. */
    for (size_t i = 0; i < count; i++) {
        if (step_is_named(w, &steps[i]) && query_matches_step(w, store, trace, i))
            return true;
    }
    return false;
}

bool where_event(struct where *w, xray_store *store, xray_trace *trace, size_t step,
                 const xray_event_record *event)
{
    xray_error err = {0};

    if (w->query == NULL || xray_query_unit(w->query) != XRAY_UNIT_CAND)
        return true;
    return holds(w, trace, xray_query_match_event(w->query, store, trace, step, event, &err), &err);
}

void where_free(struct where *w)
{
    if (w->failures > MAX_FAILURES)
        cli_error(NULL, "and %" PRIu64 " more values on which the expression failed",
                  w->failures - MAX_FAILURES);
    free(w->exprs.items);
    free(w->files.items);
    free(w->pipelines.items);
    free(w->types.items);
    free(w->steps.items);
    free(w->ids.items);
    free(w->runs);
    free(w->has_item);
    free(w->scope_ids);
    xray_query_free(w->query);
    *w = (struct where){0};
}
