/* bench_flush - what it costs that a step which has ended survives the death of the process (spec 2.5).
 *
 * usage: bench_flush DIRECTORY [STEPS]
 *
 * Steps with an input of 1 KB and 8 candidates, one after the other: recorded as by default, with XRAY_FLUSH_STEP
 * on one thread and on eight (which share blocks), with an early block that nobody waits for (how long it takes
 * until it is in the file is what a kill would lose), and with a plain write() of the same bytes, uncompressed, which is
 * the least that a log of raw records beside the segment would cost. */
#include <xrayfile.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CANDIDATES = 8, INPUT = 1024, RAW = INPUT + CANDIDATES * 48, THREADS_MAX = 8 };

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_time(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void fill(char *text, size_t len, unsigned seed)
{
    static const char *const words[] = {"which ", "hotel ", "near ", "the ", "station ", "has ", "rooms ", "free "};
    size_t n = 0;

    while (n + 16 < len) {
        seed = seed * 1103515245u + 12345u;
        n += (size_t)snprintf(text + n, len - n, "%s%u ", words[seed >> 28 & 7], seed >> 16 & 1023);
    }
    text[n] = '\0';
}

static void record(xray_run run, unsigned i)
{
    const xray_step step = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    char text[INPUT], item[24];

    fill(text, sizeof text, i);
    xray_step_set(step, XRAY_INPUT, xray_text(text));
    for (unsigned c = 0; c < CANDIDATES; c++) {
        snprintf(item, sizeof item, "B%09u", i * CANDIDATES + c);
        xray_step_reject(step, xray_s(item), xray_s("price_too_high"), XRAY_ATTRS(xray_kv("price", xray_int(c * 7 + i))));
    }
    xray_step_end(step, XRAY_SUCCESS);
}

struct job {
    xray_writer *writer;
    unsigned first, steps;
    bool early; /* an early block after each step: how long until it is there */
    double *us;
};

static void *work(void *arg)
{
    const struct job *job = arg;
    const xray_run run = xray_run_begin(job->writer, xray_s("bench"), NULL);

    for (unsigned i = 0; i < job->steps; i++) {
        double before = now_us();

        record(run, job->first + i);
        if (job->early) {
            before = now_us();
            xray_writer_flush(job->writer, -1, NULL);
        }
        job->us[i] = now_us() - before;
    }
    xray_run_end(run, XRAY_SUCCESS);
    return NULL;
}

static void say(const char *what, double *us, size_t count, double total_us, double bytes)
{
    qsort(us, count, sizeof *us, by_time);
    printf("%-34s %8.1f us median %9.1f us at 99 %% %9.0f steps/s %7.0f bytes/step\n", what, us[count / 2], us[count / 100 * 99],
           (double)count * 1e6 / total_us, bytes / (double)count);
}

static int bench(const char *what, const char *dir, enum xray_flush_when flush, unsigned threads, unsigned steps, bool early)
{
    const xray_writer_options options = {.flush = flush};
    double *us = malloc(steps * sizeof *us), before;
    struct job jobs[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    xray_writer_stats stats;
    xray_writer *w = NULL;
    xray_error err = {0};

    if (us == NULL || xray_writer_open(&w, dir, &options, &err) < 0) {
        fprintf(stderr, "bench_flush: %s\n", err.message);
        free(us);
        return 1;
    }
    before = now_us();
    for (unsigned t = 0; t < threads; t++) {
        const unsigned each = steps / threads;

        jobs[t] = (struct job){.writer = w, .first = t * each, .steps = each, .early = early, .us = us + t * each};
        pthread_create(&ids[t], NULL, work, &jobs[t]);
    }
    for (unsigned t = 0; t < threads; t++)
        pthread_join(ids[t], NULL);
    xray_writer_flush(w, -1, NULL);
    before = now_us() - before;
    xray_writer_get_stats(w, &stats);
    say(what, us, steps / threads * threads, before, (double)stats.stored_bytes);
    xray_writer_close(w, -1, NULL);
    free(us);
    return 0;
}

static int bench_raw(const char *dir, unsigned steps)
{
    double *us = malloc(steps * sizeof *us), begun = now_us();
    char path[4096], bytes[RAW];
    int fd;

    snprintf(path, sizeof path, "%s/raw.tail", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || us == NULL) {
        perror("bench_flush");
        free(us);
        return 1;
    }
    memset(bytes, 'r', sizeof bytes);
    for (unsigned i = 0; i < steps; i++) {
        const double before = now_us();

        if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
            perror("bench_flush");
        us[i] = now_us() - before;
    }
    say("write() of raw records alone", us, steps, now_us() - begun, (double)steps * RAW);
    close(fd);
    unlink(path);
    free(us);
    return 0;
}

int main(int argc, char **argv)
{
    const unsigned steps = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 4000;

    if (argc < 2 || steps < 100) {
        fputs("usage: bench_flush DIRECTORY [STEPS >= 100]\n", stderr);
        return 2;
    }
    return bench("flush=interval", argv[1], XRAY_FLUSH_INTERVAL, 1, steps, false) ||
           bench("flush=step", argv[1], XRAY_FLUSH_STEP, 1, steps, false) ||
           bench("flush=step, 8 threads", argv[1], XRAY_FLUSH_STEP, THREADS_MAX, steps, false) ||
           bench("early block: until it is there", argv[1], XRAY_FLUSH_INTERVAL, 1, steps, true) || bench_raw(argv[1], steps);
}
