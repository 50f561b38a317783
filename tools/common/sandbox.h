/* Giving up what reading does not need, before a stranger's bytes are parsed. */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* From now on, and in every thread that is begun later, this process can read files, write to what is open, and
 * compute; it cannot open for writing, create, rename or remove, execute, fork, signal others, trace them or use the network;
 * its memory is bounded. Where standard output and error are no files, nothing grows at all. There is no
 * way back. False if the kernel cannot do it: *why says so, and nothing was given up. To be called by the only thread. */
bool sandbox_enter(const char **why);

#endif
