/* Appending to files (promises: nothing of the host is touched). */
#include "os/out.h"

#include "base/fail.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

char *xf_dir_absolute(const char *path)
{
    const size_t len = strlen(path) + 1, room = path[0] == '/' ? 0 : PATH_MAX;
    char *out = xf_alloc(room + 1 + len);
    size_t at = 0;

    if (out == NULL)
        return NULL;
    if (room > 0) {
        if (getcwd(out, room) == NULL) {
            xf_free(out);
            return NULL;
        }
        at = strlen(out);
        out[at++] = '/';
    }
    memcpy(out + at, path, len);
    return out;
}

/* The host may have closed its standard streams: never be one of them. */
static int open_high(int dir_fd, const char *name, int flags)
{
    const int fd = openat(dir_fd, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
    int high, e;

    if (fd < 0 || fd > 2)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    e = errno;
    close(fd);
    errno = e;
    return high;
}

static bool identify(int fd, struct xf_file_id *id)
{
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return false;
    *id = (struct xf_file_id){.device = st.st_dev, .inode = st.st_ino};
    return true;
}

bool xf_out_is(int fd, const struct xf_file_id *id)
{
    struct xf_file_id now;

    return identify(fd, &now) && now.device == id->device && now.inode == id->inode;
}

int xf_out_create(int *out_fd, int dir_fd, const char *name, struct xf_file_id *id, xray_error *err)
{
    const int fd = open_high(dir_fd, name, O_CREAT | O_EXCL);

    if (fd < 0 || (id != NULL && !identify(fd, id)))
        return xf_fail_errno(err, errno, XF_NO_POS, "%s: cannot create", name);
    *out_fd = fd;
    return XRAY_OK;
}

int xf_out_reopen(int *out_fd, int dir_fd, const char *name, const struct xf_file_id *id, xray_error *err)
{
    const int fd = open_high(dir_fd, name, 0);

    if (fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "%s: cannot open it again", name);
    if (!xf_out_is(fd, id)) {
        close(fd);
        return xf_fail(err, XRAY_EIO, XF_NO_POS, "%s: another file has its name", name);
    }
    *out_fd = fd;
    return XRAY_OK;
}

/* Takes `n` bytes off the front of what is to be written. */
static void skip(struct iovec **parts, int *count, size_t n)
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

static int append_all(int fd, struct iovec **parts, int *count)
{
    while (*count > 0) {
        const ssize_t n = writev(fd, *parts, *count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? ENOSPC : errno;
        skip(parts, count, (size_t)n);
    }
    return 0;
}

/* Over RLIMIT_FSIZE a write raises SIGXFSZ, which would end the host. It is
 * blocked for the call, and taken off the thread again if this write raised it. */
int xf_out_append(int fd, struct iovec **parts, int *count, xray_error *err)
{
    sigset_t xfsz, old, pending;
    int e;

    sigemptyset(&xfsz);
    sigaddset(&xfsz, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &xfsz, &old);
    sigpending(&pending);
    e = append_all(fd, parts, count);
    if (e == EFBIG && !sigismember(&pending, SIGXFSZ)) {
        const struct timespec zero = {0};

        sigtimedwait(&xfsz, NULL, &zero);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (e != 0)
        return xf_fail_errno(err, e, XF_NO_POS, "cannot write");
    return XRAY_OK;
}

int xf_out_append_bytes(int fd, const void *data, size_t len, xray_error *err)
{
    struct iovec part = {.iov_base = (void *)data, .iov_len = len}, *left = &part;
    int count = 1;

    return xf_out_append(fd, &left, &count, err);
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

void xf_out_discard(int fd, int dir_fd, const char *name)
{
    unlinkat(dir_fd, name, 0);
    close(fd);
}

void xf_out_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* ---- a file that appears whole ------------------------------------------------------- */

/* Splits the path and opens its directory. */
static int open_parent(struct xf_out_file *f, const char *path, xray_error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    char *parent;

    if (name[0] == '\0' || strlen(name) >= sizeof f->name)
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "%s is no name for a file", path);
    parent = xf_alloc(len + 2);
    if (parent == NULL)
        return xf_fail_memory(err);
    memcpy(parent, slash == NULL ? "." : len == 0 ? "/" : path, slash == NULL || len == 0 ? 1 : len);
    f->dir_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    xf_free(parent);
    if (f->dir_fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "%s: cannot open its directory", path);
    snprintf(f->name, sizeof f->name, "%s", name);
    return XRAY_OK;
}

int xf_out_file_begin(struct xf_out_file *f, const char *path, bool replace, xray_error *err)
{
    struct stat st;
    int r;

    *f = (struct xf_out_file){.fd = -1, .dir_fd = -1};
    r = open_parent(f, path, err);
    if (r < 0)
        return r;
    if (!replace && fstatat(f->dir_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return xf_fail_errno(err, EEXIST, XF_NO_POS, "%s", path);
    snprintf(f->temp, sizeof f->temp, ".%s.%ld.tmp", f->name, (long)getpid());
    if (strlen(f->temp) > 255) /* the name is as long as names can be */
        snprintf(f->temp, sizeof f->temp, ".xray.%ld.tmp", (long)getpid());
    r = xf_out_create(&f->fd, f->dir_fd, f->temp, NULL, err);
    if (r < 0)
        f->temp[0] = '\0';
    return r;
}

/* Without RENAME_NOREPLACE in the file system a link does the same. */
static int rename_new(int dir_fd, const char *from, const char *to)
{
    if (renameat2(dir_fd, from, dir_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(dir_fd, from, dir_fd, to, 0) != 0)
        return -1;
    return unlinkat(dir_fd, from, 0);
}

int xf_out_file_finish(struct xf_out_file *f, bool replace, xray_error *err)
{
    int r = fsync(f->fd) == 0 ? XRAY_OK : xf_fail_errno(err, errno, XF_NO_POS, "%s: cannot sync", f->name);

    if (r >= 0 && (replace ? renameat(f->dir_fd, f->temp, f->dir_fd, f->name)
                           : rename_new(f->dir_fd, f->temp, f->name)) != 0)
        r = xf_fail_errno(err, errno, XF_NO_POS, "%s: cannot be given its name", f->name);
    if (r < 0)
        return r;
    f->temp[0] = '\0';
    return xf_dir_sync(f->dir_fd, err);
}

void xf_out_file_done(struct xf_out_file *f)
{
    if (f->temp[0] != '\0')
        unlinkat(f->dir_fd, f->temp, 0);
    xf_out_close(f->fd);
    xf_out_close(f->dir_fd);
    *f = (struct xf_out_file){.fd = -1, .dir_fd = -1};
}

bool xf_same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
