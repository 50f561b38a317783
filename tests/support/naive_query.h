/* The query language a second time, slow and plain, to compare the library's engine with.
 *
 * It shares nothing with the engine: random expressions are trees of its own, printed as text for the
 * engine, and interpreted here over the NDJSON lines of a store (spec 13), held as json-c objects. */
#ifndef TESTS_SUPPORT_NAIVE_QUERY_H
#define TESTS_SUPPORT_NAIVE_QUERY_H

#include "xrayfile.h"

#include <json-c/json.h>

/* ---- data ---- */

struct naive_step {
    json_object *line;
    json_object **cands;
    size_t cand_count;
};

struct naive_run {
    json_object *line;
    struct naive_step *steps;
    size_t step_count;
};

struct naive_store {
    struct naive_run *runs;
    size_t count;
};

/* From the lines of a store. False: they are not what spec 13 says. */
bool naive_load(struct naive_store *s, const char *ndjson);
void naive_free(struct naive_store *s);

/* ---- expressions ---- */

enum naive_op {
    NQ_OR,
    NQ_AND,
    NQ_NOT,
    NQ_COMPARE,
    NQ_IN,
    NQ_MATCH,
    NQ_HAS,
    NQ_STARTS,
    NQ_EXISTS, /* conditions */
    NQ_ANY,
    NQ_ALL,
    NQ_NONE,
    NQ_CHAIN,
    NQ_ALONE,
    NQ_COUNT,
    NQ_SUM,
    NQ_MIN,
    NQ_MAX,
    NQ_AVG, /* values */
    NQ_PLUS,
    NQ_MINUS,
    NQ_TIMES,
    NQ_OVER,
    NQ_NEGATE,
    NQ_LEN,
    NQ_LOWER,
    NQ_ABS,
    NQ_FIELD,
    NQ_INTEGER,
    NQ_DECIMAL,
    NQ_TEXT,
    NQ_DURATION,
    NQ_TIME,
};

enum naive_type { NT_NUMBER, NT_DURATION, NT_TIME, NT_TEXT, NT_BOOL, NT_SET, NT_ANY };

struct naive_field {
    char scope; /* 'r' 's' 'c' */
    const char *name;
    bool bare; /* may stand without its scope */
    enum naive_type type;
    const char *const *members; /* NULL-terminated choices of what may follow the name */
    bool member_needed;
};

/* All fields; the last has scope 0. */
extern const struct naive_field naive_fields[];

struct naive_query {
    enum naive_op op;
    enum naive_type type;
    struct naive_query *kids[4];
    int count;
    char compare[4]; /* = != < <= > >= */
    bool negated;    /* not in, !~ */
    bool optional;   /* f? */
    bool later[4];   /* NQ_CHAIN: ->> before this one */
    char over;       /* quantifiers: 's' or 'c' */
    const struct naive_field *field;
    const char *member; /* as written, dots and brackets included, or NULL */
    const char *pattern, *flags;
    int64_t integer;
    double decimal;
    const char *text;
};

/* A random condition. With `cand`, cand. names may stand outside braces. Lives until naive_forget. */
struct naive_query *naive_random(int depth, bool cand);
void naive_forget(void);

/* As text for the engine; freed by the caller. */
char *naive_print(const struct naive_query *q);

/* 'r' or 's': what ql 1.3 says a hit is. */
char naive_unit(const struct naive_query *q);

/* Does it hold? step: index, or SIZE_MAX; cand: index in the step, or SIZE_MAX. */
bool naive_holds(const struct naive_query *q, const struct naive_run *run, size_t step, size_t cand);

#endif
