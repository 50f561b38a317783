/* Test cases as text: lines "key value", cases apart by empty lines, "#" begins a comment line. */
#ifndef TESTS_SUPPORT_CASES_H
#define TESTS_SUPPORT_CASES_H

#include <stddef.h>

#define CASE_LINES 8

struct test_case {
    int line; /* where it begins */
    size_t count;
    const char *keys[CASE_LINES];
    const char *values[CASE_LINES];
};

/* Calls `run` for every case of the file (path from the root of the repository). Returns how many there were.
 */
size_t cases_run(const char *path, void (*run)(const struct test_case *c));

/* The value of a key, or "". */
const char *case_value(const struct test_case *c, const char *key);

#endif
