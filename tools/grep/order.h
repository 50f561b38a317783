/* --sort and --top: hits in the order of a field. */
#ifndef GREP_ORDER_H
#define GREP_ORDER_H

#include "common/fields.h"

enum { ORDER_NO_STEP = -1 };

struct order_hit {
    size_t run;     /* index in the store */
    int64_t step;   /* index in the trace, or ORDER_NO_STEP: the run, or its own text */
    uint64_t event; /* which candidate of the step, from 0 */
    /* private: the key */
    uint64_t seq;
    enum { KEY_OF_NUMBER, KEY_OF_TEXT, KEY_OF_NOTHING } kind;
    long double number;
    char *text;
    size_t text_len;
};

struct order { /* start with all zero */
    struct order_hit *hits;
    size_t count, cap;
    uint64_t seq;
    uint64_t top;
    bool descending;
    struct named_field field;
    struct cell cell;
};

/* `key` is FIELD, FIELD:asc or FIELD:desc. What is wrong ends the program. */
void order_begin(struct order *o, const char *key, enum xray_unit unit, uint64_t top);
void order_free(struct order *o);

/* The key is taken from the record at once. Only the first `top` hits are kept. */
void order_add(struct order *o, const struct record *record, size_t run, int64_t step, uint64_t event);
/* Puts o->hits into their order. */
void order_finish(struct order *o);

#endif
