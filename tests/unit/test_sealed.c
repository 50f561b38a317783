/* What a writer has made of the segments that it seals: their indexes (xray_writer_options.index). */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"
#include "support/trace.h"

enum { STEPS = 60, TEXT = 10000 }; /* 600 kB that do not compress much */

struct found {
    int segments, large, indexes, well;
};

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static struct found look(const char *dir)
{
    struct found found = {0, 0, 0, 0};
    DIR *d = opendir(dir);

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char path[600];
        size_t len;
        char *bytes;

        found.indexes += ends_with(e->d_name, ".idx");
        if (!ends_with(e->d_name, ".xray"))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        bytes = check_read_file(path, &len);
        free(bytes);
        found.segments++;
        found.large += len >= 64 << 10;
        found.well += xray_index_check(path, NULL) == XRAY_OK;
    }
    if (d != NULL)
        closedir(d);
    return found;
}

static void record(xray_writer *w, int steps)
{
    const xray_run run = xray_run_begin(w, xray_s("sealed"), NULL);
    static char text[TEXT + 1];

    for (int i = 0; i < steps; i++) {
        const xray_step step = xray_step_begin(run, xray_s("step"), xray_s("llm"), NULL);

        for (size_t k = 0; k < TEXT; k++)
            text[k] = (char)(' ' + check_random_below(95));
        xray_step_set(step, XRAY_OUTPUT, xray_text(text));
        xray_step_accept(step, xray_s("item"));
        xray_step_end(step, XRAY_SUCCESS);
        CHECK(xray_writer_flush(w, -1, NULL) >= XRAY_FLUSHED);
    }
    xray_run_end(run, XRAY_SUCCESS);
}

static struct found write_store(const xray_writer_options *options, int steps)
{
    const char *dir = trace_dir();
    xray_writer *w;

    if (!CHECK_EQ(xray_writer_open(&w, dir, options, NULL), XRAY_OK))
        return (struct found){0, 0, 0, 0};
    record(w, steps);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    return look(dir);
}

/* Each segment that was rotated away, and the last one, if it is not tiny. */
static void test_sealed_segments_are_indexed(void)
{
    const xray_writer_options options = {.segment_bytes = 100000};
    const struct found found = write_store(&options, STEPS);

    CHECK(found.segments > 3);
    CHECK(found.large >= found.segments - 1);
    CHECK_EQ(found.indexes, found.large);
    CHECK_EQ(found.well, found.large);
}

static void test_small_segments_are_not(void)
{
    CHECK_EQ(write_store(NULL, 1).indexes, 0);
}

static void test_who_wants_none(void)
{
    const xray_writer_options later = {.index = XRAY_INDEX_LATER}, sync = {.sync = true},
                              asked = {.sync = true, .index = XRAY_INDEX_AT_SEAL};

    CHECK_EQ(write_store(&later, 10).indexes, 0);
    CHECK_EQ(write_store(&sync, 10).indexes, 0);
    CHECK_EQ(write_store(&asked, 10).indexes, 1);
}

/* The directory stays the one that it was when the writer was opened. */
static void test_host_changes_its_directory(void)
{
    const char *dir = trace_dir();
    char before[600], here[700];
    xray_writer *w;

    CHECK_EQ(mkdir(dir, 0700), 0);
    if (!CHECK(getcwd(before, sizeof before) != NULL) || !CHECK_EQ(chdir(dir), 0))
        return;
    CHECK_EQ(xray_writer_open(&w, "here", NULL, NULL), XRAY_OK);
    CHECK_EQ(chdir("/"), 0);
    record(w, 10);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    CHECK_EQ(chdir(before), 0);
    snprintf(here, sizeof here, "%s/here", dir);
    CHECK_EQ(look(here).well, 1);
}

/* Where no index can be made the trace is whole, and nothing counts as lost. */
static void test_index_that_cannot_be_made(void)
{
    const char *dir = trace_dir();
    char moved[600];
    xray_writer_stats stats;
    xray_writer *w;

    snprintf(moved, sizeof moved, "%s.moved", dir);
    CHECK_EQ(xray_writer_open(&w, dir, NULL, NULL), XRAY_OK);
    CHECK_EQ(rename(dir, moved), 0);
    record(w, 10);
    xray_writer_get_stats(w, &stats);
    CHECK_EQ(stats.dropped, 0);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    CHECK_EQ(look(moved).indexes, 0);
    CHECK_EQ(look(moved).segments, 1);
    CHECK_EQ(rename(moved, dir), 0);
}

CHECK_MAIN(test_sealed_segments_are_indexed, test_small_segments_are_not, test_who_wants_none,
           test_host_changes_its_directory, test_index_that_cannot_be_made)
