/* Times, durations and sizes on the command line.
 *
 * A time is one of
 *   2026-08-21T09:14:03.120Z  2026-08-21T09:14:03+02:00    RFC 3339
 *   2026-08-21  2026-08-21 09:14  2026-08-21 09:14:03.5    without an offset: in the zone of --tz, else UTC
 *   @1787303643.12                                         seconds since 1970
 *   now today yesterday                                    midnight is the zone's
 *   2h  -2h  2h ago  1h30m ago                             before now
 * in units ns us ms s m h d w mo y; M is refused, for it could be minutes or months. */
#ifndef COMMON_WHEN_H
#define COMMON_WHEN_H

#include "common/text.h"

/* --tz: local, UTC, or a name as Europe/Berlin. False if there is no such zone. It holds for times without
 * an offset, for midnight, and for all times that are printed. */
bool when_set_zone(const char *name);

/* Nanoseconds since 1970, now. The first answer stays, so that all of a command line means one moment. */
int64_t when_now(void);

/* False if the text is none; then *hint says what to write. */
bool when_parse(const char *text, int64_t *out, const char **hint);

/* 250ns 3us 250ms 2s 1.5m 1h30m 2d 1w; not mo and y, which have no one length. */
bool when_parse_duration(const char *text, int64_t *out, const char **hint);

/* 4096 10kB 10MB 10M (powers of 1000) 10KiB 10Mi (of 1024). */
bool when_parse_size(const char *text, uint64_t *out);

/* The same for the argument of an option: other text ends the program with status 2. */
int64_t when_option(const char *option, const char *text);
int64_t when_option_duration(const char *option, const char *text);
uint64_t when_option_size(const char *option, const char *text);

/* Appends a time as RFC 3339 in the zone, with that many decimals of the second. XRAY_MISSING appends
 * nothing. */
void when_put(struct text *t, int64_t ns, int decimals);

/* The beginning of the slice of length `step_ns` that a time falls into; slices of days and longer begin at
 * midnight of the zone. */
int64_t when_floor(int64_t ns, int64_t step_ns);

#endif
