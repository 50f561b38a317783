/* Opening stores: which files make one, what is told of those that do not, what
 * refreshing finds, and that memory may run out at any point. */
#include "support/check.h"
#include "support/image.h"
#include "support/trace.h"

#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_store(xray_store **out, const char *path, xray_error *err)
{
    return xray_store_open(out, &path, 1, NULL, err);
}

static void put_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    if (CHECK(f != NULL)) {
        CHECK_EQ(fwrite(data, 1, len, f), len);
        fclose(f);
    }
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FILE *f = fopen(from, "rb");
    size_t n;

    if (!CHECK(f != NULL))
        return;
    n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    put_file(to, bytes, n);
}

static void add_run(xray_writer *w, const char *name)
{
    xray_run run = xray_run_begin(w, xray_s(name), NULL);
    xray_step st = xray_step_begin(run, xray_s("s"), xray_s("filter"), NULL);

    xray_step_set(st, XRAY_INPUT,
                  xray_text("a question of more than sixty-four bytes, so that it stands in the payload"));
    xray_step_reject(st, xray_s("item"), xray_s("late"), XRAY_NO_ATTRS);
    xray_step_end(st, XRAY_SUCCESS);
    xray_run_end(run, XRAY_SUCCESS);
}

static size_t run_count(xray_store *s)
{
    const xray_run_record *runs;
    xray_error err;
    size_t count = 0;

    CHECK_STATUS(xray_store_runs(s, &runs, &count, &err), XRAY_OK, &err);
    return count;
}

static const char *first_problem(xray_store *s)
{
    xray_problem p;

    return xray_store_problem(s, 0, &p) == XRAY_OK ? p.message : "";
}

static void test_nothing(void)
{
    const char *dir = trace_dir();
    xray_store *s = NULL;
    xray_error err;

    CHECK_STATUS(open_store(&s, dir, &err), XRAY_ENOTFOUND, &err);
    mkdir(dir, 0700);
    if (CHECK_STATUS(open_store(&s, dir, &err), XRAY_OK, &err)) {
        CHECK_EQ(xray_store_segment_count(s), 0);
        CHECK_EQ(run_count(s), 0);
        xray_store_close(s);
    }
    CHECK_STATUS(open_store(&s, "/dev/null", &err), XRAY_ECORRUPT, &err);
    xray_store_close(NULL);
}

/* Files that are no segments: said of each what it looks like; the others are read. Named by a person, every
 * one is an error; in a directory a segment that ends within its hello is an empty one (spec 2.2). */
static void test_other_files(void)
{
    static const struct {
        const char *name, *data;
        size_t len;
        const char *says;
        bool torn_at_birth;
    } files[] = {
        {"a.xray", "", 0, "empty", true},
        {"b.xray", "\x1f\x8b\x08", 3, "gzip"},
        {"c.xray", "{\"a\":1}\n", 8, "JSON"},
        {"d.xray", "hello\n", 6, "text"},
        {"e.xray", "\x28\xb5\x2f\xfd\x64", 5, "zstd", true},
        {"f.xray", "\0\0\0\0\0\0\0\0\0\0\0\0", 12, "zeros", true},
    };
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    char path[1024], target[1024];
    size_t problems = 0;
    xray_problem p;
    xray_store *s;
    xray_error err;

    add_run(w, "p");
    xray_writer_close(w, -1, NULL);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i].name);
        put_file(path, files[i].data, files[i].len);
        CHECK_STATUS(open_store(&s, path, &err), XRAY_ECORRUPT, &err);
        CHECK(strstr(err.message, files[i].says) != NULL);
    }
    snprintf(target, sizeof target, "%s", path);
    snprintf(path, sizeof path, "%s/link.xray", dir);
    CHECK_EQ(symlink(target, path), 0);
    if (!CHECK_STATUS(open_store(&s, dir, &err), XRAY_OK, &err))
        return;
    CHECK_EQ(run_count(s), 1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i].torn_at_birth)
            continue;
        CHECK_EQ(xray_store_problem(s, problems++, &p), XRAY_OK);
        CHECK(strstr(p.message, files[i].says) != NULL);
    }
    CHECK_EQ(xray_store_problem_count(s), problems); /* links are not looked at */
    CHECK_EQ(xray_store_problem(s, problems, &p), XRAY_ENOTFOUND);
    xray_store_close(s);
}

/* One segment under several names counts once, in its longest form. */
static void test_copies(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    char path[1024], original[1024];
    xray_segment_info info, copy;
    xray_store *s;
    xray_error err;

    add_run(w, "p");
    xray_writer_flush(w, -1, NULL);
    snprintf(original, sizeof original, "%s", trace_segment(dir));
    snprintf(path, sizeof path, "%s/0-shorter.xray", dir);
    copy_file(original, path);
    add_run(w, "q");
    xray_writer_close(w, -1, NULL);
    snprintf(path, sizeof path, "%s/9-same.xray", dir);
    copy_file(original, path);
    if (!CHECK_STATUS(open_store(&s, dir, &err), XRAY_OK, &err))
        return;
    CHECK_EQ(xray_store_segment_count(s), 1);
    CHECK_EQ(xray_store_problem_count(s), 0);
    CHECK_EQ(run_count(s), 2);
    CHECK_EQ(xray_store_segment(s, 0, &info), XRAY_OK);
    CHECK(info.sealed);
    CHECK_EQ(info.torn_bytes, 0);
    CHECK_EQ(info.rows2[3], 2);
    CHECK_EQ(info.valid_len, info.size);
    CHECK_EQ(xray_store_segment(s, 1, &copy), XRAY_ENOTFOUND);
    xray_store_close(s);
}

/* Of two segments with one id and different blocks one is read, and the other is a problem. */
static void test_conflict(void)
{
    struct image m = {0};
    const char *paths[2];
    xray_store *s;
    xray_error err;

    for (int i = 0; i < 2; i++) {
        image_begin(&m, 5);
        image_raw(&m, 130, i == 0 ? "one" : "two", 3);
        paths[i] = image_file(&m);
        image_done(&m);
    }
    if (!CHECK_STATUS(xray_store_open(&s, paths, 2, NULL, &err), XRAY_OK, &err))
        return;
    CHECK_EQ(xray_store_segment_count(s), 1);
    CHECK_EQ(xray_store_problem_count(s), 1);
    CHECK(strstr(first_problem(s), "same segment id") != NULL);
    xray_store_close(s);
}

/* Blocks and files that come later are found; segment numbers stay. */
static void test_refresh(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir), *v;
    xray_writer_options options = {.no_host = true};
    xray_segment_info before, after;
    xray_store *s;
    xray_error err;

    add_run(w, "p");
    xray_writer_flush(w, -1, NULL);
    if (!CHECK_STATUS(open_store(&s, dir, &err), XRAY_OK, &err))
        return;
    CHECK_EQ(run_count(s), 1);
    CHECK_EQ(xray_store_refresh(s, &err), 0);
    add_run(w, "q");
    xray_writer_flush(w, -1, NULL);
    CHECK_EQ(xray_store_refresh(s, &err), 1);
    CHECK_EQ(run_count(s), 2);
    xray_store_segment(s, 0, &before);
    CHECK_STATUS(xray_writer_open(&v, dir, &options, &err), XRAY_OK, &err);
    add_run(v, "r");
    xray_writer_close(v, -1, NULL);
    xray_writer_close(w, -1, NULL);
    CHECK_EQ(xray_store_refresh(s, &err), 1);
    CHECK_EQ(run_count(s), 3);
    CHECK_EQ(xray_store_segment_count(s), 2);
    xray_store_segment(s, 0, &after);
    CHECK_MEM(after.id, 16, before.id, 16);
    CHECK(after.sealed && !before.sealed);
    CHECK_EQ(xray_store_refresh(s, &err), 0);
    CHECK_EQ(xray_store_problem_count(s), 0);
    xray_store_close(s);
}

/* More files than descriptors are kept, in the order of their clocks. */
static void test_many_files(void)
{
    struct image m = {0};
    const char *dir = trace_dir();
    xray_segment_info info;
    char path[1024];
    xray_store *s;
    xray_error err;

    mkdir(dir, 0700);
    for (int i = 0; i < 200; i++) {
        image_begin(&m, (uint8_t)(200 - i));
        image_raw(&m, 130, "private", 7);
        snprintf(path, sizeof path, "%s/%03d.xray", dir, i);
        put_file(path, m.bytes.data, m.bytes.len);
        image_done(&m);
    }
    if (!CHECK_STATUS(open_store(&s, dir, &err), XRAY_OK, &err))
        return;
    CHECK_EQ(xray_store_segment_count(s), 200);
    for (size_t i = 0; i < 200; i++) {
        CHECK_EQ(xray_store_segment(s, i, &info), XRAY_OK);
        CHECK_EQ(info.created_ns, (int64_t)(i + 1) * 1000000000);
    }
    xray_store_close(s);
}

/* The list of problems is bounded, and says so. */
static void test_many_problems(void)
{
    struct image m = {0};
    const char *path;
    xray_problem p;
    xray_store *s;
    xray_error err;

    image_begin(&m, 1);
    for (int i = 0; i < 2500; i++)
        image_raw(&m, XF_SPINE, "no zstd frame", 13);
    path = image_file(&m);
    image_done(&m);
    if (!CHECK_STATUS(open_store(&s, path, &err), XRAY_OK, &err))
        return;
    CHECK_EQ(run_count(s), 0);
    CHECK_EQ(xray_store_problem_count(s), 1000);
    CHECK_EQ(xray_store_problem(s, 0, &p), XRAY_OK);
    CHECK_EQ(p.block, 0);
    CHECK_STR(p.path, path);
    CHECK(strncmp(p.message, "block 0 at byte ", 16) == 0);
    CHECK_EQ(xray_store_problem(s, 999, &p), XRAY_OK);
    CHECK_STR(p.message, "1501 more problems, which are not listed");
    xray_store_close(s);
}

/* Standard input is read like a file; what is no segment ends after its first bytes. */
static void test_standard_input(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    const int kept = dup(0), zero = open("/dev/zero", O_RDONLY);
    xray_store *s;
    xray_error err;
    int fd;

    add_run(w, "p");
    xray_writer_close(w, -1, NULL);
    fd = open(trace_segment(dir), O_RDONLY);
    CHECK_EQ(dup2(fd, 0), 0);
    if (CHECK_STATUS(open_store(&s, "-", &err), XRAY_OK, &err)) {
        CHECK_EQ(run_count(s), 1);
        xray_store_close(s);
    }
    CHECK_EQ(dup2(zero, 0), 0);
    CHECK_STATUS(open_store(&s, "-", &err), XRAY_ECORRUPT, &err);
    if (kept >= 0)
        dup2(kept, 0);
    else
        close(0);
    close(fd);
    close(zero);
    close(kept);
}

static bool same_text(xray_str a, xray_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* One at a time, all at once, and by id: the same runs. */
static void test_run_by_run(void)
{
    static const char *const ext_ids[] = {"one", "", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"};
    const char *dir = trace_dir();
    const xray_writer_options options = {.sync = true};
    const uint8_t parent[16] = {1, 2, 3}, nobody[16] = {9, 9, 9};
    const xray_run_record *runs;
    xray_run_record run;
    xray_writer *w;
    xray_store *s;
    size_t count, many, index;
    int digits;

    CHECK_EQ(xray_writer_open(&w, dir, &options, NULL), XRAY_OK);
    for (size_t i = 0; i < 4; i++) {
        const xray_run_options o = {.ext_id = xray_s(ext_ids[i]), .session = xray_s("s"), .parent_run = i == 1 ? parent : NULL};

        xray_run_end(xray_run_begin(w, xray_s("p"), &o), i == 2 ? XRAY_FAILURE : XRAY_SUCCESS);
    }
    xray_writer_close(w, -1, NULL);
    CHECK_EQ(open_store(&s, dir, NULL), XRAY_OK);
    CHECK_EQ(xray_store_run_count(s, &count, NULL), XRAY_OK);
    CHECK_EQ(count, 4);
    CHECK_EQ(xray_store_runs(s, &runs, &many, NULL), XRAY_OK);
    CHECK_EQ(many, count);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(xray_store_run(s, i, &run, NULL), XRAY_OK);
        CHECK(memcmp(run.id, runs[i].id, 16) == 0 && same_text(run.ext_id, runs[i].ext_id));
        CHECK(same_text(run.ext_id, xray_s(ext_ids[i])));
        CHECK(same_text(run.pipeline, xray_s("p")) && same_text(run.session, xray_s("s")) && run.ended);
        CHECK_EQ(run.outcome, i == 2 ? XRAY_FAILURE : XRAY_SUCCESS);
        CHECK_EQ(run.has_parent_run, i == 1);
        CHECK_EQ(xray_store_run_index(s, run.id, &index, NULL), 1);
        CHECK_EQ(index, i);
    }
    CHECK_EQ(memcmp(runs[1].parent_run, parent, 16), 0);
    CHECK_EQ(xray_store_run(s, count, &run, NULL), XRAY_ENOTFOUND);
    CHECK_EQ(xray_store_run_index(s, nobody, &index, NULL), 0);
    CHECK_EQ(xray_store_run_digits(s, &digits, NULL), XRAY_OK);
    CHECK_EQ(digits, 8); /* 6ba7b810 and 6ba7b811 */
    xray_store_close(s);
}

/* A UUID that has some of its first digits, at `most` so many, in common with others. */
static void make_uuid(char out[37], size_t most)
{
    static const char common[] = "a71c52e9";
    const size_t same = (size_t)check_random_below(most + 1);
    char digits[33];

    for (size_t i = 0; i < 32; i++)
        digits[i] = i < same ? common[i] : "0123456789abcdef"[check_random_below(16)];
    digits[32] = '\0';
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12, digits + 16, digits + 20);
}

/* The digits that tell these ids apart, each compared with each. */
static int digits_needed(char (*ids)[37], size_t count)
{
    size_t most = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++) {
            size_t same = 0;

            while (ids[i][same] == ids[k][same])
                same++;
            most = same > most ? same : most;
        }
    return (int)most + 1; /* none of these reaches the first dash */
}

static void test_digits(void)
{
    for (size_t count = 1; count <= 24; count++) {
        const char *dir = trace_dir();
        xray_writer *w = trace_writer(dir);
        char ids[24][37];
        xray_store *s;
        int digits;

        check_context("%zu runs", count);
        for (size_t i = 0; i < count; i++) {
            xray_run_options options = {.ext_id = {NULL, 0}};

            make_uuid(ids[i], count % 2 ? 3 : 8);
            options.ext_id = xray_s(ids[i]);
            xray_run_end(xray_run_begin(w, xray_s("p"), &options), XRAY_SUCCESS);
        }
        xray_writer_close(w, -1, NULL);
        CHECK_EQ(open_store(&s, dir, NULL), XRAY_OK);
        CHECK_EQ(xray_store_run_digits(s, &digits, NULL), XRAY_OK);
        CHECK_EQ(digits, count == 1 ? 1 : digits_needed(ids, count) > 8 ? digits : digits_needed(ids, count));
        xray_store_close(s);
    }
}

/* Reads everything in all ways; a negative status if memory was out at any point. */
static int read_all(const char *dir)
{
    const xray_run_record *runs;
    xray_scan_record rec;
    xray_store *s;
    xray_scan *scan;
    size_t count = 0;
    int r = open_store(&s, dir, NULL);

    if (r < 0)
        return r;
    r = xray_scan_open(&scan, s, ~0u, NULL);
    if (r >= 0) {
        while ((r = xray_scan_next(scan, &rec, NULL)) > 0)
            continue;
        xray_scan_close(scan);
    }
    if (r >= 0)
        r = xray_store_runs(s, &runs, &count, NULL);
    for (size_t i = 0; i < count && r >= 0; i++) {
        xray_event_record event;
        xray_buffer line = {0};
        xray_events *events;
        xray_trace *t;

        r = xray_trace_open(&t, s, i, NULL);
        if (r < 0)
            break;
        r = xray_run_json(s, xray_trace_run(t), &line, NULL);
        if (r >= 0)
            r = xray_events_open(&events, t, 1, ~0u, NULL);
        if (r >= 0) {
            while ((r = xray_events_next(events, &event, NULL)) > 0)
                xray_event_json(s, runs[i].id, 1, &event, &line, NULL);
            xray_events_close(events);
        }
        xray_buffer_free(&line);
        xray_trace_close(t);
    }
    xray_store_close(s);
    return r;
}

static void test_memory(void)
{
    const char *dir = trace_dir();
    xray_writer *w = trace_writer(dir);
    size_t needed;

    add_run(w, "p");
    xray_writer_flush(w, -1, NULL);
    add_run(w, "q");
    xray_writer_close(w, -1, NULL);
    xf_mem_fail_from(0);
    CHECK_EQ(read_all(dir), XRAY_OK);
    needed = xf_mem_fail_from(0);
    for (size_t n = 1; n <= needed; n++) {
        int r;

        check_context("allocation %zu of %zu", n, needed);
        xf_mem_fail_from(n);
        r = read_all(dir);
        xf_mem_fail_from(0);
        CHECK(r == XRAY_ENOMEM || r == XRAY_OK);
    }
    CHECK_EQ(read_all(dir), XRAY_OK);
}

CHECK_MAIN(test_nothing, test_other_files, test_copies, test_conflict, test_refresh, test_many_files,
           test_many_problems, test_standard_input, test_run_by_run, test_digits, test_memory)
