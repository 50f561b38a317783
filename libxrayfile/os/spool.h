/* A stream that must be read like a file: copied to an unlinked temporary file. */
#ifndef XF_OS_SPOOL_H
#define XF_OS_SPOOL_H

#include "xrayfile.h"

/* Copies what `in_fd` has to a temporary file ($TMPDIR or /tmp) that has no name any more.
 * When `probe_len` bytes are there (or all, if fewer) `accept` looks at them; if it says no, the
 * copy stops and XRAY_ECORRUPT is returned. The caller closes *out_fd. */
int xf_spool(int in_fd, size_t probe_len, bool (*accept)(const uint8_t *data, size_t len), int *out_fd,
             xray_error *err);

#endif
