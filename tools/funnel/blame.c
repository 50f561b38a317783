/* See blame.h. */
#include "funnel/blame.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/runs.h"

enum { MOST_RUNS = 10 };

/* One run's part in a line. */
struct part {
    bool taken;
    int64_t in, out;           /* sums of what is recorded */
    int64_t both_in, both_out; /* over the steps that have both */
    int64_t cost, longest;
};

struct blame {
    xray_store *store;
    const struct board *board;
    const struct board_line *line;
    size_t first_number;
    struct part *parts; /* by run number */
    size_t count, cap;
};

struct culprit {
    size_t run; /* its index in the store */
    double value;
};

static void take_run(void *ctx, const struct feed_run *run)
{
    struct blame *b = ctx;
    const size_t number = run->number - b->first_number;

    if (number >= b->count) {
        b->parts = memory_grow(b->parts, &b->cap, number + 1, sizeof *b->parts);
        for (; b->count <= number; b->count++)
            b->parts[b->count] = (struct part){false,        XRAY_MISSING, XRAY_MISSING, XRAY_MISSING,
                                               XRAY_MISSING, XRAY_MISSING, XRAY_MISSING};
    }
}

static bool same_text(const struct text *a, xray_str b)
{
    return a->len == b.len && (b.len == 0 || memcmp(a->data, b.ptr, b.len) == 0);
}

static void take_step(void *ctx, const struct feed_run *run, const struct group *group, const xray_step_record *step)
{
    struct blame *b = ctx;
    const struct board_step *wanted = &b->board->steps[b->line->step];
    struct part *part = &b->parts[run->number - b->first_number];

    if (run->side != 0 || !group_equal(group, &b->line->group) || !same_text(&wanted->name, step->name) ||
        !same_text(&wanted->type, step->type) ||
        !same_text(&b->board->pipelines[wanted->pipeline].name, run->record->pipeline))
        return;
    part->taken = true;
    sum_add(&part->in, step->candidates_in);
    sum_add(&part->out, step->candidates_out);
    if (step->candidates_in != XRAY_MISSING && step->candidates_out != XRAY_MISSING) {
        sum_add(&part->both_in, step->candidates_in);
        sum_add(&part->both_out, step->candidates_out);
    }
    sum_add(&part->cost, step->cost);
    if (step->duration_ns != XRAY_MISSING && step->duration_ns > part->longest)
        part->longest = step->duration_ns; /* XRAY_MISSING is less than any */
}

static bool value_of(const struct part *p, enum assert_field field, double *value)
{
    const int64_t n = field == ASSERT_IN     ? p->in
                      : field == ASSERT_OUT  ? p->out
                      : field == ASSERT_COST ? p->cost
                      : field == ASSERT_P50 || field == ASSERT_P95 ? p->longest : XRAY_MISSING;

    if (!p->taken)
        return false;
    if (field == ASSERT_RATE)
        return rejection_rate(p->both_in, p->both_out, value);
    if (field == ASSERT_REJECTED) {
        *value = (double)p->both_in - (double)p->both_out;
        return p->both_in != XRAY_MISSING;
    }
    *value = field == ASSERT_COST ? (double)n / 1e9 : (double)n;
    return n != XRAY_MISSING;
}

static int largest_first(const void *a, const void *b)
{
    const struct culprit *s = a;
    const struct culprit *t = b;

    return s->value > t->value ? -1 : s->value < t->value;
}

static int smallest_first(const void *a, const void *b)
{
    return largest_first(b, a);
}

static void say_culprits(const struct assert_test *test, const struct blame *b, struct culprit *culprits, size_t count)
{
    const int digits = runs_id_digits(b->store);
    const bool small = test->comparison == ASSERT_GT || test->comparison == ASSERT_GE;
    struct text t = {0};

    if (count > 0)
        qsort(culprits, count, sizeof *culprits, small ? smallest_first : largest_first);
    for (size_t i = 0; i < count && i < MOST_RUNS; i++) {
        xray_run_record run;

        runs_record(b->store, culprits[i].run, &run);
        text_reset(&t);
        text_puts(&t, "run ");
        runs_put_id(&t, run.id, digits);
        if (run.ext_id.len > 0) {
            text_puts(&t, " (");
            text_safe(&t, run.ext_id, SAFE_LINE);
            text_puts(&t, ")");
        }
        text_puts(&t, ": ");
        text_safe(&t, text_str(&b->board->steps[b->line->step].name), SAFE_LINE);
        text_puts(&t, " ");
        assert_put_value(&t, test->field, culprits[i].value);
        cli_say(NULL, "%.*s", (int)t.len, t.data);
    }
    if (count > MOST_RUNS)
        cli_say(NULL, "and %zu more runs", count - MOST_RUNS);
    text_free(&t);
}

static void find_culprits(const struct assert_test *test, const struct blame *b)
{
    const bool own = test->field == ASSERT_RATE || test->field == ASSERT_P50 || test->field == ASSERT_P95;
    struct culprit *culprits = memory_new(b->count, sizeof *culprits);
    size_t count = 0;

    for (size_t i = 0; i < b->count; i++) {
        double value;

        if (value_of(&b->parts[i], test->field, &value) && !(own && assert_holds(test, value)))
            culprits[count++] = (struct culprit){i, value};
    }
    say_culprits(test, b, culprits, count);
    free(culprits);
}

void blame_runs(const struct assert_test *test, struct board *board, const struct board_line *line,
                const struct feed *feed)
{
    struct blame b = {.store = feed->store, .board = board, .line = line, .first_number = feed->first_number};
    struct feed again = *feed;

    if (test->field == ASSERT_RUNS)
        return;
    again.ctx = &b;
    again.take_sum = NULL; /* which runs it were is what is asked */
    again.take_run = take_run;
    again.take_step = take_step;
    if (feed_read(&again))
        find_culprits(test, &b);
    free(b.parts);
}
