/* What becomes of hits that are to be shown: they are printed at once, in the order of the store, or with
 * --sort kept and printed at the end. */
#ifndef GREP_DELIVER_H
#define GREP_DELIVER_H

#include "grep/hitprint.h"
#include "grep/mark.h"
#include "grep/order.h"

struct deliver {
    struct settings *settings;
    const struct marker *marker;
    struct search *search;
    struct hitprint print;
    struct order order;
};

/* Where hits are printed, print.id_digits is to be set as runs_id_digits says, once the runs are known. */
void deliver_begin(struct deliver *d, struct settings *settings, const struct marker *marker,
                   struct search *search);

/* Does it need the traces of runs that are hits as a whole, or are the records of xray_store_run enough? */
bool deliver_needs_trace(const struct deliver *d);

/* The hits of a run; the trace may be NULL where it is not needed. */
void deliver_run(struct deliver *d, size_t index, xray_trace *trace, const xray_run_record *run,
                 const struct marks *marks);

/* Prints what was kept. */
void deliver_finish(struct deliver *d);
void deliver_free(struct deliver *d);

#endif
