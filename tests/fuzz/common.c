/* common.c - files in memory, and reading all there is (fuzz.h). */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_require(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "property does not hold: %s\n", what);
    abort();
}

void fuzz_file_init(struct fuzz_file *f, const void *data, size_t len)
{
    f->fd = memfd_create("fuzz", MFD_CLOEXEC);
    fuzz_require(f->fd >= 0, "a file in memory can be made");
    fuzz_require(write(f->fd, data, len) == (ssize_t)len, "a file in memory can be written");
    snprintf(f->path, sizeof f->path, "/proc/self/fd/%d", f->fd);
}

void fuzz_file_done(struct fuzz_file *f)
{
    close(f->fd);
    f->fd = -1;
}

/* ---- a directory ---- */

static char directory[64];

static void remove_directory(void)
{
    rmdir(directory);
}

const char *fuzz_directory(void)
{
    if (directory[0] == '\0') {
        snprintf(directory, sizeof directory, "%s/fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        fuzz_require(mkdtemp(directory) != NULL, "there is a directory to work in");
        atexit(remove_directory);
    }
    return directory;
}

void fuzz_take_segment(struct fuzz_file *out)
{
    static uint8_t data[4 << 20];
    DIR *d = opendir(fuzz_directory());

    fuzz_require(d != NULL, "the directory can be read");
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[400];

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);

        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        const ssize_t n = read(fd, data, sizeof data);

        fuzz_require(n > 0 && (size_t)n < sizeof data, "the segment can be read");
        fuzz_file_init(out, data, (size_t)n);
        close(fd);
        unlink(path);
    }
    closedir(d);
}

/* ---- reading all there is ---- */

/* What is printed has to be JSON that our own strict parser takes; only depth may be too much for it. */
static void require_json(const xray_buffer *out, size_t from)
{
    xray_buffer packed = {0};
    xray_error err = {0};

    const int r =
        xray_value_pack(xray_jsonn((const char *)out->data + from, out->len - from), false, &packed, &err);

    if (r != XRAY_OK && r != XRAY_ELIMIT)
        fprintf(stderr, "%s\n%.*s\n", err.message, (int)(out->len - from), (const char *)out->data + from);
    fuzz_require(r == XRAY_OK || r == XRAY_ELIMIT, "a line of NDJSON is JSON");
    xray_buffer_free(&packed);
}

static void read_events(xray_store *s, xray_trace *t, int64_t step, xray_buffer *out)
{
    const unsigned all = XRAY_EVENT_CANDIDATE | XRAY_EVENT_DECISION | XRAY_EVENT_NOTE;
    xray_events *events = NULL;
    xray_event_record record;

    if (xray_events_open(&events, t, step, all, NULL) < 0)
        return;
    while (xray_events_next(events, &record, NULL) == 1) {
        const size_t from = out->len;

        if (xray_event_json(s, xray_trace_run(t)->id, step, &record, out, NULL) == XRAY_OK)
            require_json(out, from);
    }
    xray_events_close(events);
}

static void read_trace(xray_store *s, size_t index, xray_buffer *out)
{
    xray_trace *t = NULL;
    size_t count = 0, from = out->len;

    if (xray_trace_open(&t, s, index, NULL) < 0)
        return;
    if (xray_run_json(s, xray_trace_run(t), out, NULL) == XRAY_OK)
        require_json(out, from);
    read_events(s, t, 0, out);

    const xray_step_record *steps = xray_trace_steps(t, &count);

    for (size_t i = 0; i < count; i++) {
        from = out->len;
        if (xray_step_json(s, &steps[i], out, NULL) == XRAY_OK)
            require_json(out, from);
        read_events(s, t, steps[i].number, out);
    }
    xray_trace_close(t);
}

static void read_scan(xray_store *s, xray_buffer *out)
{
    xray_scan *scan = NULL;
    xray_scan_record record;

    if (xray_scan_open(&scan, s, XRAY_SCAN_RUN | XRAY_SCAN_STEP | XRAY_SCAN_LOSS, NULL) < 0)
        return;
    while (xray_scan_next(scan, &record, NULL) == 1) {
        const size_t from = out->len;

        if (record.kind == XRAY_SCAN_LOSS && xray_loss_json(record.loss, out) == XRAY_OK)
            require_json(out, from);
    }
    xray_scan_close(scan);
}

static int visit(void *ctx, const uint8_t *data, size_t len)
{
    xray_mp c = xray_mp_over(data, len);

    (void)ctx;
    return xray_mp_skip(&c) ? 1 : 0;
}

static bool test_text(void *ctx, xray_str text)
{
    (void)ctx;
    return text.len % 2 == 0;
}

int fuzz_read_all(const struct fuzz_file *f, size_t cache_bytes, xray_buffer *out)
{
    const char *paths[] = {f->path};
    const xray_store_options options = {.cache_bytes = cache_bytes};
    const xray_run_record *runs = NULL;
    xray_store *s = NULL;
    void *const contexts[] = {NULL};
    const xray_visitor visitor = {
        .visit = visit, .text = test_text, .events = true, .contexts = contexts, .context_count = 1};
    xray_hits *hits = NULL;
    size_t count = 0;

    const int r = xray_store_open(&s, paths, 1, &options, NULL);

    if (r < 0)
        return r;
    if (xray_store_runs(s, &runs, &count, NULL) == XRAY_OK)
        for (size_t i = 0; i < count; i++)
            read_trace(s, i, out);
    read_scan(s, out);
    if (xray_hits_build(&hits, s, &visitor, NULL) == XRAY_OK)
        xray_hits_free(hits);
    xray_store_close(s);
    return r;
}
