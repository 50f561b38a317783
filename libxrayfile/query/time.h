/* Times and durations as text (ql 2.3). */
#ifndef XF_QUERY_TIME_H
#define XF_QUERY_TIME_H

#include "xrayfile.h"

/* Nanoseconds in a unit of a duration (ns us ms s m h d), or 0. */
int64_t xf_unit_ns(xray_str unit);

/* number * unit_ns, where `number` is digits with or without decimals and an exponent, rounded to whole
 * nanoseconds. False if it does not fit. */
bool xf_duration_scale(xray_str number, int64_t unit_ns, int64_t *out);

/* A time: RFC 3339 or its beginning ("2026-08-01", "2026-08-01 12:30"; without an offset UTC), "@seconds",
 * "now", "today", "yesterday", or how long before now: "2h", "-2h", "2h ago" (also w, mo, y). False with
 * *hint set. */
bool xf_time_parse(xray_str text, int64_t now_ns, int64_t *out, const char **hint);

/* Appends it as RFC 3339 in UTC, with as many decimals as it needs (0, 3, 6 or 9). */
void xf_time_print(int64_t time_ns, xray_buffer *out);

#endif
