/* A catalogue, opened for reading (catalogue.h). */
#include "store/catalogue.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/listing.h"
#include "os/sidecar.h"

int xf_catalogue_name(char **out, const char *directory, xray_error *err)
{
    const size_t len = strlen(directory);
    char *name = xf_alloc(len + sizeof XF_CATALOGUE_NAME + 1);

    if (name == NULL)
        return xf_fail_memory(err);
    memcpy(name, directory, len);
    name[len] = '/';
    memcpy(name + len + 1, XF_CATALOGUE_NAME, sizeof XF_CATALOGUE_NAME);
    *out = name;
    return XRAY_OK;
}

void xf_catalogue_free(struct xf_catalogue *c)
{
    if (c == NULL)
        return;
    xf_file_close(c->fd);
    xf_file_close(c->directory_fd);
    xf_catalogue_table_done(&c->table);
    xf_free(c->entries);
    xf_facts_done(&c->facts);
    for (int k = 0; k < XF_SEGMENT_TEXTS; k++)
        xf_free(c->members[k]);
    xray_buffer_free(&c->table_raw);
    xray_buffer_free(&c->directory_raw);
    xray_buffer_free(&c->page);
    xf_free(c);
}

/* Of what lies at `pos`. 1, 0, XRAY_ENOMEM. */
static int read_bytes(struct xray_store *s, int fd, uint64_t pos, size_t len, uint64_t check, xray_buffer *out, xray_error *err)
{
    size_t got = 0;

    xf_buf_reset(out);
    if (!xf_buf_reserve(out, len + 1))
        return xf_fail_memory(err);
    if (xf_file_read(fd, pos, out->data, len, &got, err) < 0)
        return 0;
    s->stats.index_bytes += got;
    out->len = got;
    if (got < len || xf_hash64(out->data, len, 0) != check) {
        xf_fail(err, XRAY_ECORRUPT, pos, "the checksum does not match");
        return 0;
    }
    return 1;
}

static int read_part(struct xray_store *s, int fd, uint64_t pos, const struct xf_catalogue_part *part, xray_buffer *out,
                     xray_error *err)
{
    int r = read_bytes(s, fd, pos, part->stored_len, part->check, part->stored_len == part->raw_len ? out : &s->stored, err);

    if (r > 0 && part->stored_len != part->raw_len) {
        r = xf_zframe_decode(s->z, s->stored.data, s->stored.len, part->raw_len, out, err);
        r = r == XRAY_ENOMEM ? r : r >= 0;
    }
    return r;
}

static uint64_t directory_at(const struct xf_catalogue *c)
{
    return (uint64_t)XF_CATALOGUE_HEAD_LEN + c->head.table.stored_len + c->head.facts.stored_len;
}

static int read_all(struct xf_catalogue *c, struct xray_store *s, uint64_t size, xray_error *err)
{
    uint8_t bytes[XF_CATALOGUE_HEAD_LEN] = {0};
    size_t got = 0;
    int r;

    if (xf_file_read(c->fd, 0, bytes, sizeof bytes, &got, err) < 0 ||
        xf_catalogue_head_decode(&c->head, bytes, got < sizeof bytes ? got : size, err) < 0)
        return 0;
    s->stats.index_bytes += got;
    c->pages_at = directory_at(c) + c->head.directory.stored_len;
    r = read_part(s, c->fd, XF_CATALOGUE_HEAD_LEN, &c->head.table, &c->table_raw, err);
    if (r > 0)
        r = read_part(s, c->fd, directory_at(c), &c->head.directory, &c->directory_raw, err);
    if (r > 0)
        r = xf_catalogue_table_decode(&c->table, c->head.segments, &c->table_raw);
    if (r > 0)
        r = xf_catalogue_directory_decode(&c->entries, c->head.pages, &c->directory_raw);
    if (r == 0 && err != NULL && err->message[0] == '\0')
        xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the table or the directory is not well formed");
    return r;
}

static int open_files(struct xf_catalogue *c, const char *directory, uint64_t *size, xray_error *err)
{
    char *name = NULL;
    int r = xf_catalogue_name(&name, directory, err);

    if (r < 0)
        return r;
    r = xf_listing_directory(&c->directory_fd, directory, err) < 0 ? 0 : 1;
    if (r > 0)
        r = xf_sidecar_open(&c->fd, size, name, c->directory_fd, err);
    xf_free(name);
    return r == XRAY_EIO ? 0 : r;
}

int xf_catalogue_open(struct xf_catalogue **out, struct xray_store *s, const char *directory, xray_error *err)
{
    struct xf_catalogue *c = xf_alloc(sizeof *c);
    uint64_t size = 0;
    int r;

    if (c == NULL)
        return xf_fail_memory(err);
    c->fd = c->directory_fd = -1;
    r = open_files(c, directory, &size, err);
    if (r > 0)
        r = read_all(c, s, size, err);
    if (r <= 0) {
        xf_catalogue_free(c);
        return r;
    }
    *out = c;
    return 1;
}

/* Of the columns whose texts callers look at themselves. */
static bool is_listed(int k)
{
    return k == XF_ST_NAME || k == XF_ST_TYPE || k >= XF_SUMMARY_TEXTS;
}

int xf_catalogue_open_facts(struct xf_catalogue *c, struct xray_store *s)
{
    struct xf_facts *f = &c->facts;
    int r = read_part(s, c->fd, (uint64_t)XF_CATALOGUE_HEAD_LEN + c->head.table.stored_len, &c->head.facts, &f->raw, NULL);

    if (r > 0)
        r = xf_facts_decode(f, XF_SEGMENT_TEXTS);
    for (int k = 0; k < XF_SEGMENT_TEXTS && r > 0; k++) {
        const uint32_t count = f->columns[k].set_start[f->columns[k].set_count];

        if (!is_listed(k))
            continue;
        c->members[k] = xf_alloc_array(count, sizeof *c->members[k]);
        if (c->members[k] == NULL)
            return XRAY_ENOMEM;
        for (uint32_t i = 0; i < count; i++)
            c->members[k][i] = f->texts[f->columns[k].members[i]];
    }
    f->serial = ++s->facts_loaded;
    f->usable = r > 0 && f->runs == c->table.count;
    return r < 0 ? r : f->usable;
}

const xray_str *xf_catalogue_texts(const struct xf_catalogue *c, int k, uint32_t row, size_t *count, bool *known)
{
    const struct xf_fact_column *column = &c->facts.columns[k];
    const uint32_t set = column->of_run[row];

    *known = set != 0;
    *count = set != 0 ? column->set_start[set + 1] - column->set_start[set] : 0;
    return c->members[k] + column->set_start[set];
}

int xf_catalogue_open_page(struct xf_catalogue *c, struct xray_store *s, uint32_t page, struct xf_varints *keys)
{
    const struct xf_catalogue_entry *e = &c->entries[page];
    const int r = read_bytes(s, c->fd, c->pages_at + e->off, e->len, e->check, &c->page, NULL);

    *keys = xf_varints_over(c->page.data, r > 0 ? c->page.len : 0);
    return r;
}

uint32_t xf_catalogue_page_of(const struct xf_catalogue *c, const struct xf_catalogue_key *key)
{
    uint32_t low = 0, high = c->head.pages;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const xray_str first = c->entries[middle].first;

        if (xf_catalogue_compare(first.ptr, first.len, key->bytes, key->len) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}
