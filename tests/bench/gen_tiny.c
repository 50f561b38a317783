/* gen_tiny - a store of very many small runs, the same on every machine; or of very many small blocks.
 *
 *     gen_tiny STORE RUNS [step]
 *
 * Each run has one or two steps with counts and a time, and nothing in the payload: what a store costs by the number of its runs
 * alone. One in ten has its own id from outside, one in fifty fails. With `step` each step has a candidate and an input, too,
 * and is written when it ends (XRAY_FLUSH_STEP): what a store costs by the number of its blocks, two to three a step. */
#include <xrayfile.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/random.h"

#define SECOND INT64_C(1000000000)

static bool by_step;

static void add_items(xray_step step, struct xb_random *r, int64_t in)
{
    char item[32], input[128];

    snprintf(item, sizeof item, "item-%" PRIu64, xb_next(r) % 100000);
    xray_step_reject(step, xray_s(item), xray_s("too_far"), NULL, 0);
    snprintf(input, sizeof input, "what is wanted is number %" PRId64 " of those that were found near %s", in, item);
    xray_step_set(step, XRAY_INPUT, xray_text(input));
}

static void add_step(xray_run run, struct xb_random *r, const char *name, const char *type)
{
    const int64_t in = xb_between(r, 1, 200);
    const xray_step step = xray_step_begin(run, xray_s(name), xray_s(type), &(xray_step_options){.clock = XRAY_CLOCK_NONE});

    xray_step_set_int(step, XRAY_CANDIDATES_IN, in);
    xray_step_set_int(step, XRAY_CANDIDATES_OUT, xb_below(r, (uint32_t)in + 1));
    xray_step_set_int(step, XRAY_DURATION, xb_between(r, 1000, 90000000));
    if (by_step)
        add_items(step, r, in);
    xray_step_end(step, XRAY_SUCCESS);
}

static void add_run(xray_writer *w, struct xb_random *r, uint64_t number)
{
    static const char *const versions[] = {"1.4.0", "1.4.1", "2.0.0"};
    uint8_t id[16];
    char own[32];
    xray_run_options options = {.id = id, .version = xray_s(versions[xb_below(r, 3)]), .clock = XRAY_CLOCK_NONE};
    xray_run run;

    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (uint8_t)(xb_next(r) >> 56);
    snprintf(own, sizeof own, "job-%" PRIu64, number);
    if (xb_chance(r, 10))
        options.ext_id = xray_s(own);
    run = xray_run_begin(w, xb_chance(r, 70) ? xray_s("rank_offers") : xray_s("route_ticket"), &options);
    xray_run_set_int(run, XRAY_START, 1760000000 * SECOND + (int64_t)number * SECOND);
    xray_run_set_int(run, XRAY_DURATION, xb_between(r, 2000, 200000000));
    add_step(run, r, "pick", "filter");
    if (xb_chance(r, 50))
        add_step(run, r, "order", "rank");
    xray_run_end(run, xb_chance(r, 2) ? XRAY_FAILURE : XRAY_SUCCESS);
}

int main(int argc, char **argv)
{
    const xray_fixed fixed = {.id = "tiny runs", .time_ns = 1760000000 * SECOND, .tick_ns = 1000};
    xray_writer_options options = {.app = "gen_tiny", .fixed = &fixed, .sync = true};
    struct xb_random r = {.state = 1};
    xray_writer *w = NULL;
    xray_error err = {0};

    by_step = argc == 4 && strcmp(argv[3], "step") == 0;
    if (argc != 3 + by_step) {
        fputs("usage: gen_tiny STORE RUNS [step]\n", stderr);
        return 2;
    }
    if (by_step)
        options.flush = XRAY_FLUSH_STEP;
    if (xray_writer_open(&w, argv[1], &options, &err) < 0) {
        fprintf(stderr, "gen_tiny: %s\n", err.message);
        return 2;
    }
    for (uint64_t i = 0, runs = strtoull(argv[2], NULL, 10); i < runs; i++)
        add_run(w, &r, i);
    if (xray_writer_close(w, -1, &err) < 0) {
        fprintf(stderr, "gen_tiny: %s\n", err.message);
        return 2;
    }
    return 0;
}
