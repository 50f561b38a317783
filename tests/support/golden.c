/* The segment that tests damage (golden.h). */
#include "support/golden.h"

#include "support/check.h"
#include "support/trace.h"

#include <stdio.h>
#include <stdlib.h>

/* Hexadecimal digits that depend on the run and do not compress to nothing. */
static char *make_text(unsigned k, size_t len)
{
    uint64_t state = 0x9E3779B97F4A7C15u * (k + 1);
    char *text = malloc(len + 1);

    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text[i] = "0123456789abcdef"[state & 15];
    }
    text[len] = '\0';
    return text;
}

static void write_run(xray_writer *w, unsigned k, size_t text_len)
{
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);
    char *text = make_text(k, text_len);
    char item[32];

    xray_step_set(st, XRAY_INPUT, xray_text(text)); /* a part of a payload block */
    for (int i = 0; i < 3; i++) {
        snprintf(item, sizeof item, "item-%u-%d", k, i);
        xray_step_reject(st, xray_s(item), xray_s("late"), XRAY_ATTRS(xray_kv("by", xray_int(k))));
    }
    xray_step_note(st, xray_s("seen"), xray_json("{\"k\":1}"), XRAY_MISSING, XRAY_MISSING);
    xray_step_end(st, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
    if (k % 2 == 1)
        xray_writer_report_loss(w, "sampling", "candidate", k, XRAY_MISSING, XRAY_MISSING);
    free(text);
}

static char *copy_text(const char *from, const char *to)
{
    char *copy = malloc((size_t)(to - from) + 1);

    memcpy(copy, from, (size_t)(to - from));
    copy[to - from] = '\0';
    return copy;
}

/* Where the lines of a run end: at the next run, or at the losses. */
static const char *chunk_end(const char *at)
{
    const char *run = strstr(at + 1, "{\"kind\":\"run\""), *loss = strstr(at + 1, "{\"kind\":\"loss\"");

    return run != NULL ? run : loss != NULL ? loss : at + strlen(at);
}

bool golden_make(struct golden *g, unsigned runs, size_t text_len)
{
    const char *dir = trace_dir(), *at;
    xray_writer *w = trace_writer(dir);
    xray_writer_stats stats;

    *g = (struct golden){.runs = runs};
    xray_writer_get_stats(w, &stats);
    g->hello_len = stats.stored_bytes;
    for (unsigned k = 0; k < runs; k++) {
        write_run(w, k, text_len);
        xray_writer_flush(w, -1, NULL);
        xray_writer_get_stats(w, &stats);
        g->end[k] = stats.stored_bytes;
    }
    xray_writer_close(w, -1, NULL);
    snprintf(g->path, sizeof g->path, "%s", trace_segment(dir));
    g->bytes = check_read_file(g->path, &g->len);
    g->text = trace_text(g->path, NULL);
    if (!CHECK(g->bytes != NULL && g->text != NULL) ||
        !CHECK_EQ(trace_count(g->text, "\"kind\":\"run\""), runs))
        return false;
    at = g->text;
    for (unsigned k = 0; k < runs; k++) {
        const char *end = chunk_end(at);

        g->chunk[k] = copy_text(at, end);
        at = end;
    }
    return true;
}

void golden_free(struct golden *g)
{
    free(g->bytes);
    free(g->text);
    for (unsigned k = 0; k < g->runs; k++)
        free(g->chunk[k]);
    *g = (struct golden){0};
}

/* The number of the line in the text; -1: it is none of them. */
static int find_line(const struct golden *g, const char *line, size_t len)
{
    int number = 0;

    for (const char *at = g->text, *end; *at != '\0'; at = end + 1, number++) {
        end = strchr(at, '\n');
        if ((size_t)(end - at) == len && memcmp(at, line, len) == 0)
            return number;
    }
    return -1;
}

static bool is_lossy(const char *line, size_t len)
{
    static const char mark[] = "{\"$missing\":[\"lost\"";

    return memmem(line, len, mark, sizeof mark - 1) != NULL;
}

bool golden_is_line(const struct golden *g, const char *line, size_t len)
{
    return find_line(g, line, len) >= 0 || is_lossy(line, len);
}

static void check_lines(const struct golden *g, const char *text)
{
    bool seen[GOLDEN_LINES_MAX] = {false};

    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        int number;

        if (!CHECK(end != NULL))
            return;
        number = find_line(g, line, (size_t)(end - line));
        if (number < 0 && !is_lossy(line, (size_t)(end - line)))
            check_str(line, "a line of the intact segment", "line", __FILE__, __LINE__);
        if (number >= 0 && CHECK(number < GOLDEN_LINES_MAX)) {
            if (seen[number])
                check_str(line, "a line that is there once", "line", __FILE__, __LINE__);
            seen[number] = true;
        }
        line = end + 1;
    }
}

static bool is_touched(const struct golden_area *areas, size_t count, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < count; i++)
        if (areas[i].to > from && areas[i].from < to)
            return true;
    return false;
}

void golden_check_areas(const struct golden *g, const char *path, const struct golden_area *areas, size_t count)
{
    char *text = trace_text(path, NULL);

    for (unsigned k = 0; k < g->runs; k++)
        if (!is_touched(areas, count, k > 0 ? g->end[k - 1] : g->hello_len, g->end[k]))
            CHECK(text != NULL && strstr(text, g->chunk[k]) != NULL);
    if (text != NULL)
        check_lines(g, text);
    free(text);
}

void golden_check(const struct golden *g, const char *path, uint64_t from, uint64_t to)
{
    const struct golden_area area = {from, to};

    golden_check_areas(g, path, &area, 1);
}
