/* Files beside others: trusted before they are read, replaced as a whole. */
#ifndef XF_OS_SIDECAR_H
#define XF_OS_SIDECAR_H

#include "xrayfile.h"

/* Opens `path` if it may be trusted as much as the file that it speaks of, whose descriptor is `beside_fd`: a
 * regular file, not reached through a link, that belongs to the caller, to root or to the owner of the
 * other one, and that nobody else may write to who may not write to that too (nobody at all, if that is a directory). 1 (*out_fd is the caller's, *size its
 * size), 0: it is not there or not to be trusted (err says why), or XRAY_EIO. */
int xf_sidecar_open(int *out_fd, uint64_t *size, const char *path, int beside_fd, xray_error *err);

/* Writes a temporary file in the same directory, syncs it, gives it the owner's and readers' rights of the file
 * `like_fd` (never the right to write), and renames it to `path`, over what is there. XRAY_EIO, XRAY_ENOMEM. */
int xf_sidecar_replace(const char *path, int like_fd, const void *data, size_t len, xray_error *err);

/* Removes a regular file, not through a link. 1, 0: it is not there, XRAY_EIO. */
int xf_sidecar_remove(const char *path, xray_error *err);

#endif
