/* Joining rows: scans, the list of runs, traces with their numbers and parents, and events
 * (spec 7.2, 7.4), as a writer leaves them that was flushed in the middle of things. */
#include "support/check.h"
#include "support/trace.h"

#include <stdio.h>
#include <stdlib.h>

static xray_store *open_store(const char *dir)
{
    xray_store *s = NULL;
    xray_error err;

    CHECK_STATUS(xray_store_open(&s, &dir, 1, NULL, &err), XRAY_OK, &err);
    return s;
}

static xray_trace *open_trace(xray_store *s, size_t index)
{
    xray_trace *t = NULL;
    xray_error err;

    CHECK_STATUS(xray_trace_open(&t, s, index, &err), XRAY_OK, &err);
    return t;
}

static bool is(xray_str text, const char *want)
{
    return text.len == strlen(want) && (text.len == 0 || memcmp(text.ptr, want, text.len) == 0);
}

static void check_json(xray_store *s, xray_ref ref, const char *want)
{
    xray_buffer out = {0};
    xray_error err;

    if (CHECK_STATUS(xray_ref_json(s, ref, &out, &err), XRAY_OK, &err))
        CHECK_MEM(out.data, out.len, want, strlen(want));
    xray_buffer_free(&out);
}

static void set(xray_step st, xray_field field, const char *json)
{
    CHECK_EQ(xray_step_set(st, field, xray_json(json)), XRAY_OK);
}

/* One step in three pieces, its values and maps set now here, now there. */
static void write_pieces(const char *dir)
{
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);
    xray_step other;

    set(st, XRAY_TAGS, "{\"a\":1,\"b\":2}");
    set(st, XRAY_INPUT, "\"first\"");
    xray_step_reject(st, xray_s("i1"), xray_s("late"), XRAY_NO_ATTRS);
    xray_writer_flush(w, -1, NULL);
    xray_step_add(st, XRAY_TAGS, xray_s("b"), xray_json("3"));
    xray_step_add(
        st, XRAY_TAGS, xray_s("c"),
        xray_text("a text of more than one hundred and twenty-eight bytes, so that it becomes a part of the "
                  "segment and the map is put into the payload as a skeleton"));
    other = xray_step_begin(run, xray_s("whole"), xray_s("rank"), NULL);
    xray_step_end(other, XRAY_SUCCESS);
    xray_writer_flush(w, -1, NULL);
    set(st, XRAY_INPUT, "\"second\"");
    xray_step_accept(st, xray_s("i2"));
    xray_step_end(st, XRAY_PARTIAL);
    xray_run_end(run, XRAY_SUCCESS);
    xray_run_begin(w, xray_s("open"), NULL);
    xray_writer_close(w, -1, NULL);
}

static void test_scan(void)
{
    const char *dir = trace_dir();
    const char *order[4] = {"whole", "s", "p", "open"};
    xray_scan_record rec;
    xray_scan *scan;
    xray_store *s;
    xray_error err;
    size_t n = 0;

    write_pieces(dir);
    s = open_store(dir);
    CHECK_STATUS(xray_scan_open(&scan, s, ~0u, &err), XRAY_OK, &err);
    while (xray_scan_next(scan, &rec, &err) == 1) {
        const bool step = rec.kind == XRAY_SCAN_STEP;

        if (!CHECK(n < 4))
            break;
        CHECK(is(step ? rec.step->name : rec.run->pipeline, order[n]));
        if (n == 1) {
            CHECK(rec.step->ended && !rec.step->abandoned);
            CHECK_EQ(rec.step->outcome, XRAY_PARTIAL);
            CHECK_EQ(rec.step->candidates_in, 2);
            CHECK_EQ(rec.step->reason_count, 1);
            CHECK(is(rec.step->reasons[0].code, "late"));
            CHECK(is(rec.step->pipeline, "p"));
            check_json(s, rec.step->input, "\"second\"");
            check_json(
                s, rec.step->tags,
                "{\"a\":1,\"b\":3,\"c\":\"a text of more than one hundred and twenty-eight bytes, so that it "
                "becomes a part of the segment and the map is put into the payload as a skeleton\"}");
        }
        if (n == 3)
            CHECK(!rec.run->ended && rec.run->abandoned);
        n++;
    }
    CHECK_EQ(n, 4);
    xray_scan_close(scan);
    CHECK_EQ(xray_store_problem_count(s), 0);
    xray_store_close(s);
}

/* A scan reads no payload and no candidates. */
static void test_scan_reads(void)
{
    const char *dir = trace_dir();
    xray_read_stats stats;
    xray_scan_record rec;
    xray_scan *scan;
    xray_store *s;

    write_pieces(dir);
    s = open_store(dir);
    CHECK_EQ(xray_scan_open(&scan, s, XRAY_SCAN_STEP, NULL), XRAY_OK);
    while (xray_scan_next(scan, &rec, NULL) == 1)
        CHECK_EQ(rec.kind, XRAY_SCAN_STEP);
    xray_scan_close(scan);
    xray_store_get_stats(s, &stats);
    CHECK_EQ(stats.kind_read[1] + stats.kind_read[2], 0);
    CHECK_EQ(stats.kind_read[3], stats.blocks_read);
    CHECK(stats.blocks_total > stats.blocks_read);
    xray_store_close(s);
}

static void test_pieces(void)
{
    const char *dir = trace_dir();
    const xray_step_record *steps;
    xray_event_record e;
    xray_events *events;
    xray_store *s;
    xray_trace *t;
    size_t count;

    write_pieces(dir);
    s = open_store(dir);
    t = open_trace(s, 0);
    steps = xray_trace_steps(t, &count);
    if (CHECK_EQ(count, 2)) {
        CHECK(is(steps[0].name, "s") && is(steps[1].name, "whole"));
        CHECK(steps[0].ended && steps[1].ended);
        check_json(s, steps[0].input, "\"second\"");
        CHECK_EQ(steps[0].reason_count, 1);
        CHECK_EQ(xray_events_open(&events, t, 1, ~0u, NULL), XRAY_OK);
        CHECK_EQ(xray_events_next(events, &e, NULL), 1);
        CHECK(is(e.item, "i1") && e.verdict == XRAY_REJECT && is(e.reasons[0].code, "late"));
        CHECK_EQ(xray_events_next(events, &e, NULL), 1);
        CHECK(is(e.item, "i2") && e.verdict == XRAY_ACCEPT);
        CHECK_EQ(xray_events_next(events, &e, NULL), 0);
        CHECK_EQ(xray_events_next(events, &e, NULL), 0);
        xray_events_close(events);
        CHECK_EQ(xray_events_open(&events, t, 3, ~0u, NULL), XRAY_ENOTFOUND);
        CHECK_EQ(xray_events_open(&events, t, -1, ~0u, NULL), XRAY_ENOTFOUND);
    }
    xray_trace_close(t);
    CHECK_EQ(xray_trace_open(&t, s, 2, NULL), XRAY_ENOTFOUND);
    xray_store_close(s);
}

static xray_step add_step(xray_run run, const char *name, int64_t number, int64_t parent, const char *ext,
                          const char *parent_ext)
{
    const xray_step_options o = {
        .ext_id = xray_s(ext), .parent_ext = xray_s(parent_ext), .number = number, .parent_number = parent};
    const xray_step st = xray_step_begin(run, xray_s(name), xray_s("tool"), &o);

    xray_step_end(st, XRAY_SUCCESS);
    return st;
}

/* Parents by number and by ext_id, in any order; orphans; cycles that are cut at their lowest member. */
static void test_parents(void)
{
    static const struct {
        const char *name;
        int64_t parent;
        bool orphan;
    } want[] = {
        {"root", 0, false},   {"child", 1, false},  {"by uuid", 1, false}, {"lost", 0, true},
        {"a", 0, true},       {"b", 5, true},       {"below", 6, false},   {"self", 0, true},
        {"lost text", 0, true},
    };
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    const xray_step_record *steps;
    xray_store *s;
    xray_trace *t;
    size_t count;

    add_step(run, "child", 20, 10, NULL, NULL);
    add_step(run, "root", 10, 0, "123e4567-e89b-12d3-a456-426614174000", NULL);
    add_step(run, "by uuid", 30, 0, NULL, "123e4567-e89b-12d3-a456-426614174000");
    add_step(run, "lost", 40, 5, NULL, NULL);
    add_step(run, "a", 50, 60, NULL, NULL);
    add_step(run, "b", 60, 50, NULL, NULL);
    add_step(run, "below", 70, 60, NULL, NULL);
    add_step(run, "self", 80, 80, NULL, NULL);
    add_step(run, "lost text", 90, 0, NULL, "nobody");
    xray_run_end(run, XRAY_SUCCESS);
    xray_writer_close(w, -1, NULL);
    s = open_store(dir);
    t = open_trace(s, 0);
    steps = xray_trace_steps(t, &count);
    CHECK_EQ(count, sizeof want / sizeof *want);
    for (size_t i = 0; i < count && i < sizeof want / sizeof *want; i++) {
        check_context("step %s", want[i].name);
        CHECK(is(steps[i].name, want[i].name));
        CHECK_EQ(steps[i].number, i + 1);
        CHECK_EQ(steps[i].raw_number, 10 * (int64_t)(i + 1));
        CHECK_EQ(steps[i].parent, want[i].parent);
        CHECK_EQ(steps[i].orphan, want[i].orphan);
    }
    xray_trace_close(t);
    xray_store_close(s);
}

/* A chain of parents as long as the run costs no stack and no quadratic time. */
static void test_long_chain(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    const xray_step_record *steps;
    xray_store *s;
    xray_trace *t;
    size_t count;

    for (int i = 1; i <= 20000; i++)
        add_step(run, "s", i, i % 20000 + 1, NULL, NULL); /* one cycle of all */
    xray_run_end(run, XRAY_SUCCESS);
    xray_writer_close(w, -1, NULL);
    s = open_store(dir);
    t = open_trace(s, 0);
    steps = xray_trace_steps(t, &count);
    if (CHECK_EQ(count, 20000)) {
        CHECK_EQ(steps[0].parent, 0);
        CHECK_EQ(steps[1].parent, 3);
        CHECK(steps[0].orphan && steps[19999].orphan);
    }
    xray_trace_close(t);
    xray_store_close(s);
}

/* A run that two writers wrote has the steps of both, the first writer's first. */
static void test_two_writers(void)
{
    const char *dir = trace_dir();
    const uint8_t id[16] = {7, 7, 7, 7};
    xray_run_options o = {.id = id};
    const xray_step_record *steps;
    const xray_run_record *runs;
    xray_store *s;
    xray_trace *t;
    size_t count;

    for (int i = 0; i < 2; i++) {
        const xray_fixed fixed = {
            .id = {(uint8_t)(9 - i)}, .time_ns = (i + 1) * INT64_C(1000000000000), .tick_ns = 1};
        const xray_writer_options options = {.fixed = &fixed};
        xray_writer *w;
        xray_run run;

        CHECK_EQ(xray_writer_open(&w, dir, &options, NULL), XRAY_OK);
        o.resume = i > 0;
        run = xray_run_begin(w, xray_s("p"), &o);
        xray_step_end(xray_step_begin(run, xray_s(i == 0 ? "of one" : "of two"), xray_s("tool"), NULL),
                      XRAY_SUCCESS);
        if (i > 0)
            xray_run_end(run, XRAY_FAILURE);
        xray_writer_close(w, -1, NULL);
    }
    s = open_store(dir);
    CHECK_EQ(xray_store_runs(s, &runs, &count, NULL), XRAY_OK);
    if (CHECK_EQ(count, 1)) {
        CHECK(runs[0].ended && runs[0].outcome == XRAY_FAILURE);
        t = open_trace(s, 0);
        steps = xray_trace_steps(t, &count);
        if (CHECK_EQ(count, 2)) {
            CHECK(is(steps[0].name, "of one") && is(steps[1].name, "of two"));
            CHECK_EQ(steps[1].number, 2);
            CHECK_EQ(steps[1].raw_number, 1);
        }
        xray_trace_close(t);
    }
    xray_store_close(s);
}

/* Ids are found by what people type. */
static void test_find(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    const char *ids[] = {"run-1", "run-10", "123e4567-e89b-12d3-a456-426614174000", "RUN-2"};
    size_t index = 99, matches[16];
    xray_store *s;

    for (size_t i = 0; i < 4; i++) {
        const xray_run_options o = {.ext_id = xray_s(ids[i])};

        xray_run_end(xray_run_begin(w, xray_s("p"), &o), XRAY_SUCCESS);
    }
    xray_writer_close(w, -1, NULL);
    s = open_store(dir);
    CHECK_EQ(xray_store_find_run(s, xray_s("run-1"), &index, NULL, NULL), 1);
    CHECK_EQ(index, 0);
    CHECK_EQ(xray_store_find_run(s, xray_s("run-10"), &index, NULL, NULL), 1);
    CHECK_EQ(index, 1);
    CHECK_EQ(xray_store_find_run(s, xray_s("run-"), &index, matches, NULL), 2);
    CHECK(matches[0] == 0 && matches[1] == 1);
    CHECK_EQ(xray_store_find_run(s, xray_s("123e"), &index, NULL, NULL), 1);
    CHECK_EQ(index, 2);
    CHECK_EQ(xray_store_find_run(s, xray_s("123E4567e89B12D3"), &index, NULL, NULL), 1);
    CHECK_EQ(xray_store_find_run(s, xray_s("none"), &index, NULL, NULL), 0);
    CHECK_EQ(xray_store_find_run(s, xray_s("run"), &index, NULL, NULL), XRAY_ESYNTAX);
    xray_store_close(s);
}

/* Whatever the cache holds, the answer is the same: here it holds nothing. */
static void test_small_cache(void)
{
    const xray_store_options tiny = {.cache_bytes = 1};
    const char *dir = trace_dir();
    xray_store *s;
    xray_trace *t;
    size_t count;

    write_pieces(dir);
    CHECK_EQ(xray_store_open(&s, &dir, 1, &tiny, NULL), XRAY_OK);
    t = open_trace(s, 0);
    check_json(s, xray_trace_steps(t, &count)[0].input, "\"second\"");
    xray_trace_close(t);
    xray_store_close(s);
}

CHECK_MAIN(test_scan, test_scan_reads, test_pieces, test_parents, test_long_chain, test_two_writers,
           test_find, test_small_cache)
