/* Faults on demand (fault.h). */
#include "support/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

ssize_t __real_writev(int fd, const struct iovec *parts, int count);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_openat(int dir, const char *name, int flags, ...);
ssize_t __wrap_writev(int fd, const struct iovec *parts, int count);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __wrap_openat(int dir, const char *name, int flags, ...);

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

ssize_t __wrap_writev(int fd, const struct iovec *parts, int count)
{
    bool shorten;
    const int error = strike(FAULT_WRITE, &shorten);

    if (error != 0) {
        errno = error;
        return -1;
    }
    if (shorten && count > 0) {
        const struct iovec first = {.iov_base = parts[0].iov_base,
                                    .iov_len = parts[0].iov_len - (count == 1 && parts[0].iov_len > 1)};

        return __real_writev(fd, &first, 1);
    }
    return __real_writev(fd, parts, count);
}

int __wrap_fdatasync(int fd)
{
    bool shorten;
    const int error = strike(FAULT_FDATASYNC, &shorten);

    if (error == 0)
        return __real_fdatasync(fd);
    errno = error;
    return -1;
}

int __wrap_fsync(int fd)
{
    bool shorten;
    const int error = strike(FAULT_FSYNC, &shorten);

    if (error == 0)
        return __real_fsync(fd);
    errno = error;
    return -1;
}

/* Only files that are created count: the tests' own reading goes on. */
int __wrap_openat(int dir, const char *name, int flags, ...)
{
    bool shorten;
    mode_t mode = 0;
    int error = 0;

    if ((flags & O_CREAT) != 0) {
        va_list args;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
        error = strike(FAULT_OPEN, &shorten);
    }
    if (error == 0)
        return __real_openat(dir, name, flags, mode);
    errno = error;
    return -1;
}
