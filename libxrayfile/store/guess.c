/* What a file that is no segment looks like (guess.h). */
#include "store/guess.h"

#include "base/bytes.h"
#include "base/fail.h"
#include "codec/utf8.h"
#include "format/layout.h"

static const struct {
    const char *start;
    size_t len;
    const char *what;
} known[] = {
    {"\x1f\x8b", 2, "gzip data"},
    {"\x28\xb5\x2f\xfd", 4, "zstd data of something else, or of a damaged segment"},
    {"\xfd" "7zXZ", 5, "xz data"},
    {"BZh", 3, "bzip2 data"},
    {"PK\x03\x04", 4, "a zip archive"},
    {"\x7f" "ELF", 4, "a program"},
    {"PAR1", 4, "a Parquet file"},
    {"SQLite format 3", 15, "an SQLite database"},
    {"\x89PNG", 4, "an image"},
    {"%PDF", 4, "a PDF document"},
    {"\0\0\0\0\0\0\0\0", 8, "zeros, as after a power loss"},
};

static bool is_text(const uint8_t *data, size_t len)
{
    /* The last character may be cut off. */
    if (len - xf_utf8_valid_len(data, len) > 3)
        return false;
    for (size_t i = 0; i < len; i++)
        if (data[i] < 0x20 && data[i] != '\n' && data[i] != '\r' && data[i] != '\t')
            return false;
    return true;
}

static const char *guess(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (len >= known[i].len && memcmp(data, known[i].start, known[i].len) == 0)
            return known[i].what;
    if (!is_text(data, len))
        return "unknown data";
    return data[0] == '{' || data[0] == '[' ? "JSON text" : "text";
}

static bool is_zeros(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != 0)
            return false;
    return true;
}

/* All there is of the file: nothing, less than the hello that it begins with, or zeros in its place. */
bool xf_is_empty_segment(const uint8_t *data, size_t len, uint64_t size)
{
    static const uint8_t head[] = {0x28, 0xb5, 0x2f, 0xfd, 0x64};

    if (len == size && is_zeros(data, len))
        return true;
    if (memcmp(data, head, len < sizeof head ? len : sizeof head) != 0)
        return false;
    return len < XF_HELLO_HEAD || size < XF_HELLO_HEAD + 256 + (size_t)xf_get_u16(data + sizeof head) + XF_HELLO_TAIL;
}

void xf_guess_complain(struct xray_store *s, uint32_t file)
{
    struct xf_file_reader reader = {s, file};
    const struct xf_source source = xf_file_source(&reader, 0);
    uint8_t data[XF_GUESS_LEN];
    xray_error why;
    size_t got;
    int status = XRAY_ECORRUPT;

    if (source.read(source.ctx, 0, data, sizeof data, &got, &why) < 0) {
        xf_problems_add(&s->problems, s->files[file].path, -1, 0, why.status, why.message);
        return;
    }
    /* A writer that died between creating its file and the end of its first write, or lost power then, leaves this
     * behind. It lost nothing that was flushed: in a directory such a file is no more than an empty segment. */
    if (s->files[file].listed && xf_is_empty_segment(data, got, s->files[file].size))
        return;
    if (got == 0)
        status = xf_fail(&why, XRAY_ETRUNCATED, 0, "not an xray segment: the file is empty");
    else if (xf_hello_looks_like(data, got))
        status = xf_fail(&why, XRAY_ETRUNCATED, 0,
                         "not an xray segment: its hello is cut off or damaged, and no "
                         "two blocks vouch for each other");
    else
        xf_fail(&why, status, 0, "not an xray segment: looks like %s", guess(data, got));
    xf_problems_add(&s->problems, s->files[file].path, -1, 0, status, why.message);
}
