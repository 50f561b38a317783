/* Times, durations and money as foreign sources write them. */
#ifndef IMPORT_TIMES_H
#define IMPORT_TIMES_H

#include "xrayfile.h"

/* ISO 8601 / RFC 3339: "2025-12-24T10:00:00.123456Z", a blank for the T, an offset or none (UTC), no time
 * of day; or digits: seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by
 * their size, seconds also with a fraction. XRAY_MISSING: it is none of these. */
int64_t time_parse(xray_str text);

/* A number of seconds, ms, us or ns since 1970, told apart by its size. */
int64_t time_from_number(double number);
int64_t time_from_integer(int64_t number);

/* An integer as text, all of it; false: it is none, or does not fit. */
bool integer_parse(xray_str text, int64_t *out);

/* A decimal number as units of 10^-9, exactly if it has at most 9 decimals and no exponent, else rounded.
 * XRAY_MISSING: no number, or too large. */
int64_t nano_parse(xray_str text);
int64_t nano_from_number(double number);

/* A decimal number with at most 15 digits and a small exponent: exactly the double it stands for. False: ask
 * strtod. */
bool double_parse_fast(xray_str text, double *out);

#endif
