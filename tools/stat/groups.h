/* The groups of xray-stat: which records belong together, and what is counted of each group. Memory is bounded: what
 * comes when there is no more room is counted in one last group, "(other)". */
#ifndef STAT_GROUPS_H
#define STAT_GROUPS_H

#include "common/fields.h"
#include "common/quantile.h"
#include "common/strmap.h"
#include "stat/price.h"

enum {
    GROUPS_MAX_FIELDS = 4,
    GROUPS_MAX = 1000000,
    GROUPS_ROOM = 192 << 20,   /* for what follows, and less beside a long list of runs: see groups_limit */
    GROUPS_DISTINCT = 2000000, /* pairs of group and run or item */
};

typedef __int128 wide;

/* A sum of what was not missing. */
struct wide_sum {
    wide sum;
    bool has;
};

enum { TOKENS_IN, TOKENS_CACHE_READ, TOKENS_CACHE_WRITE, TOKENS_OUT, TOKENS_TOTAL, TOKEN_KINDS };

#define GROUP_TOTAL (INT64_MIN + 1) /* of all slices of time */

struct group {
    int64_t slice; /* its beginning, GROUP_TOTAL, or XRAY_MISSING: no time, or no slices */
    uint32_t values[GROUPS_MAX_FIELDS]; /* numbers; see groups_value */
    bool other;
    bool has_example;
    bool priced;     /* some cost was computed */
    uint8_t example[16];
    uint64_t n, ended, failures, running, abandoned, runs, items, estimated, unpriced;
    struct wide_sum in, out, both_in, both_out, cost, tokens[TOKEN_KINDS];
    uint64_t of_count;
    wide of_sum;
    int64_t of_min, of_max;
    struct quantiles quantiles;
    price_femto computed;
    int64_t first, last;                    /* times; XRAY_MISSING */
    uint32_t first_version, last_version; /* numbers of values; 0: none */
};

/* A value that a record is grouped by. Number 0 is what is missing. */
struct group_value {
    enum cell_kind kind;
    struct text plain;
    struct text json;
};

struct groups { /* start with all zero */
    size_t field_count;
    struct named_field fields[GROUPS_MAX_FIELDS];
    int64_t every_ns; /* length of a slice; 0: none */

    struct group *groups; /* "(other)" is among them once it is needed */
    size_t count, cap;
    bool overflowed;     /* some records are in "(other)" */
    bool rounded;        /* percentiles of some group come from buckets */
    bool lost_numbers;   /* there was no room for the percentiles of some group */
    bool lost_distinct;  /* some counts of runs or items are too low */

    /* private */
    size_t bytes_max;   /* of groups */
    size_t values_max;  /* of the values they are told apart by */
    size_t numbers_max; /* of numbers kept for percentiles */
    uint32_t *slots; /* index + 1; open addressing */
    size_t slot_count;
    uint64_t seed;
    size_t other; /* index + 1 */
    struct strmap numbers;
    struct group_value *values;
    size_t value_count, value_cap, value_bytes, number_bytes;
    uint64_t *distinct; /* fingerprints; 0: free */
    size_t distinct_count, distinct_cap;
    struct cell cell;
    struct text key;
};

/* Shares out the room that 256 MiB leave beside a list of so many runs; before the first record. */
void groups_limit(struct groups *g, size_t runs);

/* The numbers of a record's values into `values`; false if there is no room for them. */
bool groups_values(struct groups *g, const struct record *record, uint32_t values[GROUPS_MAX_FIELDS]);
/* The number of a text; 0 if it is missing or there is no room. */
uint32_t groups_text(struct groups *g, xray_str text);

/* The group, made if it is new; valid until the next call. `values` NULL: "(other)". */
struct group *groups_get(struct groups *g, int64_t slice, const uint32_t *values);

/* Adds a number to the group's percentiles. */
void groups_number(struct groups *g, struct group *group, int64_t number);

/* Is this key (a run's id, an item) new in the group? `kind` tells kinds of keys apart. */
bool groups_is_new(struct groups *g, const struct group *group, char kind, const void *key, size_t len);

const struct group_value *groups_value(const struct groups *g, uint32_t number);
/* By slice, then by the values' bytes, "(other)" last. */
int groups_compare(const struct groups *g, const struct group *a, const struct group *b);

void wide_add(struct wide_sum *s, int64_t n);
/* Appends it in decimal. */
void wide_put(struct text *t, wide n);

void groups_free(struct groups *g);

#endif
