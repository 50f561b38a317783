/* Damage (spec 2.2, 4.7): every prefix and every single-bit flip of a small segment,
 * through the whole reader. Whatever is damaged: no crash, no record that was not
 * written, and all records of blocks that were not touched. */
#include "support/check.h"
#include "support/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RUNS 4

/* The intact segment, and what it holds: run k stands in the blocks from end[k - 1] to end[k]. */
static struct golden {
    char path[1024];
    char *bytes;
    size_t len;
    uint64_t hello_len;
    uint64_t end[RUNS];
    char *text;
    char *chunk[RUNS]; /* the lines of each run */
} g;

static void write_run(xray_writer *w, int k)
{
    char long_text[200], item[32];
    xray_run run = xray_run_begin(w, xray_s("p"), NULL);
    xray_step st = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);

    memset(long_text, 'a' + k, sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    xray_step_set(st, XRAY_INPUT, xray_text(long_text)); /* a part of a payload block */
    for (int i = 0; i < 3; i++) {
        snprintf(item, sizeof item, "item-%d-%d", k, i);
        xray_step_reject(st, xray_s(item), xray_s("late"), XRAY_ATTRS(xray_kv("by", xray_int(k))));
    }
    xray_step_end(st, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
}

static char *copy_text(const char *from, const char *to)
{
    char *copy = malloc((size_t)(to - from) + 1);

    memcpy(copy, from, (size_t)(to - from));
    copy[to - from] = '\0';
    return copy;
}

static bool make_golden(void)
{
    const char *dir = trace_dir(), *at;
    xray_writer *w = trace_writer(dir);
    xray_writer_stats stats;

    xray_writer_get_stats(w, &stats);
    g.hello_len = stats.stored_bytes;
    for (int k = 0; k < RUNS; k++) {
        write_run(w, k);
        xray_writer_flush(w, -1, NULL);
        xray_writer_get_stats(w, &stats);
        g.end[k] = stats.stored_bytes;
    }
    xray_writer_close(w, -1, NULL);
    snprintf(g.path, sizeof g.path, "%s", trace_segment(dir));
    g.bytes = check_read_file(g.path, &g.len);
    g.text = trace_text(g.path, NULL);
    if (!CHECK(g.bytes != NULL && g.text != NULL) || !CHECK_EQ(trace_count(g.text, "\"kind\":\"run\""), RUNS))
        return false;
    at = g.text;
    for (int k = 0; k < RUNS; k++) {
        const char *next = strstr(at + 1, "{\"kind\":\"run\"");

        g.chunk[k] = copy_text(at, next != NULL ? next : at + strlen(at));
        at = next;
    }
    return true;
}

static bool is_golden_line(const char *line, size_t len)
{
    for (const char *at = g.text; *at != '\0'; at = strchr(at, '\n') + 1)
        if ((size_t)(strchr(at, '\n') - at) == len && memcmp(at, line, len) == 0)
            return true;
    return false;
}

/* A step whose payload block is gone says so in place of the value (spec 6.6). */
static bool is_lost_value(const char *line, size_t len)
{
    static const char mark[] = "{\"$missing\":[\"lost\"";

    return memmem(line, len, mark, sizeof mark - 1) != NULL;
}

static void check_lines(const char *text)
{
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');

        if (!CHECK(end != NULL))
            return;
        if (!is_golden_line(line, (size_t)(end - line)) && !is_lost_value(line, (size_t)(end - line)))
            check_str(line, "a line of the intact segment", "line", __FILE__, __LINE__);
        line = end + 1;
    }
}

/* What the reader makes of the file as it stands; runs outside [from, to) of the file must be whole. */
static void check_store(const char *path, uint64_t from, uint64_t to)
{
    char *text = trace_text(path, NULL);

    for (int k = 0; k < RUNS; k++) {
        const uint64_t begin = k > 0 ? g.end[k - 1] : g.hello_len;

        if (to <= begin || from >= g.end[k])
            CHECK(text != NULL && strstr(text, g.chunk[k]) != NULL);
    }
    if (text != NULL)
        check_lines(text);
    free(text);
}

static void test_every_prefix(void)
{
    char path[1100];

    if (g.text == NULL && !make_golden())
        return;
    snprintf(path, sizeof path, "%s/prefix.xray", check_dir());
    for (size_t len = 0; len < g.len; len++) {
        const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        const bool written = write(fd, g.bytes, len) == (ssize_t)len;

        close(fd);
        check_context("first %zu of %zu bytes", len, g.len);
        if (CHECK(written))
            check_store(path, len, UINT64_MAX);
    }
}

static void test_every_bit_flip(void)
{
    int fd;

    if (g.text == NULL && !make_golden())
        return;
    fd = open(g.path, O_WRONLY);
    for (size_t at = 0; at < g.len; at++)
        for (int bit = 0; bit < 8; bit++) {
            const uint8_t damaged = (uint8_t)(g.bytes[at] ^ 1 << bit);

            check_context("bit %d of byte %zu of %zu", bit, at, g.len);
            CHECK(pwrite(fd, &damaged, 1, (off_t)at) == 1);
            check_store(g.path, at, at + 1);
            CHECK(pwrite(fd, g.bytes + at, 1, (off_t)at) == 1);
        }
    close(fd);
}

/* The test itself: a flip that nothing notices would make the lines differ. */
static void test_the_check_can_fail(void)
{
    CHECK(!is_golden_line("{\"kind\":\"run\"}", 14));
    CHECK(is_golden_line(g.text, (size_t)(strchr(g.text, '\n') - g.text)));
}

CHECK_MAIN(test_every_prefix, test_every_bit_flip, test_the_check_can_fail)
