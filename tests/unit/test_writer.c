/* The writer, through the public API and back through the reader. */
#include "support/check.h"
#include "support/trace.h"

#include "base/mem.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static void close_sealed(xray_writer *w)
{
    xray_error err = {0};

    CHECK_STATUS(xray_writer_close(w, -1, &err), XRAY_SEALED, &err);
}

/* One run with everything a step can have. */
static void write_full_run(xray_writer *w)
{
    const xray_run_options options = {
        .ext_id = xray_s("run_abc123"),
        .version = xray_s("1.4"),
        .project = xray_s("shop"),
        .session = xray_s("s1"),
        .user = xray_s("ada"),
    };
    xray_run run = xray_run_begin(w, xray_s("picker"), &options);
    xray_step outer = xray_step_begin(run, xray_s("agent"), xray_s("agent"), NULL);
    xray_step st = xray_step_begin_in(outer, xray_s("filter"), xray_s("filter"), NULL);
    const xray_reason reasons[2] = {
        {.code = xray_s("too_old"), .rule = xray_s("age"), .version = xray_s("3"), .params = xray_s("9f2c")},
        {.code = xray_s("dup")},
    };
    xray_candidate c = {
        .item = xray_s("B2"),
        .verdict = XRAY_REJECT,
        .reasons = reasons,
        .reason_count = 2,
        .fields = XRAY_HAS_SCORE | XRAY_HAS_THRESHOLD | XRAY_HAS_RANK_IN | XRAY_HAS_RANK_OUT | XRAY_HAS_WEIGHT |
                  XRAY_HAS_TIME,
        .score = 0.25,
        .threshold = 0.5,
        .rank_in = 7,
        .rank_out = 9,
        .weight = 2.5,
        .time_ns = 1700000000123456789,
        .by = XRAY_BY_VERIFIER,
        .provenance = XRAY_INFERRED,
    };
    const xray_str selected = xray_s("B1");
    const xray_alternative other = {.id = xray_s("B2"), .score = 0.25, .why_not = xray_s("old")};
    xray_decision d = XRAY_DECISION_INIT;

    xray_run_set(run, XRAY_INPUT, xray_json("{\"q\": \"case\"}"));
    xray_run_add(run, XRAY_TAGS, xray_s("tier"), xray_text("pro"));
    xray_step_set(st, XRAY_INPUT, xray_json("[1, 2.5, \"x\", null, true]"));
    xray_step_set(st, XRAY_REASONING, xray_text("because"));
    xray_step_set(st, XRAY_MODEL, xray_text("gpt-4o"));
    xray_step_set(st, XRAY_ERROR, xray_text("ValueError: bad"));
    xray_step_add(st, XRAY_METADATA, xray_s("k"), xray_int(1));
    xray_step_add(st, XRAY_METADATA, xray_s("l"), xray_int(2));
    xray_step_add(st, XRAY_METADATA, xray_s("k"), xray_int(3));
    xray_step_set_int(st, XRAY_TOKENS_IN, 812);
    xray_step_set_int(st, XRAY_COST, 13200000);
    CHECK_EQ(xray_step_accept(st, xray_s("B1")), XRAY_OK);
    CHECK_EQ(xray_step_candidate(st, &c), XRAY_OK);
    CHECK_EQ(xray_step_reject(st, xray_s("B3"), xray_s("dup"), XRAY_ATTRS(xray_kv("of", xray_text("B1")))), XRAY_OK);
    d.name = xray_s("pick");
    d.selected = &selected;
    d.selected_count = 1;
    d.alternatives = &other;
    d.alternative_count = 1;
    d.score = 0;
    CHECK_EQ(xray_step_decide(st, &d), XRAY_OK);
    CHECK_EQ(xray_step_note(st, xray_s("retry"), xray_json("{\"n\":1}"), XRAY_MISSING, XRAY_MISSING), XRAY_OK);
    CHECK_EQ(xray_run_note(run, xray_s("hello"), xray_json("{}"), XRAY_MISSING, XRAY_MISSING), XRAY_OK);
    CHECK_EQ(xray_step_end(st, XRAY_FAILURE), XRAY_OK);
    CHECK_EQ(xray_step_end(outer, XRAY_SUCCESS), XRAY_OK);
    CHECK_EQ(xray_run_end(run, XRAY_PARTIAL), XRAY_OK);
}

#define RUN_ID "db6590c495730d0bf8ec5c6886623831" /* XXH3-128 of run_abc123 */

static void test_everything_comes_back(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    size_t problems = 99;
    char *text;

    write_full_run(w);
    close_sealed(w);
    text = trace_text(dir, &problems);
    CHECK_EQ(problems, 0);
    CHECK_STR(text,
              "{\"kind\":\"run\",\"run\":\"" RUN_ID
              "\",\"ext_id\":\"run_abc123\",\"pipeline\":\"picker\",\"version\":\"1.4\","
              "\"project\":\"shop\",\"session\":\"s1\",\"user\":\"ada\",\"status\":\"partial\","
              "\"start\":\"1700000000001000000\",\"end\":\"1700000000005000000\","
              "\"duration\":\"4000000\",\"tags\":{\"tier\":\"pro\"},\"input\":{\"q\":\"case\"}}\n"
              "{\"kind\":\"note\",\"run\":\"" RUN_ID
              "\",\"after\":0,\"name\":\"hello\",\"body\":{}}\n"
              "{\"kind\":\"step\",\"run\":\"" RUN_ID
              "\",\"step\":1,\"name\":\"agent\",\"type\":\"agent\",\"status\":\"success\","
              "\"start\":\"1700000000002000000\",\"end\":\"1700000000005000000\","
              "\"duration\":\"3000000\"}\n"
              "{\"kind\":\"step\",\"run\":\"" RUN_ID
              "\",\"step\":2,\"parent\":1,\"name\":\"filter\",\"type\":\"filter\","
              "\"status\":\"failure\",\"start\":\"1700000000003000000\","
              "\"end\":\"1700000000005000000\",\"duration\":\"2000000\",\"candidates_in\":3,"
              "\"candidates_out\":1,\"reasons\":{\"too_old\":1,\"dup\":2},\"model\":\"gpt-4o\","
              "\"tokens\":{\"input\":812},\"cost\":0.0132,\"error\":\"ValueError: bad\","
              "\"metadata\":{\"l\":2,\"k\":3},\"input\":[1,2.5,\"x\",null,true],"
              "\"reasoning\":\"because\"}\n"
              "{\"kind\":\"cand\",\"run\":\"" RUN_ID
              "\",\"step\":2,\"item\":\"B1\",\"verdict\":\"accept\"}\n"
              "{\"kind\":\"cand\",\"run\":\"" RUN_ID
              "\",\"step\":2,\"item\":\"B2\",\"verdict\":\"reject\",\"reasons\":[{\"code\":\"too_old\","
              "\"rule\":\"age\",\"version\":\"3\",\"params\":\"9f2c\"},{\"code\":\"dup\"}],"
              "\"score\":0.25,\"threshold\":0.5,\"rank_in\":7,\"rank_out\":9,\"weight\":2.5,"
              "\"time\":\"1700000000123456789\",\"by\":\"verifier\",\"provenance\":\"inferred\"}\n"
              "{\"kind\":\"cand\",\"run\":\"" RUN_ID
              "\",\"step\":2,\"item\":\"B3\",\"verdict\":\"reject\",\"reasons\":[{\"code\":\"dup\"}],"
              "\"evidence\":{\"of\":\"B1\"}}\n"
              "{\"kind\":\"decision\",\"run\":\"" RUN_ID
              "\",\"step\":2,\"after\":3,\"name\":\"pick\",\"time\":\"1700000000004000000\","
              "\"body\":{\"selected\":[\"B1\"],\"alternatives\":[{\"id\":\"B2\",\"score\":0.25,"
              "\"why_not\":\"old\"}],\"score\":0.0}}\n"
              "{\"kind\":\"note\",\"run\":\"" RUN_ID
              "\",\"step\":2,\"after\":3,\"name\":\"retry\",\"body\":{\"n\":1}}\n");
    free(text);
}

static void test_fixed_ids_and_clock_give_the_same_bytes(void)
{
    const char *dirs[2];
    char *bytes[2];
    size_t lens[2];

    for (int i = 0; i < 2; i++) {
        xray_writer *w;

        dirs[i] = trace_dir();
        w = trace_writer(dirs[i]);
        write_full_run(w);
        close_sealed(w);
        bytes[i] = check_read_file(trace_segment(dirs[i]), &lens[i]);
    }
    CHECK(bytes[0] != NULL && bytes[1] != NULL);
    CHECK_MEM(bytes[0], lens[0], bytes[1], lens[1]);
    free(bytes[0]);
    free(bytes[1]);
}

static void test_flush_shows_what_is_open(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("slow"), xray_s("llm"), NULL);
    char *text;

    xray_step_set(st, XRAY_INPUT, xray_text("question"));
    xray_step_reject(st, xray_s("a"), xray_s("late"), XRAY_NO_ATTRS);
    CHECK_EQ(xray_writer_flush(w, -1, NULL), XRAY_FLUSHED);
    text = trace_text(dir, NULL);
    CHECK_EQ(trace_count(text, "\"status\":\"running\""), 2);
    CHECK_EQ(trace_count(text, "\"input\":\"question\""), 1);
    CHECK_EQ(trace_count(text, "\"reasons\":{\"late\":1}"), 1);
    CHECK_EQ(trace_count(text, "\"item\":\"a\""), 1);
    free(text);

    xray_step_accept(st, xray_s("b"));
    xray_step_set(st, XRAY_OUTPUT, xray_text("answer"));
    xray_step_end(st, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
    close_sealed(w);
    text = trace_text(dir, NULL);
    CHECK_EQ(trace_count(text, "\"kind\":\"step\""), 1);
    CHECK_EQ(trace_count(text, "\"status\":\"running\""), 0);
    CHECK_EQ(trace_count(text, "\"input\":\"question\""), 1);
    CHECK_EQ(trace_count(text, "\"output\":\"answer\""), 1);
    CHECK_EQ(trace_count(text, "\"candidates_in\":2,\"candidates_out\":1"), 1);
    CHECK_EQ(trace_count(text, "\"kind\":\"cand\""), 2);
    free(text);
}

static void test_parts_are_stored_once(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("chat"), NULL);
    xray_writer_stats stats;
    char *history = malloc(1 << 20);
    size_t len = (size_t)sprintf(history, "{\"messages\":[");
    char *text;

    for (int turn = 0; turn < 40; turn++) {
        xray_step st = xray_step_begin(run, xray_s("chat"), xray_s("llm"), NULL);

        len += (size_t)sprintf(history + len, "%s{\"role\":\"user\",\"content\":\"%0300d\"}", turn > 0 ? "," : "", turn);
        sprintf(history + len, "]}");
        CHECK_EQ(xray_step_set(st, XRAY_INPUT, xray_json(history)), XRAY_OK);
        xray_step_end(st, XRAY_SUCCESS);
    }
    xray_run_end(run, XRAY_SUCCESS);
    xray_writer_get_stats(w, &stats);
    CHECK(stats.part_bytes > 40 * 300 && stats.part_bytes < 40 * 400);
    CHECK(stats.deduped_bytes > 700 * 300);
    close_sealed(w);
    text = trace_text(dir, NULL);
    CHECK(strstr(text, history) != NULL); /* the last step's whole history */
    CHECK_EQ(trace_count(text, "\"kind\":\"step\""), 40);
    free(text);
    free(history);
}

static void test_dead_handles_do_nothing(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("s"), xray_s("t"), NULL);
    xray_writer_stats stats;

    CHECK_EQ(xray_step_end(st, XRAY_SUCCESS), XRAY_OK);
    CHECK_EQ(xray_step_end(st, XRAY_SUCCESS), XRAY_ECLOSED);
    CHECK_EQ(xray_step_accept(st, xray_s("x")), XRAY_ECLOSED);
    CHECK_EQ(xray_step_accept(0, xray_s("x")), XRAY_ECLOSED);
    CHECK_EQ(xray_step_accept(run, xray_s("x")), XRAY_ECLOSED); /* a run is no step */
    CHECK_EQ(xray_run_end(run, XRAY_SUCCESS), XRAY_OK);
    CHECK_EQ(xray_step_begin(run, xray_s("s"), xray_s("t"), NULL), 0);
    xray_writer_get_stats(w, &stats);
    CHECK_EQ(stats.refused, 4);
    close_sealed(w);
    CHECK_EQ(xray_run_end(run, XRAY_SUCCESS), XRAY_ECLOSED);
    CHECK_EQ(xray_run_begin(NULL, xray_s("p"), NULL), 0);
}

static void test_long_names_are_cut_and_flagged(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    char name[301];
    xray_run run;
    char *text;

    memset(name, 'x', 300);
    memcpy(name + 199, "\xc3\xa9", 2); /* the cut must not split it */
    name[300] = '\0';
    run = xray_run_begin(w, xray_s(name), NULL);
    xray_step_end(xray_step_begin(run, xray_s("bad \xff name"), xray_s("t"), NULL), XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
    close_sealed(w);
    text = trace_text(dir, NULL);
    name[199] = '\0';
    CHECK(strstr(text, name) != NULL);
    CHECK_EQ(trace_count(text, "\\u00e9"), 0);
    CHECK_EQ(trace_count(text, "\xc3\xa9"), 0);
    CHECK_EQ(trace_count(text, "\"flags\":1"), 2);
    CHECK_EQ(trace_count(text, "bad ? name"), 1);
    free(text);
}

static void test_misuse_is_told(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("s"), xray_s("t"), NULL);
    const xray_candidate bad = {.item = xray_s("x"), .verdict = 9};

    CHECK_EQ(xray_run_set(run, XRAY_REASONING, xray_text("x")), XRAY_EMISUSE);
    CHECK_EQ(xray_step_set(st, XRAY_PIPELINE, xray_text("x")), XRAY_EMISUSE);
    CHECK_EQ(xray_step_set(st, XRAY_MODEL, xray_int(1)), XRAY_EMISUSE);
    CHECK_EQ(xray_step_set(st, XRAY_INPUT, xray_json("{\"a\":")), XRAY_ESYNTAX);
    CHECK_EQ(xray_step_set_int(st, XRAY_CANDIDATES_IN, -1), XRAY_EMISUSE);
    CHECK_EQ(xray_step_candidate(st, &bad), XRAY_EMISUSE);
    CHECK_EQ(xray_step_set_reason_count(st, xray_s("r"), -1), XRAY_EMISUSE);
    close_sealed(w);
}

static size_t count_segments(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    size_t n = 0;

    while (d != NULL && (e = readdir(d)) != NULL)
        n += strstr(e->d_name, ".xray") != NULL;
    if (d != NULL)
        closedir(d);
    return n;
}

static void test_rotation_loses_and_doubles_nothing(void)
{
    static const xray_fixed fixed = {.id = {2}, .time_ns = 1, .tick_ns = 1};
    const xray_writer_options options = {.fixed = &fixed, .segment_bytes = 20000};
    const char *dir = trace_dir();
    xray_writer *w;
    xray_run outer;
    char *text, big[3001];

    CHECK_EQ(xray_writer_open(&w, dir, &options, NULL), XRAY_OK);
    outer = xray_run_begin(w, xray_s("outer"), NULL);
    for (int i = 0; i < 300; i++) {
        xray_step st = xray_step_begin(outer, xray_s("step"), xray_s("llm"), NULL);

        for (size_t k = 0; k < 3000; k++)
            big[k] = (char)('a' + check_random_below(26));
        big[3000] = '\0';
        xray_step_set(st, XRAY_OUTPUT, xray_text(big));
        xray_step_accept(st, xray_s("item"));
        xray_step_end(st, XRAY_SUCCESS);
        xray_writer_flush(w, -1, NULL);
    }
    xray_run_end(outer, XRAY_SUCCESS);
    close_sealed(w);
    CHECK(count_segments(dir) > 10);
    text = trace_text(dir, NULL);
    CHECK_EQ(trace_count(text, "\"kind\":\"run\""), 1);
    CHECK_EQ(trace_count(text, "\"kind\":\"step\""), 300);
    CHECK_EQ(trace_count(text, "\"kind\":\"cand\""), 300);
    CHECK_EQ(trace_count(text, "\"step\":300,\"name\":\"step\",\"type\":\"llm\",\"status\":\"success\""), 1);
    free(text);
}

static void test_many_reasons_end_in_other(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);
    char code[16], *text;

    for (int i = 0; i < 1000; i++) {
        snprintf(code, sizeof code, "code%d", i);
        CHECK_EQ(xray_step_reject(st, xray_s("x"), xray_s(code), XRAY_NO_ATTRS), XRAY_OK);
    }
    xray_step_end(st, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
    close_sealed(w);
    text = trace_text(dir, NULL);
    CHECK_EQ(trace_count(text, "\"code255\":1,\"(other)\":744}"), 1);
    CHECK_EQ(trace_count(text, "\"code\":\"code999\""), 1); /* the events keep theirs */
    free(text);
}

static void test_losses_are_in_the_file(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    char *text;

    CHECK_EQ(xray_writer_report_loss(w, "sampling", "candidate", 900, 5, 9), XRAY_OK);
    CHECK_EQ(xray_writer_report_loss(w, "memory", "payload", 3, XRAY_MISSING, XRAY_MISSING), XRAY_OK);
    close_sealed(w);
    text = trace_text(dir, NULL);
    CHECK_STR(text, "{\"kind\":\"loss\",\"cause\":\"sampling\",\"what\":\"candidate\",\"count\":900,\"from\":\"5\",\"to\":\"9\"}\n"
                    "{\"kind\":\"loss\",\"cause\":\"memory\",\"what\":\"payload\",\"count\":3}\n");
    free(text);
}

/* A limit on file size: the write fails with EFBIG, no signal ends us, and every record is accounted for. */
static void test_a_full_disk_fails_the_writer_and_not_the_host(void)
{
    const char *dir = trace_dir();
    struct rlimit old, small;
    xray_writer_stats stats;
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_error err = {0};
    char item[32];

    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){.rlim_cur = 8192, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 20000; i++) {
        xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);

        snprintf(item, sizeof item, "%016llx", (unsigned long long)check_random());
        xray_step_accept(st, xray_s(item));
        xray_step_end(st, XRAY_SUCCESS);
    }
    CHECK_STATUS(xray_writer_flush(w, -1, &err), XRAY_EIO, &err);
    CHECK(err.sys_errno == 27 /* EFBIG */);
    xray_writer_get_stats(w, &stats);
    CHECK_EQ(stats.accepted, 20000 * 2 + 1);
    CHECK(stats.dropped > 0);
    CHECK_EQ(xray_writer_close(w, -1, &err), XRAY_EIO);
    setrlimit(RLIMIT_FSIZE, &old);
}

/* Every allocation failing in turn: no crash, no leak, and what was flushed before is there. */
static void test_out_of_memory_anywhere(void)
{
    for (size_t n = 1; n < 400; n++) {
        const char *dir = trace_dir();
        static const xray_fixed fixed = {.id = {3}, .time_ns = 1, .tick_ns = 1};
        const xray_writer_options options = {.fixed = &fixed};
        xray_writer *w = NULL;
        size_t asked;

        check_context("allocation %zu fails", n);
        xf_mem_fail_from(n);
        if (xray_writer_open(&w, dir, &options, NULL) == XRAY_OK) {
            xray_run run = xray_run_begin(w, xray_s("p"), NULL);
            xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);

            xray_step_set(st, XRAY_INPUT, xray_text("some input that is longer than what stands in place, by far, "
                                                    "so that it becomes a part of a payload block, stored once"));
            xray_step_reject(st, xray_s("a"), xray_s("r"), XRAY_ATTRS(xray_kv("k", xray_double(0.5))));
            xray_step_end(st, XRAY_SUCCESS);
            xray_run_end(run, XRAY_SUCCESS);
            xray_writer_close(w, -1, NULL);
        }
        asked = xf_mem_fail_from(0);
        if (asked < n) {
            CHECK(n > 10);
            return;
        }
    }
    CHECK(!"the run never succeeded");
}

CHECK_MAIN(test_everything_comes_back, test_fixed_ids_and_clock_give_the_same_bytes, test_flush_shows_what_is_open,
           test_parts_are_stored_once, test_dead_handles_do_nothing, test_long_names_are_cut_and_flagged,
           test_misuse_is_told, test_rotation_loses_and_doubles_nothing, test_many_reasons_end_in_other,
           test_losses_are_in_the_file, test_a_full_disk_fails_the_writer_and_not_the_host,
           test_out_of_memory_anywhere)
