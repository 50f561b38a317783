/* The look-up of one candidate: the same as going through every step of every run, whatever form the id
 * columns have; blocks that do not name it are not decoded; damage costs only its block. */
#include "xrayfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"

enum { RUNS = 40, STEPS = 3, CANDS = 7 };

/* Ids of every form: text, hexadecimal, decimal, UUID, with bytes of all kinds. Many return in other runs. */
static xray_str make_id(char *buf, size_t size, int form, int n)
{
    switch (form) {
    case 0:
        snprintf(buf, size, "it\nem %d \x1b[1m", n);
        break;
    case 1:
        snprintf(buf, size, "B0%07x", (unsigned)n * 2654435761u >> 4);
        break;
    case 2:
        snprintf(buf, size, "sku-%06d", n * 31);
        break;
    default:
        snprintf(buf, size, "%08x-0000-4000-8000-%012x", (unsigned)n * 2654435761u, n);
        break;
    }
    return xray_s(buf);
}

static void write_store(const char *dir, int form)
{
    const xray_fixed fixed = {.id = {(uint8_t)(form + 1)}, .time_ns = 1000, .tick_ns = 1};
    const xray_writer_options options = {.fixed = &fixed};
    xray_writer *w = NULL;
    xray_error err = {0};
    char id[80];

    if (!CHECK_STATUS(xray_writer_open(&w, dir, &options, &err), XRAY_OK, &err))
        exit(1);
    for (int r = 0; r < RUNS; r++) {
        const xray_run run = xray_run_begin(w, xray_s("p"), NULL);

        for (int s = 0; s < STEPS; s++) {
            const xray_step step = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);

            for (int c = 0; c < CANDS; c++) {
                const xray_candidate cand = {
                    .item = make_id(id, sizeof id, form, (r * 5 + c * 3 + s) % 50),
                    .verdict = c % 2 == 0 ? XRAY_ACCEPT : XRAY_REJECT,
                    .fields = XRAY_HAS_SCORE | (c % 3 == 0 ? XRAY_HAS_RANK_IN : 0u),
                    .score = r * 100 + s * 10 + c,
                    .rank_in = c,
                };

                xray_step_candidate(step, &cand);
            }
            xray_step_end(step, XRAY_SUCCESS);
        }
        xray_run_end(run, XRAY_SUCCESS);
        if (r % 8 == 7)
            xray_writer_flush(w, -1, NULL); /* several blocks */
    }
    CHECK_STATUS(xray_writer_close(w, -1, &err), XRAY_SEALED, &err);
}

static xray_store *open_store(const char *dir)
{
    xray_store *s = NULL;
    xray_error err = {0};

    if (!CHECK_STATUS(xray_store_open(&s, &dir, 1, NULL, &err), XRAY_OK, &err))
        exit(1);
    return s;
}

/* A number that depends on what was found but not on the order. */
struct sum {
    uint64_t count;
    double scores;
    int64_t ranks;
};

static void add(struct sum *sum, const xray_event_record *e, int64_t step)
{
    sum->count++;
    sum->scores += e->score * (double)(step + 1) + e->verdict;
    if (e->fields & XRAY_HAS_RANK_IN)
        sum->ranks += e->rank_in + 1;
}

static struct sum by_items(xray_store *s, xray_str item)
{
    struct sum sum = {0};
    xray_items *it = NULL;
    xray_item_record rec;
    xray_error err = {0};
    int r;

    CHECK_STATUS(xray_items_open(&it, s, item, &err), XRAY_OK, &err);
    while ((r = xray_items_next(it, &rec, &err)) == 1) {
        CHECK_MEM(rec.event.item.ptr, rec.event.item.len, item.ptr, item.len);
        add(&sum, &rec.event, rec.raw_step);
    }
    CHECK_STATUS(r, 0, &err);
    xray_items_close(it);
    return sum;
}

static struct sum by_traces(xray_store *s, xray_str item)
{
    struct sum sum = {0};
    const xray_run_record *runs;
    size_t run_count = 0;
    xray_error err = {0};

    CHECK_STATUS(xray_store_runs(s, &runs, &run_count, &err), XRAY_OK, &err);
    for (size_t r = 0; r < run_count; r++) {
        xray_trace *t = NULL;
        size_t steps = 0;

        CHECK_STATUS(xray_trace_open(&t, s, r, &err), XRAY_OK, &err);

        const xray_step_record *step = xray_trace_steps(t, &steps);

        for (size_t i = 0; i < steps; i++) {
            xray_events *e = NULL;
            xray_event_record rec;

            CHECK_STATUS(xray_events_open(&e, t, step[i].number, XRAY_EVENT_CANDIDATE, &err), XRAY_OK, &err);
            while (xray_events_next(e, &rec, &err) == 1)
                if (rec.item.len == item.len && memcmp(rec.item.ptr, item.ptr, item.len) == 0)
                    add(&sum, &rec, step[i].raw_number);
            xray_events_close(e);
        }
        xray_trace_close(t);
    }
    return sum;
}

static void check_same(xray_store *s, xray_str item)
{
    const struct sum found = by_items(s, item), wanted = by_traces(s, item);

    CHECK_EQ(found.count, wanted.count);
    CHECK(found.scores == wanted.scores);
    CHECK_EQ(found.ranks, wanted.ranks);
}

static void test_form(int form)
{
    char dir[256], id[80];
    xray_store *s;
    uint64_t total = 0;

    snprintf(dir, sizeof dir, "%s/form%d", check_dir(), form);
    write_store(dir, form);
    s = open_store(dir);
    for (int n = 0; n < 50; n++) {
        check_same(s, make_id(id, sizeof id, form, n));
        total += by_items(s, xray_s(id)).count;
    }
    CHECK_EQ(total, RUNS * STEPS * CANDS);
    CHECK_EQ(by_items(s, make_id(id, sizeof id, form, 50)).count, 0);
    CHECK_EQ(by_items(s, xray_s("")).count, 0);
    CHECK_EQ(by_items(s, xray_strn(id, strlen(id) - 1)).count, 0);
    CHECK_EQ(xray_store_problem_count(s), 0);
    xray_store_close(s);
}

/* The last blocks are overwritten: it is said, and nothing is found that was not written, nor less than going through
 * all steps does (candidates whose spine is gone are of no trace, but are found here). */
static void test_damage(void)
{
    char dir[256], id[80];
    const xray_str item = make_id(id, sizeof id, 1, 5);
    xray_segment_info info;
    struct sum whole, rest;
    xray_store *s;
    FILE *f;

    snprintf(dir, sizeof dir, "%s/damaged", check_dir());
    write_store(dir, 1);
    s = open_store(dir);
    whole = by_items(s, item);
    CHECK_EQ(xray_store_segment(s, 0, &info), XRAY_OK);
    f = fopen(info.path, "r+b");
    if (CHECK(f != NULL)) {
        fseek(f, (long)(info.valid_len * 3 / 5), SEEK_SET);
        for (int i = 0; (uint64_t)i < info.valid_len / 4; i++)
            fputc(0xA5, f);
        fclose(f);
    }
    xray_store_close(s);
    s = open_store(dir);
    rest = by_items(s, item);
    CHECK(rest.count > 0);
    CHECK(rest.count < whole.count);
    CHECK(rest.count >= by_traces(s, item).count);
    CHECK(xray_store_problem_count(s) > 0);
    xray_store_close(s);
}

static void test_forms(void)
{
    for (int form = 0; form < 4; form++)
        test_form(form);
}

CHECK_MAIN(test_forms, test_damage)
