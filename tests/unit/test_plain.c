/* The calls for other languages: plain arguments, batches, selections (public header, section 7). */
#include "support/check.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

#define TEXT(s) (s), strlen(s)

static const char fixed[] =
    "{\"app\": \"plain\", \"id\": \"000102030405060708090a0b0c0d0e0f\", \"time_ns\": 1000000000, \"tick_ns\": 1000,"
    " \"of_the_future\": [1]}";

/* A store of its own for each test. */
static const char *new_store(void)
{
    static char path[512];
    static int number;

    snprintf(path, sizeof path, "%s/store%d", check_dir(), ++number);
    return path;
}

static xray_writer *open_writer(const char *dir)
{
    xray_error err = {0};
    xray_writer *w = NULL;

    CHECK_STATUS(xray_writer_open_json(&w, dir, TEXT(fixed), &err), XRAY_OK, &err);
    return w;
}

static void close_writer(xray_writer *w)
{
    xray_error err = {0};

    CHECK_STATUS(xray_writer_close(w, -1, &err), XRAY_SEALED, &err);
}

static xray_run begin_run(xray_writer *w, const char *pipeline)
{
    return xray_run_begin_plain(w, TEXT(pipeline), TEXT("1.4"), NULL, 0, NULL, NULL, 0);
}

static xray_step begin_step(xray_run run, const char *name)
{
    return xray_step_begin_plain(run, 0, TEXT(name), TEXT("filter"), NULL, 0, 0);
}

/* The lines of a selection, one after the other. */
static void select_all(const char *dir, const char *where, int unit, uint64_t limit, bool reverse, char *out, size_t cap)
{
    const xray_select_options options = {
        .where = where, .where_len = where != NULL ? strlen(where) : 0, .unit = unit, .limit = limit, .reverse = reverse};
    xray_error err = {0};
    xray_select *s = NULL;
    const char *line;
    size_t len, used = 0;
    int r;

    out[0] = '\0';
    if (!CHECK_STATUS(xray_select_open(&s, &dir, 1, &options, &err), XRAY_OK, &err))
        return;
    while ((r = xray_select_next(s, &line, &len, &err)) == 1) {
        CHECK_EQ(strlen(line), len);
        used += (size_t)snprintf(out + used, cap - used, "%s\n", line);
        if (!CHECK(used < cap))
            break;
    }
    CHECK_STATUS(r, 0, &err);
    CHECK_EQ(xray_store_problem_count(xray_select_store(s)), 0);
    xray_select_close(s);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

static void test_options(void)
{
    static const char *const wrong[] = {"[]", "{\"level\": 20}", "{\"level\": \"six\"}", "{\"id\": \"xyz\"}",
                                        "{\"no_host\": 1}", "{\"app\": 7}", "{\"sync\": 2}",
                                        "{\"flush_interval_ms\": -1}", "{\"flush\": \"never\"}", "{\"project\": 1}", "{\"memory_bytes\": \"\"}"};
    xray_error err = {0};
    xray_writer *w = NULL;

    CHECK_STATUS(xray_json_check(TEXT("{\"a\":[NaN,1]}"), &err), XRAY_OK, &err);
    CHECK_STATUS(xray_json_check(TEXT("{\"a\":1,\"a\":2}"), &err), XRAY_ESYNTAX, &err);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        check_context("%s", wrong[i]);
        CHECK_STATUS(xray_writer_open_json(&w, new_store(), TEXT(wrong[i]), &err), XRAY_EMISUSE, &err);
        CHECK(w == NULL);
    }
    check_context(NULL);
    CHECK_STATUS(xray_writer_open_json(&w, new_store(), TEXT("{"), &err), XRAY_ESYNTAX, &err);
    CHECK_STATUS(xray_writer_open_json(&w, new_store(), NULL, 0, &err), XRAY_OK, &err);
    close_writer(w);
}

/* The project is that of runs that name none; with flush "step" what has ended is in the file. */
static void test_project_and_flush(void)
{
    static const char json[] = "{\"flush\":\"step\",\"flush_interval_ms\":60000,\"project\":\"shop\",\"redact\":\"password\"}";
    const xray_run_options named = {.project = xray_s("other")};
    const char *dir = new_store();
    xray_error err = {0};
    xray_writer *w = NULL;
    char text[4096];

    CHECK_STATUS(xray_writer_open_json(&w, dir, TEXT(json), &err), XRAY_OK, &err);
    CHECK_EQ(xray_run_end(xray_run_begin(w, xray_s("a"), NULL), XRAY_SUCCESS), XRAY_OK);
    CHECK_EQ(xray_run_end(xray_run_begin(w, xray_s("b"), &named), XRAY_SUCCESS), XRAY_OK);
    select_all(dir, NULL, XRAY_UNIT_RUN, 0, false, text, sizeof text);
    CHECK(strstr(text, "\"pipeline\":\"a\",\"project\":\"shop\",\"status\":\"success\"") != NULL);
    CHECK(strstr(text, "\"pipeline\":\"b\",\"project\":\"other\",\"status\":\"success\"") != NULL);
    close_writer(w);
}

static void test_plain_calls(void)
{
    const char *dir = new_store();
    xray_writer *w = open_writer(dir);
    xray_run run = begin_run(w, "shop");
    xray_step outer = begin_step(run, "outer");
    xray_step inner = xray_step_begin_plain(0, outer, TEXT("inner"), NULL, 0, TEXT("x1"), 0);
    char text[4096];

    CHECK_EQ(xray_run_set_bytes(run, XRAY_INPUT, XRAY_AS_JSON, TEXT("{\"q\":NaN}")), XRAY_OK);
    CHECK_EQ(xray_run_add_bytes(run, XRAY_TAGS, TEXT("a"), XRAY_AS_TEXT, TEXT("b")), XRAY_OK);
    CHECK_EQ(xray_step_set_bytes(inner, XRAY_REASONING, XRAY_AS_TEXT, TEXT("because")), XRAY_OK);
    CHECK_EQ(xray_step_add_bytes(inner, XRAY_METADATA, TEXT("k"), XRAY_AS_MSGPACK, "\x07", 1), XRAY_OK);
    CHECK_EQ(xray_step_set_bytes(inner, XRAY_OUTPUT, XRAY_VALUE_TREE, TEXT("x")), XRAY_EMISUSE);
    CHECK_EQ(xray_step_candidate_plain(inner, TEXT("B1"), XRAY_REJECT, TEXT("dup"), TEXT("{\"of\":\"B0\"}")), XRAY_OK);
    CHECK_EQ(xray_step_candidate_plain(inner, TEXT("B2"), 99, NULL, 0, NULL, 0), XRAY_EMISUSE);
    CHECK_EQ(xray_step_count_reason(inner, TEXT("old"), 5), XRAY_OK);
    CHECK_EQ(xray_step_decide_json(inner, TEXT("pick"), TEXT("{\"selected\":[\"B1\"]}")), XRAY_OK);
    CHECK_EQ(xray_step_note_json(inner, TEXT("chunk"), TEXT("{\"n\":1}")), XRAY_OK);
    CHECK_EQ(xray_run_decide_json(run, TEXT("stop"), TEXT("{\"selected\":[]}")), XRAY_OK);
    CHECK_EQ(xray_run_note_json(run, TEXT("seen"), TEXT("{}")), XRAY_OK);
    xray_step_end(inner, XRAY_SUCCESS);
    xray_step_end(outer, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
    CHECK_EQ(xray_step_candidate_plain(inner, TEXT("B3"), XRAY_ACCEPT, NULL, 0, NULL, 0), XRAY_ECLOSED);
    close_writer(w);

    select_all(dir, NULL, XRAY_UNIT_AUTO, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\n"), 8);
    CHECK(strstr(text, "\"pipeline\":\"shop\",\"version\":\"1.4\"") != NULL);
    CHECK(strstr(text, "\"tags\":{\"a\":\"b\"}") != NULL);
    CHECK(strstr(text, "\"input\":{\"q\":{\"$f\":\"nan\"}}") != NULL);
    CHECK(strstr(text, "\"step\":2,\"ext_id\":\"x1\",\"parent\":1,\"name\":\"inner\"") != NULL);
    CHECK(strstr(text, "\"reasons\":{\"dup\":1,\"old\":5}") != NULL);
    CHECK(strstr(text, "\"metadata\":{\"k\":7},\"reasoning\":\"because\"") != NULL);
    CHECK(strstr(text, "\"item\":\"B1\",\"verdict\":\"reject\",\"reasons\":[{\"code\":\"dup\"}],\"evidence\":{\"of\":\"B0\"}") !=
          NULL);
    CHECK(strstr(text, "\"kind\":\"decision\"") != NULL && strstr(text, "\"body\":{\"selected\":[\"B1\"]}") != NULL);
}

/* Ids "a" "bc" "" "d"; two reasons; evidence of each kind. */
static const char items[] = "abcd";
static const uint32_t item_ends[] = {1, 3, 3, 4};
static const uint8_t verdicts[] = {XRAY_ACCEPT, XRAY_REJECT, XRAY_REJECT, XRAY_DEFER};
static const uint16_t reasons[] = {0, 1, 2, 0};
static const uint32_t code_ends[] = {3, 6};

static xray_batch small_batch(void)
{
    return (xray_batch){.size = sizeof(xray_batch), .count = 4, .items = items, .item_ends = item_ends,
                        .verdicts = verdicts, .reasons = reasons, .codes = "dupold", .code_ends = code_ends,
                        .code_count = 2};
}

static void test_batch_columns(void)
{
    const double prices[] = {1.5, NAN, 3, 0};
    const int64_t ages[] = {1, 2, XRAY_MISSING, -4};
    const uint32_t ends[] = {1, 1, 3, 4};
    const int64_t ranks[] = {0, 1, 2, XRAY_MISSING};
    const xray_column columns[] = {{.key = "price", .key_len = 5, .doubles = prices},
                                   {.key = "age", .key_len = 3, .ints = ages},
                                   {.key = "kind", .key_len = 4, .texts = "xyzw", .text_ends = ends}};
    const char *dir = new_store();
    xray_writer *w = open_writer(dir);
    xray_run run = begin_run(w, "p");
    xray_step st = begin_step(run, "s");
    xray_batch b = small_batch();
    xray_error err = {0};
    char text[4096];

    b.scores = b.thresholds = b.weights = prices;
    b.ranks_in = b.ranks_out = ranks;
    b.columns = columns;
    b.column_count = 3;
    b.size = offsetof(xray_batch, weights); /* a caller that does not know of weights: they are not looked at */
    CHECK_STATUS((int)xray_step_candidates(begin_step(run, "older"), &b, &err), 4, &err);
    b.size = sizeof b;
    CHECK_STATUS((int)xray_step_candidates(st, &b, &err), 4, &err);
    xray_step_end(st, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
    close_writer(w);
    select_all(dir, NULL, XRAY_UNIT_CAND, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\n"), 8);
    CHECK_EQ(count_of(text, "\"weight\""), 3);
    CHECK(strstr(text, "\"item\":\"a\",\"verdict\":\"accept\",\"score\":1.5,\"threshold\":1.5,\"rank_in\":0,\"rank_out\":0,"
                       "\"evidence\":{\"price\":1.5,\"age\":1,\"kind\":\"x\"}}") != NULL);
    CHECK(strstr(text, "\"item\":\"bc\",\"verdict\":\"reject\",\"reasons\":[{\"code\":\"dup\"}],\"rank_in\":1,\"rank_out\":1,"
                       "\"evidence\":{\"age\":2,\"kind\":\"\"}}") != NULL);
    CHECK(strstr(text, "\"item\":\"\",\"verdict\":\"reject\",\"reasons\":[{\"code\":\"old\"}],\"score\":3.0") != NULL);
    CHECK(strstr(text, "\"item\":\"d\",\"verdict\":\"defer\",\"score\":0.0,\"threshold\":0.0,\"evidence\"") != NULL);
    select_all(dir, NULL, XRAY_UNIT_STEP, 0, false, text, sizeof text);
    CHECK(strstr(text, "\"candidates_in\":4,\"candidates_out\":1,\"reasons\":{\"dup\":1,\"old\":1}") != NULL);
}

/* A reason has its rule with it, and a candidate who decided. */
static void test_batch_rules(void)
{
    const uint32_t rule_ends[] = {4, 4}, version_ends[] = {1, 2};
    const uint8_t by[] = {XRAY_BY_UNSAID, XRAY_BY_RULE, XRAY_BY_HUMAN, XRAY_BY_AGENT};
    const char *dir = new_store();
    xray_writer *w = open_writer(dir);
    xray_run run = begin_run(w, "p");
    xray_batch b = small_batch();
    xray_error err = {0};
    char text[4096];

    b.rules = "same";
    b.rule_ends = rule_ends;
    b.versions = "27";
    b.version_ends = version_ends;
    b.by = by;
    CHECK_STATUS((int)xray_step_candidates(begin_step(run, "s"), &b, &err), 4, &err);
    xray_run_end(run, XRAY_SUCCESS);
    close_writer(w);
    select_all(dir, NULL, XRAY_UNIT_CAND, 0, false, text, sizeof text);
    CHECK(strstr(text, "\"item\":\"a\",\"verdict\":\"accept\"}") != NULL);
    CHECK(strstr(text, "\"verdict\":\"reject\",\"reasons\":[{\"code\":\"dup\",\"rule\":\"same\",\"version\":\"2\"}],\"by\":\"rule\"}") != NULL);
    CHECK(strstr(text, "\"reasons\":[{\"code\":\"old\",\"version\":\"7\"}],\"by\":\"human\"}") != NULL);
    CHECK(strstr(text, "\"item\":\"d\",\"verdict\":\"defer\",\"by\":\"agent\"}") != NULL);
}

static void test_batch_json(void)
{
    static const char json[] = "{\"a\":1}{bad}{\"b\":[2]}";
    const uint32_t ends[] = {7, 12, 12, 21};
    const char *dir = new_store();
    xray_writer *w = open_writer(dir);
    xray_run run = begin_run(w, "p");
    xray_step st = begin_step(run, "s");
    xray_batch b = small_batch();
    xray_error err = {0};
    char text[4096];

    b.evidence = json;
    b.evidence_ends = ends;
    CHECK_STATUS((int)xray_step_candidates(st, &b, &err), 4, &err);
    b.count = 0;
    CHECK_EQ(xray_step_candidates(st, &b, &err), 0);
    xray_run_end(run, XRAY_SUCCESS);
    b.count = 4;
    CHECK_STATUS((int)xray_step_candidates(st, &b, &err), XRAY_ECLOSED, NULL);
    close_writer(w);
    select_all(dir, NULL, XRAY_UNIT_CAND, 0, false, text, sizeof text);
    CHECK(strstr(text, "\"item\":\"a\",\"verdict\":\"accept\",\"evidence\":{\"a\":1}}") != NULL);
    CHECK(strstr(text, "\"item\":\"bc\",\"verdict\":\"reject\",\"reasons\":[{\"code\":\"dup\"}]}") != NULL);
    CHECK(strstr(text, "\"item\":\"d\",\"verdict\":\"defer\",\"evidence\":{\"b\":[2]}}") != NULL);
}

/* What is wrong with a batch is found before anything is recorded. */
static void test_batch_wrong(void)
{
    const uint32_t falling[] = {1, 3, 2, 4};
    const uint8_t unknown[] = {1, 2, 9, 1};
    const uint16_t outside[] = {0, 3, 0, 0};
    const xray_column none = {.key = "k", .key_len = 1};
    const char *dir = new_store();
    xray_writer *w = open_writer(dir);
    xray_run run = begin_run(w, "p");
    xray_step st = begin_step(run, "s");
    xray_error err = {0};
    xray_batch bad[10];
    char text[4096];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        bad[i] = small_batch();
    bad[0].size = offsetof(xray_batch, weights) - 8;
    bad[1].item_ends = falling;
    bad[2].verdicts = unknown;
    bad[3].reasons = outside;
    bad[4].columns = &none;
    bad[4].column_count = 1;
    bad[5].evidence_ends = falling;
    bad[6].column_count = 65;
    bad[7].rule_ends = bad[8].version_ends = falling + 1;
    bad[9].by = unknown;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_context("batch %zu", i);
        CHECK_STATUS((int)xray_step_candidates(st, &bad[i], &err), XRAY_EMISUSE, NULL);
    }
    check_context(NULL);
    CHECK_STATUS((int)xray_step_candidates(st, NULL, &err), XRAY_EMISUSE, NULL);
    xray_run_end(run, XRAY_SUCCESS);
    close_writer(w);
    select_all(dir, NULL, XRAY_UNIT_CAND, 0, false, text, sizeof text);
    CHECK_STR(text, "");
}

/* Three runs of two steps with two candidates each. */
static const char *three_runs(void)
{
    static const char *const names[] = {"one", "two", "three"};
    const char *dir = new_store();
    xray_writer *w = open_writer(dir);

    for (int i = 0; i < 3; i++) {
        xray_run run = begin_run(w, names[i]);

        for (int k = 0; k < 2; k++) {
            xray_step st = begin_step(run, k == 0 ? "first" : "second");

            xray_step_candidate_plain(st, TEXT("A"), XRAY_ACCEPT, NULL, 0, NULL, 0);
            xray_step_candidate_plain(st, TEXT("B"), i == k ? XRAY_REJECT : XRAY_ACCEPT, TEXT("r"), NULL, 0);
            xray_step_end(st, XRAY_SUCCESS);
        }
        xray_run_end(run, i == 2 ? XRAY_FAILURE : XRAY_SUCCESS);
    }
    close_writer(w);
    return dir;
}

static void test_select(void)
{
    const char *dir = three_runs();
    char text[16384];

    select_all(dir, NULL, XRAY_UNIT_AUTO, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\n"), 3 * 7);
    select_all(dir, NULL, XRAY_UNIT_AUTO, 2, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\n"), 2 * 7);
    CHECK(strstr(text, "three") == NULL);
    select_all(dir, NULL, XRAY_UNIT_RUN, 1, true, text, sizeof text);
    CHECK_EQ(count_of(text, "\n"), 1);
    CHECK(strstr(text, "three") != NULL);
    select_all(dir, "run.status = failure", XRAY_UNIT_STEP, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\"kind\":\"step\""), 2);
    CHECK_EQ(count_of(text, "\n"), 2);
    select_all(dir, "step.name = second and candidates_out = 1", XRAY_UNIT_STEP, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\n"), 1);
    select_all(dir, "step.name = second and candidates_out = 1", XRAY_UNIT_RUN, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\"pipeline\":\"two\""), 1);
    CHECK_EQ(count_of(text, "\n"), 1);
    select_all(dir, "step.name = second and candidates_out = 1", XRAY_UNIT_AUTO, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\n"), 7);
    select_all(dir, "cand.verdict = reject", XRAY_UNIT_CAND, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\"verdict\":\"reject\""), 2);
    CHECK_EQ(count_of(text, "\n"), 2);
    select_all(dir, "step.name = first", XRAY_UNIT_CAND, 0, false, text, sizeof text);
    CHECK_EQ(count_of(text, "\n"), 6);
    select_all(dir, "pipeline = nine", XRAY_UNIT_AUTO, 0, false, text, sizeof text);
    CHECK_STR(text, "");
}

static void test_select_wrong(void)
{
    const char *dir = three_runs();
    const char *none = "/nonexistent/store";
    xray_select_options options = {.where = "status == and", .where_len = 13};
    xray_error err = {0};
    xray_select *s = NULL;

    CHECK_STATUS(xray_select_open(&s, &dir, 1, &options, &err), XRAY_ESYNTAX, NULL);
    CHECK(strncmp(err.message, "where:1:", 8) == 0);
    options = (xray_select_options){.unit = 9};
    CHECK_STATUS(xray_select_open(&s, &dir, 1, &options, &err), XRAY_EMISUSE, NULL);
    CHECK_STATUS(xray_select_open(&s, &none, 1, NULL, &err), XRAY_ENOTFOUND, NULL);
    CHECK(s == NULL);
    xray_select_close(NULL);
}

CHECK_MAIN(test_options, test_project_and_flush, test_plain_calls, test_batch_columns, test_batch_rules, test_batch_json, test_batch_wrong, test_select,
           test_select_wrong)
