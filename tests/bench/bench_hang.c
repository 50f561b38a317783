/* bench_hang - what a call costs the program that records while the disk does not answer.
 *
 * usage: bench_hang DIRECTORY [STEPS]
 *
 * One thread records steps (begin, an input of 1 KB, 64 rejections with reason and a number, end); every call is timed by
 * itself, the clock included. First with a disk that works, then with one on which no write returns (writev is wrapped and
 * waits), from before the memory of the writer is full until long after. Percentiles of all calls. */
#include "random.h"

#include <xrayfile.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>

enum { CANDIDATES = 64, CALLS = CANDIDATES + 3, WARM_STEPS = 2000 };

ssize_t __real_writev(int fd, const struct iovec *parts, int count);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int count);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answers = PTHREAD_COND_INITIALIZER;
static bool hangs;

ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
    pthread_mutex_lock(&lock);
    while (hangs)
        pthread_cond_wait(&answers, &lock);
    pthread_mutex_unlock(&lock);
    return __real_writev(fd, parts, count);
}

static void let_hang(bool on)
{
    pthread_mutex_lock(&lock);
    hangs = on;
    pthread_cond_broadcast(&answers);
    pthread_mutex_unlock(&lock);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct times {
    uint32_t *ns;
    size_t count;
    int64_t last;
};

static void tick(struct times *t)
{
    const int64_t now = now_ns(), ns = now - t->last;

    t->ns[t->count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
    t->last = now_ns(); /* what is done between calls is not theirs */
}

static void record_step(xray_run run, struct xb_random *random, struct times *t)
{
    char text[1024], item[16];
    xray_step step;

    memset(text, 'a' + (int)xb_below(random, 26), sizeof text - 1);
    snprintf(text, 16, "%" PRIu32, xb_below(random, 1000000000));
    text[strlen(text)] = ' ';
    text[sizeof text - 1] = '\0';
    t->last = now_ns();
    step = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    tick(t);
    xray_step_set(step, XRAY_INPUT, xray_text(text));
    tick(t);
    for (int i = 0; i < CANDIDATES; i++) {
        const double price = xb_below(random, 100000) / 100.0;

        snprintf(item, sizeof item, "B%09" PRIu32, xb_below(random, 1000000000));
        t->last = now_ns();
        xray_step_reject(step, xray_s(item), xray_s("price_too_high"), XRAY_ATTRS(xray_kv("price", xray_double(price))));
        tick(t);
    }
    xray_step_end(step, XRAY_SUCCESS);
    tick(t);
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint32_t at(const struct times *t, double share)
{
    return t->ns[(size_t)(share * (double)(t->count - 1))];
}

static uint32_t say(const char *what, struct times *t, uint32_t reference)
{
    qsort(t->ns, t->count, sizeof *t->ns, by_size);
    printf("  %-44s %9" PRIu32 " %9" PRIu32 " %9" PRIu32 " %11" PRIu32, what, at(t, 0.5), at(t, 0.99), at(t, 0.999), at(t, 1));
    if (reference > 0)
        printf("   p99.9 x %.1f", (double)at(t, 0.999) / reference);
    putchar('\n');
    return at(t, 0.999);
}

/* p99.9 of all calls. */
static uint32_t bench(const char *what, const char *dir, size_t steps, bool hang, struct times *t, uint32_t reference)
{
    struct xb_random random = {.state = 1};
    xray_writer_stats stats;
    xray_writer *w = NULL;
    xray_error err = {0};
    xray_run run;
    uint32_t p999;

    if (xray_writer_open(&w, dir, NULL, &err) < 0) {
        fprintf(stderr, "bench_hang: %s\n", err.message);
        exit(2);
    }
    run = xray_run_begin(w, xray_s("bench"), NULL);
    for (size_t i = 0; i < WARM_STEPS; i++) {
        t->count = 0;
        record_step(run, &random, t);
    }
    xray_writer_flush(w, -1, NULL);
    let_hang(hang);
    t->count = 0;
    for (size_t i = 0; i < steps; i++)
        record_step(run, &random, t);
    xray_run_end(run, XRAY_SUCCESS);
    let_hang(false);
    xray_writer_flush(w, -1, NULL);
    xray_writer_get_stats(w, &stats);
    xray_writer_close(w, -1, NULL);
    p999 = say(what, t, reference);
    printf("  %-44s %" PRIu64 " accepted = %" PRIu64 " written + %" PRIu64 " dropped\n", "", stats.accepted, stats.written, stats.dropped);
    return p999;
}

int main(int argc, char **argv)
{
    const size_t steps = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000;
    struct times t = {0};
    uint32_t normal;

    if (argc < 2 || steps < 100) {
        fputs("usage: bench_hang DIRECTORY [STEPS >= 100]\n", stderr);
        return 2;
    }
    t.ns = malloc(steps * CALLS * sizeof *t.ns);
    if (t.ns == NULL)
        return 2;
    printf("Any call, the clock included: ns\n  %-44s %9s %9s %9s %11s\n", "", "median", "p99", "p99.9", "most");
    normal = bench("a disk that answers", argv[1], steps, false, &t, 0);
    bench("a disk that does not", argv[1], steps, true, &t, normal);
    free(t.ns);
    return 0;
}
