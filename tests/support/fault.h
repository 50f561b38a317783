/* System calls of the library that fail on demand: the unit tests are linked with --wrap (Makefile), and this stands
 * between. Allocations have their own seam, xf_mem_fail_from (base/mem.h).
 *
 *     for (unsigned n = 1;; n++) {
 *         fault_plan(FAULT_WRITE, n, EIO, FAULT_ONCE);
 *         ... write, close, check ...
 *         if (fault_clear() == 0)
 *             break; // the n-th call never came: all of them have failed in turn
 *     } */
#ifndef TESTS_SUPPORT_FAULT_H
#define TESTS_SUPPORT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_WRITE, FAULT_FDATASYNC, FAULT_FSYNC, FAULT_OPEN, FAULT_RENAME, FAULT_KINDS };

enum fault_mode {
    FAULT_ONCE,    /* the n-th call fails */
    FAULT_FOREVER, /* and all after it */
    FAULT_SHORT,   /* (writes) the n-th call writes half of its last part, the next one fails, once */
    FAULT_HANG,    /* the n-th call and those after it do not return before fault_clear */
};

/* Plans for the n-th call of this kind from now on (1: the next). One plan at a time. */
void fault_plan(enum fault_kind kind, unsigned nth, int error, enum fault_mode mode);

/* How often it struck so far. */
unsigned fault_struck(void);

/* From now on every write is cut to some of its bytes or interrupted by a signal, as the seed says; 0 ends it. With `lie` the
 * first one says a byte more than it wrote: a control. */
void fault_drip(uint64_t seed, bool lie);

/* From now on CLOCK_REALTIME is off by this: somebody sets the clock. */
void fault_clock(int64_t offset_ns);

/* How often this thread has waited on a condition until a time was over. */
unsigned fault_timed_waits(void);

/* Ends the plan, lets go of who hangs, and says how often it struck. */
unsigned fault_clear(void);

#endif
