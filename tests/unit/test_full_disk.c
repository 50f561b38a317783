/* A disk that is full at every size: tmpfs of 4 KiB to 1 MiB in steps of a page, really written to its last byte. The host
 * goes on, every file verifies, and accepted = written + dropped; once there is space again, all that is left is written.
 * A few sizes; with XRAY_TEST_LONG=1 all 256. Needs root, for a mount namespace of its own. */
#include "support/check.h"
#include "support/invariants.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS = 12, CANDIDATES = 600, NOISE = 100000 };

static char mount_point[600], dir[700];
static unsigned long long lost_at_some_size, lost_nothing;

static bool set_size(unsigned long bytes, unsigned long flags)
{
    char options[64];

    snprintf(options, sizeof options, "size=%lu,mode=0700", bytes);
    return mount("none", mount_point, "tmpfs", flags, options) == 0;
}

static uint64_t record(xray_writer *w)
{
    const xray_run run = xray_run_begin(w, xray_s("a full disk"), NULL);
    static uint8_t noise[NOISE];
    uint64_t item = 0;
    char name[24];

    for (int i = 0; i < STEPS; i++) {
        const xray_step step = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);

        for (size_t k = 0; k < NOISE; k++)
            noise[k] = (uint8_t)(check_random() >> 9);
        xray_step_set(step, XRAY_INPUT, xray_bin(noise, NOISE)); /* more than a megabyte in all, however it is compressed */
        for (int k = 0; k < CANDIDATES; k++) {
            snprintf(name, sizeof name, "i%llu", (unsigned long long)item++);
            xray_step_reject(step, xray_s(name), xray_s("dear"),
                             XRAY_ATTRS(xray_kv("price", xray_int((int64_t)check_random_below(1u << 30))),
                                        xray_kv("of", xray_int((int64_t)check_random_below(1u << 30)))));
        }
        xray_step_end(step, XRAY_SUCCESS);
        xray_writer_flush(w, 5, NULL);
    }
    xray_run_end(run, XRAY_SUCCESS);
    return item;
}

static void check_size(unsigned long bytes)
{
    const xray_writer_options options = {.memory_bytes = 256 << 10, .flush_interval_ms = 5, .index = XRAY_INDEX_LATER};
    xray_writer *w = NULL;
    xray_writer_stats stats;
    xray_verify_result verified = {0};
    xray_error err;
    uint64_t items;
    int level = XRAY_EIO;

    check_context("a disk of %lu KiB", bytes >> 10);
    if (!CHECK(set_size(bytes, 0)))
        return;
    if (xray_writer_open(&w, dir, &options, &err) == XRAY_OK) { /* the smallest has no room for a name and a hello */
        items = record(w);
        CHECK(set_size(64 << 20, MS_REMOUNT)); /* there is space again */
        for (int i = 0; i < 1000 && level != XRAY_FLUSHED; i++) {
            level = xray_writer_flush(w, 1000, &err);
            if (level != XRAY_FLUSHED)
                usleep(10000);
        }
        CHECK_EQ(level, XRAY_FLUSHED);
        xray_writer_get_stats(w, &stats);
        CHECK_EQ(stats.accepted, stats.written + stats.dropped);
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
        invariants_check(dir, items, 0, stats.accepted);
        lost_at_some_size += stats.dropped + stats.dropped_values > 0;
        lost_nothing += stats.dropped + stats.dropped_values == 0;
        CHECK_STATUS(xray_verify(dir, NULL, &verified, &err), XRAY_OK, &err);
        CHECK_EQ(verified.damages, 0);
    }
    CHECK_EQ(umount(mount_point), 0);
}

static void test_every_size(void)
{
    const bool is_long = getenv("XRAY_TEST_LONG") != NULL;

    snprintf(mount_point, sizeof mount_point, "%s/disk", check_dir());
    snprintf(dir, sizeof dir, "%s/store", mount_point);
    CHECK_EQ(mkdir(mount_point, 0700), 0);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || !set_size(1 << 20, 0)) {
        check_skip("no file system can be mounted here: %s", strerror(errno));
        return;
    }
    CHECK_EQ(umount(mount_point), 0);
    for (unsigned long kib = 4; kib <= 1024; kib += is_long ? 4 : 4 * (kib / 8 + 1))
        check_size(kib << 10);
    CHECK(lost_at_some_size > 0); /* it was full */
    if (is_long)
        fprintf(stderr, "%llu sizes at which something was lost, %llu at which nothing was\n", lost_at_some_size, lost_nothing);
}

CHECK_MAIN(test_every_size)
