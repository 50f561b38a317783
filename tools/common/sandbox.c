/* See sandbox.h: a list of system calls that reading needs, by seccomp; everything else fails with EPERM, which a
 * reader reports like any error. Killing instead would turn each gap in the list into a crash. */
#include "common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Readers keep to 256 MiB; beside it stand what threads reserve (a stack of 8 MiB and an arena of 64 MiB each, mostly
 * untouched) and the program itself. */
#define ADDRESS_SPACE ((rlim_t)4 << 30)

/* What needs no look at its arguments. */
static const int allowed[] = {
    SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(preadv), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(fadvise64), SCMP_SYS(dup),
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(set_robust_list),
    SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pselect6),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid),
    SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrusage),
    SCMP_SYS(getcpu),
};

static int allow(scmp_filter_ctx c, int call, struct scmp_arg_cmp condition)
{
    return seccomp_rule_add_array(c, SCMP_ACT_ALLOW, call, 1, &condition);
}

/* Opening: for reading only, and nothing that creates. */
static int allow_opening(scmp_filter_ctx c)
{
    const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    int r = allow(c, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));

    return r < 0 ? r : allow(c, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
}

/* Memory that is data, not code. */
static int allow_memory(scmp_filter_ctx c)
{
    int r = allow(c, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    return r < 0 ? r : allow(c, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Threads, no processes. What clone3 is asked for stands in memory, where a filter cannot look: the C library
 * is told that there is none, and takes clone. */
static int allow_threads(scmp_filter_ctx c)
{
    int r = allow(c, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

    return r < 0 ? r : seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* Questions about a terminal (not TIOCSTI, which types into it), about descriptors, about limits; ending oneself. */
static int allow_questions(scmp_filter_ctx c)
{
    static const unsigned asks[] = {TCGETS, TIOCGWINSZ};
    static const unsigned descriptor[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC};
    int r = 0;

    for (size_t i = 0; i < sizeof asks / sizeof *asks && r >= 0; i++)
        r = allow(c, SCMP_SYS(ioctl), SCMP_A1_32(SCMP_CMP_EQ, asks[i]));
    for (size_t i = 0; i < sizeof descriptor / sizeof *descriptor && r >= 0; i++)
        r = allow(c, SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, descriptor[i]));
    if (r >= 0)
        r = allow(c, SCMP_SYS(prlimit64), SCMP_A2_64(SCMP_CMP_EQ, 0));
    return r < 0 ? r : allow(c, SCMP_SYS(tgkill), SCMP_A0_32(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int load_filter(void)
{
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = c != NULL ? 0 : -ENOMEM;

    for (size_t i = 0; i < sizeof allowed / sizeof *allowed && r >= 0; i++)
        r = seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0);
    if (r >= 0)
        r = allow_opening(c);
    if (r >= 0)
        r = allow_memory(c);
    if (r >= 0)
        r = allow_threads(c);
    if (r >= 0)
        r = allow_questions(c);
    if (r >= 0)
        r = seccomp_load(c); /* which also sets "no new privileges" */
    if (c != NULL)
        seccomp_release(c);
    return r;
}

static bool is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void bound(int resource, rlim_t most)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_cur < most ? limit.rlim_cur : most;
    limit.rlim_max = limit.rlim_max < most ? limit.rlim_max : most;
    setrlimit(resource, &limit);
}

bool sandbox_enter(const char **why)
{
    int r;

    /* Limits first: the filter lets nobody change them. */
    if (!SANITIZED) /* whose shadow needs all the address space there is */
        bound(RLIMIT_AS, ADDRESS_SPACE);
    bound(RLIMIT_CORE, 0);
    if (!is_file(STDOUT_FILENO) && !is_file(STDERR_FILENO))
        bound(RLIMIT_FSIZE, 0);
    r = load_filter();
    if (r == 0)
        return true;
    *why = r == -ENOMEM ? "out of memory" : "this kernel has no system call filters (seccomp)";
    return false;
}
