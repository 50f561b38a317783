/* Traces in tests: a writer with fixed ids and clock, and a store as NDJSON (spec 13). */
#ifndef TESTS_SUPPORT_TRACE_H
#define TESTS_SUPPORT_TRACE_H

#include "xrayfile.h"

/* A fresh directory below check_dir(); static storage, overwritten after 16 calls. */
const char *trace_dir(void);

/* Opens a writer there: id 01 01 ..., clock from 1.7e18 ns, 1 ms a tick. */
xray_writer *trace_writer(const char *dir);

/* All of the store at `path` as NDJSON, NUL-terminated; freed by the caller. NULL if it cannot be opened.
 * *problems (may be NULL): how many were met. */
char *trace_text(const char *path, size_t *problems);

/* How many lines of `text` hold `part`. */
size_t trace_count(const char *text, const char *part);

/* The only file ending in .xray in the directory; static storage. */
const char *trace_segment(const char *dir);

#endif
