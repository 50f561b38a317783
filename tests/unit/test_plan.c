/* What an index says of a query (query/plan.h): exactly what can be told from texts and ranges. The random test
 * (test_query_random) shows that it never rules out what matches; this one, that it does rule out. */
#include "support/check.h"
#include "support/trace.h"

#include <stdlib.h>

static void put_step(xray_run run, const char *name, const char *type, int64_t duration_ms, int64_t in, int64_t out)
{
    xray_step step = xray_step_begin(run, xray_s(name), xray_s(type), &(xray_step_options){.clock = XRAY_CLOCK_NONE});

    xray_step_set_int(step, XRAY_DURATION, duration_ms * 1000000);
    xray_step_set_int(step, XRAY_CANDIDATES_IN, in);
    xray_step_set_int(step, XRAY_CANDIDATES_OUT, out);
    xray_step_set_reason_count(step, xray_s("too old"), in - out);
    xray_step_end(step, XRAY_SUCCESS);
}

/* One run of two steps. */
static xray_store *make_store(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), &(xray_run_options){.clock = XRAY_CLOCK_NONE});
    const xray_store_options options = {.index = XRAY_INDEX_REQUIRE};
    xray_segment_info info;
    xray_store *s = NULL;

    xray_run_set(run, XRAY_TAGS, xray_json("{\"tier\":\"pro\"}"));
    put_step(run, "find", "search", 3000, 100, 100);
    put_step(run, "cut", "filter", 8000, 100, 7);
    xray_run_end(run, XRAY_SUCCESS);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    if (!CHECK_STATUS(xray_store_open(&s, &dir, 1, NULL, NULL), XRAY_OK, NULL))
        return NULL;
    CHECK_EQ(xray_store_segment(s, 0, &info), XRAY_OK);
    CHECK_STATUS(xray_index_build(info.path, NULL, NULL), XRAY_OK, NULL);
    xray_store_close(s);
    s = NULL;
    CHECK_STATUS(xray_store_open(&s, &dir, 1, &options, NULL), XRAY_OK, NULL);
    return s;
}

static void test_answers(void)
{
    enum { NO = 0, OPEN = 2 };
    static const struct {
        const char *query;
        int answer;
    } cases[] = {
        {"step.duration > 7s", OPEN},
        {"step.duration > 12s", NO},
        {"step.duration < 4s", OPEN},
        {"step.duration < 2s", NO},
        {"step.duration = 3s", OPEN},
        {"step.duration = 1s", NO},
        {"step.duration = 60s", NO},
        {"step.duration != 3s", OPEN},
        {"rejection_rate > 0.9", OPEN},
        {"rejection_rate > 0.95", NO},
        {"rejection_rate < 0", NO},
        {"rejection_rate <= 0", OPEN},
        {"candidates_out <= 7", OPEN},
        {"candidates_out < 6", NO},
        {"rejected >= 93", OPEN},
        {"rejected > 200", NO},
        {"step.cost > 0", NO},            /* no step has any */
        {"step.cost? > 0", OPEN},
        {"not (step.cost > 0)", OPEN},
        {"step.name = cut", OPEN},
        {"step.name = keep", NO},
        {"step.name != cut", OPEN},
        {"step.name in (cut, keep)", OPEN},
        {"step.name in (drop, keep)", NO},
        {"step.name not in (find, cut)", NO},
        {"step.name ~ /^F/i", OPEN},
        {"step.name ~ /^F/", NO},
        {"step.name startswith \"cu\"", OPEN},
        {"step.name contains \"x\"", NO},
        {"step.type = retrieval", OPEN},  /* means search too */
        {"step.type = llm", NO},
        {"step.status = ok", OPEN},
        {"step.status = failed", NO},
        {"reason = \"too old\"", OPEN},
        {"reason = dear", NO},
        {"reason != \"too old\"", OPEN},
        {"exists(step.model)", NO},
        {"exists(reason)", OPEN},
        {"tags.tier = pro", OPEN},
        {"tags.tier = free", NO},
        {"tags.other = pro", NO},
        {"tags.tier != pro", NO},
        {"any{step.type = llm}", NO},
        {"none{step.name = keep} and step.name = keep", NO},
        {"count{step.type = llm} > 0", NO},
        {"{step.name = find} -> {step.name = keep}", NO},
        {"{step.name = cut} -> {step.name = find}", OPEN}, /* the order is not known */
        {"step.name = keep or step.duration > 7s", OPEN},
        {"step.name = keep or step.duration > 70s", NO},
        {"step.name = cut and step.duration > 70s", NO},
        {"output ~ /x/ and step.name = keep", NO},
        {"cand.score > 1 and step.name = keep", NO},
    };
    xray_store *s = make_store();

    for (size_t i = 0; s != NULL && i < sizeof cases / sizeof *cases; i++) {
        const xray_query_options options = {.unit = strstr(cases[i].query, "cand.") != NULL ? XRAY_UNIT_CAND
                                                                                            : XRAY_UNIT_AUTO};
        xray_query_error error = {0};
        xray_query *q = NULL;

        check_context("%s", cases[i].query);
        if (!CHECK_STATUS(xray_query_parse(&q, xray_s(cases[i].query), &options, &error), XRAY_OK, NULL))
            continue;
        CHECK_EQ(xray_query_test_indexed(q, s, 0, NULL), cases[i].answer);
        xray_query_free(q);
    }
    xray_store_close(s);
}

CHECK_MAIN(test_answers)
