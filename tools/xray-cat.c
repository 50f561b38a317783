/* xray-cat: prints runs, oldest first, each with its steps: as text for people, as the NDJSON of the
 * format's specification, section 13, or as rows. */
#include <stdlib.h>

#include "cat/follow.h"
#include "common/input.h"
#include "common/narrow.h"
#include "common/progress.h"
#include "common/runs.h"

struct cat {
    struct printer printer;
    struct settings *settings;
    struct sieve sieve;
    size_t count; /* runs */
};

/* Opens a run's trace if the run is wanted, else NULL. */
static xray_trace *open_wanted(struct cat *c, size_t index)
{
    xray_run_record run;
    xray_trace *trace = NULL;
    xray_error err = {0};

    runs_record(c->printer.store, index, &run);

    const enum where_answer answer = sieve_test(&c->sieve, index, &run);

    if (answer == WHERE_NO)
        return NULL;
    if (xray_trace_open(&trace, c->printer.store, index, &err) < 0) {
        input_failed(&err);
        return NULL;
    }

    bool wanted = printer_has_steps(&c->printer, trace);

    if (wanted && answer == WHERE_OPEN) {
        wanted = where_run(&c->settings->where, c->printer.store, trace);
        sieve_opened(&c->sieve, wanted);
    }
    if (!wanted) {
        xray_trace_close(trace);
        return NULL;
    }
    return trace;
}

static bool print_run(struct cat *c, size_t index)
{
    xray_trace *trace = open_wanted(c, index);
    const bool printed = trace != NULL && print_trace(&c->printer, trace, NULL);

    xray_trace_close(trace);
    return printed;
}

/* The index of the i-th run in the order of output. */
static size_t in_order(const struct cat *c, bool reverse, size_t i)
{
    return reverse ? c->count - 1 - i : i;
}

static void print_first(struct cat *c)
{
    const uint64_t most = c->settings->first;

    for (size_t i = 0; i < c->count && c->printer.printed < most; i++) {
        progress_show("runs", i, c->count);
        print_run(c, in_order(c, c->settings->reverse, i));
    }
}

/* Filters from the end, then prints what was found, in order. */
static void print_last(struct cat *c)
{
    const size_t most = c->settings->last < c->count ? (size_t)c->settings->last : c->count;
    size_t *found = memory_new(most, sizeof *found);
    size_t count = 0;

    for (size_t i = 0; i < c->count && count < most; i++) {
        const size_t index = in_order(c, !c->settings->reverse, i);
        xray_trace *trace = open_wanted(c, index);

        progress_show("runs tested", i, c->count);
        if (trace != NULL)
            found[count++] = index;
        xray_trace_close(trace);
    }
    while (count > 0)
        print_run(c, found[--count]);
    free(found);
}

/* Losses are the store's: printed where nothing was chosen. */
static bool wants_losses(const struct settings *s)
{
    return settings_streams(s) && where_is_all(&s->where) && s->upto == 0 && s->first == UINT64_MAX &&
           s->last == UINT64_MAX && !s->headers;
}

static void print_all(struct cat *c)
{
    if (!runs_count(c->printer.store, &c->count))
        return;
    c->printer.id_digits = runs_id_digits(c->printer.store);
    where_bind(&c->settings->where, c->printer.store);
    c->sieve = (struct sieve){.where = &c->settings->where, .store = c->printer.store, .count = c->count};
    if (c->settings->last != UINT64_MAX)
        print_last(c);
    else
        print_first(c);
    sieve_free(&c->sieve);
    if (wants_losses(c->settings))
        print_losses(&c->printer);
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct cat c = {.settings = &settings, .printer.settings = &settings};
    int count;

    settings_parse(&settings, argc, argv);

    char **paths = cli_operands(&count);
    const unsigned reads = settings.headers ? 0 : XRAY_NEEDS_STEPS | XRAY_NEEDS_PAYLOAD | XRAY_NEEDS_EVENTS;

    if (!settings.follow && settings.cursor == NULL)
        where_narrow(&settings.where);
    c.printer.store = input_open(paths, count);

    const bool explained = where_explain(&settings.where, c.printer.store, reads);

    if (explained) {
        /* nothing more */
    } else if (settings.follow || settings.cursor != NULL) {
        follow(&c.printer);
    } else {
        print_all(&c);
    }
    if (!explained)
        rows_end(&settings.rows);
    printer_free(&c.printer);
    where_free(&settings.where);
    input_close(c.printer.store);
    return cli_finish(explained || c.printer.printed > 0);
}
