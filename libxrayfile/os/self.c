/* Identity of this process, from /proc. */
#include "os/self.h"

#include "xrayfile.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t read_small(const char *path, char *out, size_t cap)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;

    if (fd >= 0) {
        n = read(fd, out, cap - 1);
        close(fd);
    }
    if (n < 0)
        n = 0;
    out[n] = '\0';
    return (size_t)n;
}

void xf_self_host(char *out, size_t cap)
{
    if (gethostname(out, cap) != 0)
        out[0] = '\0';
    out[cap - 1] = '\0';
}

void xf_self_boot(char out[64])
{
    read_small("/proc/sys/kernel/random/boot_id", out, 64);
    out[strcspn(out, "\n")] = '\0';
}

_Atomic(unsigned) *xf_self_mark(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    _Atomic(unsigned) *mark = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (mark == MAP_FAILED)
        return NULL;
    if (madvise(mark, page, MADV_WIPEONFORK) != 0) {
        munmap(mark, page);
        return NULL;
    }
    atomic_store(mark, 1);
    return mark;
}

int64_t xf_self_pid(void)
{
    return getpid();
}

/* Field 22 of stat; the name in field 2 may hold anything, so count from its last ')'. */
int64_t xf_self_start(void)
{
    char text[1024];
    const char *at;

    if (read_small("/proc/self/stat", text, sizeof text) == 0)
        return XRAY_MISSING;
    at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at != NULL ? strtoll(at + 1, NULL, 10) : XRAY_MISSING;
}
