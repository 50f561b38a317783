/* One line on standard error that tells how far a long job is: only on a terminal, not before a second has
 * passed, at most five times a second, and erased before anything else is printed. */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdint.h>

/* To be called as often as there is something new; `total` 0: not known. Cheap. */
void progress_show(const char *what, uint64_t done, uint64_t total);

/* Erases it. Messages and output do so themselves. */
void progress_hide(void);

#endif
