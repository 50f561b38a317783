/* Filling an xray_error. The function that finds a fault calls this and
 * returns its result; callers above pass the number on. */
#ifndef XF_BASE_FAIL_H
#define XF_BASE_FAIL_H

#include "xrayfile.h"

#define XF_NO_POS UINT64_MAX

/* Fills *err (may be NULL) and returns `status`. Control characters in the text are escaped. */
int xf_fail(xray_error *err, int status, uint64_t pos, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* XRAY_EIO with errno and its text appended to the message. */
int xf_fail_errno(xray_error *err, int sys_errno, uint64_t pos, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* XRAY_ENOMEM. */
int xf_fail_memory(xray_error *err);

#endif
