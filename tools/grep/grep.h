/* A search under way: what was asked, the store, and what is known of its runs so far. */
#ifndef GREP_GREP_H
#define GREP_GREP_H

#include "common/narrow.h"
#include "grep/deliver.h"

struct grep {
    struct settings settings;
    xray_store *store;
    struct search search;
    struct marker marker;
    struct marks marks;
    struct deliver deliver;
    size_t run_count;
    uint8_t *answers;   /* enum where_answer of each run */
    size_t chosen;      /* runs of which it is not no */
    struct narrow narrow;
    bool narrowed;
    bool counted; /* steps, in one scan; in vain if it goes on */
    bool *texts;        /* the runs that refer to payload that matches; NULL: not known */
    bool *segments; /* those that hold hits (-l, -L) */
    size_t listed;  /* how many of them */
    uint64_t matched, matched_runs;
};

#endif
