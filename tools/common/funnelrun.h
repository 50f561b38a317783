/* The funnel of one run: a line per step, in the order of the run. */
#ifndef COMMON_FUNNELRUN_H
#define COMMON_FUNNELRUN_H

#include "xrayfile.h"

void funnel_run_print(xray_store *store, xray_trace *trace, uint64_t reasons, int id_digits);
void funnel_run_print_json(xray_trace *trace, uint64_t reasons);

#endif
