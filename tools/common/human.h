/* Numbers as people read them. Each function appends to the text; what is
 * XRAY_MISSING appends nothing. */
#ifndef COMMON_HUMAN_H
#define COMMON_HUMAN_H

#include "common/text.h"

/* 850ns 412µs 3ms 4.81s 2m03s 1h02m 3d04h */
void human_duration(struct text *t, int64_t ns);
/* $0.0132 $1.50 $1,204.20: two decimals, more only where the amount is small */
void human_money(struct text *t, int64_t nano);
/* 1,204 */
void human_count(struct text *t, int64_t n);
/* 4.1 for a mean: one decimal below a thousand */
void human_mean(struct text *t, double mean);
/* 94.0% */
void human_rate(struct text *t, double rate);
/* 832 B, 1.4 GB (1000, not 1024) */
void human_size(struct text *t, uint64_t bytes);
/* 2026-08-21T09:14:03.120Z, RFC 3339 in UTC or the zone of --tz; decimals of the second: 0 to 9 */
void human_time(struct text *t, int64_t ns, int decimals);

/* 1 - out / in; in = 0 gives 0. False if in or out is missing. */
bool rejection_rate(int64_t in, int64_t out, double *rate);

#endif
