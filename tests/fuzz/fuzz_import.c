/* fuzz_import - any bytes as a document for xray-import.
 *
 * Properties: whatever is imported can be read back, every line of it strict JSON, without damage; and what
 * was exported comes back from its import as the same lines, byte for byte. A document may contradict itself (a
 * histogram without a reason that an event then has): the first import settles that, so it is the second that counts. */
#include "fuzz/fuzz.h"

#include "import/import.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_VALUE = 1 << 20 };

static char directory[64];
static int quiet = -1, loud = -1;

static void remove_directory(void)
{
    rmdir(directory);
}

static void set_up(void)
{
    quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    loud = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    /* In memory where there is such a place: thousands of files are made. */
    snprintf(directory, sizeof directory, "%s/fuzz-import-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    fuzz_require(quiet >= 0 && loud >= 0 && mkdtemp(directory) != NULL, "there is a directory to work in");
    atexit(remove_directory);
}

/* Faults are said on stderr, which here would drown everything else. */
static void import(const void *data, size_t len)
{
    static const xray_fixed fixed = {.id = "fuzzed import 01", .time_ns = 1700000000000000000, .tick_ns = 1000};
    const xray_writer_options options = {.fixed = &fixed, .level = 1};
    struct import im = {.file = "document", .stem = "document"};
    struct fuzz_file document;

    fuzz_require(xray_writer_open(&im.writer, directory, &options, NULL) == XRAY_OK, "a writer opens");
    fuzz_file_init(&document, data, len);
    fuzz_require(lseek(document.fd, 0, SEEK_SET) == 0, "a file can be read from its start");
    dup2(quiet, STDERR_FILENO);
    import_begin(&im);
    import_stream(&im, document.fd, MAX_VALUE);
    import_finish(&im);
    dup2(loud, STDERR_FILENO);
    fuzz_require(xray_writer_close(im.writer, -1, NULL) == XRAY_SEALED, "what was imported is sealed");
    import_done(&im);
    fuzz_file_done(&document);
}

/* The only file of the directory, read and removed. */
static void take_segment(struct fuzz_file *out)
{
    DIR *d = opendir(directory);
    static uint8_t data[4 << 20];

    fuzz_require(d != NULL, "the directory can be read");
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[400];

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, e->d_name);

        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        const ssize_t n = read(fd, data, sizeof data);

        fuzz_require(n > 0 && (size_t)n < sizeof data, "the segment can be read");
        fuzz_file_init(out, data, (size_t)n);
        close(fd);
        unlink(path);
    }
    closedir(d);
}

static void import_and_read(const void *data, size_t len, xray_buffer *lines)
{
    struct fuzz_file segment = {.fd = -1};

    import(data, len);
    take_segment(&segment);
    fuzz_require(fuzz_read_all(&segment, 0, lines) == XRAY_OK, "what was imported can be read");
    fuzz_file_done(&segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    xray_buffer first = {0}, lines = {0}, again = {0};

    if (quiet < 0)
        set_up();
    import_and_read(data, len, &first);
    import_and_read(first.data != NULL ? first.data : data, first.len, &lines);
    import_and_read(lines.data != NULL ? lines.data : data, lines.len, &again);
    if (lines.len != again.len || (lines.len > 0 && memcmp(lines.data, again.data, lines.len) != 0))
        fprintf(stderr, "once:\n%.*stwice:\n%.*s", (int)lines.len, (const char *)lines.data, (int)again.len,
                (const char *)again.data);
    fuzz_require(lines.len == again.len && (lines.len == 0 || memcmp(lines.data, again.data, lines.len) == 0),
                 "what is exported comes back the same");
    xray_buffer_free(&first);
    xray_buffer_free(&lines);
    xray_buffer_free(&again);
    return 0;
}
