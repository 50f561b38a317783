/* Values of the interpreter of random queries, and where they come from. For naive_*.c alone. */
#ifndef TESTS_SUPPORT_NAIVE_VALUE_H
#define TESTS_SUPPORT_NAIVE_VALUE_H

#include "support/naive_query.h"

enum kind { MISSING, BOOL, NUMBER, TEXT, SET, DATA };

#define MAX_TEXTS 400

struct texts {
    const char *list[MAX_TEXTS];
    size_t count;
};

struct value {
    enum kind kind;
    bool b;
    bool integer;       /* NUMBER: 64 bits, signed */
    long double number; /* holds every integer of 64 bits and every double */
    const char *text;
    struct texts *texts; /* SET; DATA: those inside */
    size_t length;       /* DATA: elements or members */
};

struct naive_env {
    const struct naive_run *run;
    size_t step, cand;
    bool optional; /* a field marked ? was missing */
};

struct value naive_missing(void);
struct value naive_boolean(bool b);
struct value naive_integer(int64_t i);
struct value naive_decimal(double d);
struct value naive_text(const char *t); /* NULL: missing */

struct texts *naive_no_texts(void);
void naive_add_text(struct texts *t, const char *s);

/* Memory of one evaluation: kept until swept back to an earlier mark. */
void *naive_keep(void *p);
size_t naive_mark(void);
void naive_sweep(size_t mark);

json_object *naive_member(json_object *o, const char *key);
const char *naive_string(json_object *o);

/* The value of a field where `v` stands. */
struct value naive_field_value(const struct naive_query *q, const struct naive_env *v);

struct value naive_arithmetic(enum naive_op op, struct value a, struct value b);

#endif
