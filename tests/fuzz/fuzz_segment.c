/* fuzz_segment - any bytes as a trace file.
 *
 * Property: what is read does not depend on the cache, and is always JSON. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_file file;
    xray_buffer once = {0}, again = {0};

    fuzz_file_init(&file, data, len);

    const int r = fuzz_read_all(&file, 0, &once);

    fuzz_require(fuzz_read_all(&file, 1, &again) == r, "opening twice gives the same status");
    fuzz_require(once.len == again.len && (once.len == 0 || memcmp(once.data, again.data, once.len) == 0),
                 "a small cache shows the same as a large one");
    xray_buffer_free(&once);
    xray_buffer_free(&again);
    fuzz_file_done(&file);
    return 0;
}
