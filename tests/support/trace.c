/* Traces in tests. */
#include "support/trace.h"

#include "support/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

const char *trace_dir(void)
{
    static char names[16][512];
    static unsigned calls;
    char *name = names[calls % 16];

    snprintf(name, sizeof names[0], "%s/store%u", check_dir(), calls++);
    return name;
}

xray_writer *trace_writer(const char *dir)
{
    static const xray_fixed fixed = {
        .id = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, .time_ns = 1700000000000000000, .tick_ns = 1000000};
    const xray_writer_options options = {.fixed = &fixed};
    xray_writer *w = NULL;
    xray_error err;

    CHECK_STATUS(xray_writer_open(&w, dir, &options, &err), XRAY_OK, &err);
    return w;
}

static void put_events(xray_store *s, xray_trace *t, const uint8_t *run_id, int64_t step, xray_buffer *out)
{
    xray_events *e;
    xray_event_record rec;

    if (xray_events_open(&e, t, step, ~0u, NULL) < 0)
        return;
    while (xray_events_next(e, &rec, NULL) == 1)
        xray_event_json(s, run_id, step, &rec, out, NULL);
    xray_events_close(e);
}

static void put_run(xray_store *s, size_t index, xray_buffer *out)
{
    const xray_step_record *steps;
    const xray_run_record *run;
    xray_trace *t;
    size_t count;

    if (xray_trace_open(&t, s, index, NULL) < 0)
        return;
    run = xray_trace_run(t);
    steps = xray_trace_steps(t, &count);
    xray_run_json(s, run, out, NULL);
    put_events(s, t, run->id, 0, out);
    for (size_t i = 0; i < count; i++) {
        xray_step_json(s, &steps[i], out, NULL);
        put_events(s, t, run->id, steps[i].number, out);
    }
    xray_trace_close(t);
}

static void put_losses(xray_store *s, xray_buffer *out)
{
    xray_scan_record rec;
    xray_scan *scan;

    if (xray_scan_open(&scan, s, XRAY_SCAN_LOSS, NULL) < 0)
        return;
    while (xray_scan_next(scan, &rec, NULL) == 1)
        xray_loss_json(rec.loss, out);
    xray_scan_close(scan);
}

char *trace_text(const char *path, size_t *problems)
{
    const xray_run_record *runs;
    xray_buffer out = {0};
    xray_store *s;
    size_t count;
    char *text;

    if (xray_store_open(&s, &path, 1, NULL, NULL) < 0)
        return NULL;
    if (xray_store_runs(s, &runs, &count, NULL) >= 0)
        for (size_t i = 0; i < count; i++)
            put_run(s, i, &out);
    put_losses(s, &out);
    if (problems != NULL)
        *problems = xray_store_problem_count(s);
    xray_store_close(s);
    text = malloc(out.len + 1);
    if (out.len > 0)
        memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    xray_buffer_free(&out);
    return text;
}

size_t trace_count(const char *text, const char *part)
{
    size_t n = 0;

    while (text != NULL && (text = strstr(text, part)) != NULL) {
        n++;
        text = strchr(text, '\n');
    }
    return n;
}

const char *trace_segment(const char *dir)
{
    static char path[1024];
    DIR *d = opendir(dir);
    struct dirent *e;

    path[0] = '\0';
    while (d != NULL && (e = readdir(d)) != NULL)
        if (strlen(e->d_name) > 5 && strcmp(e->d_name + strlen(e->d_name) - 5, ".xray") == 0)
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
    if (d != NULL)
        closedir(d);
    return path;
}
