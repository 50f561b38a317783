/* Faults on demand (fault.h). */
#include "support/fault.h"

#include "support/oplog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

ssize_t __real_writev(int fd, const struct iovec *parts, int count);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_openat(int dir, const char *name, int flags, ...);
int __real_unlinkat(int dir, const char *name, int flags);
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int count);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_open(const char *name, int flags, ...);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_unlink(const char *name);
int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);
int __real_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);

#define SHORT_PARTS 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static struct {
    bool active;
    enum fault_kind kind;
    enum fault_mode mode;
    unsigned nth, calls, struck;
    int error;
} plan;

void fault_plan(enum fault_kind kind, unsigned nth, int error, enum fault_mode mode)
{
    pthread_mutex_lock(&lock);
    plan.active = true;
    plan.kind = kind;
    plan.mode = mode;
    plan.nth = nth;
    plan.error = error;
    plan.calls = plan.struck = 0;
    pthread_mutex_unlock(&lock);
}

unsigned fault_struck(void)
{
    unsigned struck;

    pthread_mutex_lock(&lock);
    struck = plan.struck;
    pthread_mutex_unlock(&lock);
    return struck;
}

unsigned fault_clear(void)
{
    unsigned struck;

    pthread_mutex_lock(&lock);
    plan.active = false;
    struck = plan.struck;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
    return struck;
}

/* The error this call has to fail with; 0: none. *shorten: it writes less instead. */
static int strike(enum fault_kind kind, bool *shorten)
{
    int error = 0;

    *shorten = false;
    pthread_mutex_lock(&lock);
    if (plan.active && plan.kind == kind) {
        plan.calls++;
        if (plan.mode == FAULT_HANG && plan.calls >= plan.nth) {
            plan.struck++;
            while (plan.active)
                pthread_cond_wait(&released, &lock);
        } else if (plan.mode == FAULT_SHORT) {
            *shorten = plan.calls == plan.nth;
            error = plan.calls == plan.nth + 1 ? plan.error : 0;
            plan.struck += *shorten;
        } else if (plan.calls == plan.nth || (plan.mode == FAULT_FOREVER && plan.calls > plan.nth)) {
            plan.struck++;
            error = plan.error;
        }
    }
    pthread_mutex_unlock(&lock);
    return error;
}

static ssize_t write_and_log(int fd, const struct iovec *parts, int count)
{
    const ssize_t n = __real_writev(fd, parts, count);

    oplog_written(fd, parts, count, n);
    return n;
}

/* ---- writes in drips ---- */

static struct {
    uint64_t state; /* 0: off */
    bool lie;
} drip;

void fault_drip(uint64_t seed, bool lie)
{
    pthread_mutex_lock(&lock);
    drip.state = seed;
    drip.lie = lie;
    pthread_mutex_unlock(&lock);
}

/* How many bytes the next write may write; 0: a signal comes first. False: as many as it likes. */
static bool next_drip(size_t *most, bool *lie)
{
    bool on;

    pthread_mutex_lock(&lock);
    on = drip.state != 0;
    drip.state ^= drip.state << 13;
    drip.state ^= drip.state >> 7;
    drip.state ^= drip.state << 17;
    *most = drip.state % 3 == 0 ? 0 : (size_t)(drip.state >> 20) % (drip.state % 5 == 0 ? 2000 : 40) + 1;
    *lie = drip.lie && *most > 0;
    drip.lie = drip.lie && !*lie;
    pthread_mutex_unlock(&lock);
    return on;
}

static ssize_t write_drip(int fd, const struct iovec *parts, int count, size_t most, bool lie)
{
    struct iovec less[SHORT_PARTS];
    int n = 0;

    if (most == 0) {
        errno = EINTR;
        return -1;
    }
    for (; n < count && n < SHORT_PARTS && most > 0; n++) {
        less[n] = parts[n];
        if (less[n].iov_len > most)
            less[n].iov_len = most;
        most -= less[n].iov_len;
    }
    return write_and_log(fd, less, n) + (lie && most == 0);
}

ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
    bool shorten, lie;
    size_t most;
    const int error = strike(FAULT_WRITE, &shorten);

    if (error != 0) {
        errno = error;
        return -1;
    }
    if (shorten && count > 0 && count <= SHORT_PARTS && parts[count - 1].iov_len > 1) { /* the middle of a part */
        struct iovec less[SHORT_PARTS];

        memcpy(less, parts, (size_t)count * sizeof *less);
        less[count - 1].iov_len /= 2;
        return write_and_log(fd, less, count);
    }
    if (next_drip(&most, &lie))
        return write_drip(fd, parts, count, most, lie);
    return write_and_log(fd, parts, count);
}

static int sync_and_log(int fd, enum fault_kind kind, int (*real)(int))
{
    bool shorten;
    const int error = strike(kind, &shorten);
    int r;

    if (error != 0) {
        errno = error;
        return -1;
    }
    r = real(fd);
    if (r == 0)
        oplog_synced(fd);
    return r;
}

int __wrap_fdatasync(int fd)
{
    return sync_and_log(fd, FAULT_FDATASYNC, __real_fdatasync);
}

int __wrap_fsync(int fd)
{
    return sync_and_log(fd, FAULT_FSYNC, __real_fsync);
}

/* Only files that are created count: the tests' own reading goes on. */
int __wrap_openat(int dir, const char *name, int flags, ...)
{
    bool shorten;
    mode_t mode = 0;
    int error = 0, fd;

    if ((flags & O_CREAT) != 0) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
        error = strike(FAULT_OPEN, &shorten);
    }
    if (error != 0) {
        errno = error;
        return -1;
    }
    fd = __real_openat(dir, name, flags, mode);
    if (fd >= 0 && (flags & O_CREAT) != 0)
        oplog_created(fd, name);
    return fd;
}

int __wrap_open(const char *name, int flags, ...)
{
    mode_t mode = 0;

    if ((flags & O_CREAT) != 0) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return __wrap_openat(AT_FDCWD, name, flags, mode);
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
    const int r = __real_unlinkat(dir, name, flags);

    if (r == 0)
        oplog_unlinked(name);
    return r;
}

int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    bool shorten;
    const int error = strike(FAULT_RENAME, &shorten);
    int r;

    if (error != 0) {
        errno = error;
        return -1;
    }
    r = __real_renameat2(from_dir, from, to_dir, to, flags);
    if (r == 0)
        oplog_renamed(from, to);
    return r;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return __wrap_renameat2(from_dir, from, to_dir, to, 0);
}

int __wrap_rename(const char *from, const char *to)
{
    return __wrap_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- time ---- */

static _Thread_local unsigned timed_waits;

unsigned fault_timed_waits(void)
{
    return timed_waits;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
    const int r = __real_pthread_cond_timedwait(cond, mutex, until);

    timed_waits += r == ETIMEDOUT;
    return r;
}

static atomic_llong clock_offset;

void fault_clock(int64_t offset_ns)
{
    atomic_store(&clock_offset, offset_ns);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *out)
{
    const int r = __real_clock_gettime(id, out);
    const int64_t offset = id == CLOCK_REALTIME ? atomic_load(&clock_offset) : 0;

    if (r == 0 && offset != 0) {
        const int64_t ns = (int64_t)out->tv_sec * 1000000000 + out->tv_nsec + offset;

        out->tv_sec = (time_t)(ns / 1000000000 - (ns % 1000000000 < 0));
        out->tv_nsec = (long)((ns % 1000000000 + 1000000000) % 1000000000);
    }
    return r;
}

int __wrap_unlink(const char *name)
{
    return __wrap_unlinkat(AT_FDCWD, name, 0);
}
