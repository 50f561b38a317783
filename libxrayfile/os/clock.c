/* Clocks and randomness. */
#include "os/clock.h"

#include "base/hash.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t = {0};

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t xf_clock_real(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t xf_clock_mono(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* Ids need to be different, not secret: without the system call (an old sandbox)
 * clocks, process and address give enough of that. */
void xf_random(void *out, size_t len)
{
    uint8_t *p = out;

    while (len > 0) {
        const size_t want = len < 256 ? len : 256;
        const ssize_t n = getrandom(p, want, 0);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
            continue;
        }
        const int64_t noise[4] = {xf_clock_real(), xf_clock_mono(), getpid(), (int64_t)(intptr_t)p};
        const uint64_t h = xf_hash64(noise, sizeof noise, len);
        const size_t k = len < 8 ? len : 8;

        memcpy(p, &h, k);
        p += k;
        len -= k;
    }
}

void xf_clock_name(int64_t real_ns, char out[21])
{
    const time_t seconds = (time_t)(real_ns / 1000000000);
    char text[64];
    struct tm t;

    if (real_ns < 0 || gmtime_r(&seconds, &t) == NULL || t.tm_year > 8099) {
        memcpy(out, "00000000T000000.000Z", 21);
        return;
    }
    snprintf(text, sizeof text, "%04d%02d%02dT%02d%02d%02d.%03dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
             t.tm_hour, t.tm_min, t.tm_sec, (int)(real_ns / 1000000 % 1000));
    memcpy(out, text, 20);
    out[20] = '\0';
}
