/* Every system call on files. */
#ifndef XF_OS_FILE_H
#define XF_OS_FILE_H

#include "xrayfile.h"

/* Reading: regular files only (others are refused), O_NONBLOCK, O_CLOEXEC. */
int xf_file_open(int *out_fd, const char *path, xray_error *err);
/* Whether only this user or root can have written it. */
bool xf_file_is_ours(int fd);
int xf_file_size(int fd, uint64_t *size, xray_error *err);
/* Reads up to n bytes at pos, retrying EINTR and short reads; *got < n only at the end of the file. */
int xf_file_read(int fd, uint64_t pos, void *out, size_t n, size_t *got, xray_error *err);
/* These bytes will be read soon: those that the system does not have it begins to fetch, while the caller goes on. A
 * hint: nobody is told whether it was taken. At most XF_FILE_EXPECT_MOST of them, for Linux looks at no more than what
 * its device takes at once. */
#define XF_FILE_EXPECT_MOST ((size_t)512 << 10)
void xf_file_expect(int fd, uint64_t pos, size_t len);
/* The first position from `pos` on that is not in a hole; UINT64_MAX: none. Where the file system does not know
 * of holes, `pos`. */
uint64_t xf_file_next_data(int fd, uint64_t pos);
void xf_file_close(int fd);

#endif
