/* Building, checking and dropping the index of a segment (xrayfile.h, section 4). */
#include "base/buf.h"
#include "base/fail.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "codec/varint.h"
#include "os/file.h"
#include "os/sidecar.h"
#include "store/indexer.h"
#include "store/indexuse.h"

static int open_plain(xray_store **s, const char *path, uint64_t size_limit, xray_error *err)
{
    const xray_store_options options = {.index = XRAY_INDEX_NEVER, .threads = 1}; /* at seal this is the host's process */

    return xf_store_open_prefix(s, path, size_limit, &options, err);
}

static int replace(const char *path, const xray_buffer *image, xray_error *err)
{
    char *name = xf_index_name(path);
    int fd = -1;
    int r = name != NULL ? xf_file_open(&fd, path, err) : xf_fail_memory(err);

    if (r >= 0)
        r = xf_sidecar_replace(name, fd, image->data, image->len, err);
    xf_file_close(fd);
    xf_free(name);
    return r;
}

int xray_index_build(const char *path, const xray_index_options *options, xray_error *err)
{
    struct xf_index_head head = {.covered = 0};
    xray_buffer image = {0};
    xray_index_options asked = {.item_bits = 0};
    xray_store *s = NULL;
    int r;

    if (path == NULL || (options != NULL && options->item_bits > XF_INDEX_ITEM_BITS_MAX))
        return xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "xray_index_build needs a path, and item_bits of at most %d",
                       XF_INDEX_ITEM_BITS_MAX);
    if (options != NULL)
        asked = *options;
    r = open_plain(&s, path, UINT64_MAX, err);
    if (r >= 0)
        r = xf_indexer_build(s, &asked, &head, &image, err);
    if (r >= 0)
        r = replace(path, &image, err);
    xray_store_close(s);
    xray_buffer_free(&image);
    return r < 0 ? r : XRAY_OK;
}

/* The index as it is now, bound; 1, or a status that says why not. */
static int look(struct xf_index_head *head, const char *path, int *fd, xray_error *err)
{
    struct xf_index_file bound = {.read_bytes = 0};
    xray_error why = {0};
    uint64_t size;
    xray_store *s = NULL;
    int r = open_plain(&s, path, UINT64_MAX, err);

    if (r < 0)
        return r;
    if (s->part_count == 0) {
        xray_store_close(s);
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the file holds no segment");
    }
    r = xf_file_open(fd, path, err);
    if (r >= 0)
        r = xf_file_size(*fd, &size, err);
    if (r >= 0)
        r = xf_index_bind(&bound, path, *fd, s->parts[0].seg->id, size, &why);
    *head = bound.head;
    xray_buffer_free(&bound.front);
    xray_store_close(s);
    if (r == 0)
        return xf_fail(err, why.status == XRAY_EIO && why.sys_errno == 2 ? XRAY_ENOTFOUND : XRAY_ECORRUPT, why.pos, "%s",
                       why.message);
    return r;
}

static int read_raw(const struct xf_index_head *head, enum xf_index_kind kind, const char *path, int fd,
                    struct xf_zframe *z, xray_buffer *out, xray_error *err)
{
    xray_buffer stored = {0};
    uint64_t read = 0;
    xray_error why = {0};
    int r = xf_index_read(head, kind, path, fd, z, &stored, out, &read, &why);

    xray_buffer_free(&stored);
    if (r == 0)
        return xf_fail(err, XRAY_ECORRUPT, why.pos, "%s", why.message);
    return r;
}

static const char *section_name(uint32_t kind)
{
    static const char *const names[] = {"", "blocks", "runs", "items", "steps", "sums", "grams"};

    return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

/* The raw bytes of every section of the two indexes, of which `fresh` is in memory. */
static int compare_section(const struct xf_index_head *head, const struct xf_index_head *fresh, const xray_buffer *image,
                           size_t i, const char *path, int fd, struct xf_zframe *z, xray_error *err)
{
    const struct xf_index_entry *want = &fresh->sections[i];
    xray_buffer have = {0}, raw = {0};
    int r = XRAY_OK;

    if (want->kind == 0)
        return XRAY_OK;
    if (want->stored_len != want->raw_len)
        r = xf_zframe_decode(z, image->data + want->off, want->stored_len, want->raw_len, &raw, err);
    else
        xf_buf_put(&raw, image->data + want->off, want->raw_len);
    if (r >= 0)
        r = read_raw(head, (enum xf_index_kind)want->kind, path, fd, z, &have, err);
    if (r >= 0 && (have.len != raw.len || (raw.len > 0 && memcmp(have.data, raw.data, raw.len) != 0)))
        r = xf_fail(err, XRAY_ECORRUPT, xf_index_find(head, (enum xf_index_kind)want->kind)->off,
                    "the section of %s is not what the segment holds", section_name(want->kind));
    xray_buffer_free(&have);
    xray_buffer_free(&raw);
    return r < 0 ? r : XRAY_OK;
}

/* Of the section of grams, if there is one. */
static int read_span(const struct xf_index_head *head, const char *path, int fd, struct xf_zframe *z, uint32_t *span,
                     xray_error *err)
{
    xray_buffer raw = {0};
    struct xf_varints c;
    int r;

    if (xf_index_find(head, XF_INDEX_GRAMS) == NULL)
        return XRAY_OK;
    r = read_raw(head, XF_INDEX_GRAMS, path, fd, z, &raw, err);
    c = xf_varints_over(raw.data, raw.len);
    (void)xf_varint_take(&c); /* blocks */
    *span = (uint32_t)xf_varint_take(&c);
    xray_buffer_free(&raw);
    return r;
}

static int compare(const struct xf_index_head *head, xray_store *s, const char *path, int fd, xray_error *err)
{
    struct xf_index_head fresh = {.covered = 0};
    xray_buffer image = {0}, items = {0};
    xray_index_options asked = {.no_grams = xf_index_find(head, XF_INDEX_GRAMS) == NULL};
    int r = read_raw(head, XF_INDEX_ITEMS, path, fd, s->z, &items, err);

    asked.item_bits = items.len >= 8 ? xf_get_u32(items.data + 4) : 0;
    if (r >= 0 && asked.item_bits > XF_INDEX_ITEM_BITS_MAX)
        r = xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "filters of %u bits", asked.item_bits);
    if (r >= 0)
        r = read_span(head, path, fd, s->z, &asked.gram_span, err);
    if (r >= 0)
        r = xf_indexer_build(s, &asked, &fresh, &image, err);
    xf_run_list_free(s->runs); /* of a million runs it takes much */
    s->runs = NULL;
    for (size_t i = 0; i < XF_INDEX_SECTIONS && r >= 0; i++)
        r = compare_section(head, &fresh, &image, i, path, fd, s->z, err);
    xray_buffer_free(&image);
    xray_buffer_free(&items);
    return r;
}

int xray_index_check(const char *path, xray_error *err)
{
    struct xf_index_head head;
    xray_store *s = NULL;
    int fd = -1;
    int r = look(&head, path, &fd, err);

    if (r >= 0)
        r = open_plain(&s, path, head.covered, err);
    if (r >= 0)
        r = compare(&head, s, path, fd, err);
    xray_store_close(s);
    xf_file_close(fd);
    return r < 0 ? r : XRAY_OK;
}

int xray_index_drop(const char *path, xray_error *err)
{
    char *name = xf_index_name(path);
    int r;

    if (name == NULL)
        return xf_fail_memory(err);
    r = xf_sidecar_remove(name, err);
    xf_free(name);
    return r;
}

int xray_index_look(const char *path, xray_index_info *out, xray_error *err)
{
    struct xf_index_head head;
    xray_index_info info = {.size = 0};
    int fd = -1;
    int r = look(&head, path, &fd, err);

    if (r >= 0)
        r = xf_file_size(fd, &info.segment_size, err);
    xf_file_close(fd);
    if (r < 0)
        return r;
    info.size = XF_INDEX_HEAD_LEN;
    info.covered = head.covered;
    info.blocks = head.blocks;
    for (size_t i = 0; i < XF_INDEX_SECTIONS; i++) {
        const struct xf_index_entry *e = &head.sections[i];

        info.size += e->stored_len;
        if (e->kind > 0 && e->kind < sizeof info.section_size / sizeof *info.section_size)
            info.section_size[e->kind] = e->stored_len;
    }
    *out = info;
    return XRAY_OK;
}
