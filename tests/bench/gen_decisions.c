/* gen_decisions - seeded generator of decision-heavy traces, for the benchmarks.
 *
 * usage: gen_decisions [--runs=N] [--seed=N] [--shape=a|xray]
 *
 * Each run picks the competitor of a product in eight steps: keywords are
 * generated, a search finds candidates, three filters, a deduplication, a ranking
 * and a selection thin them out; every verdict is an event with reason and evidence.
 * The 2,000 runs of the default hold 635 events each: 154 MB in shape a, 22.5 MB with zstd -3.
 *
 * Shape a is one {"run":{},"steps":[]} object per line, with events[] in the steps.
 * Shape xray is the NDJSON of the format's specification, section 13. Both tell the
 * same runs. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/decision_run.h"

/* ---- JSON, as far as needed ---------------------------------------------- */

/* Applications print floats with the fewest digits: 12.50 is 12.5. */
static void put_decimal(uint32_t number, unsigned decimals)
{
    static const uint32_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    const uint32_t whole = number / powers[decimals];
    uint32_t rest = number % powers[decimals];

    while (decimals > 1 && rest % 10 == 0) {
        rest /= 10;
        decimals--;
    }
    if (decimals == 0)
        printf("%" PRIu32, whole);
    else
        printf("%" PRIu32 ".%0*" PRIu32, whole, (int)decimals, rest);
}

static void put_id(const uint8_t id[16], bool dashes)
{
    for (int i = 0; i < 16; i++)
        printf("%s%02x", dashes && (i == 4 || i == 6 || i == 8 || i == 10) ? "-" : "", id[i]);
}

static void put_iso(uint64_t us)
{
    const time_t seconds = (time_t)(us / 1000000);
    struct tm t;

    gmtime_r(&seconds, &t);
    printf("%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
           t.tm_min, t.tm_sec, (unsigned)(us % 1000000));
}

static void put_evidence(const char *key, const struct event *e)
{
    if (e->evidence_count == 0)
        return;
    printf(",\"%s\":{", key);
    for (uint32_t i = 0; i < e->evidence_count; i++) {
        const struct evidence *v = &e->evidence[i];

        printf("%s\"%s\":", i > 0 ? "," : "", v->key);
        if (v->text != NULL)
            printf("\"%s\"", v->text);
        else
            put_decimal(v->number, v->decimals);
    }
    putchar('}');
}

static void put_score_and_rank(const struct event *e)
{
    if (e->has_score) {
        printf(",\"score\":");
        put_decimal(e->item->score, 4);
    }
    if (e->has_rank)
        printf(",\"rank_in\":%" PRIu32 ",\"rank_out\":%" PRIu32, e->rank_in, e->rank_out);
}

/* ---- shape a ------------------------------------------------------------- */

static void put_event_a(const struct event *e)
{
    printf("{\"type\":\"%s\",\"item_id\":\"%s\"", e->reason == NULL ? "accept" : "reject", e->item->id);
    if (e->reason != NULL)
        printf(",\"reason\":\"%s\"", e->reason);
    put_score_and_rank(e);
    put_evidence("data", e);
    putchar('}');
}

static void put_step_a(const struct step *s, uint32_t sequence, struct xb_random *step_ids)
{
    uint8_t id[16];

    random_bytes(step_ids, id, sizeof id);
    printf("{\"id\":\"");
    put_id(id, true);
    printf("\",\"step_name\":\"%s\",\"step_type\":\"%s\",\"sequence\":%" PRIu32 ",\"start_time\":\"", s->name,
           s->type, sequence);
    put_iso(s->start_us);
    printf("\",\"end_time\":\"");
    put_iso(s->end_us);
    printf("\",\"inputs\":%s,\"outputs\":%s,\"reasoning\":\"%s\"", s->input, s->output, s->reasoning);
    if (s->has_candidates)
        printf(",\"candidates_in\":%" PRIu32 ",\"candidates_out\":%" PRIu32, s->in, s->out);
    if (s->filters[0] != '\0')
        printf(",\"filters_applied\":%s", s->filters);
    if (s->error != NULL)
        printf(",\"error\":\"%s\"", s->error);
    printf(",\"events\":[");
    for (uint32_t i = 0; i < s->event_count; i++) {
        if (i > 0)
            putchar(',');
        put_event_a(&s->events[i]);
    }
    if (s->selected != NULL)
        printf(
            ",{\"type\":\"decision\",\"item_id\":\"%s\",\"reason\":\"highest_score\",\"data\":{\"decision\":"
            "\"select_competitor\",\"score\":0.%04u,\"confidence\":0.%02u}}",
            s->selected->id, s->selected->score, s->confidence);
    printf("]}");
}

static void put_run_a(const struct run *run, struct xb_random *step_ids)
{
    printf("{\"run\":{\"id\":\"");
    put_id(run->id, true);
    printf("\",\"pipeline_name\":\"competitor_selection\",\"pipeline_version\":\"%s\",\"start_time\":\"",
           run->version);
    put_iso(run->start_us);
    printf("\",\"end_time\":\"");
    put_iso(run->end_us);
    printf("\",\"status\":\"%s\",\"metadata\":%s,\"final_output\":%s", run->status, run->metadata,
           run->output);
    if (run->error != NULL)
        printf(",\"error\":\"%s\"", run->error);
    printf("},\"steps\":[");
    for (uint32_t i = 0; i < run->step_count; i++) {
        if (i > 0)
            putchar(',');
        put_step_a(&run->steps[i], i, step_ids);
    }
    printf("]}\n");
}

/* ---- shape xray ---------------------------------------------------------- */

/* Begins a record that belongs to a step (0: to the run). */
static void begin_line(const char *kind, const struct run *run, uint32_t step)
{
    printf("{\"kind\":\"%s\",\"run\":\"", kind);
    put_id(run->id, false);
    putchar('"');
    if (step > 0)
        printf(",\"step\":%" PRIu32, step);
}

static void put_times(uint64_t start_us, uint64_t end_us)
{
    printf(",\"start\":\"%" PRIu64 "000\",\"end\":\"%" PRIu64 "000\",\"duration\":\"%" PRIu64 "000\"",
           start_us, end_us, end_us - start_us);
}

/* The histogram of rejections, in the order of first use. */
static void put_reasons(const struct step *s)
{
    const char *codes[16];
    uint32_t counts[16], used = 0;

    for (uint32_t i = 0; i < s->event_count; i++) {
        uint32_t k = 0;

        if (s->events[i].reason == NULL)
            continue;
        while (k < used && strcmp(codes[k], s->events[i].reason) != 0)
            k++;
        if (k == used) {
            codes[used] = s->events[i].reason;
            counts[used++] = 0;
        }
        counts[k]++;
    }
    for (uint32_t k = 0; k < used; k++)
        printf("%s\"%s\":%" PRIu32, k == 0 ? ",\"reasons\":{" : ",", codes[k], counts[k]);
    if (used > 0)
        putchar('}');
}

static void put_step_xray(const struct run *run, const struct step *s, uint32_t number)
{
    begin_line("step", run, number);
    printf(",\"name\":\"%s\",\"type\":\"%s\",\"status\":\"%s\"", s->name, s->type,
           s->error != NULL ? "failure" : "success");
    put_times(s->start_us, s->end_us);
    if (s->has_candidates)
        printf(",\"candidates_in\":%" PRIu32 ",\"candidates_out\":%" PRIu32, s->in, s->out);
    put_reasons(s);
    if (s->error != NULL)
        printf(",\"error\":\"%s\"", s->error);
    if (s->filters[0] != '\0')
        printf(",\"filters\":%s", s->filters);
    printf(",\"input\":%s,\"output\":%s,\"reasoning\":\"%s\"}\n", s->input, s->output, s->reasoning);

    for (uint32_t i = 0; i < s->event_count; i++) {
        const struct event *e = &s->events[i];

        begin_line("cand", run, number);
        printf(",\"item\":\"%s\",\"verdict\":\"%s\"", e->item->id, e->reason == NULL ? "accept" : "reject");
        if (e->reason != NULL)
            printf(",\"reasons\":[{\"code\":\"%s\"}]", e->reason);
        put_score_and_rank(e);
        put_evidence("evidence", e);
        printf("}\n");
    }
    if (s->selected != NULL) {
        begin_line("decision", run, number);
        printf(",\"after\":%" PRIu32
               ",\"name\":\"select_competitor\",\"body\":{\"selected\":[\"%s\"],\"reason\":"
               "\"highest_score\",\"score\":0.%04u,\"confidence\":0.%02u}}\n",
               s->event_count, s->selected->id, s->selected->score, s->confidence);
    }
}

static void put_run_xray(const struct run *run)
{
    begin_line("run", run, 0);
    printf(",\"pipeline\":\"competitor_selection\",\"version\":\"%s\",\"status\":\"%s\"", run->version,
           run->status);
    put_times(run->start_us, run->end_us);
    printf(",\"cost\":");
    put_decimal(run->cost, 6);
    if (run->error != NULL)
        printf(",\"error\":\"%s\"", run->error);
    printf(",\"metadata\":%s,\"output\":%s}\n", run->metadata, run->output);
    for (uint32_t i = 0; i < run->step_count; i++)
        put_step_xray(run, &run->steps[i], i + 1);
}

/* ---- the command --------------------------------------------------------- */

int main(int argc, char **argv)
{
    static struct run run; /* too large for a stack */
    struct xb_random r = {.state = 1};
    struct xb_random step_ids = {.state = 2}; /* apart, so that both shapes tell the same runs */
    unsigned long runs = 2000;
    bool shape_a = true;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--runs=", 7) == 0)
            runs = strtoul(argv[i] + 7, NULL, 10);
        else if (strncmp(argv[i], "--seed=", 7) == 0)
            r.state = strtoull(argv[i] + 7, NULL, 10);
        else if (strcmp(argv[i], "--shape=a") == 0 || strcmp(argv[i], "--shape=xray") == 0)
            shape_a = argv[i][8] == 'a';
        else {
            fprintf(stderr, "usage: gen_decisions [--runs=N] [--seed=N] [--shape=a|xray]\n");
            return 2;
        }
    }

    uint64_t start_us = 1767225600000000u; /* 2026-01-01 */

    for (unsigned long i = 0; i < runs; i++) {
        start_us += xb_between(&r, 100000, 90000000);
        make_run(&run, &r, start_us);
        if (shape_a)
            put_run_a(&run, &step_ids);
        else
            put_run_xray(&run);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("gen_decisions");
        return 2;
    }
    return 0;
}
