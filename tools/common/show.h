/* A run and its steps as text. */
#ifndef COMMON_SHOW_H
#define COMMON_SHOW_H

#include "common/text.h"

struct show_options {
    int id_digits;
    bool full;         /* payload, candidates, decisions and notes of every step, and of the run */
    bool outline;      /* nothing but the heading and a line for each step */
    bool headers;      /* nothing of the payload, nor events: the records have no values */
    bool only_steps;   /* nothing of the run but its heading */
    bool steps_full;   /* those steps that are shown are shown in full */
    const bool *steps; /* by index: the steps that are shown; NULL: all */
    int64_t upto;      /* as known when this step began; 0: no such limit */
    /* NULL, or the candidates that are shown, instead of all other events. */
    bool (*wants_event)(void *ctx, size_t step, const xray_event_record *event);
    void *ctx;
};

/* "run ID  PIPELINE  STATUS  TIME  DURATION  COST  tags: ..." and a newline. */
void show_run_heading(struct text *t, xray_store *store, const xray_run_record *run, int id_digits);

/* Prints one run. `run` and `steps` are the trace's, or changed copies of them (upto). */
void show_run(xray_store *store, xray_trace *trace, const xray_run_record *run, const xray_step_record *steps,
              size_t count, const struct show_options *options);

#endif
