/* One zstd frame in, one out (zframe.h). The only file that sees zstd. */
#include "codec/zframe.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"

#define MAX_WINDOW_LOG 23   /* 8 MiB, spec 4.4 */
#define LAST_SMALL_LEVEL 19 /* levels up to here have windows of at most 8 MiB by themselves */

struct xf_zframe {
    ZSTD_CCtx *cctx; /* made when first needed */
    ZSTD_DCtx *dctx;
};

struct xf_zframe *xf_zframe_new(void)
{
    return (struct xf_zframe *)xf_alloc(sizeof(struct xf_zframe));
}

void xf_zframe_free(struct xf_zframe *z)
{
    if (z == NULL)
        return;
    ZSTD_freeCCtx(z->cctx);
    ZSTD_freeDCtx(z->dctx);
    xf_free(z);
}

static int fail_zstd(size_t result, int status, const char *what, xray_error *err)
{
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
        return xf_fail_memory(err);
    return xf_fail(err, status, XF_NO_POS, "%s: %s", what, ZSTD_getErrorName(result));
}

/* The window is set only where the level's own would be too large: setting it
 * for low levels would make zstd use more memory than it needs. */
static size_t set_up(ZSTD_CCtx *cctx, int level)
{
    const int window_log = level > LAST_SMALL_LEVEL ? MAX_WINDOW_LOG : 0;
    size_t r = ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, level);

    if (!ZSTD_isError(r))
        r = ZSTD_CCtx_setParameter(cctx, ZSTD_c_windowLog, window_log);
    if (!ZSTD_isError(r))
        r = ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, 1);
    if (!ZSTD_isError(r))
        r = ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 0);
    return r;
}

int xf_zframe_encode(struct xf_zframe *z, int level, const void *raw, size_t raw_len, xray_buffer *out,
                     xray_error *err)
{
    if (z->cctx == NULL)
        z->cctx = ZSTD_createCCtx();
    if (z->cctx == NULL)
        return xf_fail_memory(err);

    size_t r = set_up(z->cctx, level);

    if (ZSTD_isError(r))
        return fail_zstd(r, XRAY_EMISUSE, "zstd refuses its parameters", err);
    if (!xf_buf_reserve(out, ZSTD_compressBound(raw_len)))
        return xf_fail_memory(err);

    r = ZSTD_compress2(z->cctx, out->data + out->len, out->cap - out->len, raw, raw_len);
    if (ZSTD_isError(r))
        return fail_zstd(r, XRAY_EMISUSE, "zstd cannot compress", err);
    out->len += r;
    return XRAY_OK;
}

/* Checks what the frame header says before anything is allocated for it. A
 * frame in one segment has its content for a window, so the bound on windows
 * is one on the content there; writers that know the size and stay within
 * 8 MiB get such frames, larger bodies get a window descriptor. */
static int check_frame(const uint8_t *stored, size_t stored_len, size_t raw_len, xray_error *err)
{
    if (stored_len < 6 || xf_get_u32(stored) != ZSTD_MAGICNUMBER)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the body is not a zstd frame");

    const uint8_t descriptor = stored[4];
    const bool single_segment = (descriptor & 0x20) != 0;
    uint64_t window = raw_len;

    if (!single_segment) {
        const uint64_t base = UINT64_C(1) << (10 + (stored[5] >> 3));

        window = base + base / 8 * (stored[5] & 7);
    }
    if ((descriptor & 0x03) != 0)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the body's zstd frame asks for a dictionary");
    if ((descriptor & 0x04) != 0)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the body's zstd frame carries a checksum");

    const unsigned long long content = ZSTD_getFrameContentSize(stored, stored_len);

    if (content == ZSTD_CONTENTSIZE_UNKNOWN || content == ZSTD_CONTENTSIZE_ERROR)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the body's zstd frame does not declare its size");
    if (content != raw_len)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the body's zstd frame declares %llu bytes, not %zu",
                       content, raw_len);
    if (window > UINT64_C(1) << MAX_WINDOW_LOG)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the body's zstd frame has a window of %llu bytes",
                       (unsigned long long)window);

    const size_t frame_len = ZSTD_findFrameCompressedSize(stored, stored_len);

    if (ZSTD_isError(frame_len))
        return fail_zstd(frame_len, XRAY_ECORRUPT, "the body's zstd frame is damaged", err);
    if (frame_len != stored_len)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the body's zstd frame has %zu bytes, not %zu",
                       frame_len, stored_len);
    return XRAY_OK;
}

int xf_zframe_decode(struct xf_zframe *z, const void *stored, size_t stored_len, size_t raw_len,
                     xray_buffer *out, xray_error *err)
{
    const int status = check_frame((const uint8_t *)stored, stored_len, raw_len, err);

    xf_buf_reset(out);
    if (status != XRAY_OK)
        return status;
    if (z->dctx == NULL)
        z->dctx = ZSTD_createDCtx();
    if (z->dctx == NULL || !xf_buf_reserve(out, raw_len > 0 ? raw_len : 1))
        return xf_fail_memory(err);

    const size_t r = ZSTD_decompressDCtx(z->dctx, out->data, raw_len, stored, stored_len);

    if (ZSTD_isError(r))
        return fail_zstd(r, XRAY_ECORRUPT, "the body does not decompress", err);
    if (r != raw_len)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the body has %zu bytes decompressed, not %zu", r,
                       raw_len);
    out->len = raw_len;
    return XRAY_OK;
}
