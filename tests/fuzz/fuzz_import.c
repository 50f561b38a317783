/* fuzz_import - any bytes as a document for xray-import.
 *
 * Properties: whatever is imported can be read back, every line of it strict JSON, without damage; and what
 * was exported comes back from its import as the same lines, byte for byte. */
#include "fuzz/fuzz.h"

#include "import/import.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_VALUE = 1 << 20 };

static int quiet = -1, loud = -1;

static void set_up(void)
{
    quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    loud = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    fuzz_require(quiet >= 0 && loud >= 0, "messages can be turned off");
}

/* Faults are said on stderr, which here would drown everything else. */
static void import(const void *data, size_t len)
{
    static const xray_fixed fixed = {.id = "fuzzed import 01", .time_ns = 1700000000000000000, .tick_ns = 1000};
    const xray_writer_options options = {.fixed = &fixed, .level = 1};
    struct import im = {.file = "document", .stem = "document"};
    struct fuzz_file document;

    fuzz_require(xray_writer_open(&im.writer, fuzz_directory(), &options, NULL) == XRAY_OK, "a writer opens");
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

static void import_and_read(const void *data, size_t len, xray_buffer *lines)
{
    struct fuzz_file segment = {.fd = -1};

    import(data, len);
    fuzz_take_segment(&segment);
    fuzz_require(fuzz_read_all(&segment, 0, lines) == XRAY_OK, "what was imported can be read");
    fuzz_file_done(&segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    xray_buffer lines = {0}, again = {0};

    if (quiet < 0)
        set_up();
    import_and_read(data, len, &lines);
    import_and_read(lines.data != NULL ? lines.data : data, lines.len, &again);
    if (lines.len != again.len || (lines.len > 0 && memcmp(lines.data, again.data, lines.len) != 0))
        fprintf(stderr, "once:\n%.*stwice:\n%.*s", (int)lines.len, (const char *)lines.data, (int)again.len,
                (const char *)again.data);
    fuzz_require(lines.len == again.len && (lines.len == 0 || memcmp(lines.data, again.data, lines.len) == 0),
                 "what is exported comes back the same");
    xray_buffer_free(&lines);
    xray_buffer_free(&again);
    return 0;
}
