/* A run and its steps as text. */
#ifndef COMMON_SHOW_H
#define COMMON_SHOW_H

#include "common/text.h"

struct show_options {
    int id_digits;
    bool full;    /* payload, candidates, decisions and notes of every step */
    int64_t step; /* this step only, in full; 0: all */
    int64_t upto; /* as known when this step began; 0: no such limit */
};

/* "run ID  PIPELINE  STATUS  TIME  DURATION  COST  tags: ..." and a newline. */
void show_run_heading(struct text *t, xray_store *store, const xray_run_record *run, int id_digits);

/* Prints one run. `run` and `steps` are the trace's, or changed copies of them (upto). */
void show_run(xray_store *store, xray_trace *trace, const xray_run_record *run, const xray_step_record *steps,
              size_t count, const struct show_options *options);

#endif
