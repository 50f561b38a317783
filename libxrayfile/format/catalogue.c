/* The catalogue of a store as bytes (catalogue.h). */
#include "format/catalogue.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/mem.h"

static const char magic[8] = {'X', 'R', 'A', 'Y', 'C', 'A', 'T', '\n'};

enum { AT_VERSION = 8, AT_DIGITS = 12, AT_SEGMENTS = 16, AT_PAGES = 20, AT_LENGTHS = 24, AT_CHECKS = 48, AT_CHECK = 72 };

static void put_part(uint8_t *out, int number, const struct xf_catalogue_part *p)
{
    xf_put_u32(out + AT_LENGTHS + 8 * number, p->stored_len);
    xf_put_u32(out + AT_LENGTHS + 8 * number + 4, p->raw_len);
    xf_put_u64(out + AT_CHECKS + 8 * number, p->check);
}

static struct xf_catalogue_part get_part(const uint8_t *bytes, int number)
{
    return (struct xf_catalogue_part){
        .stored_len = xf_get_u32(bytes + AT_LENGTHS + 8 * number),
        .raw_len = xf_get_u32(bytes + AT_LENGTHS + 8 * number + 4),
        .check = xf_get_u64(bytes + AT_CHECKS + 8 * number),
    };
}

void xf_catalogue_head_encode(const struct xf_catalogue_head *head, uint8_t out[XF_CATALOGUE_HEAD_LEN])
{
    memcpy(out, magic, sizeof magic);
    xf_put_u32(out + AT_VERSION, XF_CATALOGUE_VERSION);
    xf_put_u32(out + AT_DIGITS, head->digits);
    xf_put_u32(out + AT_SEGMENTS, head->segments);
    xf_put_u32(out + AT_PAGES, head->pages);
    put_part(out, 0, &head->table);
    put_part(out, 1, &head->facts);
    put_part(out, 2, &head->directory);
    xf_put_u64(out + AT_CHECK, xf_hash64(out, AT_CHECK, 0));
}

static bool part_fits(const struct xf_catalogue_part *p, uint64_t *left)
{
    if (p->raw_len > XF_CATALOGUE_PART_MAX || p->stored_len > p->raw_len || p->stored_len > *left)
        return false;
    *left -= p->stored_len;
    return true;
}

int xf_catalogue_head_decode(struct xf_catalogue_head *out, const uint8_t bytes[XF_CATALOGUE_HEAD_LEN], uint64_t size,
                             xray_error *err)
{
    const struct xf_catalogue_head head = {
        .digits = xf_get_u32(bytes + AT_DIGITS),
        .segments = xf_get_u32(bytes + AT_SEGMENTS),
        .pages = xf_get_u32(bytes + AT_PAGES),
        .table = get_part(bytes, 0),
        .facts = get_part(bytes, 1),
        .directory = get_part(bytes, 2),
    };
    uint64_t left = size - XF_CATALOGUE_HEAD_LEN;

    if (size < XF_CATALOGUE_HEAD_LEN || memcmp(bytes, magic, sizeof magic) != 0)
        return xf_fail(err, XRAY_ECORRUPT, 0, "not a catalogue");
    if (xf_hash64(bytes, AT_CHECK, 0) != xf_get_u64(bytes + AT_CHECK))
        return xf_fail(err, XRAY_ECORRUPT, 0, "the head's checksum does not match");
    if (xf_get_u32(bytes + AT_VERSION) != XF_CATALOGUE_VERSION)
        return xf_fail(err, XRAY_EUNSUPPORTED, 0, "a catalogue of version %" PRIu32, xf_get_u32(bytes + AT_VERSION));
    if (head.digits < 1 || head.digits > 32 || head.segments == 0 || !part_fits(&head.table, &left) ||
        !part_fits(&head.facts, &left) || !part_fits(&head.directory, &left))
        return xf_fail(err, XRAY_ECORRUPT, 0, "the parts do not fit into the catalogue");
    *out = head;
    return XRAY_OK;
}

/* ---- texts with a common beginning ---- */

static size_t shared(const void *a, size_t a_len, const void *b, size_t b_len)
{
    const uint8_t *x = a, *y = b;
    size_t n = 0;

    while (n < a_len && n < b_len && x[n] == y[n])
        n++;
    return n;
}

int xf_catalogue_compare(const void *a, size_t a_len, const void *b, size_t b_len)
{
    const size_t least = a_len < b_len ? a_len : b_len;
    const int r = least > 0 ? memcmp(a, b, least) : 0;

    return r != 0 ? r : (a_len > b_len) - (a_len < b_len);
}

/* ---- table ---- */

static void put_names(const struct xf_catalogue_table *t, xray_buffer *out)
{
    xray_str before = {NULL, 0};

    for (uint32_t i = 0; i < t->count; i++) {
        const xray_str name = t->rows[i].name;
        const size_t n = shared(before.ptr, before.len, name.ptr, name.len);

        xf_varint_put(out, n);
        xf_varint_put_text(out, xray_strn(name.ptr + n, name.len - n));
        before = name;
    }
}

static void put_starts(const struct xf_catalogue_table *t, xray_buffer *out)
{
    uint64_t before = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        const struct xf_catalogue_row *row = &t->rows[i];

        xf_buf_put_u8(out, row->start_min != XRAY_MISSING);
        if (row->start_min == XRAY_MISSING)
            continue;
        xf_varint_put_int(out, (int64_t)((uint64_t)row->start_min - before));
        xf_varint_put(out, (uint64_t)row->start_max - (uint64_t)row->start_min);
        before = (uint64_t)row->start_min;
    }
}

static void put_inodes(const struct xf_catalogue_table *t, xray_buffer *out)
{
    uint64_t before = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        xf_varint_put_int(out, (int64_t)(t->rows[i].inode - before));
        before = t->rows[i].inode;
    }
}

int xf_catalogue_table_encode(const struct xf_catalogue_table *t, xray_buffer *out)
{
    put_names(t, out);
    for (uint32_t i = 0; i < t->count; i++)
        xf_varint_put(out, t->rows[i].size);
    for (uint32_t i = 0; i < t->count; i++)
        xf_buf_put_u8(out, t->rows[i].sealed);
    put_inodes(t, out);
    for (uint32_t i = 0; i < t->count; i++)
        xf_buf_put(out, t->rows[i].id, sizeof t->rows[i].id);
    for (uint32_t i = 0; i < t->count; i++)
        xf_varint_put(out, t->rows[i].runs);
    put_starts(t, out);
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t before = 0;

        xf_varint_put(out, t->rows[i].partner_count);
        for (uint32_t j = 0; j < t->rows[i].partner_count; j++) {
            const uint32_t partner = t->partners[t->rows[i].first_partner + j];

            xf_varint_put(out, partner - before);
            before = partner;
        }
    }
    return out->failed ? XRAY_ENOMEM : XRAY_OK;
}

/* Names become texts in `names`, each with a zero behind it. 1, 0, XRAY_ENOMEM. */
static int take_names(struct xf_catalogue_table *t, struct xf_varints *c)
{
    size_t before = 0, before_len = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        const uint64_t n = xf_varint_take(c);
        const xray_str rest = xf_varint_take_text(c);
        const size_t at = t->names.len;

        if (c->bad || n > before_len || rest.len == 0 || memchr(rest.ptr, 0, rest.len) != NULL ||
            t->names.len > XF_CATALOGUE_PART_MAX)
            return 0;
        if (!xf_buf_reserve(&t->names, (size_t)n + rest.len + 1))
            return XRAY_ENOMEM;
        if (n > 0)
            memmove(t->names.data + at, t->names.data + before, (size_t)n);
        t->names.len += (size_t)n;
        xf_buf_put(&t->names, rest.ptr, rest.len);
        xf_buf_put_u8(&t->names, 0);
        t->rows[i].name.len = (size_t)n + rest.len;
        if (i > 0 && xf_catalogue_compare(t->names.data + before, before_len, t->names.data + at, t->rows[i].name.len) >= 0)
            return 0;
        before = at;
        before_len = t->rows[i].name.len;
    }
    /* The buffer does not move any more. */
    before = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        t->rows[i].name.ptr = (const char *)t->names.data + before;
        before += t->rows[i].name.len + 1;
    }
    return 1;
}

static void take_files(struct xf_catalogue_table *t, struct xf_varints *c)
{
    uint64_t inode = 0;
    const uint8_t *sealed;

    for (uint32_t i = 0; i < t->count; i++)
        t->rows[i].size = xf_varint_take(c);
    sealed = xf_varints_bytes(c, t->count);
    for (uint32_t i = 0; i < t->count && !c->bad; i++) {
        t->rows[i].sealed = sealed[i] == 1;
        inode += (uint64_t)xf_varint_take_int(c);
        t->rows[i].inode = inode;
    }
}

static void take_starts(struct xf_catalogue_table *t, struct xf_varints *c)
{
    uint64_t before = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        struct xf_catalogue_row *row = &t->rows[i];
        const uint8_t *there = xf_varints_bytes(c, 1);

        row->start_min = row->start_max = XRAY_MISSING;
        if (there == NULL || *there == 0)
            continue;
        before += (uint64_t)xf_varint_take_int(c);
        row->start_min = (int64_t)before;
        row->start_max = (int64_t)(before + xf_varint_take(c));
        c->bad |= *there > 1 || row->start_max < row->start_min || row->start_min == XRAY_MISSING;
    }
}

static void take_partners(struct xf_catalogue_table *t, struct xf_varints *c)
{
    for (uint32_t i = 0; i < t->count && !c->bad; i++) {
        struct xf_catalogue_row *row = &t->rows[i];
        uint64_t partner = 0;

        row->first_partner = t->total_partners;
        row->partner_count = xf_varint_take_count(c, 1);
        for (uint32_t j = 0; j < row->partner_count && !c->bad; j++) {
            const uint64_t more = xf_varint_take(c);

            c->bad |= more >= t->count || partner + more >= t->count;
            partner += more;
            t->partners[t->total_partners++] = (uint32_t)partner;
        }
    }
}

static int take_table(struct xf_catalogue_table *t, struct xf_varints *c)
{
    int r = take_names(t, c);

    if (r <= 0)
        return r;
    take_files(t, c);
    for (uint32_t i = 0; i < t->count; i++) {
        const uint8_t *id = xf_varints_bytes(c, sizeof t->rows[i].id);

        if (id != NULL)
            memcpy(t->rows[i].id, id, sizeof t->rows[i].id);
    }
    for (uint32_t i = 0; i < t->count; i++)
        t->rows[i].runs = xf_varint_take(c);
    take_starts(t, c);
    if (c->bad)
        return 0;
    t->partners = xf_alloc_array(c->left, sizeof *t->partners); /* each is a byte at least */
    if (t->partners == NULL)
        return XRAY_ENOMEM;
    take_partners(t, c);
    return !c->bad && c->left == 0;
}

int xf_catalogue_table_decode(struct xf_catalogue_table *t, uint32_t segments, const xray_buffer *raw)
{
    struct xf_varints c = xf_varints_over(raw->data, raw->len);

    if (segments > raw->len / 16) /* each takes more */
        return 0;
    t->rows = xf_alloc_array(segments, sizeof *t->rows);
    if (t->rows == NULL)
        return XRAY_ENOMEM;
    t->count = segments;
    return take_table(t, &c);
}

void xf_catalogue_table_done(struct xf_catalogue_table *t)
{
    xf_free(t->rows);
    xf_free(t->partners);
    xray_buffer_free(&t->names);
    *t = (struct xf_catalogue_table){.count = 0};
}

/* ---- directory ---- */

void xf_catalogue_entry_put(xray_buffer *out, const struct xf_catalogue_entry *e)
{
    uint8_t check[8];

    xf_put_u64(check, e->check);
    xf_varint_put(out, e->len);
    xf_buf_put(out, check, sizeof check);
    xf_varint_put_text(out, e->first);
}

int xf_catalogue_directory_decode(struct xf_catalogue_entry **out, uint32_t pages, const xray_buffer *raw)
{
    struct xf_varints c = xf_varints_over(raw->data, raw->len);
    struct xf_catalogue_entry *entries;
    uint64_t off = 0;

    if (pages > raw->len / 10)
        return 0;
    entries = xf_alloc_array(pages, sizeof *entries);
    if (entries == NULL)
        return XRAY_ENOMEM;
    for (uint32_t i = 0; i < pages && !c.bad; i++) {
        struct xf_catalogue_entry *e = &entries[i];
        const uint64_t len = xf_varint_take(&c);
        const uint8_t *check = xf_varints_bytes(&c, 8);

        e->off = off;
        e->len = (uint32_t)len;
        e->check = check != NULL ? xf_get_u64(check) : 0;
        e->first = xf_varint_take_text(&c);
        c.bad |= len > XF_CATALOGUE_PAGE_MAX;
        off += len;
    }
    if (c.bad || c.left > 0) {
        xf_free(entries);
        return 0;
    }
    *out = entries;
    return 1;
}

/* ---- pages ---- */

void xf_catalogue_key_put(xray_buffer *page, const struct xf_catalogue_key *before, const struct xf_catalogue_key *key,
                          const uint32_t *segments)
{
    const size_t n = shared(before->bytes, before->len, key->bytes, key->len);

    xf_varint_put(page, n);
    xf_varint_put_text(page, xray_strn((const char *)key->bytes + n, key->len - n));
    xf_varint_put(page, key->runs);
    xf_varint_put(page, key->segment_count);
    for (uint32_t i = 0; i < key->segment_count; i++)
        xf_varint_put(page, segments[i] - (i > 0 ? segments[i - 1] : 0));
}

bool xf_catalogue_key_take(struct xf_varints *c, struct xf_catalogue_key *key)
{
    uint64_t n;
    xray_str rest;

    if (c->left == 0 || c->bad)
        return false;
    n = xf_varint_take(c);
    rest = xf_varint_take_text(c);
    if (c->bad || n > key->len || rest.len > XF_CATALOGUE_KEY_MAX - n) {
        c->bad = true;
        return false;
    }
    if (rest.len > 0)
        memcpy(key->bytes + n, rest.ptr, rest.len);
    key->len = (size_t)n + rest.len;
    key->runs = xf_varint_take(c);
    key->segment_count = xf_varint_take_count(c, 1);
    key->segments = *c;
    key->segment = 0;
    for (uint32_t i = 0; i < key->segment_count; i++)
        xf_varint_take(c);
    key->segments.left -= c->left;
    return !c->bad;
}

bool xf_catalogue_next_segment(struct xf_catalogue_key *key, uint32_t *segment)
{
    if (key->segments.left == 0)
        return false;
    key->segment += xf_varint_take(&key->segments);
    *segment = key->segment < UINT32_MAX ? (uint32_t)key->segment : UINT32_MAX;
    return !key->segments.bad;
}
