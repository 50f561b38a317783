/* The test harness. A test is a function; a failed check marks it and goes on.
 *
 *     static void test_sum(void)
 *     {
 *         CHECK_EQ(1 + 1, 2);
 *     }
 *
 *     CHECK_MAIN(test_sum, test_more)
 *
 * The binary prints "test_x: N checks, M failed" and ends with 0 or 1. With an
 * argument it runs only the tests whose name contains it. Every check is an
 * expression that says whether it held, for `if (!CHECK(...)) return;`. */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include "xrayfile.h"

#define CHECK(condition) check_true((condition), #condition, __FILE__, __LINE__)

/* Integers of any type up to 64 bits. */
#define CHECK_EQ(got, want) check_eq((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)

/* Bytes; prints both as hexadecimal around the first difference. */
#define CHECK_MEM(got, got_len, want, want_len)                                                    \
    check_mem((got), (got_len), (want), (want_len), #got, __FILE__, __LINE__)

/* Text (NUL-terminated, or NULL). */
#define CHECK_STR(got, want) check_str((got), (want), #got, __FILE__, __LINE__)

/* A status, with the message of `err` (may be NULL) where it is not the one wanted. */
#define CHECK_STATUS(call, want, err) check_status((call), (want), (err), #call, __FILE__, __LINE__)

#define CHECK_MAIN(...)                                                                            \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static void (*const tests[])(void) = {__VA_ARGS__};                                        \
                                                                                                   \
        return check_run(argc, argv, tests, sizeof tests / sizeof tests[0], #__VA_ARGS__);         \
    }

bool check_true(bool held, const char *text, const char *file, int line);
bool check_eq(int64_t got, int64_t want, const char *text, const char *file, int line);
bool check_mem(const void *got, size_t got_len, const void *want, size_t want_len, const char *text,
               const char *file, int line);
bool check_str(const char *got, const char *want, const char *text, const char *file, int line);
bool check_status(int got, int want, const xray_error *err, const char *text, const char *file, int line);
int check_run(int argc, char **argv, void (*const *tests)(void), size_t count, const char *names);

/* What is being tried, for the messages of the checks that follow (an input, a
 * position). Kept up to 200 bytes; NULL: nothing. Each test starts with nothing. */
void check_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says that a test was left out, and why. */
void check_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A directory of this process's own, removed at its end. */
const char *check_dir(void);

/* Path of a file of the shared test data (../shared/data beside the repository), or NULL if it is not there. */
const char *check_data(const char *name);

/* Random numbers, the same in every run unless XRAY_TEST_SEED says another
 * seed (a number, or "time"). The seed is printed when a check fails. */
uint64_t check_random(void);
uint64_t check_random_below(uint64_t limit); /* 0 .. limit - 1 */

/* A copy of exactly `len` bytes on the heap, so that sanitizers see every read
 * beyond; released with free. */
uint8_t *check_copy(const void *data, size_t len);

/* The whole file, NUL-terminated, released with free; NULL if it cannot be read. */
char *check_read_file(const char *path, size_t *len);

#endif
