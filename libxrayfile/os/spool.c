/* Copying a stream to a temporary file (spool.h). */
#include "os/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/mem.h"
#include "os/file.h"

#define COPY_LEN ((size_t)256 * 1024)

static int make_temporary(int *out_fd, xray_error *err)
{
    const char *dir = secure_getenv("TMPDIR");
    char path[512];
    int n, fd;

    if (dir == NULL || dir[0] != '/')
        dir = "/tmp";
    n = snprintf(path, sizeof path, "%s/xrayfile-XXXXXX", dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "TMPDIR is too long");
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot make a temporary file in %s", dir);
    unlink(path);
    *out_fd = fd;
    return XRAY_OK;
}

/* Reads until n bytes are there or the stream ends. */
static int read_full(int fd, uint8_t *out, size_t n, size_t *got, xray_error *err)
{
    *got = 0;
    while (*got < n) {
        const ssize_t r = read(fd, out + *got, n - *got);

        if (r == 0)
            break;
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return xf_fail_errno(err, errno, XF_NO_POS, "cannot read standard input");
        *got += (size_t)r;
    }
    return XRAY_OK;
}

static int write_full(int fd, const uint8_t *data, size_t n, xray_error *err)
{
    while (n > 0) {
        const ssize_t r = write(fd, data, n);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return xf_fail_errno(err, errno, XF_NO_POS, "cannot copy standard input to a temporary file");
        data += r;
        n -= (size_t)r;
    }
    return XRAY_OK;
}

static int copy(int in_fd, int fd, uint8_t *buffer, size_t probe_len,
                bool (*accept)(const uint8_t *data, size_t len), xray_error *err)
{
    size_t got;
    int r = read_full(in_fd, buffer, probe_len, &got, err);

    if (r < 0)
        return r;
    if (!accept(buffer, got))
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "standard input is not an xray segment");
    r = write_full(fd, buffer, got, err);
    while (r >= 0 && got > 0) {
        r = read_full(in_fd, buffer, COPY_LEN, &got, err);
        if (r >= 0)
            r = write_full(fd, buffer, got, err);
    }
    return r;
}

int xf_spool(int in_fd, size_t probe_len, bool (*accept)(const uint8_t *data, size_t len), int *out_fd,
             xray_error *err)
{
    uint8_t *buffer = xf_alloc(probe_len > COPY_LEN ? probe_len : COPY_LEN);
    int fd = -1;
    int r;

    if (buffer == NULL)
        return xf_fail_memory(err);
    r = make_temporary(&fd, err);
    if (r >= 0)
        r = copy(in_fd, fd, buffer, probe_len, accept, err);
    xf_free(buffer);
    if (r < 0) {
        xf_file_close(fd);
        return r;
    }
    *out_fd = fd;
    return XRAY_OK;
}
