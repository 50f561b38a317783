/* Sampled candidates: counts and reasons stay exact, weights make sums unbiased, the seed decides; and what a summary leaves out. */
#include "support/check.h"
#include "support/trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT 1000u

static char ids[COUNT][16];
static xray_candidate list[COUNT];
static const xray_reason reasons[] = {{.code = {"dear", 4}}, {.code = {"far", 3}}, {.code = {"rare", 4}}};

/* One in ten is accepted, one in a hundred is rare, the others are dear or far. */
static void make_list(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(ids[i], sizeof ids[i], "item%zu", i);
        list[i] = (xray_candidate){.item = xray_s(ids[i]), .verdict = i % 10 == 0 ? XRAY_ACCEPT : XRAY_REJECT};
        if (list[i].verdict == XRAY_REJECT) {
            list[i].reasons = &reasons[i % 100 == 7 ? 2 : i % 3 == 0];
            list[i].reason_count = 1;
        }
        list[i].fields = XRAY_HAS_SCORE;
        list[i].score = (double)i;
    }
}

struct seen {
    size_t kept, accepted, rare;
    double weights, scores; /* sums, weighted */
    size_t odd;             /* weights below 1 */
};

static const char *field(const char *line, const char *name)
{
    const char *at = strstr(line, name);

    return at != NULL ? at + strlen(name) : NULL;
}

static struct seen look(const char *text)
{
    struct seen s = {0};

    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
        char copy[400];
        double weight;

        snprintf(copy, sizeof copy, "%.*s", (int)strcspn(line, "\n"), line);
        if (strstr(copy, "\"kind\":\"cand\"") == NULL)
            continue;
        weight = field(copy, "\"weight\":") != NULL ? strtod(field(copy, "\"weight\":"), NULL) : 1;
        s.kept++;
        s.accepted += strstr(copy, "\"verdict\":\"accept\"") != NULL;
        s.rare += strstr(copy, "\"code\":\"rare\"") != NULL;
        s.weights += weight;
        if (field(copy, "\"score\":") != NULL)
            s.scores += weight * strtod(field(copy, "\"score\":"), NULL);
        s.odd += weight < 1;
    }
    return s;
}

static xray_writer *open_writer(const char *dir, const xray_writer_options *options)
{
    xray_writer *w = NULL;
    xray_error err;

    CHECK_STATUS(xray_writer_open(&w, dir, options, &err), XRAY_OK, &err);
    return w;
}

/* The trace of one step with the whole list. */
static char *trace_of(xray_capture mode, size_t size, uint64_t seed)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, NULL);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);

    make_list();
    CHECK_EQ(xray_step_set_candidates(st, list, COUNT, mode, size, seed), XRAY_OK);
    xray_step_end(st, XRAY_ENDED);
    xray_run_end(run, XRAY_ENDED);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    return trace_text(dir, NULL);
}

static void check_exact(const char *text)
{
    CHECK(strstr(text, "\"candidates_in\":1000,\"candidates_out\":100") != NULL);
    CHECK(strstr(text, "\"far\":297") != NULL);
    CHECK(strstr(text, "\"dear\":593") != NULL);
    CHECK(strstr(text, "\"rare\":10") != NULL);
}

static void test_modes(void)
{
    char *text = trace_of(XRAY_CAPTURE_ALL, 0, 1);
    struct seen s = look(text);

    check_exact(text);
    CHECK_EQ(s.kept, COUNT);
    CHECK(strstr(text, "\"sampling\"") == NULL && strstr(text, "\"kept\"") == NULL && strstr(text, "\"weight\"") == NULL);
    free(text);

    text = trace_of(XRAY_CAPTURE_SUMMARY, 0, 1);
    check_exact(text);
    CHECK_EQ(look(text).kept, 0);
    CHECK(strstr(text, "\"kept\":0,") != NULL && strstr(text, "\"flags\":4") != NULL);
    CHECK(strstr(text, "\"sampling\":{\"mode\":\"summary\",\"seen\":1000,\"kept\":0") != NULL);
    free(text);

    text = trace_of(XRAY_CAPTURE_SAMPLED, 40, 7);
    s = look(text);
    check_exact(text);
    CHECK_EQ(s.kept, 40);
    CHECK_EQ(s.weights, COUNT);
    CHECK(strstr(text, "\"kept\":40,") != NULL);
    CHECK(strstr(text, "\"sampling\":{\"mode\":\"sampled\",\"seen\":1000,\"kept\":40,\"method\":\"reservoir (algorithm R)\",\"seed\":7}") != NULL);
    free(text);

    text = trace_of(XRAY_CAPTURE_SMART, 0, 7);
    s = look(text);
    check_exact(text);
    CHECK_EQ(s.kept, 100 + 3 * 3 + 20);
    CHECK_EQ(s.accepted, 100);
    CHECK(s.rare >= 3);
    CHECK_EQ(s.odd, 0);
    CHECK(fabs(s.weights - COUNT) < 1e-6);
    free(text);
}

/* The same seed keeps the same, another one others; and over many seeds the weighted sums meet the true one. */
static void test_seeds(void)
{
    char *a = trace_of(XRAY_CAPTURE_SAMPLED, 20, 3), *b = trace_of(XRAY_CAPTURE_SAMPLED, 20, 3),
         *c = trace_of(XRAY_CAPTURE_SAMPLED, 20, 4);
    const double truth = COUNT * (COUNT - 1) / 2.0;
    double sampled = 0, smart = 0;
    enum { ROUNDS = 200 };

    CHECK_EQ(look(a).scores, look(b).scores);
    CHECK(look(a).scores != look(c).scores);
    free(a);
    free(b);
    free(c);
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        a = trace_of(XRAY_CAPTURE_SAMPLED, 40, seed);
        b = trace_of(XRAY_CAPTURE_SMART, 40, seed);
        sampled += look(a).scores / ROUNDS;
        smart += look(b).scores / ROUNDS;
        free(a);
        free(b);
    }
    /* One estimate's deviation is 1000 * 289 / sqrt(40) = 45,600; that of 200 of them 3,200. Four of these. */
    check_context("sampled %.0f, smart %.0f, truth %.0f", sampled, smart, truth);
    CHECK(fabs(sampled - truth) < 13000);
    CHECK(fabs(smart - truth) < 13000);
}

static void test_short_lists(void)
{
    const char *dir = trace_dir();
    xray_writer *w = open_writer(dir, NULL);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);
    xray_candidate wrong;
    char *text;

    make_list();
    wrong = list[0];
    wrong.verdict = (xray_verdict)9;
    CHECK_EQ(xray_step_set_candidates(st, NULL, 0, XRAY_CAPTURE_SMART, 0, 0), XRAY_OK);
    CHECK_EQ(xray_step_set_candidates(st, list, 50, XRAY_CAPTURE_SMART, 0, 0), XRAY_OK); /* all of so few */
    CHECK_EQ(xray_step_set_candidates(st, list, 5, XRAY_CAPTURE_SAMPLED, 10, 0), XRAY_OK);
    CHECK_EQ(xray_step_set_candidates(st, &wrong, 1, XRAY_CAPTURE_ALL, 0, 0), XRAY_EMISUSE);
    CHECK_EQ(xray_step_set_candidates(st, list, 1, (xray_capture)9, 0, 0), XRAY_EMISUSE);
    CHECK_EQ(xray_step_set_candidates(0, list, 1, XRAY_CAPTURE_ALL, 0, 0), XRAY_ECLOSED);
    CHECK_EQ(xray_step_accept(st, xray_s("more")), XRAY_OK); /* adds up with what came before */
    xray_step_end(st, XRAY_ENDED);
    xray_run_end(run, XRAY_ENDED);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    text = trace_text(dir, NULL);
    CHECK_EQ(look(text).kept, 56);
    CHECK(strstr(text, "\"candidates_in\":56,") != NULL && strstr(text, "\"sampling\"") == NULL);
    free(text);
}

/* ---- the rate of a writer ---- */

static char *at_rate(double rate, uint64_t seed, bool sync)
{
    const char *dir = trace_dir();
    const xray_writer_options o = {.sample_rate = rate, .sample_seed = seed, .sync = sync};
    xray_writer *w = open_writer(dir, &o);
    const xray_run_options ro = {.ext_id = xray_s("0123456789abcdef0123456789abcdef")}; /* the run takes part in the choice */
    xray_run run = xray_run_begin(w, xray_s("p"), &ro);

    make_list();
    for (int step = 0; step < 2; step++) {
        xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);

        for (size_t i = 0; i < COUNT; i++)
            CHECK_EQ(xray_step_candidate(st, &list[i]), XRAY_OK);
        xray_step_end(st, XRAY_ENDED);
    }
    xray_run_end(run, XRAY_ENDED);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    return trace_text(dir, NULL);
}

static void test_rate(void)
{
    const double truth = COUNT * (COUNT - 1.0); /* of both steps */
    double sum = 0;
    char *a = at_rate(0.1, 5, false), *b = at_rate(0.1, 5, true), *c = at_rate(0.1, 6, false);
    struct seen s = look(a);

    check_exact(a);
    CHECK(s.kept % 2 == 0 && s.kept > 100 && s.kept < 300); /* the same items in both steps */
    CHECK_EQ(look(b).kept, s.kept);
    CHECK_EQ(look(b).scores, s.scores);
    CHECK(look(c).scores != s.scores);
    CHECK_EQ(s.weights, 10 * s.kept);
    CHECK(strstr(a, "\"flags\":4,\"sampling\":{\"mode\":\"rate\",\"rate\":0.1,\"seen\":1000,\"kept\":") != NULL);
    free(a);
    free(b);
    free(c);
    for (uint64_t seed = 0; seed < 50; seed++) {
        a = at_rate(0.1, seed, false);
        sum += look(a).scores / 50;
        free(a);
    }
    /* Deviation of one: 2 * sqrt(9 * sum of squares) = 109,500; of 50: 15,500. Four of these. */
    check_context("%.0f, truth %.0f", sum, truth);
    CHECK(fabs(sum - truth) < 62000);
}

static void test_all_and_none(void)
{
    char *text = at_rate(1, 0, false);

    CHECK_EQ(look(text).kept, 2 * COUNT);
    CHECK(strstr(text, "\"weight\"") == NULL);
    free(text);
    text = at_rate(-1, 0, false);
    CHECK_EQ(look(text).kept, 0);
    check_exact(text);
    free(text);
}

static void test_summary(void)
{
    const char *dir = trace_dir();
    const xray_writer_options o = {.summary = true};
    xray_writer *w = open_writer(dir, &o);
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);
    xray_usage u = XRAY_USAGE_INIT;
    char *text;

    CHECK_EQ(xray_step_set(st, XRAY_INPUT, xray_text("long input")), XRAY_OK);
    CHECK_EQ(xray_step_add(st, XRAY_METADATA, xray_s("k"), xray_text("long metadata")), XRAY_OK);
    CHECK_EQ(xray_run_set(run, XRAY_OUTPUT, xray_text("long output")), XRAY_OK);
    CHECK_EQ(xray_run_add(run, XRAY_TAGS, xray_s("ab"), xray_text("b")), XRAY_OK);
    CHECK_EQ(xray_step_set(st, XRAY_ERROR, xray_text("Timeout: 3 s")), XRAY_OK);
    CHECK_EQ(xray_step_reject(st, xray_s("B0"), xray_s("dear"), XRAY_NO_ATTRS), XRAY_OK);
    CHECK_EQ(xray_step_accept(st, xray_s("B1")), XRAY_OK);
    u.model = xray_s("m1");
    u.input = 812;
    u.cache_read = 600;
    u.cost = 5000000;
    CHECK_EQ(xray_step_usage(st, &u), XRAY_OK);
    CHECK_EQ(xray_step_usage(0, &u), XRAY_ECLOSED);
    xray_step_end(st, XRAY_ENDED);
    xray_run_end(run, XRAY_ENDED);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    text = trace_text(dir, NULL);
    CHECK(strstr(text, "long") == NULL);
    CHECK_EQ(look(text).kept, 0);
    CHECK(strstr(text, "\"tags\":{\"ab\":\"b\"}") != NULL);
    CHECK(strstr(text, "\"status\":\"failure\"") != NULL && strstr(text, "\"error\":\"Timeout: 3 s\"") != NULL);
    CHECK(strstr(text, "\"candidates_in\":2,\"candidates_out\":1,\"kept\":0,\"reasons\":{\"dear\":1}") != NULL);
    CHECK(strstr(text, "\"model\":\"m1\",\"tokens\":{\"input\":812,\"cache_read\":600},\"cost\":0.005") != NULL);
    free(text);
}

/* What has ended is on disk without anybody asking for it. */
static void test_flush_at_end(void)
{
    for (int sync = 0; sync < 2; sync++) {
        const char *dir = trace_dir();
        const xray_writer_options o = {.flush = sync ? XRAY_FLUSH_SYNC : XRAY_FLUSH_RUN, .flush_interval_ms = 3600000};
        xray_writer *w = open_writer(dir, &o);
        size_t found = 0;

        xray_run_end(xray_run_begin(w, xray_s("p"), NULL), XRAY_SUCCESS);
        while (found == 0) {
            const struct timespec ms = {.tv_nsec = 1000000};
            char *text = trace_text(dir, NULL);

            found = text != NULL ? trace_count(text, "\"status\":\"success\"") : 0;
            free(text);
            nanosleep(&ms, NULL);
        }
        CHECK_EQ(found, 1);
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    }
}

CHECK_MAIN(test_modes, test_seeds, test_short_lists, test_rate, test_all_and_none, test_summary, test_flush_at_end)
