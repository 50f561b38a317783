/* What model calls cost: a table of dated prices, and exact sums. All arithmetic is of integers: a price is a whole
 * number of nano-dollars per million tokens, so tokens times price is a whole number of femto-dollars (10^-15), and
 * nothing is rounded before it is printed. */
#ifndef STAT_PRICE_H
#define STAT_PRICE_H

#include "common/strmap.h"

/* What a step used. Missing numbers are XRAY_MISSING. tokens_in includes both cache counts. */
struct price_usage {
    xray_str model;
    int64_t time_ns;
    int64_t in, out, cache_read, cache_write, total;
};

typedef unsigned __int128 price_femto;

struct price_list { /* start with all zero */
    struct price_rule *rules; /* one for each regular expression, in the order of the file */
    size_t rule_count, rule_cap;
    struct strmap models; /* names that were looked up */
    const struct price_rule **rule_of; /* for each of them; NULL: none knows it */
    size_t rule_of_cap;
    bool has_default;
    int64_t default_in, default_out; /* nano-dollars per million tokens, for models that no rule knows */
};

/* The table that is part of the program: tools/stat/prices.tsv as it was when this was built. */
const char *price_builtin(void);

/* Reads the table. False: `error` says what is wrong in which line. */
bool price_parse(struct price_list *p, xray_str tsv, char error[256]);

/* A decimal number of dollars, at most a million and of at most nine decimals, as nano-dollars. */
bool price_parse_amount(xray_str text, int64_t *nano);

enum price_answer {
    PRICE_NOTHING,   /* no tokens were recorded, or no model */
    PRICE_UNKNOWN,   /* no rule for this model */
    PRICE_EXACT,     /* by a price in force then and by recorded tokens alone */
    PRICE_ESTIMATED, /* something had to be assumed; see the manual page */
};

/* The cost of one call. *femto is set where the answer is EXACT or ESTIMATED. */
enum price_answer price_of(struct price_list *p, const struct price_usage *usage, price_femto *femto);

/* Adds; a sum that would leave the range stays at its end. */
void price_add(price_femto *sum, price_femto femto);

/* Appends dollars with six decimals, the last one rounded half up. */
void price_put(struct text *t, price_femto femto);

void price_free(struct price_list *p);

#endif
