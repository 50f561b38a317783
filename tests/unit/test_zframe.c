/* One zstd frame: round trips, and everything that is not exactly one. */
#include "codec/zframe.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "support/check.h"

/* Text-like bytes: compressible, but not one run. */
static uint8_t *make_raw(size_t len)
{
    uint8_t *raw = check_copy("", 0);

    raw = (uint8_t *)realloc(raw, len + 1);
    for (size_t i = 0; i < len; i++)
        raw[i] = i % 7 == 0 ? (uint8_t)('a' + check_random_below(26)) : (uint8_t) "abcdefg"[i % 7];
    return raw;
}

static void test_round_trip(void)
{
    static const size_t lens[] = {1, 2, 100, 255, 256, 65791, 65792, 1000000, 12000000};
    struct xf_zframe *z = xf_zframe_new();
    xray_buffer stored = {0};
    xray_buffer out = {0};
    xray_error err = {0};

    if (!CHECK(z != NULL))
        return;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint8_t *raw = make_raw(lens[i]);

        for (int level = 1; level <= (lens[i] < 100000 ? 22 : 3); level += 2) {
            check_context("%zu bytes, level %d", lens[i], level);
            xf_buf_reset(&stored);
            xf_buf_puts(&stored, "head");
            CHECK_STATUS(xf_zframe_encode(z, level, raw, lens[i], &stored, &err), XRAY_OK, &err);
            CHECK(memcmp(stored.data, "head", 4) == 0);
            CHECK_STATUS(xf_zframe_decode(z, stored.data + 4, stored.len - 4, lens[i], &out, &err), XRAY_OK,
                         &err);
            CHECK_MEM(out.data, out.len, raw, lens[i]);
        }
        free(raw);
    }
    xray_buffer_free(&stored);
    xray_buffer_free(&out);
    xf_zframe_free(z);
    xf_zframe_free(NULL);
}

/* Must be refused as corrupt. */
static void refuse(struct xf_zframe *z, const void *stored, size_t stored_len, size_t raw_len,
                   const char *part)
{
    uint8_t *copy = check_copy(stored, stored_len);
    xray_buffer out = {0};
    xray_error err = {0};

    CHECK_STATUS(xf_zframe_decode(z, copy, stored_len, raw_len, &out, &err), XRAY_ECORRUPT, &err);
    CHECK_EQ(out.len, 0);
    if (part != NULL && !CHECK(strstr(err.message, part) != NULL))
        CHECK_STR(err.message, part);
    xray_buffer_free(&out);
    free(copy);
}

/* A frame with parameters that the writer would not choose. */
static size_t odd_frame(void *out, size_t room, const void *raw, size_t len, ZSTD_cParameter parameter,
                        int value)
{
    ZSTD_CCtx *cctx = ZSTD_createCCtx();

    ZSTD_CCtx_setParameter(cctx, parameter, value);

    const size_t n = ZSTD_compress2(cctx, out, room, raw, len);

    ZSTD_freeCCtx(cctx);
    return ZSTD_isError(n) ? 0 : n;
}

/* A stream of unknown length gets a window descriptor and no content size; with a
 * pledged size larger than the window it gets both. */
static size_t wide_frame(uint8_t *out, size_t room, const void *raw, size_t len, int window_log)
{
    ZSTD_CCtx *cctx = ZSTD_createCCtx();
    ZSTD_inBuffer in = {raw, len, 0};
    ZSTD_outBuffer to = {out, room, 0};

    ZSTD_CCtx_setParameter(cctx, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setPledgedSrcSize(cctx, len);

    const size_t r = ZSTD_compressStream2(cctx, &to, &in, ZSTD_e_end);

    ZSTD_freeCCtx(cctx);
    return r == 0 ? to.pos : 0;
}

static void test_odd_frames(void)
{
    const size_t raw_len = 5000;
    uint8_t *raw = make_raw(raw_len);
    static uint8_t frame[20000];
    struct xf_zframe *z = xf_zframe_new();
    size_t n = ZSTD_compress(frame, sizeof frame, raw, raw_len, 3);

    refuse(z, "", 0, raw_len, "not a zstd frame");
    refuse(z, frame, n, raw_len - 1, "declares 5000 bytes, not 4999");
    refuse(z, frame, n, raw_len + 1, "declares");
    refuse(z, frame, n, 0, "declares");
    memcpy(frame + n, frame, n);
    refuse(z, frame, 2 * n, raw_len, "bytes, not");
    refuse(z, frame, 2 * n, 2 * raw_len, "declares");
    refuse(z, frame, n + 1, raw_len, "bytes, not");
    memcpy(frame, "\x58\x2a\x4d\x18\x08\0\0\0eightbyt", 16);
    refuse(z, frame, 16, 8, "not a zstd frame");

    n = odd_frame(frame, sizeof frame, raw, raw_len, ZSTD_c_checksumFlag, 1);
    refuse(z, frame, n, raw_len, "checksum");
    n = odd_frame(frame, sizeof frame, raw, raw_len, ZSTD_c_contentSizeFlag, 0);
    refuse(z, frame, n, raw_len, "does not declare");
    free(raw);
    xf_zframe_free(z);
}

static void test_windows(void)
{
    const size_t raw_len = 20000000;
    const size_t room = ZSTD_compressBound(raw_len);
    uint8_t *raw = make_raw(raw_len);
    uint8_t *frame = check_copy("", 0);
    struct xf_zframe *z = xf_zframe_new();
    xray_buffer out = {0};
    xray_error err = {0};

    frame = (uint8_t *)realloc(frame, room);
    CHECK_STATUS(xf_zframe_decode(z, frame, wide_frame(frame, room, raw, raw_len, 23), raw_len, &out, &err),
                 XRAY_OK, &err);
    CHECK_EQ(out.len, raw_len);
    refuse(z, frame, wide_frame(frame, room, raw, raw_len, 24), raw_len, "window of 16777216 bytes");
    refuse(z, frame, wide_frame(frame, room, raw, raw_len, 25), raw_len,
           "window of"); /* one segment of 20 MB */
    free(raw);
    free(frame);
    xray_buffer_free(&out);
    xf_zframe_free(z);
}

static void test_dictionary(void)
{
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x21, 0x07, 0x05, 0x01, 0x00, 0x00};
    struct xf_zframe *z = xf_zframe_new();

    refuse(z, frame, sizeof frame, 5, "dictionary");
    xf_zframe_free(z);
}

/* Every prefix is refused; damage is refused or gives as many bytes as were wanted. */
static void test_damage(void)
{
    const size_t raw_len = 700;
    uint8_t *raw = make_raw(raw_len);
    struct xf_zframe *z = xf_zframe_new();
    xray_buffer stored = {0};
    xray_buffer out = {0};

    CHECK_EQ(xf_zframe_encode(z, 3, raw, raw_len, &stored, NULL), XRAY_OK);
    for (size_t n = 0; n < stored.len; n++) {
        check_context("prefix of %zu bytes", n);
        refuse(z, stored.data, n, raw_len, NULL);
    }
    for (size_t bit = 0; bit < stored.len * 8; bit++) {
        uint8_t *copy = check_copy(stored.data, stored.len);

        check_context("bit %zu", bit);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);

        const int status = xf_zframe_decode(z, copy, stored.len, raw_len, &out, NULL);

        CHECK(status == XRAY_ECORRUPT ? out.len == 0 : status == XRAY_OK && out.len == raw_len);
        free(copy);
    }
    CHECK_EQ(xf_zframe_decode(z, stored.data, stored.len, raw_len, &out, NULL), XRAY_OK); /* z still works */
    free(raw);
    xray_buffer_free(&stored);
    xray_buffer_free(&out);
    xf_zframe_free(z);
}

static void test_out_of_memory(void)
{
    struct xf_zframe *z;
    xray_buffer stored = {0};
    xray_buffer out = {0};
    xray_error err = {0};

    xf_mem_fail_from(1);
    CHECK(xf_zframe_new() == NULL);
    xf_mem_fail_from(0);
    z = xf_zframe_new();
    xf_mem_fail_from(1);
    CHECK_STATUS(xf_zframe_encode(z, 3, "abc", 3, &stored, &err), XRAY_ENOMEM, &err);
    xf_mem_fail_from(0);
    CHECK_EQ(stored.len, 0);
    xf_buf_reset(&stored);
    CHECK_STATUS(xf_zframe_encode(z, 3, "abc", 3, &stored, &err), XRAY_OK, &err);
    xf_mem_fail_from(1);
    CHECK_STATUS(xf_zframe_decode(z, stored.data, stored.len, 3, &out, &err), XRAY_ENOMEM, &err);
    xf_mem_fail_from(0);
    CHECK_STATUS(xf_zframe_decode(z, stored.data, stored.len, 3, &out, &err), XRAY_OK, &err);
    CHECK_MEM(out.data, out.len, "abc", 3);
    xray_buffer_free(&stored);
    xray_buffer_free(&out);
    xf_zframe_free(z);
}

CHECK_MAIN(test_round_trip, test_odd_frames, test_windows, test_dictionary, test_damage, test_out_of_memory)
