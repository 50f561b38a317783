/* Appending to files (promises: nothing of the host is touched). */
#include "os/out.h"

#include "base/fail.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int make_directories(char *path, xray_error *err)
{
    for (char *slash = path; slash != NULL; *slash = '/') {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            const int e = errno;

            return xf_fail_errno(err, e, XF_NO_POS, "%s: cannot create directory", path);
        }
        if (slash == NULL)
            break;
    }
    return XRAY_OK;
}

int xf_dir_open(int *out_fd, const char *path, xray_error *err)
{
    const size_t len = strlen(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        char *copy = xf_alloc(len + 1);
        int r;

        if (copy == NULL)
            return xf_fail_memory(err);
        memcpy(copy, path, len);
        r = make_directories(copy, err);
        xf_free(copy);
        if (r < 0)
            return r;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "%s: cannot open directory", path);
    *out_fd = fd;
    return XRAY_OK;
}

int xf_out_create(int *out_fd, int dir_fd, const char *name, xray_error *err)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd >= 0 && fd < 3) { /* the host closed its standard streams: never be one of them */
        const int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        const int e = errno;

        close(fd);
        fd = high;
        errno = e;
    }
    if (fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "%s: cannot create", name);
    *out_fd = fd;
    return XRAY_OK;
}

static void skip_written(struct iovec **parts, int *count, size_t n)
{
    while (*count > 0 && n >= (*parts)->iov_len) {
        n -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + n;
        (*parts)->iov_len -= n;
    }
}

static int append_all(int fd, struct iovec *parts, int count, uint64_t *written)
{
    while (count > 0) {
        const ssize_t n = writev(fd, parts, count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? ENOSPC : errno;
        *written += (uint64_t)n;
        skip_written(&parts, &count, (size_t)n);
    }
    return 0;
}

/* Over RLIMIT_FSIZE a write raises SIGXFSZ, which would end the host. It is
 * blocked for the call, and taken off the thread again if this write raised it. */
int xf_out_append(int fd, struct iovec *parts, int count, uint64_t *written, xray_error *err)
{
    sigset_t xfsz, old, pending;
    int e;

    *written = 0;
    sigemptyset(&xfsz);
    sigaddset(&xfsz, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &xfsz, &old);
    sigpending(&pending);
    e = append_all(fd, parts, count, written);
    if (e == EFBIG && !sigismember(&pending, SIGXFSZ)) {
        const struct timespec zero = {0};

        sigtimedwait(&xfsz, NULL, &zero);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (e != 0)
        return xf_fail_errno(err, e, XF_NO_POS, "cannot write");
    return XRAY_OK;
}

int xf_out_sync(int fd, xray_error *err)
{
    if (fdatasync(fd) != 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot sync");
    return XRAY_OK;
}

int xf_dir_sync(int dir_fd, xray_error *err)
{
    if (fsync(dir_fd) != 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot sync the directory");
    return XRAY_OK;
}

void xf_out_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
