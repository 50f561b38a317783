/* The catalogue of a store as bytes (format-spec/catalogue.md, 2). Pure functions over memory. */
#ifndef XF_FORMAT_CATALOGUE_H
#define XF_FORMAT_CATALOGUE_H

#include "codec/varint.h"

#define XF_CATALOGUE_NAME "catalogue.idx"
#define XF_CATALOGUE_VERSION 2
#define XF_CATALOGUE_HEAD_LEN 80
#define XF_CATALOGUE_PART_MAX (64u << 20) /* stored and raw bytes of each part */
#define XF_CATALOGUE_PAGE_LEN 4096u       /* a page ends with the key that reaches this */
#define XF_CATALOGUE_PAGE_MAX (1u << 20)
#define XF_CATALOGUE_KEY_MAX 65u /* the first byte says what the rest is */

enum { XF_CATALOGUE_ID = 1, XF_CATALOGUE_EXT_ID = 2 }; /* first bytes of keys */

struct xf_catalogue_part { /* stored as it is if both lengths are the same, else one zstd frame */
    uint32_t stored_len, raw_len;
    uint64_t check;
};

struct xf_catalogue_head {
    uint32_t digits, segments, pages;
    struct xf_catalogue_part table, facts, directory; /* behind the head, one behind the other; then the pages */
};

void xf_catalogue_head_encode(const struct xf_catalogue_head *head, uint8_t out[XF_CATALOGUE_HEAD_LEN]);
/* `size` is that of the file. XRAY_ECORRUPT, XRAY_EUNSUPPORTED. */
int xf_catalogue_head_decode(struct xf_catalogue_head *out, const uint8_t bytes[XF_CATALOGUE_HEAD_LEN], uint64_t size,
                             xray_error *err);

/* ---- table (2.1) ---- */

struct xf_catalogue_row { /* a segment */
    xray_str name;
    uint64_t size;
    bool sealed;
    uint64_t inode; /* as the listing of the directory had it */
    uint8_t id[8]; /* the first bytes of the segment id */
    uint64_t runs;
    int64_t start_min, start_max; /* of its runs; XRAY_MISSING: none says when it began */
    uint32_t first_partner, partner_count; /* in `partners`: other segments with rows of its runs */
};

struct xf_catalogue_table {
    struct xf_catalogue_row *rows; /* by name */
    uint32_t count;
    uint32_t *partners; /* numbers of rows, ascending in each row */
    uint32_t total_partners;
    xray_buffer names; /* what the rows' names point into */
};

/* 0, or XRAY_ENOMEM. */
int xf_catalogue_table_encode(const struct xf_catalogue_table *t, xray_buffer *out);
/* 1, 0: they are no table of `segments` rows, XRAY_ENOMEM. */
int xf_catalogue_table_decode(struct xf_catalogue_table *t, uint32_t segments, const xray_buffer *raw);
void xf_catalogue_table_done(struct xf_catalogue_table *t);

/* ---- directory (2.3) ---- */

struct xf_catalogue_entry { /* a page */
    uint64_t off; /* from the first page */
    uint32_t len;
    uint64_t check;
    xray_str first; /* its first key */
};

void xf_catalogue_entry_put(xray_buffer *out, const struct xf_catalogue_entry *e);
/* `pages` entries, which the caller frees. 1, 0, XRAY_ENOMEM. `raw` must live as long as they. */
int xf_catalogue_directory_decode(struct xf_catalogue_entry **out, uint32_t pages, const xray_buffer *raw);

/* ---- pages (2.2) ---- */

struct xf_catalogue_key {
    uint8_t bytes[XF_CATALOGUE_KEY_MAX];
    size_t len;
    uint64_t runs;
    uint32_t segment_count;
    struct xf_varints segments; /* see xf_catalogue_next_segment */
    uint64_t segment;           /* the last one taken */
};

/* `before` is the key before in the page, or empty. Segments ascend. */
void xf_catalogue_key_put(xray_buffer *page, const struct xf_catalogue_key *before, const struct xf_catalogue_key *key,
                          const uint32_t *segments);
/* The next key of a page; `key` holds the one before, at first nothing. False: there is none, or c->bad. */
bool xf_catalogue_key_take(struct xf_varints *c, struct xf_catalogue_key *key);
/* The next segment of the key. False: there is none. */
bool xf_catalogue_next_segment(struct xf_catalogue_key *key, uint32_t *segment);

/* As memcmp, then by length. */
int xf_catalogue_compare(const void *a, size_t a_len, const void *b, size_t b_len);

#endif
