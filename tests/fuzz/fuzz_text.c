/* fuzz_text - any bytes as text on its way to a person, a JSON reader or a spreadsheet.
 *
 * Properties: nothing that could steer a terminal, reorder or hide text comes out, and what comes out is
 * UTF-8; a JSON string gives back what went in, where that was UTF-8; a field of CSV is one field, does not
 * begin like a formula, and one of TSV has no tab or newline in it; what is cut to a width is not wider. */
#include "fuzz/fuzz.h"

#include "common/jsonline.h"
#include "common/rows.h"

/* The next character; its length, or 0 if the bytes are not UTF-8. */
static size_t decode(const char *p, size_t left, uint32_t *c)
{
    const unsigned char *u = (const unsigned char *)p;
    const size_t n = u[0] < 0x80 ? 1 : u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc2 ? 2 : 0;

    if (n == 0 || n > left)
        return 0;
    *c = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (u[i] & 0x3fu);
    }
    return n;
}

static bool steers(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static void require_harmless(const struct text *t, bool one_line)
{
    uint32_t c = 0;

    for (size_t i = 0, n; i < t->len; i += n) {
        n = decode(t->data + i, t->len - i, &c);
        fuzz_require(n > 0, "text for people is UTF-8");
        fuzz_require(!steers(c), "text for people steers nothing");
        fuzz_require(!one_line || (c != '\n' && c != '\t'), "a line is one line");
    }
}

static void test_people(xray_str foreign)
{
    struct text t = {0};

    text_safe(&t, foreign, SAFE_LINE);
    require_harmless(&t, true);

    const size_t width = text_width(t.data, t.len);

    text_cut(&t, 0, 10); /* which may end with a colour sequence of our own */
    fuzz_require(text_width(t.data, t.len) <= 10 && (width > 10 || text_width(t.data, t.len) == width),
                 "what is cut is not wider than asked for");
    text_reset(&t);
    text_escape(&t, foreign, SAFE_BLOCK);
    require_harmless(&t, false);
    text_free(&t);
}

/* Strict JSON, and nothing lost of what was UTF-8. */
static void test_json(xray_str foreign)
{
    struct text t = {0};
    xray_buffer packed = {0}, direct = {0};

    json_string(&t, foreign);
    require_harmless(&t, true);
    fuzz_require(xray_value_pack(xray_jsonn(t.data, t.len), false, &packed, NULL) == XRAY_OK, "a JSON string is JSON");
    fuzz_require(xray_value_pack(xray_textn(foreign.ptr, foreign.len), false, &direct, NULL) == XRAY_OK, "any text is a value");
    if (direct.len > 0 && (direct.data[0] & 0xe0) != 0xc0 && direct.data[0] != 0xd8) /* not ext: it was UTF-8 */
        fuzz_require(packed.len == direct.len && memcmp(packed.data, direct.data, packed.len) == 0,
                     "a JSON string gives back the text");
    xray_buffer_free(&packed);
    xray_buffer_free(&direct);
    text_free(&t);
}

static void test_fields(xray_str foreign)
{
    struct text csv = {0}, tsv = {0};
    size_t end = 0;

    rows_put_csv_field(&csv, foreign);
    require_harmless(&csv, false);
    if (csv.len > 0 && csv.data[0] == '"') {
        for (end = 1; end < csv.len && (csv.data[end] != '"' || (end + 1 < csv.len && csv.data[end + 1] == '"')); end++)
            end += csv.data[end] == '"';
        fuzz_require(end == csv.len - 1, "a quoted field ends where it ends");
    } else {
        fuzz_require(memchr(csv.data != NULL ? csv.data : "", ',', csv.len) == NULL, "a field without quotes has no comma");
    }

    const size_t start = csv.len > 0 && csv.data[0] == '"';

    fuzz_require(csv.len <= start || strchr("=+-@", csv.data[start]) == NULL, "a field is no formula");
    rows_put_tsv_field(&tsv, foreign);
    require_harmless(&tsv, true);
    fuzz_require(tsv.len == 0 || strchr("=+-@", tsv.data[0]) == NULL, "a field is no formula");
    text_free(&csv);
    text_free(&tsv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const xray_str foreign = xray_strn((const char *)data, len);

    test_people(foreign);
    test_json(foreign);
    test_fields(foreign);
    return 0;
}
