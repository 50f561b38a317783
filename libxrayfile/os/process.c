/* Whether a process is still there (process.h): /proc of Linux. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_FIELD 22 /* of /proc/PID/stat, see proc(5) */

/* Reads a small file whole; its length, or -1 with errno. */
static ssize_t read_small(const char *path, char *out, size_t size)
{
    ssize_t n;
    int fd;

    do
        fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return -1;
    do
        n = read(fd, out, size - 1);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        out[n] = '\0';

    const int why = errno;

    close(fd);
    errno = why;
    return n;
}

static bool is_same(xray_str a, const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\0'))
        len--;
    return a.len == len && memcmp(a.ptr, text, len) == 0;
}

static bool is_here(xray_str host, xray_str boot)
{
    char text[512];
    ssize_t n;

    n = read_small("/proc/sys/kernel/random/boot_id", text, sizeof text);
    if (n <= 0 || !is_same(boot, text, (size_t)n))
        return false;
    memset(text, 0, sizeof text);
    return gethostname(text, sizeof text - 1) == 0 && is_same(host, text, strlen(text));
}

/* The command name, field 2, may hold spaces and parentheses: count from behind its last ')'. */
static int64_t start_of(const char *stat)
{
    const char *p = strrchr(stat, ')');

    for (int field = 2; p != NULL && field < START_FIELD; field++)
        p = strchr(p + 1, ' ');
    return p == NULL ? -1 : strtoll(p + 1, NULL, 10);
}

enum xf_process_state xf_process_look(xray_str host, xray_str boot, int64_t pid, int64_t start_ticks)
{
    char path[64];
    char stat[2048];
    int64_t start;
    ssize_t n;

    if (host.len == 0 || boot.len == 0 || pid <= 0 || start_ticks == XRAY_MISSING || !is_here(host, boot))
        return XF_PROCESS_UNKNOWN;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    n = read_small(path, stat, sizeof stat);
    if (n < 0)
        return errno == ENOENT || errno == ESRCH ? XF_PROCESS_DEAD : XF_PROCESS_UNKNOWN;
    start = n > 0 ? start_of(stat) : -1;
    if (start < 0)
        return XF_PROCESS_UNKNOWN;
    return start == start_ticks ? XF_PROCESS_ALIVE : XF_PROCESS_DEAD;
}

bool xf_process_is_dead(xray_str host, xray_str boot, int64_t pid, int64_t start_ticks)
{
    return xf_process_look(host, boot, pid, start_ticks) == XF_PROCESS_DEAD;
}
