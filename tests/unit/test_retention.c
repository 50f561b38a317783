/* Retention beside readers: somebody deletes the oldest segments, with their indexes, of a store that is written and read
 * all the while. No reader fails or reports a problem: a file that is gone when it is opened was never there, one that is
 * open is read to its end. With XRAY_TEST_LONG=1 twenty thousand deletions. */
#include "support/check.h"
#include "support/trace.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* MOST: a reader keeps so many files open (fdpool.h); of a store with more, what is deleted before it is read is missed, and
 * told. */
enum { READERS = 2, KEPT = 4, MOST = 24, NAME = 300 };

static const char *dir;
static atomic_bool over;
static atomic_ullong deleted, opened, seen, problems, failures;

/* ---- who deletes ------------------------------------------------------------------------------------------------ */

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The segments, oldest first: names begin with their time. */
static size_t list_segments(char names[][NAME], size_t most)
{
    DIR *d = opendir(dir);
    size_t count = 0;

    for (struct dirent *e; d != NULL && count < most && (e = readdir(d)) != NULL;)
        if (strlen(e->d_name) > 5 && strlen(e->d_name) < NAME - 4 && strcmp(e->d_name + strlen(e->d_name) - 5, ".xray") == 0)
            strcpy(names[count++], e->d_name);
    if (d != NULL)
        closedir(d);
    qsort(names, count, NAME, compare_names);
    return count;
}

static void remove_segment(const char *name)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    atomic_fetch_add(&deleted, unlink(path) == 0);
    strcat(path, ".idx");
    unlink(path);
}

static void *keep_few(void *arg)
{
    static char names[1000][NAME];

    (void)arg;
    while (!atomic_load(&over)) {
        const size_t count = list_segments(names, 1000);

        for (size_t i = 0; i + KEPT < count; i++)
            remove_segment(names[i]);
        usleep(500);
    }
    return NULL;
}

/* ---- who reads --------------------------------------------------------------------------------------------------- */

static void read_all(xray_store *s)
{
    size_t count = 0;

    if (xray_store_run_count(s, &count, NULL) != XRAY_OK)
        atomic_fetch_add(&failures, 1);
    for (size_t i = 0; i < count; i++) {
        xray_trace *t;

        if (xray_trace_open(&t, s, i, NULL) != XRAY_OK) {
            atomic_fetch_add(&failures, 1);
            continue;
        }
        atomic_fetch_add(&seen, 1);
        xray_trace_close(t);
    }
}

static void tell_problem(const xray_store *s)
{
    xray_problem p;

    if (xray_store_problem(s, 0, &p) == XRAY_OK)
        fprintf(stderr, "%s: %s\n", p.path, p.message);
}

static void *read_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&over)) {
        const char *paths[] = {dir};
        xray_store *s;

        if (xray_store_open(&s, paths, 1, NULL, NULL) != XRAY_OK) {
            atomic_fetch_add(&failures, 1);
            continue;
        }
        read_all(s);
        if (xray_store_refresh(s, NULL) < 0) /* files are gone that it knew */
            atomic_fetch_add(&failures, 1);
        read_all(s);
        if (xray_store_problem_count(s) > 0 && atomic_fetch_add(&problems, 1) == 0)
            tell_problem(s);
        xray_store_close(s);
        atomic_fetch_add(&opened, 1);
    }
    return NULL;
}

/* ---- who writes --------------------------------------------------------------------------------------------------- */

static void write_run(xray_writer *w, unsigned long long i)
{
    const xray_run run = xray_run_begin(w, xray_s("kept for a while"), NULL);
    const xray_step step = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);
    char item[32];

    snprintf(item, sizeof item, "item-%llu", i);
    xray_step_reject(step, xray_s(item), xray_s("old"), XRAY_NO_ATTRS);
    xray_step_end(step, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
    xray_writer_flush(w, -1, NULL);
}

static void test_retention(void)
{
    const unsigned long long wanted = getenv("XRAY_TEST_LONG") != NULL ? 20000 : 150;
    const xray_writer_options options = {.segment_bytes = 1, .index = XRAY_INDEX_AT_SEAL}; /* a segment per flush */
    pthread_t deleter, readers[READERS];
    xray_writer *w = NULL;

    dir = trace_dir();
    if (!CHECK_EQ(xray_writer_open(&w, dir, &options, NULL), XRAY_OK))
        return;
    pthread_create(&deleter, NULL, keep_few, NULL);
    for (int i = 0; i < READERS; i++)
        pthread_create(&readers[i], NULL, read_on, NULL);
    for (unsigned long long i = 0; atomic_load(&deleted) < wanted || atomic_load(&opened) < 20; i++) {
        while (i - atomic_load(&deleted) > MOST)
            usleep(200);
        write_run(w, i);
    }
    atomic_store(&over, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    pthread_join(deleter, NULL);
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    CHECK_EQ(atomic_load(&failures), 0);
    CHECK_EQ(atomic_load(&problems), 0);
    CHECK(atomic_load(&seen) > 0);
    if (getenv("XRAY_TEST_LONG") != NULL)
        fprintf(stderr, "%llu deleted, %llu opened, %llu runs read\n", (unsigned long long)atomic_load(&deleted),
                (unsigned long long)atomic_load(&opened), (unsigned long long)atomic_load(&seen));
}

CHECK_MAIN(test_retention)
