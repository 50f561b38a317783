/* The catalogue of a directory, opened for reading (format-spec/catalogue.md). */
#ifndef XF_STORE_CATALOGUE_H
#define XF_STORE_CATALOGUE_H

#include "format/catalogue.h"
#include "store/facts.h"

struct xf_catalogue {
    int fd;
    int directory_fd;
    struct xf_catalogue_head head;
    struct xf_catalogue_table table;
    struct xf_catalogue_entry *entries;
    xray_buffer table_raw, directory_raw; /* what entries point into */
    uint64_t pages_at;
    struct xf_facts facts; /* of its rows; usable: they were read */
    xray_str *members[XF_SEGMENT_TEXTS]; /* the texts of facts.columns[k].members, of those columns that scope.c asks for */
    xray_buffer page;
};

/* DIRECTORY/catalogue.idx, which the caller frees. XRAY_ENOMEM. */
int xf_catalogue_name(char **out, const char *directory, xray_error *err);

/* Opens the catalogue of a directory, if it can be trusted, and reads its head, table and directory; `s` lends scratch and counts what
 * was read. 1, 0 (err says why not), XRAY_ENOMEM. The caller frees it. */
int xf_catalogue_open(struct xf_catalogue **out, struct xray_store *s, const char *directory, xray_error *err);
void xf_catalogue_free(struct xf_catalogue *c);

/* Reads what it says of the steps and runs of segments. 1, 0, XRAY_ENOMEM. */
int xf_catalogue_open_facts(struct xf_catalogue *c, struct xray_store *s);

/* The texts of a set of column k: those of the row. *known: whether that is all that there can be. */
const xray_str *xf_catalogue_texts(const struct xf_catalogue *c, int k, uint32_t row, size_t *count, bool *known);

/* The last page that begins with the key or before it, or the first one. */
uint32_t xf_catalogue_page_of(const struct xf_catalogue *c, const struct xf_catalogue_key *key);

/* The keys of a page, until the next call. 1, 0: it is not as it should be, XRAY_ENOMEM. */
int xf_catalogue_open_page(struct xf_catalogue *c, struct xray_store *s, uint32_t page, struct xf_varints *keys);

#endif
