/* See cursor.h. The file is text, one fact per line:
 *
 *     xrayfile cursor 1
 *     segment ID WATERMARK
 *     run ID
 *     step RUN WRITER NUMBER */
#include "cat/cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cli.h"

static const char first_line[] = "xrayfile cursor 1\n";

/* ---- memory ---- */

static struct cursor_run *run_by_id(struct cursor *c, const uint8_t id[16], bool *added)
{
    const size_t i = idmap_put(&c->ids, id, added);

    if (*added) {
        c->runs = memory_grow(c->runs, &c->run_cap, i + 1, sizeof *c->runs);
        c->runs[i] = (struct cursor_run){0};
    }
    return &c->runs[i];
}

static void set_watermark(struct cursor *c, const uint8_t segment[16], uint64_t seq)
{
    bool added;
    const size_t i = idmap_put(&c->segments, segment, &added);

    c->watermarks = memory_grow(c->watermarks, &c->watermark_cap, i + 1, sizeof *c->watermarks);
    c->watermarks[i] = seq;
}

/* Is the run one of those up to the watermark of its segment? Number 0 can also mean that there is none:
 * such runs are kept by their ids. */
static bool is_below(const struct cursor *c, const xray_store *store, const xray_run_record *run)
{
    xray_segment_info info;
    size_t i;

    return run->seq != 0 && xray_store_segment(store, run->segment, &info) == 0 &&
           idmap_find(&c->segments, info.id, &i) && run->seq <= c->watermarks[i];
}

struct cursor_run *cursor_run(struct cursor *c, const xray_store *store, const xray_run_record *run)
{
    bool added;
    struct cursor_run *r = run_by_id(c, run->id, &added);

    if (added)
        r->done = is_below(c, store, run);
    return r;
}

bool cursor_has_step(const struct cursor_run *run, const xray_step_record *step)
{
    for (size_t i = 0; i < run->count; i++) {
        if (run->steps[i].raw_number == step->raw_number &&
            memcmp(run->steps[i].writer_id, step->writer_id, 16) == 0)
            return true;
    }
    return false;
}

static void add_step(struct cursor_run *run, const struct cursor_step *step)
{
    run->steps = memory_grow(run->steps, &run->cap, run->count + 1, sizeof *run->steps);
    run->steps[run->count++] = *step;
}

void cursor_add_step(struct cursor_run *run, const xray_step_record *step)
{
    struct cursor_step key = {.raw_number = step->raw_number};

    memcpy(key.writer_id, step->writer_id, sizeof key.writer_id);
    add_step(run, &key);
}

void cursor_run_done(struct cursor_run *run)
{
    run->done = true;
    free(run->steps);
    run->steps = NULL;
    run->count = run->cap = 0;
}

void cursor_free(struct cursor *c)
{
    for (size_t i = 0; i < c->ids.count; i++)
        free(c->runs[i].steps);
    free(c->runs);
    free(c->watermarks);
    idmap_free(&c->ids);
    idmap_free(&c->segments);
    *c = (struct cursor){0};
}

/* ---- reading ---- */

static bool parse_id(const char *hex, uint8_t id[16])
{
    for (int i = 0; i < 32; i++) {
        const char c = hex[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            return false;
        id[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : id[i / 2] | digit);
    }
    return true;
}

static bool read_line(struct cursor *c, const char *line)
{
    char first[33] = "";
    char second[33] = "";
    struct cursor_step step = {0};
    uint8_t id[16];
    uint64_t seq;
    bool added;
    int end = 0;

    if (sscanf(line, "segment %32s %" SCNu64 "%n", first, &seq, &end) == 2 && strcmp(line + end, "\n") == 0 &&
        parse_id(first, id)) {
        set_watermark(c, id, seq);
        return true;
    }
    if (sscanf(line, "run %32s%n", first, &end) == 1 && strcmp(line + end, "\n") == 0 &&
        parse_id(first, id)) {
        run_by_id(c, id, &added)->done = true;
        return true;
    }
    if (sscanf(line, "step %32s %32s %" SCNd64 "%n", first, second, &step.raw_number, &end) == 3 &&
        strcmp(line + end, "\n") == 0 && parse_id(first, id) && parse_id(second, step.writer_id)) {
        add_step(run_by_id(c, id, &added), &step);
        return true;
    }
    return false;
}

void cursor_load(struct cursor *c, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;

    if (file == NULL && errno == ENOENT)
        return;
    if (file == NULL)
        cli_die("--cursor-file: %s: %s", path, strerror(errno));
    for (int number = 1; getline(&line, &cap, file) >= 0; number++) {
        if (number == 1 ? strcmp(line, first_line) != 0 : !read_line(c, line))
            cli_die("--cursor-file: %s:%d: this is not a cursor of xray-cat", path, number);
    }
    free(line);
    fclose(file);
}

/* ---- writing ---- */

static void put_hex(FILE *file, const uint8_t id[16])
{
    for (int i = 0; i < 16; i++)
        fprintf(file, "%02x", id[i]);
}

static void write_run(struct cursor *c, FILE *file, const xray_run_record *run, bool beyond)
{
    size_t i;

    if (!idmap_find(&c->ids, run->id, &i))
        return;
    if (c->runs[i].done && beyond) {
        fputs("run ", file);
        put_hex(file, run->id);
        fputs("\n", file);
    }
    for (size_t k = 0; !c->runs[i].done && k < c->runs[i].count; k++) {
        fputs("step ", file);
        put_hex(file, run->id);
        fputs(" ", file);
        put_hex(file, c->runs[i].steps[k].writer_id);
        fprintf(file, " %" PRId64 "\n", c->runs[i].steps[k].raw_number);
    }
}

static void write_segment(FILE *file, const xray_store *store, uint32_t segment, uint64_t watermark)
{
    xray_segment_info info;

    if (xray_store_segment(store, segment, &info) != 0)
        return;
    fputs("segment ", file);
    put_hex(file, info.id);
    fprintf(file, " %" PRIu64 "\n", watermark);
}

/* Runs stand in the order of their segments, in those of their numbers (spec 7.2), those without at the end:
 * so a segment's watermark is the number of the last one before the first that is not done. */
static void write_facts(struct cursor *c, FILE *file, xray_store *store, size_t count)
{
    uint32_t segment = UINT32_MAX;
    uint64_t watermark = 0;
    bool whole = true; /* all of this segment so far are done */

    for (size_t i = 0; i < count; i++) {
        xray_run_record run;

        runs_record(store, i, &run);

        const bool done = cursor_run(c, store, &run)->done;

        if (run.segment != segment) {
            if (watermark > 0)
                write_segment(file, store, segment, watermark);
            segment = run.segment;
            watermark = 0;
            whole = true;
        }
        whole = whole && (done || run.seq == 0);
        if (whole && run.seq != 0)
            watermark = run.seq;
        write_run(c, file, &run, !whole || run.seq == 0);
    }
    if (watermark > 0)
        write_segment(file, store, segment, watermark);
}

void cursor_save(struct cursor *c, const char *path, xray_store *store, size_t count)
{
    struct text beside = {0};

    text_printf(&beside, "%s.%ld", path, (long)getpid());
    text_put(&beside, "", 1);

    FILE *file = fopen(beside.data, "we");
    bool good = file != NULL;

    if (good) {
        fputs(first_line, file);
        write_facts(c, file, store, count);
        good = fflush(file) == 0 && fsync(fileno(file)) == 0;
        good = fclose(file) == 0 && good;
        good = good && rename(beside.data, path) == 0;
    }
    if (!good) {
        const int reason = errno;

        unlink(beside.data);
        cli_die("--cursor-file: %s: %s", path, strerror(reason));
    }
    text_free(&beside);
}
