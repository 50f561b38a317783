/* How far a candidate that was not taken is from the limit that it failed. */
#ifndef WHY_MARGIN_H
#define WHY_MARGIN_H

#include "common/text.h"

struct margin { /* start with all zero; release with margin_free */
    bool found;
    bool computed;           /* not from the record's own score and threshold, but from what follows */
    double share;            /* the distance as a share of the limit */
    double value, limit;
    struct text value_name;  /* of the evidence; "score" */
    struct text limit_name;  /* "limit"; "filters.price.max" */
};

/* Score and threshold, if the record has both. Otherwise a number of its evidence that is beyond a limit: one that stands in
 * the evidence too, or in the step's filters or params, under a name that tells which number it is for: for "price" these are
 * max_price, price_max, maximum_price, price.max, price.lte, price.lt (upper), min_price and so on (lower), price_limit,
 * price_threshold, price_cutoff (either); limit, max, threshold and so on if there is one other number. Where several are
 * beyond, the one that the reason's code names, or else the farthest. Of records that were accepted there is none. */
void margin_find(struct margin *m, xray_store *store, const xray_step_record *step, const xray_event_record *e);

/* "missed by 29.0%", and if it is computed, " (computed: price 129, limit 100)". */
void margin_put(struct text *t, const struct margin *m);
/* ,"missed_by":0.29 and if computed ,"missed_from":{"field":"price","value":129,"limit_field":"limit","limit":100} */
void margin_put_json(struct text *t, const struct margin *m);

void margin_free(struct margin *m);

#endif
