/* The query language on a store: what holds for which run, step and candidate (ql 1, 3, 4). */
#include "support/cases.h"
#include "support/check.h"
#include "support/trace.h"

#include "base/buf.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define AUGUST (INT64_C(1785542400) * SECOND) /* 2026-08-01T00:00:00Z */

static const xray_query_options at_fixed_time = {.now_ns = AUGUST + 86400 * SECOND};

/* ---- the store ---------------------------------------------------------------------- */

static const char metadata[] =
    "{\"i\":42,\"neg\":-7,\"u\":18446744073709551615,\"d\":0.5,\"big\":9007199254740993,\"t\":\"42\",\"s\":"
    "\"Text\","
    "\"yes\":true,\"no\":false,\"word\":\"true\",\"null\":null,\"nan\":NaN,\"a\":{\"b\":1,\"c.d\":2,\"null\":"
    "null},"
    "\"a.b\":9,\"a.x\":8,\"list\":[\"one\",2,{\"k\":\"three\"},[\"four\"]],\"empty\":{},\"none\":[],"
    "\"user-tier\":\"gold\",\"huge\":1e400}";

static void set_times(xray_step st, int64_t start, int64_t duration)
{
    xray_step_set_int(st, XRAY_START, start);
    xray_step_set_int(st, XRAY_DURATION, duration);
}

static void put_candidates(xray_step st)
{
    const xray_reason two[2] = {{.code = xray_s("dup"), .rule = xray_s("r1"), .version = xray_s("3")},
                                {.code = xray_s("too_old"), .rule = xray_s("r2")}};
    xray_candidate c = {
        .item = xray_s("B1"),
        .verdict = XRAY_REJECT,
        .reasons = two,
        .reason_count = 2,
        .fields = XRAY_HAS_SCORE | XRAY_HAS_THRESHOLD | XRAY_HAS_RANK_IN | XRAY_HAS_TIME,
        .score = 0.25,
        .threshold = 0.5,
        .rank_in = 7,
        .time_ns = AUGUST + 5 * SECOND,
        .by = XRAY_BY_RULE,
        .provenance = XRAY_OBSERVED,
    };

    xray_step_candidate(st, &c);
    c = (xray_candidate){.item = xray_s("B2"),
                         .verdict = XRAY_ACCEPT,
                         .fields = XRAY_HAS_SCORE | XRAY_HAS_RANK_OUT | XRAY_HAS_WEIGHT | XRAY_HAS_EVIDENCE,
                         .score = 0.75,
                         .rank_out = 1,
                         .weight = 2.5,
                         .evidence_value = xray_json("{\"price\":99,\"why\":{\"text\":\"cheap enough\"}}")};
    xray_step_candidate(st, &c);
    xray_step_reject(
        st, xray_s("B3"), xray_s("price"),
        XRAY_ATTRS(xray_kv("price", xray_double(129.5)), xray_kv("note", xray_text("over the limit"))));
}

static void write_shop(xray_writer *w)
{
    const uint8_t id[16] = {0x9f, 0x3c, 0x2a, 0x71, 0xaa, 0xbb, 0xcc, 0xdd, 1, 2, 3, 4, 5, 6, 7, 8};
    const xray_run_options options = {.id = id,
                                      .ext_id = xray_s("order-17"),
                                      .version = xray_s("1.4"),
                                      .user = xray_s("ada"),
                                      .clock = XRAY_CLOCK_NONE};
    const xray_step_options plain = {.clock = XRAY_CLOCK_NONE};
    const xray_step_options under_two = {.clock = XRAY_CLOCK_NONE, .parent_number = 2};
    xray_run run = xray_run_begin(w, xray_s("shop"), &options);
    xray_step st;

    xray_run_set_int(run, XRAY_START, AUGUST);
    xray_run_set_int(run, XRAY_DURATION, 40 * SECOND);
    xray_run_set_int(run, XRAY_COST, 1500000000);
    xray_run_set(run, XRAY_ERROR, xray_text("TimeoutError: timed out"));
    xray_run_set(run, XRAY_TAGS, xray_json("{\"experiment\":\"B\",\"user.tier\":\"free\"}"));
    xray_run_set(run, XRAY_METADATA, xray_jsonn(metadata, sizeof metadata - 1));

    st = xray_step_begin(run, xray_s("find"), xray_s("search"), &plain);
    set_times(st, AUGUST, SECOND / 4);
    xray_step_set_int(st, XRAY_CANDIDATES_IN, 0);
    xray_step_set_int(st, XRAY_CANDIDATES_OUT, 100);
    xray_step_set(st, XRAY_OUTPUT,
                  xray_json("{\"ids\":[\"sku-4711\",\"sku-12\"],\"note\":\"Sorry\\nno more\"}"));
    xray_step_end(st, XRAY_SUCCESS);

    st = xray_step_begin(run, xray_s("price_filter"), xray_s("filter"), &plain);
    set_times(st, AUGUST + SECOND, 2 * SECOND);
    put_candidates(st);
    xray_step_set_int(st, XRAY_CANDIDATES_IN, 100);
    xray_step_set_int(st, XRAY_CANDIDATES_OUT, 7);
    xray_step_set_int(st, XRAY_COST, 50000000);
    xray_step_end(st, XRAY_SUCCESS);

    st = xray_step_begin(run, xray_s("judge"), xray_s("llm"), &under_two);
    set_times(st, AUGUST + 4 * SECOND, 30 * SECOND);
    xray_step_set(st, XRAY_MODEL, xray_text("gpt-4o"));
    xray_step_set(st, XRAY_INPUT,
                  xray_json("{\"messages\":[{\"content\":\"You are\"},{\"content\":\"REFUND\"}]}"));
    xray_step_set(st, XRAY_OUTPUT, xray_text("I cannot apologize"));
    xray_step_set(st, XRAY_ERROR, xray_json("{\"type\":\"HttpError\",\"stack\":\"x.py:3\"}"));
    xray_step_set_int(st, XRAY_TOKENS_IN, 1000);
    xray_step_set_int(st, XRAY_TOKENS_OUT, 20);
    xray_step_set_int(st, XRAY_TOKENS_CACHE_READ, 950);
    xray_step_set_int(st, XRAY_COST, 1000000000);
    xray_step_end(st, XRAY_FAILURE);
    xray_run_end(run, XRAY_FAILURE);
}

/* A run without anything, and one that was never ended. */
static void write_others(xray_writer *w)
{
    const xray_run_options plain = {.clock = XRAY_CLOCK_NONE};
    xray_run run = xray_run_begin(w, xray_s("empty"), &plain);
    xray_step st;

    xray_run_end(run, XRAY_SUCCESS);
    run = xray_run_begin(w, xray_s("open"),
                         &(xray_run_options){.ext_id = xray_s("9f3c"), .clock = XRAY_CLOCK_NONE});
    xray_run_set_int(run, XRAY_START, AUGUST - 3600 * SECOND);
    st = xray_step_begin(run, xray_s("logic"), xray_s("logic"),
                         &(xray_step_options){.clock = XRAY_CLOCK_NONE, .parent_ext = xray_s("nobody")});
    xray_step_set_reason_count(st, xray_s("odd code"), 300);
    xray_step_set_int(st, XRAY_FLAGS, XRAY_FLAG_SAMPLED);
    xray_step_begin(run, xray_s("last"), xray_s("llm"), &(xray_step_options){.clock = XRAY_CLOCK_NONE});
}

static struct {
    xray_store *store;
    const xray_run_record *runs;
    size_t count;
} stage;

static bool open_stage(void)
{
    const char *dir = trace_dir();
    xray_writer *w;
    xray_error err;

    if (stage.store != NULL)
        return true;
    w = trace_writer(dir);
    write_shop(w);
    write_others(w);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    return CHECK_STATUS(xray_store_open(&stage.store, &dir, 1, NULL, &err), XRAY_OK, &err) &&
           CHECK_STATUS(xray_store_runs(stage.store, &stage.runs, &stage.count, &err), XRAY_OK, &err) &&
           CHECK_EQ(stage.count, 3);
}

/* ---- hits ------------------------------------------------------------------------------ */

static void put_hit(xray_buffer *out, int held, const char *format, xray_str name, int64_t step,
                    xray_str item)
{
    if (held == 0)
        return;
    xf_buf_puts(out, out->len > 0 ? " " : "");
    if (held < 0)
        xf_buf_puts(out, xray_status_name(held));
    else
        xf_buf_printf(out, format, (int)name.len, name.ptr, (int)step, (int)item.len, item.ptr);
}

static void put_event_hits(xray_query *q, xray_trace *t, size_t step, xray_buffer *out)
{
    const xray_str name = xray_trace_run(t)->pipeline;
    xray_event_record event;
    xray_events *events;
    size_t count;
    const xray_step_record *steps = xray_trace_steps(t, &count);

    if (!CHECK_STATUS(xray_events_open(&events, t, steps[step].number, XRAY_EVENT_CANDIDATE, NULL), XRAY_OK,
                      NULL))
        return;
    while (xray_events_next(events, &event, NULL) == 1)
        put_hit(out, xray_query_match_event(q, stage.store, t, step, &event, NULL), "%.*s/%d/%.*s", name,
                steps[step].number, event.item);
    xray_events_close(events);
}

/* What test_run says must be borne out. */
static void check_forecast(int forecast, int held)
{
    if (forecast != 2 && held >= 0)
        CHECK_EQ(held, forecast);
}

static void put_run_hits(xray_query *q, size_t index, xray_buffer *out)
{
    const int forecast = xray_query_test_run(q, &stage.runs[index]);
    const xray_str none = {0};
    const size_t before = out->len;
    xray_trace *t;
    size_t count;

    if (!CHECK_STATUS(xray_trace_open(&t, stage.store, index, NULL), XRAY_OK, NULL))
        return;
    xray_trace_steps(t, &count);
    if (xray_query_unit(q) == XRAY_UNIT_RUN) {
        const int held = xray_query_match_run(q, stage.store, t, NULL);

        check_forecast(forecast, held);
        put_hit(out, held, "%.*s", xray_trace_run(t)->pipeline, 0, none);
    }
    for (size_t i = 0; i < count && xray_query_unit(q) == XRAY_UNIT_STEP; i++) {
        const int held = xray_query_match_step(q, stage.store, t, i, NULL);

        check_forecast(forecast, held);
        put_hit(out, held, "%.*s/%d", xray_trace_run(t)->pipeline, (int64_t)i + 1, none);
    }
    for (size_t i = 0; i < count && xray_query_unit(q) == XRAY_UNIT_CAND; i++)
        put_event_hits(q, t, i, out);
    if (xray_query_unit(q) != XRAY_UNIT_RUN) {
        const int some = xray_query_match_run(q, stage.store, t, NULL);

        CHECK(some < 0 || some == (out->len > before));
    }
    xray_trace_close(t);
}

static void check_hits(const char *query, enum xray_unit unit, const char *want)
{
    xray_query_options options = at_fixed_time;
    xray_query_error error = {0};
    xray_buffer out = {0};
    xray_query *q = NULL;

    check_context("%s", query);
    options.unit = unit;
    if (!CHECK_STATUS(xray_query_parse(&q, xray_s(query), &options, &error), XRAY_OK, NULL)) {
        printf("    %s: %s\n", query, error.message);
        return;
    }
    for (size_t i = 0; i < stage.count; i++)
        put_run_hits(q, i, &out);
    xf_buf_put_u8(&out, '\0');
    CHECK_STR((char *)out.data, want);
    xray_buffer_free(&out);
    xray_query_free(q);
}

static void check_case(const struct test_case *c)
{
    const char *unit = case_value(c, "unit");

    check_hits(case_value(c, "query"),
               strcmp(unit, "run") == 0    ? XRAY_UNIT_RUN
               : strcmp(unit, "step") == 0 ? XRAY_UNIT_STEP
               : strcmp(unit, "cand") == 0 ? XRAY_UNIT_CAND
                                           : XRAY_UNIT_AUTO,
               case_value(c, "hits"));
}

static void test_cases(void)
{
    if (open_stage())
        CHECK(cases_run("tests/query/eval.cases", check_case) > 150);
}

/* ---- files, patterns, misuse --------------------------------------------------------------- */

static void test_files(void)
{
    char path[600], query[800];
    FILE *f;

    if (!open_stage())
        return;
    snprintf(path, sizeof path, "%s/ids.txt", check_dir());
    f = fopen(path, "w");
    if (!CHECK(f != NULL))
        return;
    fputs("9F3C2A71-AABB\n\nprice\r\nfind\nsearch\n", f);
    fclose(f);
    snprintf(query, sizeof query, "run.id in @%s", path);
    check_hits(query, XRAY_UNIT_AUTO, "shop");
    snprintf(query, sizeof query, "step.name not in @%s", path);
    check_hits(query, XRAY_UNIT_AUTO, "shop/2 shop/3 open/1 open/2");
    snprintf(query, sizeof query, "reason in @%s", path);
    check_hits(query, XRAY_UNIT_AUTO, "shop/2");
    snprintf(query, sizeof query, "step.type in @%s", path);
    check_hits(query, XRAY_UNIT_AUTO, "shop/1");
}

static void test_expensive(void)
{
    static const char *const patterns[] = {
        "run.user ~ /x/ or run.metadata.long ~ /^(a+)+$/",
        "run.metadata.long ~ /(*LIMIT_MATCH=4000000000)(*LIMIT_DEPTH=4000000000)^(a+)+$/",
        "run.metadata.long ~ /(*LIMIT_HEAP=4000000000)(*LIMIT_MATCH=99999999)^(a+)+$/",
        "run.metadata.long ~ /(*NO_JIT)^(a+)+$/",
        "lower(run.metadata.long) !~ /^(a|aa|aaa)+$/",
    };
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("x"), NULL);
    xray_store *s;
    xray_trace *t;

    xray_run_add(run, XRAY_METADATA, xray_s("long"),
                 xray_text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"));
    xray_run_end(run, XRAY_SUCCESS);
    xray_writer_close(w, -1, NULL);
    if (!CHECK_STATUS(xray_store_open(&s, &dir, 1, NULL, NULL), XRAY_OK, NULL))
        return;
    CHECK_STATUS(xray_trace_open(&t, s, 0, NULL), XRAY_OK, NULL);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        xray_query *q = NULL;
        xray_error err = {0};

        check_context("%s", patterns[i]);
        if (CHECK_STATUS(xray_query_parse(&q, xray_s(patterns[i]), NULL, NULL), XRAY_OK, NULL)) {
            CHECK_STATUS(xray_query_match_run(q, s, t, &err), XRAY_ELIMIT, NULL);
            CHECK_STR(err.message, "pattern too expensive");
        }
        xray_query_free(q);
    }
    xray_trace_close(t);
    xray_store_close(s);
}

static void test_misuse(void)
{
    xray_query *q = NULL;
    xray_trace *t;
    xray_error err = {0};

    if (!open_stage() || !CHECK(xray_query_parse(&q, xray_s("step.type = llm"), NULL, NULL) == XRAY_OK) ||
        !CHECK(xray_trace_open(&t, stage.store, 0, NULL) == XRAY_OK))
        return;
    CHECK_STATUS(xray_query_match_step(q, stage.store, t, 3, &err), XRAY_EMISUSE, NULL);
    CHECK_STATUS(xray_query_match_event(q, stage.store, t, 3, NULL, &err), XRAY_EMISUSE, NULL);
    xray_trace_close(t);
    xray_query_free(q);
    xray_query_free(NULL);
}

/* Memory that gives out while evaluating is a status, and the next call is not harmed. */
static void test_memory(void)
{
    static const char text[] = "any{lower(step.output) ~ /x/ and any cand{cand.text contains q}} or "
                               "{step.name = find} ->> {step.input_size > 100} or run.metadata.s = x";
    xray_query *q = NULL;
    xray_trace *t;

    if (!open_stage() || !CHECK(xray_query_parse(&q, xray_s(text), NULL, NULL) == XRAY_OK) ||
        !CHECK(xray_trace_open(&t, stage.store, 0, NULL) == XRAY_OK))
        return;
    for (size_t n = 1;; n++) {
        xray_query *fresh = NULL;
        int r;

        CHECK(xray_query_parse(&fresh, xray_s(text), NULL, NULL) == XRAY_OK);
        xf_mem_fail_from(n);
        r = xray_query_match_run(fresh, stage.store, t, NULL);
        xf_mem_fail_from(0);
        CHECK(r == XRAY_ENOMEM || r == 0);
        CHECK_EQ(xray_query_match_run(fresh, stage.store, t, NULL), 0);
        xray_query_free(fresh);
        if (r == 0)
            break;
    }
    xray_trace_close(t);
    xray_query_free(q);
}

static void test_close(void)
{
    xray_store_close(stage.store);
    stage.store = NULL;
}

CHECK_MAIN(test_cases, test_files, test_expensive, test_misuse, test_memory, test_close)
