/* Which runs have hits, by the records of all their steps, before any run is opened.
 *
 * Opening a run costs as much as asking a hundred steps in a scan of the spine, and most expressions about steps ask nothing
 * that is not in their records. What they do not tell (values, candidates, numbers of steps, other steps) is left open. */
#ifndef COMMON_NARROW_H
#define COMMON_NARROW_H

#include "common/where.h"

struct narrow { /* start with all zero */
    uint32_t *hits; /* of each run: the steps that are hits by their records */
    bool *open;     /* of each run: whether there may be others */
};

/* What the record of a step out of a scan tells. */
typedef enum where_answer (*narrow_test)(void *ctx, const xray_run_record *run, const xray_step_record *step);

/* Scans the steps of the runs of which answers[i] (enum where_answer) is WHERE_OPEN; of those that cannot have a hit it becomes
 * WHERE_NO. `needs` is what the test takes: a set of XRAY_NEEDS_*. False, and everything stays open, if part of the store cannot be read: what stands in the list of a run's
 * candidates alone is a step as well. */
bool narrow_runs(struct narrow *n, xray_store *store, uint8_t *answers, size_t count, unsigned needs, narrow_test test,
                 void *ctx);

/* What such a test does without in the records of a scan (xray_scan_without). */
unsigned narrow_without(unsigned needs);
void narrow_free(struct narrow *n);

/* For tools that go through the runs one by one, and perhaps not through all: the scan waits until of the first few runs that had
 * to be opened less than half had a hit. */
struct sieve { /* where, store and count are set, all else zero */
    struct where *where;
    xray_store *store;
    size_t count; /* runs */

    /* private */
    uint8_t *answers;
    struct narrow narrow;
    size_t opened, hits;
    bool scanned;
};

/* As where_test_run; WHERE_YES also of a run of which some step is known to be a hit. */
enum where_answer sieve_test(struct sieve *s, size_t index, const xray_run_record *run);
/* The run was opened, as WHERE_OPEN demands. */
void sieve_opened(struct sieve *s, bool hit);
void sieve_free(struct sieve *s);

#endif
