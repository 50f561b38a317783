/* One segment with every kind of block, and what it holds: for tests that damage it. */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include "xrayfile.h"

#define GOLDEN_RUNS_MAX 32
#define GOLDEN_LINES_MAX 512

struct golden {
    char path[1024];
    char *bytes;
    size_t len;
    uint64_t hello_len;
    unsigned runs;
    uint64_t end[GOLDEN_RUNS_MAX]; /* run k stands in the blocks from end[k - 1] (hello_len) to end[k] */
    char *text;                    /* as NDJSON (spec 13) */
    char *chunk[GOLDEN_RUNS_MAX];  /* the lines of each run */
};

/* Writes it: `runs` runs, each with a payload part of text_len bytes that do not compress, candidates, decisions and
 * notes, and a loss; one flush after each. False if a check failed. */
bool golden_make(struct golden *g, unsigned runs, size_t text_len);
void golden_free(struct golden *g);

/* Whether the line (without its newline) is one of the segment's, or one whose payload is lost (spec 6.6). */
bool golden_is_line(const struct golden *g, const char *line, size_t len);

/* Reads the file: every line must be one of the segment's, none may be there twice, and every run that stands outside of
 * [from, to) must be there whole. */
void golden_check(const struct golden *g, const char *path, uint64_t from, uint64_t to);

/* The same for several areas. */
struct golden_area {
    uint64_t from, to;
};
void golden_check_areas(const struct golden *g, const char *path, const struct golden_area *areas, size_t count);

#endif
