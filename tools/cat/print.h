/* Prints what is wanted of one run, in the form that was asked for. */
#ifndef CAT_PRINT_H
#define CAT_PRINT_H

#include "cat/settings.h"

struct printer {
    xray_store *store;
    struct settings *settings;
    int id_digits;
    uint64_t printed; /* runs of which something was */

    /* private: the trace at hand */
    xray_trace *trace;
    const xray_run_record *run;
    const xray_step_record *steps;
    size_t count;
    bool *shown; /* steps */
    xray_buffer line;
};

/* What --follow has printed of a run, by the index of the step. */
struct print_part {
    bool *done; /* read: printed before; written: printed now, too */
    bool open;  /* the run has not ended: only its steps that have, and nothing of the run */
};

/* Does the run have the steps that -s and --upto name by number? If it was asked for by its id it is an
 * error that it has not. */
bool printer_has_steps(struct printer *p, xray_trace *trace);

/* Does any of the trace get printed; part may be NULL. The run is one that where_test_run did not
 * refuse, and that has the steps. */
bool print_trace(struct printer *p, xray_trace *trace, struct print_part *part);

/* Losses are the store's, not a run's. */
void print_losses(struct printer *p);

void printer_free(struct printer *p);

#endif
