/* The hello frame: spec section 3. It is a zstd frame with one stored block,
 * so it is put together and taken apart here without a compressor. */
#include "format/block.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"
#include "codec/mpread.h"
#include "codec/mpwrite.h"
#include "format/columns.h"

#include <inttypes.h>

static const uint8_t zstd_head[5] = {0x28, 0xB5, 0x2F, 0xFD, 0x64};
static const char magic_key[] = "xrayfile";

/* Recipe for people who have the file and nothing else. */
static const char recipe[] =
    "This file is zstd frames, one behind the other; each holds one MessagePack map.\n"
    "1. zstd -dc FILE | any MessagePack decoder: this record, then the blocks in order.\n"
    "2. A table is a map of columns; a column is an array with one element per row, nil = none.\n"
    "3. Columns name project session user name type model provider error_type pipeline version and the\n"
    "   reasons of a step hold indexes into the array strings of the same map; run holds indexes into run.id.\n"
    "4. start: sum of the elements so far, added to t0, in ns since 1970. dur: ns. cost: 1e-9 units.\n"
    "5. Several rows of one run or step are one record: the last value of each column counts.\n"
    "6. ext 1 (u32 n [, u32 count]) is part n of the payload maps, counted over all of them; ext 2 is value n.\n"
    "7. cands: shapes[shape] = [verdict 1 accept 2 reject 3 defer 4 modify, reasons, fields, by, ...]; item: sum, -1 first.\n"
    "8. {scale, delta, base, width, n, planes}: n numbers, lowest bytes first, then the next bytes; {dict, at}: indexes.\n"
    "9. A last map of kind seal says that the file is complete.\n"
    "10. Full specification: trace-file.md of xrayfile.\n";

static void put_columns(xray_buffer *b, const char *table, const struct xf_column *columns, size_t count)
{
    size_t shown = 0;

    for (size_t i = 0; i < count; i++)
        shown += columns[i].encoding != XF_ENC_NONE;
    xf_mp_cstr(b, table);
    xf_mp_array(b, shown);
    for (size_t i = 0; i < count; i++)
        if (columns[i].encoding != XF_ENC_NONE)
            xf_mp_cstr(b, columns[i].name);
}

static void put_names(xray_buffer *b, const char *table, const char *const *names, size_t count)
{
    xf_mp_cstr(b, table);
    xf_mp_array(b, count);
    for (size_t i = 0; i < count; i++)
        xf_mp_cstr(b, names[i]);
}

static void put_schema(xray_buffer *b)
{
    static const char *const details[] = {"run", "step", "block"};
    static const char *const batches[] = {"run", "step", "n", "time"};
    static const char *const cands[] = {"shape",   "item",     "score",  "threshold",
                                        "rank_in", "rank_out", "weight", "time", "evidence"};
    static const char *const events[] = {"run", "step", "after", "name", "time", "body"};

    xf_mp_map(b, 7);
    put_columns(b, "runs", xf_run_columns, XF_RUN_COLUMNS);
    put_columns(b, "steps", xf_step_columns, XF_STEP_COLUMNS);
    put_names(b, "details", details, sizeof details / sizeof *details);
    put_names(b, "batches", batches, sizeof batches / sizeof *batches);
    put_names(b, "cands", cands, sizeof cands / sizeof *cands);
    put_names(b, "decisions", events, sizeof events / sizeof *events);
    put_names(b, "notes", events, sizeof events / sizeof *events);
}

static void put_writer(xray_buffer *b, const struct xf_hello *h)
{
    const bool host = h->host.len > 0, pid = h->pid != XRAY_MISSING, start = h->process_start != XRAY_MISSING;
    const bool boot = h->boot.len > 0, app = h->app.len > 0;

    xf_mp_map(b, 1u + host + pid + start + boot + app);
    xf_mp_cstr(b, "id");
    xf_mp_bin(b, h->writer_id, 16);
    if (host) {
        xf_mp_cstr(b, "host");
        xf_mp_text(b, h->host.ptr, h->host.len);
    }
    if (pid) {
        xf_mp_cstr(b, "pid");
        xf_mp_int(b, h->pid);
    }
    if (start) {
        xf_mp_cstr(b, "start");
        xf_mp_int(b, h->process_start);
    }
    if (boot) {
        xf_mp_cstr(b, "boot");
        xf_mp_text(b, h->boot.ptr, h->boot.len);
    }
    if (app) {
        xf_mp_cstr(b, "app");
        xf_mp_text(b, h->app.ptr, h->app.len);
    }
}

static void put_clock(xray_buffer *b, const struct xf_hello *h)
{
    const bool real = h->clock_real != XRAY_MISSING, mono = h->clock_mono != XRAY_MISSING;

    xf_mp_map(b, (size_t)real + mono);
    if (real) {
        xf_mp_cstr(b, "real");
        xf_mp_int(b, h->clock_real);
    }
    if (mono) {
        xf_mp_cstr(b, "mono");
        xf_mp_int(b, h->clock_mono);
    }
}

static void put_record(xray_buffer *b, const struct xf_hello *h)
{
    xf_mp_map(b, 11);
    xf_mp_cstr(b, magic_key);
    xf_mp_cstr(b, "trace segment");
    xf_mp_cstr(b, "version");
    xf_mp_int(b, h->version);
    xf_mp_cstr(b, "min_reader");
    xf_mp_int(b, h->min_reader);
    xf_mp_cstr(b, "critical");
    xf_mp_array(b, 0);
    xf_mp_cstr(b, "ignorable");
    xf_mp_array(b, 0);
    xf_mp_cstr(b, "id");
    xf_mp_bin(b, h->id, 16);
    xf_mp_cstr(b, "n");
    xf_mp_int(b, h->n);
    xf_mp_cstr(b, "writer");
    put_writer(b, h);
    xf_mp_cstr(b, "clock");
    put_clock(b, h);
    xf_mp_cstr(b, "read");
    xf_mp_cstr(b, recipe);
    xf_mp_cstr(b, "schema");
    put_schema(b);
}

int xf_hello_encode(const struct xf_hello *h, xray_buffer *out, xray_error *err)
{
    const size_t start = out->len;
    size_t n;
    uint8_t *head;

    xf_buf_extend(out, XF_HELLO_HEAD);
    put_record(out, h);
    if (out->failed)
        return xf_fail_memory(err);
    n = out->len - start - XF_HELLO_HEAD;
    if (n < XF_HELLO_MIN || n > XF_HELLO_MAX)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "hello record of %zu bytes (host or application name too long?)", n);

    xf_buf_extend(out, XF_HELLO_TAIL);
    if (out->failed)
        return xf_fail_memory(err);
    head = out->data + start;
    memcpy(head, zstd_head, sizeof zstd_head);
    xf_put_u16(head + 5, (uint16_t)(n - 256));
    head[7] = (uint8_t)(n << 3 | 1);
    xf_put_u16(head + 8, (uint16_t)(n >> 5));
    xf_put_u32(head + XF_HELLO_HEAD + n, xf_zstd_checksum(head + XF_HELLO_HEAD, n));
    return XRAY_OK;
}

/* First bytes: the zstd head, and a map whose first key is the magic. */
bool xf_hello_looks_like(const uint8_t *data, size_t len)
{
    const uint8_t *record = data + XF_HELLO_HEAD;

    if (len < XF_HELLO_HEAD + 3 + sizeof magic_key)
        return false;
    if (memcmp(data, zstd_head, sizeof zstd_head) != 0)
        return false;
    if (*record == 0xde) /* a newer format may have more than 15 keys */
        record += 2;
    else if ((*record & 0xf0) != 0x80)
        return false;
    return record[1] == (0xa0 | (sizeof magic_key - 1)) && memcmp(record + 2, magic_key, sizeof magic_key - 1) == 0;
}

static int64_t find_int(xray_str map, const char *key)
{
    xray_str v;
    int64_t i = XRAY_MISSING;

    if (xf_mp_find(map, key, &v)) {
        xray_mp c = xray_mp_over(v.ptr, v.len);

        if (!xf_mp_take_int(&c, &i))
            i = XRAY_MISSING;
    }
    return i;
}

static xray_str find_text(xray_str map, const char *key)
{
    xray_str v, text = {NULL, 0};

    if (xf_mp_find(map, key, &v)) {
        xray_mp c = xray_mp_over(v.ptr, v.len);

        if (!xf_mp_take_str(&c, &text))
            text = (xray_str){NULL, 0};
    }
    return text;
}

static bool find_id(xray_str map, const char *key, uint8_t out[16])
{
    xray_str v, bin;
    xray_mp c;

    if (!xf_mp_find(map, key, &v))
        return false;
    c = xray_mp_over(v.ptr, v.len);
    if (!xf_mp_take_bin(&c, &bin) || bin.len != 16)
        return false;
    memcpy(out, bin.ptr, 16);
    return true;
}

/* Version 1 knows no critical feature: the first one named is refused (3.3). */
static int check_features(xray_str record, const struct xf_hello *h, xray_error *err)
{
    xray_str v, name = {"?", 1};
    uint32_t count;
    xray_mp c;

    if (h->min_reader > XRAY_FORMAT_VERSION)
        return xf_fail(err, XRAY_EUNSUPPORTED, 0, "needs a reader of format version %" PRId64 "; this one knows %d",
                       h->min_reader, XRAY_FORMAT_VERSION);
    if (!xf_mp_find(record, "critical", &v))
        return XRAY_OK;
    c = xray_mp_over(v.ptr, v.len);
    if (!xf_mp_take_array(&c, &count))
        return xf_fail(err, XRAY_ECORRUPT, 0, "hello record: \"critical\" is not an array");
    if (count == 0)
        return XRAY_OK;
    xf_mp_take_str(&c, &name);
    return xf_fail(err, XRAY_EUNSUPPORTED, 0, "needs the feature \"%.*s\", which this reader does not know",
                   (int)(name.len < 60 ? name.len : 60), name.ptr);
}

static int decode_record(struct xf_hello *h, xray_str record, xray_error *err)
{
    xray_str writer = {NULL, 0}, clock = {NULL, 0};

    if (!xf_mp_check(record.ptr, record.len, XF_DEPTH_READ, false))
        return xf_fail(err, XRAY_ECORRUPT, 0, "hello record is not MessagePack");
    *h = (struct xf_hello){
        .version = find_int(record, "version"),
        .min_reader = find_int(record, "min_reader"),
        .n = find_int(record, "n"),
        .pid = XRAY_MISSING,
        .process_start = XRAY_MISSING,
        .clock_real = XRAY_MISSING,
        .clock_mono = XRAY_MISSING,
    };
    if (!find_id(record, "id", h->id))
        return xf_fail(err, XRAY_ECORRUPT, 0, "hello record has no segment id of 16 bytes");
    if (xf_mp_find(record, "writer", &writer)) {
        h->host = find_text(writer, "host");
        h->boot = find_text(writer, "boot");
        h->app = find_text(writer, "app");
        h->pid = find_int(writer, "pid");
        h->process_start = find_int(writer, "start");
    }
    if (writer.ptr == NULL || !find_id(writer, "id", h->writer_id))
        return xf_fail(err, XRAY_ECORRUPT, 0, "hello record has no writer id of 16 bytes");
    if (xf_mp_find(record, "clock", &clock)) {
        h->clock_real = find_int(clock, "real");
        h->clock_mono = find_int(clock, "mono");
    }
    return check_features(record, h, err);
}

int64_t xf_hello_decode(struct xf_hello *out, const uint8_t *data, size_t len, xray_error *err)
{
    struct xf_hello h;
    size_t n;
    int r;

    if (len < XF_HELLO_HEAD)
        return xf_fail(err, XRAY_ETRUNCATED, 0, "hello needs %d bytes, %zu are there", XF_HELLO_HEAD, len);
    if (memcmp(data, zstd_head, sizeof zstd_head) != 0)
        return xf_fail(err, XRAY_ECORRUPT, 0, "no hello starts here");
    n = (size_t)xf_get_u16(data + 5) + 256;
    if (n > XF_HELLO_MAX || data[7] != (uint8_t)(n << 3 | 1) || xf_get_u16(data + 8) != (uint16_t)(n >> 5))
        return xf_fail(err, XRAY_ECORRUPT, 0, "hello frame does not hold one stored block");
    if (len < XF_HELLO_HEAD + n + XF_HELLO_TAIL)
        return xf_fail(err, XRAY_ETRUNCATED, 0, "hello needs %zu bytes, %zu are there",
                       XF_HELLO_HEAD + n + XF_HELLO_TAIL, len);
    if (xf_zstd_checksum(data + XF_HELLO_HEAD, n) != xf_get_u32(data + XF_HELLO_HEAD + n))
        return xf_fail(err, XRAY_ECORRUPT, 0, "hello checksum does not match");
    if (!xf_hello_looks_like(data, len))
        return xf_fail(err, XRAY_ECORRUPT, 0, "a zstd frame, but not of an xrayfile segment");
    r = decode_record(&h, xray_strn((const char *)data + XF_HELLO_HEAD, n), err);
    if (r < 0)
        return r;
    *out = h;
    return (int64_t)(XF_HELLO_HEAD + n + XF_HELLO_TAIL);
}
