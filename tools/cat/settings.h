/* What xray-cat was asked for. */
#ifndef CAT_SETTINGS_H
#define CAT_SETTINGS_H

#include "common/rows.h"
#include "common/where.h"

struct settings {
    struct where where;
    struct rows rows;
    struct rows_tool rows_tool;
    bool has_unit;       /* --unit was given */
    enum xray_unit unit; /* of hits and rows: run, step or cand */
    bool full;
    bool outline;
    bool headers;
    int64_t upto;   /* 0: none */
    uint64_t first; /* UINT64_MAX: not given */
    uint64_t last;
    bool reverse;
    bool follow;
    const char *cursor;
};

/* Parses the command line; what is wrong ends the program. */
void settings_parse(struct settings *s, int argc, char **argv);

/* Is the output a stream of whole records (ndjson, json, msgpack without --fields and --unit): run, step and
 * event lines of all that is wanted? */
bool settings_streams(const struct settings *s);

#endif
