/* Every system call on files that are read (file.h). */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

/* Linux moves at most this much per call anyway. */
#define MAX_READ ((size_t)0x7ffff000)

int xf_file_open(int *out_fd, const char *path, xray_error *err)
{
    int fd;
    struct stat st;

    /* O_NONBLOCK: opening a FIFO must not wait for somebody to write to it. */
    do
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot open %s", path);
    if (fstat(fd, &st) != 0) {
        const int status = xf_fail_errno(err, errno, XF_NO_POS, "cannot look at %s", path);

        close(fd);
        return status;
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "%s is %s, not a regular file", path,
                       S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
    }
    *out_fd = fd;
    return XRAY_OK;
}

bool xf_file_is_ours(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int xf_file_size(int fd, uint64_t *size, xray_error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot tell the size of the file");
    *size = (uint64_t)st.st_size;
    return XRAY_OK;
}

int xf_file_read(int fd, uint64_t pos, void *out, size_t n, size_t *got, xray_error *err)
{
    uint8_t *p = (uint8_t *)out;
    size_t done = 0;

    while (done < n) {
        const uint64_t at = pos + done;

        if (at < pos || at > INT64_MAX) /* no file reaches there */
            break;

        const size_t want = n - done < MAX_READ ? n - done : MAX_READ;
        const ssize_t r = pread(fd, p + done, want, (off_t)at);

        if (r == 0)
            break;
        if (r < 0) {
            if (errno == EINTR)
                continue;
            return xf_fail_errno(err, errno, at, "cannot read");
        }
        done += (size_t)r;
    }
    *got = done;
    return XRAY_OK;
}

void xf_file_expect(int fd, uint64_t pos, size_t len)
{
    if (pos <= INT64_MAX - XF_FILE_EXPECT_MOST && len <= XF_FILE_EXPECT_MOST)
        (void)posix_fadvise(fd, (off_t)pos, (off_t)len, POSIX_FADV_WILLNEED);
}

uint64_t xf_file_next_data(int fd, uint64_t pos)
{
    off_t at;

    if (pos > INT64_MAX)
        return pos;
    at = lseek(fd, (off_t)pos, SEEK_DATA);
    if (at >= 0)
        return (uint64_t)at;
    return errno == ENXIO ? UINT64_MAX : pos;
}

void xf_file_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
