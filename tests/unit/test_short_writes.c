/* Short writes and interrupted ones are invisible: whatever the schedule, the file is the same, byte for byte. With
 * XRAY_TEST_LONG=1 ten thousand schedules. */
#include "support/check.h"
#include "support/fault.h"
#include "support/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Blocks of every kind, of a few hundred bytes to some thousands. */
static void record(xray_writer *w)
{
    char text[3000], item[16];

    for (unsigned k = 0; k < 4; k++) {
        const xray_run run = xray_run_begin(w, xray_s("p"), NULL);
        const xray_step step = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);

        for (size_t i = 0; i < sizeof text - 1; i++)
            text[i] = (char)('a' + (i * (k + 3) + (i * i >> 5)) % 26);
        text[sizeof text - 1] = '\0';
        xray_step_set(step, XRAY_INPUT, xray_text(text));
        for (int i = 0; i < 5; i++) {
            snprintf(item, sizeof item, "item-%u-%d", k, i);
            xray_step_reject(step, xray_s(item), xray_s("late"), XRAY_ATTRS(xray_kv("by", xray_int(k))));
        }
        xray_step_end(step, XRAY_SUCCESS);
        xray_run_end(run, XRAY_SUCCESS);
        xray_writer_report_loss(w, "sampling", "candidate", k, XRAY_MISSING, XRAY_MISSING);
        xray_writer_flush(w, -1, NULL);
    }
}

/* The segment's bytes, freed by the caller; the file is removed. */
static char *write_segment(uint64_t schedule, bool lie, size_t *len)
{
    const char *dir = trace_dir(), *path;
    xray_writer *w;
    char *bytes;

    fault_drip(schedule, lie);
    w = trace_writer(dir);
    record(w);
    if (!lie)
        CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    else
        xray_writer_close(w, -1, NULL);
    fault_drip(0, false);
    path = trace_segment(dir);
    bytes = check_read_file(path, len);
    unlink(path);
    rmdir(dir);
    return bytes;
}

static void test_schedules(void)
{
    const uint64_t rounds = getenv("XRAY_TEST_LONG") != NULL ? 10000 : 150;
    size_t wanted_len = 0, len = 0;
    char *wanted = write_segment(0, false, &wanted_len);

    CHECK(wanted != NULL && wanted_len > 3000);
    for (uint64_t i = 0; i < rounds && wanted != NULL; i++) {
        const uint64_t seed = check_random() | 1;
        char *got = write_segment(seed, false, &len);

        check_context("schedule %llu", (unsigned long long)seed);
        CHECK_MEM(got, len, wanted, wanted_len);
        free(got);
    }
    free(wanted);
}

/* The test itself: one byte that the system says it wrote, and did not. */
static void test_the_control(void)
{
    size_t wanted_len = 0, len = 0;
    char *wanted = write_segment(0, false, &wanted_len), *got = write_segment(12345, true, &len);

    CHECK(got != NULL && (len != wanted_len || memcmp(got, wanted, len) != 0));
    free(wanted);
    free(got);
}

CHECK_MAIN(test_schedules, test_the_control)
