/* Clocks and randomness. */
#ifndef XF_OS_CLOCK_H
#define XF_OS_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t xf_clock_real(void); /* ns since 1970 UTC */
int64_t xf_clock_mono(void); /* ns, never goes back */
void xf_random(void *out, size_t len);

/* YYYYMMDDTHHMMSS.mmmZ, 20 characters and NUL (spec 2.4). */
void xf_clock_name(int64_t real_ns, char out[21]);

#endif
