/* One run with all its steps, for trace.c and events.c. */
#ifndef XF_STORE_TRACE_H
#define XF_STORE_TRACE_H

#include "store/pending.h"
#include "store/store.h"

struct xf_detail { /* a candidates block that has records of a step */
    uint32_t step;  /* index in the trace's steps; XF_OF_RUN: of the run itself */
    uint32_t segment, block;
};

#define XF_OF_RUN UINT32_MAX

struct xray_trace {
    xray_store *store;
    uint64_t serial; /* tells it from any other trace, also one at the same address before it */
    struct xf_pending_table runs, steps; /* own what the records point to */
    struct xf_arena arena;
    xray_run_record run;
    xray_step_record *records; /* number i + 1 at i */
    struct xf_pending **rows;  /* of each record */
    uint32_t count;
    struct xf_detail *details; /* by step, then in the order of segments and blocks */
    uint32_t detail_count, detail_cap;
};

#endif
