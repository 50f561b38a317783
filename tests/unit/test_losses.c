/* What is lost when the system says no, and that the books balance: accepted = written + dropped, and the file tells every loss by
 * its cause. Prints the table of the README:   build/gcc-release/tests/test_losses
 *
 * The faults are the system's own where it can be made to (a full tmpfs, limits, modes, a closed descriptor), otherwise
 * those of support/fault.h. Each has a process of its own. */
#include "support/check.h"
#include "support/fault.h"
#include "support/invariants.h"
#include "support/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS = 20, CANDIDATES = 1000, NOBODY = 65534 };

struct row { /* shared with the child that fills it */
    xray_writer_stats stats;
    struct invariants found;
    char causes[200];
    char skipped[200];
    int closed;
};

static xray_writer *open_writer(const char *dir, xray_writer_options options)
{
    xray_writer *w = NULL;
    xray_error err = {0};

    options.memory_bytes = 256 << 10;
    CHECK_STATUS(xray_writer_open(&w, dir, &options, &err), XRAY_OK, &err);
    return w;
}

/* The workload: one run, and the fault from the step `from` until before the step `to`. */
typedef void turn_fn(const char *dir, bool on);

static void record(xray_writer *w, const char *dir, turn_fn *turn)
{
    const xray_run run = xray_run_begin(w, xray_s("losses"), NULL);
    uint64_t item = 0;
    char name[24];

    for (int i = 0; i < STEPS; i++) {
        const xray_step st = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);

        if (i == 2 && turn != NULL)
            turn(dir, true);
        for (int k = 0; k < CANDIDATES; k++) {
            snprintf(name, sizeof name, "i%llu", (unsigned long long)item++);
            xray_step_reject(st, xray_s(name), xray_s("dear"), XRAY_ATTRS(xray_kv("price", xray_int((int64_t)check_random_below(1 << 30)))));
        }
        xray_step_end(st, XRAY_SUCCESS);
        xray_writer_sync(w, 20, NULL);
    }
    xray_run_end(run, XRAY_SUCCESS);
    if (turn != NULL)
        turn(dir, false);
}

static void add_cause(char causes[200], xray_str cause, xray_str what, uint64_t count)
{
    const size_t len = strlen(causes);

    snprintf(causes + len, 200 - len, "%s%.*s: %.*s %llu", len > 0 ? ", " : "", (int)cause.len, cause.ptr, (int)what.len,
             what.ptr, (unsigned long long)count);
}

/* Losses by cause and what, as who reads the files sees them. */
static void look_at_losses(const char *dir, struct row *row)
{
    struct {
        char cause[16], what[16];
        uint64_t count;
    } sums[8] = {0};
    xray_store *store = NULL;
    xray_scan *scan = NULL;
    xray_scan_record r;

    if (xray_store_open(&store, &dir, 1, NULL, NULL) < 0)
        return;
    xray_scan_open(&scan, store, XRAY_SCAN_LOSS, NULL);
    while (scan != NULL && xray_scan_next(scan, &r, NULL) == 1)
        for (size_t i = 0; i < 8; i++) {
            if (sums[i].count == 0) {
                snprintf(sums[i].cause, 16, "%.*s", (int)r.loss->cause.len, r.loss->cause.ptr);
                snprintf(sums[i].what, 16, "%.*s", (int)r.loss->what.len, r.loss->what.ptr);
            } else if (strncmp(sums[i].cause, r.loss->cause.ptr, r.loss->cause.len) != 0 ||
                       strncmp(sums[i].what, r.loss->what.ptr, r.loss->what.len) != 0) {
                continue;
            }
            sums[i].count += r.loss->count;
            break;
        }
    for (size_t i = 0; i < 8 && sums[i].count > 0; i++)
        add_cause(row->causes, xray_s(sums[i].cause), xray_s(sums[i].what), sums[i].count);
    xray_scan_close(scan);
    xray_store_close(store);
}

/* The fault is over: what waits is written, and the books are closed. */
static void balance(xray_writer *w, const char *dir, struct row *row)
{
    while (xray_writer_flush(w, 1000, NULL) != XRAY_FLUSHED)
        usleep(10000);
    xray_writer_get_stats(w, &row->stats);
    row->closed = xray_writer_close(w, -1, NULL);
    invariants_look(dir, STEPS * CANDIDATES, 0, &row->found);
    look_at_losses(dir, row);
}

static void run_with(const char *dir, xray_writer_options options, turn_fn *turn, struct row *row)
{
    xray_writer *w = open_writer(dir, options);

    record(w, dir, turn);
    balance(w, dir, row);
}

/* ---- the faults ---- */

static void no_fault(const char *dir, struct row *row)
{
    run_with(dir, (xray_writer_options){0}, NULL, row);
}

/* Fills the file system but for a few pages, and empties it again. */
static void fill_disk(const char *dir, bool on)
{
    static const char zeros[4096];
    char path[600];
    int fd;

    snprintf(path, sizeof path, "%s/../filler", dir);
    if (!on) {
        unlink(path);
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros) {
    }
    close(fd);
}

static void full_disk(const char *place, struct row *row)
{
    char dir[600];

    snprintf(dir, sizeof dir, "%s/store", place);
    mkdir(place, 0700);
    if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("none", place, "tmpfs", 0, "size=2m") != 0) {
        snprintf(row->skipped, sizeof row->skipped, "a tmpfs cannot be mounted here: %s", strerror(errno));
        return;
    }
    run_with(dir, (xray_writer_options){0}, fill_disk, row);
    umount(place);
}

static void fail_writes(const char *dir, bool on)
{
    (void)dir;
    if (on) {
        fault_plan(FAULT_WRITE, 1, EIO, FAULT_FOREVER);
        return;
    }
    while (fault_struck() < 8) /* until the segment is given up */
        usleep(10000);
    fault_clear();
}

static void broken_disk(const char *dir, struct row *row)
{
    run_with(dir, (xray_writer_options){0}, fail_writes, row);
}

static void no_descriptors(const char *dir, bool on)
{
    static struct rlimit old;

    (void)dir;
    if (on) {
        getrlimit(RLIMIT_NOFILE, &old);
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 3, .rlim_max = old.rlim_max});
    } else {
        setrlimit(RLIMIT_NOFILE, &old);
    }
}

static void too_many_files(const char *dir, struct row *row)
{
    run_with(dir, (xray_writer_options){.segment_bytes = 16000}, no_descriptors, row);
}

static void limit_size(const char *dir, bool on)
{
    static struct rlimit old;

    (void)dir;
    if (on) {
        getrlimit(RLIMIT_FSIZE, &old);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 40000, .rlim_max = old.rlim_max});
    } else {
        setrlimit(RLIMIT_FSIZE, &old);
    }
}

static void limited_files(const char *dir, struct row *row)
{
    run_with(dir, (xray_writer_options){0}, limit_size, row);
}

static void read_only(const char *dir, bool on)
{
    chmod(dir, on ? 0500 : 0700);
}

/* Modes do not bind root, so somebody else records, below a directory of his own. */
static void read_only_directory(const char *dir, struct row *row)
{
    if (mkdir(dir, 0700) != 0 || chdir(dir) != 0)
        return;
    if (geteuid() == 0 && (chown(".", NOBODY, NOBODY) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)) {
        snprintf(row->skipped, sizeof row->skipped, "cannot become another user: %s", strerror(errno));
        return;
    }
    run_with("store", (xray_writer_options){.segment_bytes = 16000}, read_only, row);
}

static void take_descriptor(const char *dir, bool on)
{
    struct stat want, st;

    if (!on || stat(trace_segment(dir), &want) != 0)
        return;
    for (int fd = 3; fd < 200; fd++)
        if (fstat(fd, &st) == 0 && st.st_ino == want.st_ino && st.st_dev == want.st_dev)
            close(fd);
}

static void closed_descriptor(const char *dir, struct row *row)
{
    run_with(dir, (xray_writer_options){0}, take_descriptor, row);
}

static void hang_disk(const char *dir, bool on)
{
    (void)dir;
    if (on)
        fault_plan(FAULT_WRITE, 1, 0, FAULT_HANG);
    else
        fault_clear();
}

static void hung_disk(const char *dir, struct row *row)
{
    run_with(dir, (xray_writer_options){0}, hang_disk, row);
}

static void fail_one_sync(const char *dir, bool on)
{
    (void)dir;
    if (on)
        fault_plan(FAULT_FDATASYNC, 1, EIO, FAULT_ONCE);
    else
        fault_clear();
}

static void failed_sync(const char *dir, struct row *row)
{
    run_with(dir, (xray_writer_options){0}, fail_one_sync, row);
}

/* ---- the table ---- */

static const struct fault {
    const char *name;
    void (*run)(const char *dir, struct row *row);
    bool loses, keeps; /* for certain */
    uint64_t sync_failures;
} faults[] = {
    {"none", no_fault, false, true, 0},
    {"full disk (ENOSPC), a tmpfs, for 18 steps", full_disk, true, false, 0},
    {"broken disk (EIO), for 18 steps", broken_disk, true, false, 0},
    {"no descriptor for the next segment (EMFILE), for 18 steps", too_many_files, true, false, 0},
    {"files limited to 40,000 bytes (RLIMIT_FSIZE)", limited_files, true, false, 0},
    {"directory without write permission, for 18 steps", read_only_directory, true, false, 0},
    {"descriptor closed by the host", closed_descriptor, false, true, 0},
    {"disk that hangs, for 18 steps", hung_disk, true, false, 0},
    {"one sync fails", failed_sync, false, true, 1},
};
enum { FAULTS = sizeof faults / sizeof *faults };

static void check_row(const struct fault *f, const struct row *row)
{
    const xray_writer_stats *s = &row->stats;

    check_context("%s", f->name);
    CHECK_EQ(s->accepted, 1 + STEPS * (1 + CANDIDATES));
    CHECK_EQ(s->accepted, s->written + s->dropped);
    CHECK_EQ(row->closed, XRAY_SEALED);
    CHECK_EQ(row->found.problems, 0);
    CHECK_EQ(row->found.twice, 0);
    CHECK_EQ(row->found.records, s->written);
    CHECK_EQ(row->found.lost, s->dropped);
    CHECK_EQ(s->sync_failures, f->sync_failures);
    CHECK(!f->loses || s->dropped > 0);
    CHECK(!f->keeps || s->dropped == 0);
}

static void test_the_books_balance(void)
{
    struct row *rows = mmap(NULL, FAULTS * sizeof *rows, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    for (size_t i = 0; i < FAULTS; i++) {
        const char *dir = trace_dir();
        const pid_t pid = fork();
        int status = -1;

        if (pid == 0) {
            faults[i].run(dir, &rows[i]);
            _exit(0);
        }
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        if (rows[i].skipped[0] != '\0')
            check_skip("%s: %s", faults[i].name, rows[i].skipped);
        else
            check_row(&faults[i], &rows[i]);
    }
    printf("| fault | accepted | written | dropped | causes, as the file tells them |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < FAULTS; i++)
        if (rows[i].skipped[0] == '\0')
            printf("| %s | %llu | %llu | %llu | %s |\n", faults[i].name, (unsigned long long)rows[i].stats.accepted,
                   (unsigned long long)rows[i].stats.written, (unsigned long long)rows[i].stats.dropped, rows[i].causes);
    munmap(rows, FAULTS * sizeof *rows);
}

CHECK_MAIN(test_the_books_balance)
