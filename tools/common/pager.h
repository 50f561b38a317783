/* The pager that long output goes through, where someone looks at it. */
#ifndef COMMON_PAGER_H
#define COMMON_PAGER_H

#include <stdbool.h>

/* Would a pager be used: are standard input and output terminals, and is one named (XRAY_PAGER, PAGER, else less)? */
bool pager_is_wanted(void);

/* Starts it; from now on standard output leads there. Where it cannot be started a warning says so, and
 * output goes to the terminal. */
void pager_start(void);

/* Closes standard output and waits until the user has left. */
void pager_finish(void);

#endif
