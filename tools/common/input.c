/* See input.h. */
#include "common/input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/out.h"
#include "common/sandbox.h"

enum { MAX_PROBLEMS = 20 };

static xray_store_options store_options;

void input_set_index(enum xray_index_mode mode)
{
    store_options.index = mode;
}

static void (*describe_scope)(struct text *t);

void input_set_scope(const xray_store_scope *scope, void (*describe)(struct text *t))
{
    store_options.scope = scope;
    describe_scope = describe;
}

void input_put_left_out(struct text *t, const xray_store *store)
{
    xray_read_stats stats;

    xray_store_get_stats(store, &stats);
    if (stats.segments_skipped == 0)
        return;
    text_puts(t, "the catalogue left out ");
    human_count(t, (int64_t)stats.segments_skipped);
    text_puts(t, " of ");
    human_count(t, (int64_t)(stats.segments_skipped + xray_store_segment_count(store)));
    text_puts(t, " segments");
    if (describe_scope != NULL)
        describe_scope(t);
}

static bool untrusted;

void input_set_untrusted(void)
{
    untrusted = true;
}

void input_guard(void)
{
    static bool guarded;
    const char *why = NULL;

    if (!untrusted || guarded)
        return;
    if (!sandbox_enter(&why))
        cli_die("--untrusted: %s", why);
    guarded = true;
}

/* Standard input is copied to a temporary file, which nobody in the sandbox may make. */
static bool has_standard_input(char **paths, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(paths[i], "-") == 0)
            return true;
    return false;
}

/* Moves the paths that exist to the front and returns how many they are. */
static int keep_existing(char **paths, int count)
{
    int kept = 0;

    for (int i = 0; i < count; i++) {
        if (strcmp(paths[i], "-") == 0 || access(paths[i], R_OK) == 0) {
            paths[kept++] = paths[i];
            continue;
        }

        const int reason = errno;

        cli_error(paths[i], "%s", strerror(reason));
        if (reason == ENOENT && strchr(paths[i], '/') == NULL)
            cli_hint("FILE is a segment or a directory of segments; a run is named with -r where a tool "
                     "takes one");
    }
    return kept;
}

/* A mistyped directory looks like a store that is still empty: say so. */
static void report_empty(xray_store *store, char **paths, int count)
{
    xray_read_stats stats;

    xray_store_get_stats(store, &stats);
    if (xray_store_segment_count(store) + stats.segments_skipped > 0)
        return;
    for (int i = 0; i < count; i++)
        cli_say(paths[i], "no segments (*.xray) here");
}

xray_store *input_open(char **paths, int count)
{
    char *from_environment = getenv("XRAY_DIR");

    if (count == 0) {
        if (from_environment == NULL || from_environment[0] == '\0')
            cli_usage("no FILE given, and XRAY_DIR is not set");
        paths = &from_environment;
        count = 1;
    }
    count = keep_existing(paths, count);
    if (count == 0)
        exit(EXIT_TROUBLE);

    xray_store *store = NULL;
    xray_error err = {0};

    store_options.threads = cli_threads();
    if (untrusted)
        store_options.index = XRAY_INDEX_NEVER;
    if (!has_standard_input(paths, count))
        input_guard();
    if (xray_store_open(&store, (const char *const *)paths, (size_t)count, &store_options, &err) < 0) {
        /* The library names the file itself where it can. */
        const bool named = count > 1 || strncmp(err.message, paths[0], strlen(paths[0])) == 0;

        cli_error(named ? NULL : paths[0], "%s", err.message);
        exit(EXIT_TROUBLE);
    }
    input_guard();
    report_empty(store, paths, count);
    return store;
}

/* What needs a newer reader is an error, not damage. Most messages say themselves where in the file they are. */
static void report_problem(const xray_problem *p)
{
    if (p->status == XRAY_EUNSUPPORTED)
        cli_error(p->path, "%s", p->message);
    else if (strstr(p->message, "at byte") != NULL)
        cli_say(p->path, "%s", p->message);
    else if (p->block >= 0)
        cli_say(p->path, "block %" PRId64 " @0x%" PRIx64 ": %s", p->block, p->pos, p->message);
    else if (p->pos != UINT64_MAX && p->pos != 0)
        cli_say(p->path, "@0x%" PRIx64 ": %s", p->pos, p->message);
    else
        cli_say(p->path, "%s", p->message);
}

void input_close(xray_store *store)
{
    if (cli_stats())
        input_print_stats(store);

    const size_t count = xray_store_problem_count(store);

    for (size_t i = 0; i < count && i < MAX_PROBLEMS; i++) {
        xray_problem problem;

        if (xray_store_problem(store, i, &problem) == 0)
            report_problem(&problem);
    }
    if (count > MAX_PROBLEMS)
        cli_say(NULL, "and %zu more problems; what could be read was shown", count - MAX_PROBLEMS);
    if (count > 0)
        cli_skipped();
    xray_store_close(store);
}

void input_failed(const xray_error *err)
{
    cli_error(NULL, "%s", err->message);
}

void input_value_failed(const xray_error *err)
{
    if (err->status != XRAY_ECORRUPT && err->status != XRAY_ELIMIT)
        input_failed(err);
}

void input_print_stats(const xray_store *store)
{
    static const char *const kinds[6] = {"other", "payload", "candidates", "spine", "loss", "seal"};
    xray_read_stats stats;
    struct text t = {0};

    xray_store_get_stats(store, &stats);
    text_puts(&t, "read ");
    human_count(&t, (int64_t)stats.blocks_read);
    text_puts(&t, " of ");
    human_count(&t, (int64_t)stats.blocks_total);
    text_puts(&t, " blocks");
    const char *separator = " (";

    for (size_t i = 0; i < 6; i++) {
        if (stats.kind_read[i] == 0)
            continue;
        text_printf(&t, "%s%" PRIu64 " %s", separator, stats.kind_read[i], kinds[i]);
        separator = ", ";
    }
    text_puts(&t, stats.blocks_read > 0 ? "), " : ", ");
    human_size(&t, stats.bytes_read);
    text_puts(&t, " of ");
    human_size(&t, stats.bytes_total);
    text_puts(&t, ", ");
    human_size(&t, stats.raw_bytes);
    text_puts(&t, " decompressed");
    if (stats.index_bytes > 0) {
        text_puts(&t, "; ");
        human_size(&t, stats.index_bytes);
        text_puts(&t, " of indexes");
    }
    if (stats.blocks_skipped > 0) {
        text_puts(&t, ", which ruled out ");
        human_count(&t, (int64_t)stats.blocks_skipped);
        text_puts(&t, " blocks");
    }
    if (stats.runs_asked > 0) {
        text_puts(&t, stats.blocks_skipped > 0 ? " and " : ", which ruled out ");
        human_count(&t, (int64_t)stats.runs_skipped);
        text_puts(&t, " of ");
        human_count(&t, (int64_t)stats.runs_asked);
        text_puts(&t, " runs");
    }
    if (stats.runs_summed > 0) {
        text_puts(&t, ", which had the sums of ");
        human_count(&t, (int64_t)stats.runs_summed);
        text_puts(&t, " runs");
    }
    if (stats.segments_skipped > 0)
        text_puts(&t, "; ");
    input_put_left_out(&t, store);
    cli_say(NULL, "%.*s", (int)t.len, t.data);
    text_free(&t);
}
