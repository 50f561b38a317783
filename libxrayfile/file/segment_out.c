/* Writing one segment: frames go out in order, never back (spec 2.2). */
#include "file/segment_out.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/mem.h"
#include "codec/mpwrite.h"
#include "os/clock.h"
#include "os/out.h"

#include <stdio.h>

static void segment_name(const struct xf_hello *hello, char out[64])
{
    char time_text[21];

    xf_clock_name(hello->clock_real, time_text);
    snprintf(out, 64, "%s-%02x%02x%02x%02x%02x%02x%02x%02x.xray", time_text, hello->id[0], hello->id[1], hello->id[2],
             hello->id[3], hello->id[4], hello->id[5], hello->id[6], hello->id[7]);
}

/* The hello frame is in s->stored: it goes out, and a segment begins. */
static int begin_with(struct xf_segment_out *s, const uint8_t id[16], int level, xray_error *err)
{
    const int r = xf_out_append_bytes(s->fd, s->stored.data, s->stored.len, err);

    if (r < 0)
        return r;
    memcpy(s->id, id, 16);
    s->level = level;
    s->pos = s->stored.len;
    s->prev = xf_hash64(s->stored.data, s->stored.len, 0);
    s->ordinal = 0;
    s->content = (struct xf_digest){0};
    s->raw_bytes = s->stored_bytes = 0;
    s->dir_count = 0;
    return XRAY_OK;
}

int xf_segment_out_create(struct xf_segment_out *s, int dir_fd, const struct xf_hello *hello, int level,
                          xray_error *err)
{
    int r;

    if (s->zframe == NULL && (s->zframe = xf_zframe_new()) == NULL)
        return xf_fail_memory(err);
    xf_buf_reset(&s->stored);
    r = xf_hello_encode(hello, &s->stored, err);
    if (r < 0)
        return r;
    segment_name(hello, s->name);
    r = xf_out_create(&s->fd, dir_fd, s->name, &s->file, err);
    if (r < 0)
        return r;
    s->dir_fd = dir_fd;
    r = begin_with(s, hello->id, level, err);
    if (r < 0) { /* nothing is in it: no file is better than an empty one */
        xf_out_discard(s->fd, dir_fd, s->name);
        s->fd = -1;
    }
    return r;
}

int xf_segment_out_resume(struct xf_segment_out *s, int fd, const uint8_t id[16], xray_str hello_frame, int level,
                          xray_error *err)
{
    if (s->zframe == NULL && (s->zframe = xf_zframe_new()) == NULL)
        return xf_fail_memory(err);
    xf_buf_reset(&s->stored);
    xf_buf_put(&s->stored, hello_frame.ptr, hello_frame.len);
    if (s->stored.failed)
        return xf_fail_memory(err);
    s->fd = fd;
    s->name[0] = '\0';
    return begin_with(s, id, level, err);
}

static int remember_block(struct xf_segment_out *s, const struct xf_header *h, xray_error *err)
{
    if (s->dir_count == s->dir_cap) {
        const size_t cap = s->dir_cap != 0 ? s->dir_cap * 2 : 64;
        struct xf_segment_dir *more = xf_resize_array(s->dir, cap, sizeof *more);

        if (more == NULL)
            return xf_fail_memory(err);
        s->dir = more;
        s->dir_cap = cap;
    }
    s->dir[s->dir_count++] = (struct xf_segment_dir){
        .pos = h->pos, .stored = h->stored_len, .raw = h->raw_len, .rows = h->rows, .rows2 = h->rows2, .kind = h->kind,
    };
    return XRAY_OK;
}

/* Our descriptor, or a new one of the same file where the host has taken ours. */
static int hold_file(struct xf_segment_out *s, xray_error *err)
{
    int fd;

    if (s->name[0] == '\0' || xf_out_is(s->fd, &s->file)) /* without a name it is the caller's to look after */
        return XRAY_OK;
    /* What has the number now is the host's: it is not closed. */
    if (xf_out_reopen(&fd, s->dir_fd, s->name, &s->file, err) < 0) {
        s->fd = -1;
        return XRAY_EIO;
    }
    s->fd = fd;
    return XRAY_OK;
}

static int append_block(struct xf_segment_out *s, const struct xf_header *h, const struct xf_patience *patience,
                        xray_error *err)
{
    uint8_t bytes[XF_HEADER_LEN];
    struct iovec parts[2], *left = parts;
    xray_error why = {0};
    int count = 2;
    int r;

    xf_header_encode(h, bytes);
    parts[0] = (struct iovec){.iov_base = bytes, .iov_len = sizeof bytes};
    parts[1] = (struct iovec){.iov_base = s->stored.data, .iov_len = s->stored.len};
    for (unsigned times = 1;; times++) {
        r = hold_file(s, &why);
        if (r == XRAY_OK)
            r = xf_out_append(s->fd, &left, &count, &why);
        if (r == XRAY_OK)
            break;
        if (patience == NULL || !patience->again(patience->ctx, &why, times)) {
            if (err != NULL)
                *err = why;
            return r;
        }
    }
    s->prev = xf_header_digest(bytes);
    s->pos += sizeof bytes + s->stored.len;
    s->ordinal++;
    return XRAY_OK;
}

/* The body's frame is in s->stored: completes its header with the place and appends both. */
static int append_frame(struct xf_segment_out *s, struct xf_header *h, const struct xf_patience *patience,
                        xray_error *err)
{
    int r;

    h->ordinal = s->ordinal;
    h->pos = s->pos;
    h->stored_len = (uint32_t)s->stored.len;
    h->prev = s->prev;
    memcpy(h->segment, s->id, 16);
    h->body = xf_body_checksum(h, s->stored.data, s->stored.len);
    r = remember_block(s, h, err);
    if (r == XRAY_OK)
        r = append_block(s, h, patience, err);
    if (r == XRAY_OK) {
        s->raw_bytes += h->raw_len;
        s->stored_bytes += s->stored.len;
    }
    return r;
}

int xf_segment_out_frame(struct xf_segment_out *s, const struct xf_header *like, xray_error *err)
{
    struct xf_header h = *like;

    return s->stored.failed ? xf_fail_memory(err) : append_frame(s, &h, NULL, err);
}

int xf_segment_out_block(struct xf_segment_out *s, const struct xf_block_info *info, const struct xf_patience *patience,
                         xray_error *err)
{
    struct xf_header h;
    int r;

    if (s->body.failed)
        return xf_fail_memory(err);
    if (s->body.len > XF_BLOCK_MAX)
        return xf_fail(err, XRAY_ELIMIT, XF_NO_POS, "a block of %zu bytes is over the limit", s->body.len);
    xf_buf_reset(&s->stored);
    r = xf_zframe_encode(s->zframe, s->level, s->body.data, s->body.len, &s->stored, err);
    if (r < 0)
        return r;
    h = (struct xf_header){
        .kind = (uint8_t)info->kind,
        .flags = info->kind <= XF_SPINE ? XF_FLAG_CRITICAL : 0,
        .raw_len = (uint32_t)s->body.len,
        .rows = info->rows,
        .rows2 = info->rows2,
        .first = info->first,
        .first2 = info->first2,
        .time_min = info->time_min,
        .time_max = info->time_max,
    };
    r = append_frame(s, &h, patience, err);
    xf_buf_reset(&s->body);
    return r;
}

static void put_dir_column(struct xf_segment_out *s, const char *name, size_t column)
{
    uint64_t last = 0;

    xf_mp_cstr(&s->body, name);
    xf_mp_array(&s->body, s->dir_count);
    for (size_t i = 0; i < s->dir_count; i++) {
        const struct xf_segment_dir *d = &s->dir[i];
        const uint64_t values[] = {d->kind, d->pos - last, d->stored, d->raw, d->rows, d->rows2};

        xf_mp_uint(&s->body, values[column]);
        last = d->pos;
    }
}

static void put_total(xray_buffer *b, const char *name, uint64_t v)
{
    xf_mp_cstr(b, name);
    xf_mp_uint(b, v);
}

static void put_totals(struct xf_segment_out *s, const struct xf_seal_totals *t)
{
    xray_buffer *b = &s->body;

    xf_mp_cstr(b, "totals");
    xf_mp_map(b, 10);
    put_total(b, "runs", t->runs);
    put_total(b, "steps", t->steps);
    put_total(b, "candidates", t->candidates);
    put_total(b, "decisions", t->decisions);
    put_total(b, "notes", t->notes);
    put_total(b, "parts", t->parts);
    put_total(b, "values", t->values);
    put_total(b, "lost", t->lost);
    put_total(b, "raw", s->raw_bytes);
    put_total(b, "stored", s->stored_bytes);
}

int xf_segment_out_sync(struct xf_segment_out *s, xray_error *err)
{
    const int r = hold_file(s, err);

    return r < 0 ? r : xf_out_sync(s->fd, err);
}

int xf_segment_out_seal(struct xf_segment_out *s, const struct xf_seal_totals *totals, const struct xf_patience *patience,
                        xray_error *err)
{
    static const char *const names[] = {"kind", "pos", "stored", "raw", "rows", "rows2"};
    const struct xf_block_info info = {
        .kind = XF_SEAL, .rows = (uint32_t)s->dir_count, .time_min = INT64_MAX, .time_max = INT64_MIN};
    uint8_t chain[8], content[16];

    xf_put_be64(chain, s->prev);
    xf_digest_encode(&s->content, content);
    xf_buf_reset(&s->body);
    xf_mp_map(&s->body, 5);
    xf_mp_cstr(&s->body, "kind");
    xf_mp_cstr(&s->body, "seal");
    xf_mp_cstr(&s->body, "blocks");
    xf_mp_map(&s->body, 6);
    for (size_t i = 0; i < 6; i++)
        put_dir_column(s, names[i], i);
    put_totals(s, totals);
    xf_mp_cstr(&s->body, "chain");
    xf_mp_bin(&s->body, chain, sizeof chain);
    xf_mp_cstr(&s->body, "content");
    xf_mp_bin(&s->body, content, sizeof content);
    return xf_segment_out_block(s, &info, patience, err);
}

void xf_segment_out_close(struct xf_segment_out *s)
{
    if (s->name[0] == '\0' || xf_out_is(s->fd, &s->file)) /* or the number is the host's by now */
        xf_out_close(s->fd);
    s->fd = -1;
}

void xf_segment_out_done(struct xf_segment_out *s)
{
    xf_segment_out_close(s);
    xf_zframe_free(s->zframe);
    xf_free(s->dir);
    xray_buffer_free(&s->body);
    xray_buffer_free(&s->stored);
    *s = (struct xf_segment_out){.fd = -1};
}
