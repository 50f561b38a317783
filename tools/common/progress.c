/* See progress.h. */
#include "common/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static struct {
    bool begun;
    bool off;
    bool shown;
    int64_t next_ns; /* when the line may be printed again */
} progress;

static int64_t clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

void progress_show(const char *what, uint64_t done, uint64_t total)
{
    if (progress.off)
        return;

    const int64_t now = clock_ns();

    if (!progress.begun) {
        const char *term = getenv("TERM");

        progress.begun = true;
        progress.off = !isatty(STDERR_FILENO) || term == NULL || strcmp(term, "dumb") == 0;
        progress.next_ns = now + 1000 * MS;
    }
    if (progress.off || now < progress.next_ns)
        return;
    progress.next_ns = now + 200 * MS;
    progress.shown = true;
    if (total > 0)
        fprintf(stderr, "\r\033[K%s: %" PRIu64 " of %" PRIu64 " (%d%%)", what, done, total,
                (int)(100.0 * (double)done / (double)total));
    else
        fprintf(stderr, "\r\033[K%s: %" PRIu64, what, done);
    fflush(stderr);
}

void progress_hide(void)
{
    if (!progress.shown)
        return;
    progress.shown = false;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}
