/* The columns of xray-stat: what is told of a group. */
#ifndef STAT_MEASURE_H
#define STAT_MEASURE_H

#include "stat/groups.h"

/* name, title of the text table, help for Prometheus. The order is that of the manual page. */
#define MEASURES(X)                                                             \
    X(n, "n", "Records")                                                        \
    X(runs, "runs", "Distinct runs")                                            \
    X(failures, "failures", "Records whose status is failure")                  \
    X(failure_rate, "failure rate", "Failures per record that ended")           \
    X(running, "running", "Records without an end whose writer lives")          \
    X(abandoned, "abandoned", "Records without an end whose writer is gone")    \
    X(in, "in", "Candidates that came in")                                      \
    X(out, "out", "Candidates that went out")                                   \
    X(rejected, "rejected", "Candidates that came in and did not go out")       \
    X(rejection_rate, "rejection rate", "Rejected candidates per candidate in") \
    X(sum, "sum", "Sum of the measured field")                                  \
    X(min, "min", "Least value of the measured field")                          \
    X(mean, "mean", "Mean of the measured field")                               \
    X(max, "max", "Greatest value of the measured field")                       \
    X(p50, "p50", "Percentile")                                                 \
    X(p90, "p90", "Percentile")                                                 \
    X(p95, "p95", "Percentile")                                                 \
    X(p99, "p99", "Percentile")                                                 \
    X(tok_in, "tok in", "Input tokens, cached ones included")                   \
    X(tok_cache, "tok cache", "Input tokens read from a cache")                 \
    X(tok_cache_write, "tok cache write", "Input tokens written to a cache")    \
    X(tok_out, "tok out", "Output tokens")                                      \
    X(tok_total, "tok total", "Input and output tokens")                        \
    X(cost, "cost", "Cost as the application recorded it")                      \
    X(cost_computed, "computed", "Cost by the price table, in US dollars")      \
    X(estimated, "estimated", "Records whose computed cost is an estimate")     \
    X(unpriced, "unpriced", "Records of models that the price table lacks")     \
    X(items, "items", "Distinct candidates")                                    \
    X(version, "version", "Versions of the first and last record")              \
    X(first, "first", "Time of the first record")                               \
    X(last, "last", "Time of the last record")                                  \
    X(example, "example", "Run of the last record")

enum measure {
#define X(name, title, help) M_##name,
    MEASURES(X)
#undef X
    MEASURE_COUNT,
};

/* The measured field: what sum, min, mean, max and the percentiles are of. */
struct measured {
    struct named_field field;
    bool given;          /* by --of; else the duration of what is counted */
    enum cell_kind kind; /* of its values; MISSING: none was met */
};

/* A table of names for completions and messages: "n runs failures ...". */
extern const char measure_names[];
const char *measure_name(enum measure m);
const char *measure_title(enum measure m);
const char *measure_help(enum measure m);

/* A name or an alias of one (calls, reduction, ...) as a measure; -1: it is none. */
int measure_find(xray_str name);

/* The value; p50 and so on reorder what the group keeps. */
void measure_cell(const struct groups *g, const struct measured *of, struct group *group, enum measure m,
                  struct cell *out);

/* Appends it for people: nothing if it is missing. */
void measure_put(struct text *t, const struct groups *g, const struct measured *of, struct group *group,
                 enum measure m, int id_digits);

/* As a number for sorting and drawing; false if it is missing. */
bool measure_number(const struct groups *g, const struct measured *of, struct group *group, enum measure m,
                    double *out);

/* Does it need percentiles, distinct runs, distinct items? */
bool measure_is_percentile(enum measure m);

#endif
