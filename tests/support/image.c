/* Segments in memory. */
#include "support/image.h"

#include "base/buf.h"
#include "base/hash.h"
#include "codec/zframe.h"
#include "support/check.h"

#include <stdio.h>

void image_begin(struct image *m, uint8_t id)
{
    struct xf_hello hello = {
        .version = 1,
        .min_reader = 1,
        .pid = XRAY_MISSING,
        .process_start = XRAY_MISSING,
        .clock_real = id * INT64_C(1000000000),
        .clock_mono = XRAY_MISSING,
    };

    memset(hello.id, id, 16);
    memset(hello.writer_id, id + 100, 16);
    memset(m->id, id, 16);
    m->base = m->bytes.len;
    m->ordinal = 0;
    CHECK_EQ(xf_hello_encode(&hello, &m->bytes, NULL), XRAY_OK);
    m->digest = xf_hash64(m->bytes.data + m->base, m->bytes.len - m->base, 0);
}

static void put_block(struct image *m, int kind, const void *stored, size_t len, struct xf_header *h)
{
    uint8_t header[XF_HEADER_LEN];

    h->kind = (uint8_t)kind;
    h->flags = kind >= XF_PAYLOAD && kind <= XF_SPINE ? XF_FLAG_CRITICAL : 0;
    memcpy(h->segment, m->id, 16);
    h->ordinal = m->ordinal++;
    h->pos = m->bytes.len - m->base;
    h->stored_len = (uint32_t)len;
    h->prev = m->digest;
    h->body = xf_body_checksum(h, stored, len);
    xf_header_encode(h, header);
    m->digest = xf_header_digest(header);
    if (m->blocks < 64)
        m->block[m->blocks++] = m->bytes.len;
    xf_buf_put(&m->bytes, header, sizeof header);
    xf_buf_put(&m->bytes, stored, len);
}

void image_raw(struct image *m, int kind, const void *stored, size_t len)
{
    struct xf_header h = {.raw_len = (uint32_t)len, .time_min = INT64_MAX, .time_max = INT64_MIN};

    put_block(m, kind, stored, len, &h);
}

void image_block(struct image *m, int kind, const xray_buffer *raw, uint32_t rows, uint32_t rows2,
                 uint64_t first, uint64_t first2)
{
    struct xf_header h = {
        .raw_len = (uint32_t)raw->len,
        .rows = rows,
        .rows2 = rows2,
        .first = first,
        .first2 = first2,
        .time_min = INT64_MAX,
        .time_max = INT64_MIN,
    };
    struct xf_zframe *z = xf_zframe_new();
    xray_buffer stored = {0};

    CHECK_EQ(xf_zframe_encode(z, 3, raw->data, raw->len, &stored, NULL), XRAY_OK);
    put_block(m, kind, stored.data, stored.len, &h);
    xray_buffer_free(&stored);
    xf_zframe_free(z);
}

void image_done(struct image *m)
{
    xray_buffer_free(&m->bytes);
    *m = (struct image){0};
}

static int read_image(void *ctx, uint64_t pos, void *out, size_t n, size_t *got, xray_error *err)
{
    const struct image *m = ctx;

    (void)err;
    *got = pos >= m->bytes.len ? 0 : m->bytes.len - (size_t)pos < n ? m->bytes.len - (size_t)pos : n;
    if (*got > 0)
        memcpy(out, m->bytes.data + pos, *got);
    return XRAY_OK;
}

struct xf_source image_source(struct image *m)
{
    return (struct xf_source){.read = read_image, .ctx = m, .size = m->bytes.len};
}

const char *image_file(const struct image *m)
{
    static char names[16][512];
    static unsigned calls;
    char *name = names[calls % 16];
    FILE *f;

    snprintf(name, sizeof names[0], "%s/image%u.xray", check_dir(), calls++);
    f = fopen(name, "wb");
    if (CHECK(f != NULL)) {
        CHECK_EQ(fwrite(m->bytes.data, 1, m->bytes.len, f), m->bytes.len);
        fclose(f);
    }
    return name;
}
