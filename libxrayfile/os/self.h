/* Who we are: host, boot and process, for the hello record (spec 3.2). */
#ifndef XF_OS_SELF_H
#define XF_OS_SELF_H

#include <stddef.h>
#include <stdint.h>

/* Each fills a NUL-terminated text; empty if the system does not say. */
void xf_self_host(char *out, size_t cap);
void xf_self_boot(char out[64]);

/* A word that is 1, in memory of its own that a child gets as zeros, however it was made (but where it shares the memory: vfork,
 * threads). Never freed. NULL: the system has none (Linux before 4.14), or memory is out. */
_Atomic(unsigned) *xf_self_mark(void);

int64_t xf_self_pid(void);
int64_t xf_self_start(void); /* clock ticks since boot, or XRAY_MISSING */

#endif
