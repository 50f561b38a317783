/* What the command line of xray-grep says. */
#ifndef GREP_SETTINGS_H
#define GREP_SETTINGS_H

#include "common/rows.h"
#include "grep/matcher.h"
#include "grep/select.h"

enum output {
    OUTPUT_HITS,        /* as the format says */
    OUTPUT_ONLY,        /* -o */
    OUTPUT_COUNT,       /* -c */
    OUTPUT_COUNT_RUNS,  /* --count-runs */
    OUTPUT_FILES,       /* -l */
    OUTPUT_OTHER_FILES, /* -L */
    OUTPUT_RUNS,        /* --list-runs */
    OUTPUT_NONE,        /* -q */
};

/* Which other steps of the run are printed beside those that match. */
struct context {
    uint64_t before, after;
    bool whole_run, ancestors, children;
};

struct settings {
    xray_str *patterns;
    size_t pattern_count, pattern_cap;
    struct text *files; /* that -f names: the patterns are lines of these */
    size_t file_count, file_cap;
    bool has_pattern; /* -f of an empty file gives none, and then nothing matches */
    struct matcher_options matcher;
    unsigned fields;
    bool invert;
    struct selection selection;
    enum xray_unit unit; /* what a hit is */
    enum output output;
    uint64_t max_count, max_runs;
    struct context context;
    size_t max_columns; /* 0: nothing is cut; the default is the format's, see has_max_columns */
    bool has_max_columns;
    const char *sort;
    uint64_t top; /* UINT64_MAX: all */
    struct rows rows;
    bool null; /* names and ids that are listed end with NUL */
};

/* Reads options and operands; *paths are the FILEs. What is wrong ends the program. */
void settings_read(struct settings *s, int argc, char **argv, char ***paths, int *count);
void settings_free(struct settings *s);

/* Are hits printed, one by one? Is anything asked for that goes beyond the steps that match? */
bool settings_prints_hits(const struct settings *s);
bool settings_has_context(const struct settings *s);

#endif
