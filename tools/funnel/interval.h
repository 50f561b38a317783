/* How sure a drop rate is, and the difference of two, where runs are what was drawn at
 * random: the candidates of one run stand or fall together and are not independent. */
#ifndef FUNNEL_INTERVAL_H
#define FUNNEL_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>

/* Below this many runs on either side nothing is claimed. */
enum { INTERVAL_LEAST_RUNS = 30 };

/* What one run did at one step. */
struct interval_run {
    double in, out;
};

struct interval_rate {
    size_t runs;     /* that had candidates; the n of the estimate */
    bool known;      /* false: nothing went in */
    double drop;     /* 1 - sum of out / sum of in */
    double variance; /* of the drop; 0 below two runs */
};

struct interval {
    enum {
        INTERVAL_NONE,      /* a rate is not known */
        INTERVAL_TOO_FEW,   /* fewer than INTERVAL_LEAST_RUNS on a side */
        INTERVAL_NO_SPREAD, /* the runs of each side are all alike: nothing tells how much chance does */
        INTERVAL_GIVEN,
    } kind;
    double difference; /* a - b; set unless INTERVAL_NONE */
    double low, high;  /* 95 % */
};

/* Runs without candidates in say nothing about a rate and are left out. For the mean of
 * per-run rates give every run an `in` of 1 and its share kept as `out`. */
struct interval_rate interval_rate_of(const struct interval_run *runs, size_t count);

struct interval interval_between(const struct interval_rate *a, const struct interval_rate *b);

#endif
