/* Random queries on random stores: the engine finds what a slow and plain interpreter
 * finds (support/naive_query.h). XRAY_TEST_LONG=1 tries five times as many. */
#include "support/check.h"
#include "support/naive_query.h"
#include "support/trace.h"

#include <stdio.h>
#include <stdlib.h>

#define START INT64_C(1700000000000000000)

static uint64_t below(uint64_t n)
{
    return check_random_below(n);
}

/* ---- random stores -------------------------------------------------------------------- */

static xray_str pick(const char *const *list, size_t count)
{
    return xray_s(list[below(count)]);
}

#define PICK(...)                                                                                            \
    pick((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static xray_str some_text(void)
{
    return PICK("a", "b", "Ab", "price", "too old", "dup", "search", "ok", "true", "42", "x y", "one",
                "\xc3\xa9t\xc3\xa9", "TimeoutError: x", "aab", "late", "price of one");
}

static void put_scalar(FILE *out)
{
    static const char *const scalars[] = {"null",
                                          "true",
                                          "false",
                                          "0",
                                          "1",
                                          "42",
                                          "-7",
                                          "0.5",
                                          "0.1",
                                          "42.0",
                                          "1000",
                                          "1e6",
                                          "NaN",
                                          "-0.0",
                                          "\"42\"",
                                          "\"true\"",
                                          "9007199254740993",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "18446744073709551615",
                                          "1e300",
                                          "\"\"",
                                          "70000",
                                          "-200"};

    if (below(2))
        fputs(scalars[below(sizeof scalars / sizeof scalars[0])], out);
    else
        fprintf(out, "\"%s\"", some_text().ptr);
}

static void put_json(FILE *out, int depth);

static void put_map(FILE *out, int depth)
{
    static const char *const keys[] = {"a", "b",   "k",   "n",    "t",     "list",
                                       "m", "m.x", "p.q", "none", "price", "x"};
    bool used[12] = {false};
    const char *comma = "";

    fputs("{", out);
    for (uint64_t n = below(7); n > 0; n--) {
        const uint64_t k = below(12);

        if (used[k])
            continue;
        used[k] = true;
        fprintf(out, "%s\"%s\":", comma, keys[k]);
        comma = ",";
        if (strcmp(keys[k], "m") == 0 && below(2)) {
            fputs("{\"x\":", out);
            put_scalar(out);
            fputs(",\"y\":", out);
            put_json(out, depth - 1);
            fputs("}", out);
        } else {
            put_json(out, depth - 1);
        }
    }
    fputs("}", out);
}

static void put_json(FILE *out, int depth)
{
    if (depth <= 0 || below(3) == 0) {
        put_scalar(out);
    } else if (below(3) == 0) {
        const char *comma = "";

        fputs("[", out);
        for (uint64_t n = below(4); n > 0; n--) {
            fputs(comma, out);
            comma = ",";
            put_json(out, depth - 1);
        }
        fputs("]", out);
    } else {
        put_map(out, depth);
    }
}

/* A random value as JSON text; a map if it must be one, long enough for a part now and then. */
static char *random_json(bool map)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (map)
        put_map(out, 3);
    else if (below(12) == 0)
        fprintf(out, "{\"a\":\"one %0200d\",\"list\":[\"price\",{\"a\":\"%0150d Ab\"}]}", 7, 8);
    else
        put_json(out, 3);
    fclose(out);
    return text;
}

static bool is_map_field(xray_field f)
{
    return f == XRAY_TAGS || f == XRAY_METADATA || f == XRAY_ATTRS_FIELD || f == XRAY_FILTERS ||
           f == XRAY_PARAMS || f == XRAY_SAMPLING;
}

/* Sets every field of the list, each with some probability. */
static void set_values(uint64_t handle, bool step, const xray_field *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *json = random_json(is_map_field(list[i]));

        if (below(2)) {
            if (step)
                xray_step_set(handle, list[i], xray_json(json));
            else
                xray_run_set(handle, list[i], xray_json(json));
        }
        free(json);
    }
}

static xray_value random_error(void)
{
    static const char *const errors[] = {"\"TimeoutError: price\"",
                                         "\"Ab\"",
                                         "{\"type\":\"TimeoutError\",\"message\":\"too old\"}",
                                         "{\"type\":\"a\",\"stack\":\"one\"}",
                                         "{\"message\":\"x y\"}",
                                         "{\"stack\":[\"e\"]}"};

    return xray_json(errors[below(6)]);
}

static int64_t or_missing(int64_t v)
{
    return below(3) == 0 ? XRAY_MISSING : v;
}

static void set_ints(uint64_t handle, int (*set)(uint64_t, xray_int_field, int64_t))
{
    const struct {
        xray_int_field field;
        int64_t value;
    } ints[] = {
        {XRAY_START, START + (int64_t)below(6) * 250000000},
        {XRAY_DURATION, (int64_t)below(8) * 250000000},
        {XRAY_COST, (int64_t)below(12) * 100000000},
    };

    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        if (below(4) > 0)
            set(handle, ints[i].field, ints[i].value);
    if (below(4) == 0)
        set(handle, XRAY_FLAGS, (int64_t)below(8));
}

static void put_candidate(xray_step st)
{
    xray_reason reasons[2] = {{.code = PICK("dup", "price", "too old")},
                              {.code = some_text(), .rule = PICK("r1", "", "Ab")}};
    char *evidence = random_json(true);
    const xray_attr list[2] = {{xray_s("price"), xray_double((double)below(9) / 2)},
                               {xray_s("a"), xray_json(evidence)}};
    xray_candidate c = {
        .item = PICK("B1", "B2", "a", "42"),
        .verdict = (xray_verdict)(1 + below(4)),
        .reasons = reasons,
        .reason_count = below(3),
        .fields = (unsigned)below(XRAY_HAS_EVIDENCE * 2),
        .score = (double)below(9) / 4,
        .threshold = (double)below(5) / 2,
        .rank_in = (int64_t)below(4),
        .rank_out = (int64_t)below(4),
        .weight = (double)below(3),
        .time_ns = START + (int64_t)below(4) * 250000000,
        .by = (xray_by)below(5),
        .provenance = (xray_provenance)below(3),
        .evidence_value = xray_json(evidence),
    };

    if ((c.fields & XRAY_HAS_EVIDENCE) == 0) {
        c.evidence = list;
        c.evidence_count = below(3);
    }
    xray_step_candidate(st, &c);
    free(evidence);
}

static void write_step(xray_run run, int64_t number)
{
    static const xray_field values[] = {XRAY_INPUT,   XRAY_OUTPUT,   XRAY_REASONING,
                                        XRAY_FILTERS, XRAY_PARAMS,   XRAY_SAMPLING,
                                        XRAY_TAGS,    XRAY_METADATA, XRAY_ATTRS_FIELD};
    static const xray_int_field counts[] = {
        XRAY_TOKENS_IN,        XRAY_TOKENS_OUT,    XRAY_TOKENS_CACHE_READ, XRAY_TOKENS_CACHE_WRITE,
        XRAY_TOKENS_REASONING, XRAY_CANDIDATES_IN, XRAY_CANDIDATES_OUT,    XRAY_CANDIDATES_KEPT};
    const xray_step_options options = {
        .clock = XRAY_CLOCK_NONE,
        .ext_id = PICK("", "a", "one"),
        .parent_number = number > 1 && below(2) ? 1 + (int64_t)below((uint64_t)number - 1) : 0,
        .parent_ext = number == 1 && below(3) == 0 ? xray_s("nobody") : xray_s(""),
    };
    xray_step st = xray_step_begin(run, PICK("a", "b", "find", "Ab", ""),
                                   PICK("llm", "search", "retrieval", "logic", "filter", ""), &options);

    set_values(st, true, values, sizeof values / sizeof values[0]);
    set_ints(st, xray_step_set_int);
    for (uint64_t n = below(2) ? below(5) : 0; n > 0; n--)
        put_candidate(st);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (below(3) == 0)
            xray_step_set_int(st, counts[i], or_missing((int64_t)below(4) * (int64_t)below(40)));
    if (below(6) == 0)
        xray_step_set_int(st, XRAY_TOKENS_TOTAL, (int64_t)below(100));
    if (below(4) == 0)
        xray_step_set_reason_count(st, some_text(), (int64_t)below(9));
    if (below(2))
        xray_step_set(st, XRAY_MODEL, xray_text(PICK("a", "one", "price").ptr));
    if (below(3) == 0)
        xray_step_set(st, XRAY_PROVIDER, xray_text("Ab"));
    if (below(3) == 0)
        xray_step_set(st, XRAY_ERROR, random_error());
    if (below(6) > 0)
        xray_step_end(st, (xray_outcome)(1 + below(3)));
}

static void write_run(xray_writer *w, uint8_t number)
{
    static const xray_field values[] = {XRAY_INPUT, XRAY_OUTPUT, XRAY_TAGS, XRAY_METADATA, XRAY_ATTRS_FIELD};
    const uint8_t id[16] = {0x9f, below(2) ? 0x3c : 0x3d, number, 0x42};
    const xray_run_options options = {
        .id = id,
        .clock = XRAY_CLOCK_NONE,
        .ext_id = PICK("", "a", "9f3c", "one"),
        .version = PICK("", "42", "a"),
        .project = PICK("", "b"),
        .session = PICK("", "x y"),
        .user = PICK("", "Ab"),
    };
    xray_run run = xray_run_begin(w, PICK("a", "b", "price"), &options);
    const int64_t steps = (int64_t)below(5);

    set_values(run, false, values, sizeof values / sizeof values[0]);
    set_ints(run, xray_run_set_int);
    if (below(3) == 0)
        xray_run_set(run, XRAY_ERROR, random_error());
    for (int64_t i = 1; i <= steps; i++)
        write_step(run, i);
    if (below(6) > 0)
        xray_run_end(run, (xray_outcome)(1 + below(3)));
}

/* ---- comparing ---------------------------------------------------------------------------- */

struct both {
    xray_store *store;
    const xray_run_record *runs;
    size_t count;
    struct naive_store naive;
};

/* Indexes every segment: what an index rules out is compared as well. */
static bool index_all(const char *dir)
{
    xray_store *s = NULL;
    bool good = CHECK_STATUS(xray_store_open(&s, &dir, 1, NULL, NULL), XRAY_OK, NULL);

    for (size_t i = 0; good && i < xray_store_segment_count(s); i++) {
        xray_segment_info info;
        xray_error err = {0};

        good = CHECK_EQ(xray_store_segment(s, i, &info), XRAY_OK) &&
               CHECK_STATUS(xray_index_build(info.path, NULL, &err), XRAY_OK, &err) &&
               CHECK_STATUS(xray_index_check(info.path, &err), XRAY_OK, &err);
    }
    xray_store_close(s);
    return good;
}

static bool open_both(struct both *b)
{
    const xray_store_options indexed = {.index = XRAY_INDEX_REQUIRE};
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    size_t problems = 0;
    char *lines;
    bool good;

    for (uint64_t n = 1 + below(3); n > 0; n--)
        write_run(w, (uint8_t)n);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    lines = trace_text(dir, &problems);
    good = CHECK(lines != NULL) && CHECK(naive_load(&b->naive, lines));
    free(lines);
    CHECK_EQ(problems, 0);
    return good && index_all(dir) &&
           CHECK_STATUS(xray_store_open(&b->store, &dir, 1, &indexed, NULL), XRAY_OK, NULL) &&
           CHECK_STATUS(xray_store_runs(b->store, &b->runs, &b->count, NULL), XRAY_OK, NULL) &&
           CHECK_EQ(b->count, b->naive.count);
}

static void close_both(struct both *b)
{
    xray_store_close(b->store);
    naive_free(&b->naive);
}

static uint64_t held_count, tried_count; /* that the queries are not all true or all false */

static bool agree(int got, bool want, const char *what, size_t run, size_t step)
{
    tried_count++;
    held_count += want;
    if (got == (int)want)
        return true;
    printf("%s of run %zu, step %zu: %d, not %d\n", what, run, step, got, want);
    return CHECK(got == (int)want);
}

static uint64_t asked_count, ruled_out_count; /* of indexes */

/* What the run's record says, and the index of its segment. */
static int foretell(const struct both *b, xray_query *q, size_t run)
{
    const int record = xray_query_test_run(q, &b->runs[run]);
    const int index = xray_query_test_indexed(q, b->store, run, NULL);

    CHECK(record == 2 || index == record);
    CHECK(record != 2 || index != 1);
    asked_count += record == 2;
    ruled_out_count += record == 2 && index == 0;
    return index;
}

/* What the run's record and the index say must not be contradicted. */
static bool borne_out(int forecast, bool held, size_t run)
{
    if (forecast == 2 || forecast == (int)held)
        return true;
    printf("run %zu: foretold %d\n", run, forecast);
    return CHECK(forecast == (int)held);
}

static bool compare_cands(const struct both *b, xray_query *q, const struct naive_query *naive, xray_trace *t,
                          size_t run, size_t step, int forecast)
{
    const struct naive_run *n = &b->naive.runs[run];
    xray_event_record event;
    xray_events *events;
    bool good = true;

    CHECK_STATUS(xray_events_open(&events, t, (int64_t)step + 1, XRAY_EVENT_CANDIDATE, NULL), XRAY_OK, NULL);
    for (size_t i = 0; good && i < n->steps[step].cand_count; i++) {
        const bool want = naive_holds(naive, n, step, i);

        good =
            CHECK(xray_events_next(events, &event, NULL) == 1) &&
            agree(xray_query_match_event(q, b->store, t, step, &event, NULL), want, "candidate", run, step) &&
            borne_out(forecast, want, run);
    }
    xray_events_close(events);
    return good;
}

static uint64_t step_count, told_count; /* by their records */

/* What the record of a step out of a scan says, with and without its run's, against what is found in the opened run. */
static bool compare_step_record(const struct both *b, xray_query *q, xray_trace *t, size_t run, size_t step,
                                const xray_step_record *record)
{
    const int alone = xray_query_test_step(q, NULL, record);
    const int told = xray_query_test_step(q, &b->runs[run], record);
    const int held = xray_query_unit(q) == XRAY_UNIT_RUN ? xray_query_match_run(q, b->store, t, NULL)
                                                         : xray_query_match_step(q, b->store, t, step, NULL);

    step_count++;
    told_count += told != 2;
    if (!CHECK(alone == 2 || alone == told))
        return false;
    /* That all candidates of a step match says nothing of one that has none. */
    return (told == 1 && xray_query_unit(q) == XRAY_UNIT_CAND) || borne_out(told, held == 1, run);
}

/* The steps of all runs in one scan. */
static bool compare_scan(const struct both *b, xray_query *q)
{
    xray_scan *scan = NULL;
    xray_scan_record record;
    bool good = CHECK_STATUS(xray_scan_open(&scan, b->store, XRAY_SCAN_STEP, NULL), XRAY_OK, NULL);

    while (good && xray_scan_next(scan, &record, NULL) == 1) {
        const xray_step_record *steps;
        xray_trace *t = NULL;
        size_t run, count, step = 0;

        good = CHECK_EQ(xray_store_run_index(b->store, record.step->run_id, &run, NULL), 1) &&
               CHECK_STATUS(xray_trace_open(&t, b->store, run, NULL), XRAY_OK, NULL);
        if (!good)
            break;
        steps = xray_trace_steps(t, &count);
        while (step < count && steps[step].raw_number != record.step->raw_number)
            step++;
        good = CHECK(step < count) && compare_step_record(b, q, t, run, step, record.step);
        xray_trace_close(t);
    }
    xray_scan_close(scan);
    return good;
}

static bool compare_run(const struct both *b, xray_query *q, const struct naive_query *naive, size_t run)
{
    const struct naive_run *n = &b->naive.runs[run];
    const int forecast = foretell(b, q, run);
    bool good = true;
    xray_trace *t;

    if (!CHECK_STATUS(xray_trace_open(&t, b->store, run, NULL), XRAY_OK, NULL))
        return false;
    if (xray_query_unit(q) == XRAY_UNIT_RUN) {
        const bool want = naive_holds(naive, n, SIZE_MAX, SIZE_MAX);

        good = agree(xray_query_match_run(q, b->store, t, NULL), want, "run", run, 0) &&
               borne_out(forecast, want, run);
    }
    for (size_t i = 0; good && i < n->step_count && xray_query_unit(q) != XRAY_UNIT_RUN; i++) {
        if (xray_query_unit(q) == XRAY_UNIT_CAND) {
            good = compare_cands(b, q, naive, t, run, i, forecast);
            continue;
        }

        const bool want = naive_holds(naive, n, i, SIZE_MAX);

        good = agree(xray_query_match_step(q, b->store, t, i, NULL), want, "step", run, i) &&
               borne_out(forecast, want, run);
    }
    xray_trace_close(t);
    return good;
}

static char *canonical(const xray_query *q)
{
    xray_buffer form = {0};
    char *text;

    CHECK_STATUS(xray_query_canonical(q, &form), XRAY_OK, NULL);
    text = malloc(form.len + 1);
    memcpy(text, form.data, form.len);
    text[form.len] = '\0';
    xray_buffer_free(&form);
    return text;
}

static xray_query *parse(const char *text, enum xray_unit unit)
{
    const xray_query_options options = {.unit = unit, .now_ns = START};
    xray_query_error error = {0};
    xray_query *q = NULL;

    if (CHECK_STATUS(xray_query_parse(&q, xray_s(text), &options, &error), XRAY_OK, NULL))
        return q;
    printf("%s\n%d:%d: %s (%s)\n", text, error.line, error.column, error.message, error.hint);
    return NULL;
}

/* One text for the engine: does it find what the tree finds? */
static bool compare_text(const struct both *b, const struct naive_query *naive, const char *text,
                         enum xray_unit unit)
{
    xray_query *q = parse(text, unit);
    bool good = q != NULL;

    if (good && unit == XRAY_UNIT_AUTO)
        good = CHECK_EQ(xray_query_unit(q), naive_unit(naive) == 's' ? XRAY_UNIT_STEP : XRAY_UNIT_RUN);
    for (size_t i = 0; good && i < b->count; i++)
        good = compare_run(b, q, naive, i);
    good = good && compare_scan(b, q);
    if (!good)
        printf("%s\n", text);
    xray_query_free(q);
    return good;
}

static bool compare_query(const struct both *b, const struct naive_query *naive, enum xray_unit unit)
{
    char *text = naive_print(naive), *form, *again;
    xray_query *q = parse(text, unit);
    bool good = q != NULL && compare_text(b, naive, text, unit);

    if (good) {
        xray_query *second;

        form = canonical(q);
        second = parse(form, unit);
        if (second != NULL) {
            again = canonical(second);
            good = CHECK_STR(again, form) && compare_text(b, naive, form, unit);
            free(again);
        }
        xray_query_free(second);
        free(form);
    }
    xray_query_free(q);
    free(text);
    return good;
}

static void test_against_naive(void)
{
    const size_t stores = getenv("XRAY_TEST_LONG") != NULL ? 200 : 40, queries = 50;
    size_t failures = 0;

    for (size_t s = 0; s < stores && failures < 5; s++) {
        struct both b = {0};

        if (open_both(&b))
            for (size_t i = 0; i < queries && failures < 5; i++) {
                const bool cand = below(4) == 0;
                const struct naive_query *naive = naive_random((int)below(5), cand);

                check_context("store %zu, query %zu", s, i);
                failures += !compare_query(&b, naive, cand ? XRAY_UNIT_CAND : XRAY_UNIT_AUTO);
                naive_forget();
            }
        close_both(&b);
    }
    CHECK(held_count > tried_count / 10 && held_count < tried_count * 9 / 10);
    CHECK(tried_count > stores * queries * 2);
    CHECK(ruled_out_count > asked_count / 20);
    CHECK(told_count > step_count / 4);
    if (getenv("XRAY_TEST_LONG") != NULL)
        printf("indexes ruled out %llu of %llu runs\n", (unsigned long long)ruled_out_count,
               (unsigned long long)asked_count);
    if (getenv("XRAY_TEST_LONG") != NULL)
        printf("records told of %llu of %llu steps\n", (unsigned long long)told_count, (unsigned long long)step_count);
}

CHECK_MAIN(test_against_naive)
