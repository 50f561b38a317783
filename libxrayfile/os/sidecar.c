/* Files beside others (sidecar.h). */
#include "os/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/out.h"

static bool is_trusted(const struct stat *st, const struct stat *beside, const char *path, xray_error *err)
{
    const mode_t others = S_IWGRP | S_IWOTH;
    /* Who may add files to a directory may not therefore change those that are there. */
    const mode_t allowed = S_ISDIR(beside->st_mode) ? 0 : beside->st_mode;

    if (!S_ISREG(st->st_mode))
        xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "%s is not a regular file", path);
    else if (st->st_uid != geteuid() && st->st_uid != 0 && st->st_uid != beside->st_uid)
        xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "%s belongs to another user", path);
    else if ((st->st_mode & others & ~allowed) != 0)
        xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "%s can be written by other users", path);
    else
        return true;
    return false;
}

int xf_sidecar_open(int *out_fd, uint64_t *size, const char *path, int beside_fd, xray_error *err)
{
    struct stat st, beside;
    int fd;

    do
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        xf_fail_errno(err, errno, XF_NO_POS, "cannot open %s", path);
        return 0;
    }
    if (fstat(fd, &st) != 0 || fstat(beside_fd, &beside) != 0) {
        const int r = xf_fail_errno(err, errno, XF_NO_POS, "cannot look at %s", path);

        close(fd);
        return r;
    }
    if (!is_trusted(&st, &beside, path, err)) {
        close(fd);
        return 0;
    }
    *out_fd = fd;
    *size = (uint64_t)st.st_size;
    return 1;
}

/* Creates the temporary file, with the name in `temporary`. */
static int create_beside(const char *path, char *temporary, size_t cap, xray_error *err)
{
    int fd = -1;

    for (int try = 0; try < 16 && fd < 0; try++) {
        uint64_t random;

        xf_random(&random, sizeof random);
        snprintf(temporary, cap, "%s.%016" PRIx64 ".tmp", path, random);
        fd = open(temporary, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot create %s", temporary);
    return fd;
}

static int fill(int fd, int like_fd, const void *data, size_t len, xray_error *err)
{
    struct stat like;
    int r = xf_out_append_bytes(fd, data, len, err);

    if (r < 0)
        return r;
    if (fstat(like_fd, &like) != 0 || fchmod(fd, (like.st_mode & 0444) | S_IRUSR | S_IWUSR) != 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot set the rights of the index");
    return xf_out_sync(fd, err);
}

int xf_sidecar_replace(const char *path, int like_fd, const void *data, size_t len, xray_error *err)
{
    const size_t cap = strlen(path) + 32;
    char *temporary = xf_alloc(cap);
    int fd;
    int r;

    if (temporary == NULL)
        return xf_fail_memory(err);
    fd = create_beside(path, temporary, cap, err);
    r = fd < 0 ? fd : fill(fd, like_fd, data, len, err);
    xf_out_close(fd);
    if (r >= 0 && rename(temporary, path) != 0)
        r = xf_fail_errno(err, errno, XF_NO_POS, "cannot rename to %s", path);
    if (r < 0 && fd >= 0)
        unlink(temporary);
    xf_free(temporary);
    return r < 0 ? r : XRAY_OK;
}

int xf_sidecar_remove(const char *path, xray_error *err)
{
    struct stat st;

    if (lstat(path, &st) != 0 && errno == ENOENT)
        return 0;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return xf_fail(err, XRAY_EIO, XF_NO_POS, "%s is not a file", path);
    if (unlink(path) != 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot remove %s", path);
    return 1;
}
