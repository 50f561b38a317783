/* Whether the process that wrote a segment is still there (spec 3.2, 7.2). */
#ifndef XF_OS_PROCESS_H
#define XF_OS_PROCESS_H

#include "xrayfile.h"

enum xf_process_state { XF_PROCESS_UNKNOWN, XF_PROCESS_ALIVE, XF_PROCESS_DEAD };

/* Whether it is there, as far as this machine can tell: see below. */
enum xf_process_state xf_process_look(xray_str host, xray_str boot, int64_t pid, int64_t start_ticks);

/* True only if it is known to be gone: it ran on this host, since this boot, and no process
 * with its id and start time (clock ticks since boot) is there. Missing facts: false. */
bool xf_process_is_dead(xray_str host, xray_str boot, int64_t pid, int64_t start_ticks);

#endif
