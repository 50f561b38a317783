/* The funnel of one run: a line per step, in the order of the run. */
#ifndef FUNNEL_ONERUN_H
#define FUNNEL_ONERUN_H

#include "common/rows.h"

struct onerun {
    xray_store *store;
    xray_trace *trace;
    const xray_step_record *steps;
    const size_t *chosen; /* indexes of the steps shown */
    size_t count;
    uint64_t reasons; /* per step */
};

extern const struct rows_tool onerun_rows;

void onerun_print(const struct onerun *o, int id_digits);
void onerun_print_rows(const struct onerun *o, struct rows *rows);

#endif
