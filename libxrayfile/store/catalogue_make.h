/* What making a catalogue keeps, for the files that do it: catalogue_build.c, catalogue_facts.c and catalogue_pages.c. */
#ifndef XF_STORE_CATALOGUE_MAKE_H
#define XF_STORE_CATALOGUE_MAKE_H

#include "format/catalogue.h"
#include "store/runs.h"

struct xf_seen { /* a run in a segment */
    uint8_t id[16];
    int64_t start;
    uint32_t row;
    uint32_t ext_id; /* numbers of texts, or XF_NO_TEXT */
    uint32_t pipeline, version;
    uint8_t statuses; /* a bit for each of xf_catalogue_statuses that it may be found to have */
};

struct xf_named { /* an ext_id of a run: the rows of all its segments are seen[first .. first + count) */
    xray_str text;
    uint32_t first, count;
};

struct xf_pairs { /* row << 32 | number of what it has */
    uint64_t *list;
    uint32_t count, cap;
};

struct xf_maker {
    struct xray_store *s;
    uint32_t *parts; /* by row */
    struct xf_catalogue_table table;
    struct xf_dict names, ext_ids; /* of pipelines and versions; of runs */
    struct xf_seen *seen;          /* by id, then by row */
    uint32_t seen_count, seen_cap;
    struct xf_named *named;
    uint32_t named_count, named_cap;
    struct xf_pairs pipelines, versions, partners;
    uint8_t *statuses; /* by row: bits */
    bool *vague;       /* by row: what its steps hold is not known */
    xray_buffer facts;

    uint32_t *rows; /* of the key at hand */
    uint32_t row_cap;
    uint32_t digits;
    uint64_t runs;
    xray_buffer page, pages, directory;
    uint32_t page_count;
    struct xf_catalogue_key key, before, first;
};

/* Bits of xf_seen.statuses. Of runs that did not end nobody can tell whether they run when somebody asks. */
enum { XF_SEEN_OPEN = 1, XF_SEEN_ENDED = 2, XF_SEEN_SUCCESS = 4, XF_SEEN_FAILURE = 8, XF_SEEN_PARTIAL = 16 };

/* seen[first .. end) are of one run. */
uint32_t xf_maker_run_end(const struct xf_maker *b, uint32_t first);

/* False: memory is out. */
bool xf_pairs_add(struct xf_pairs *p, uint32_t row, uint32_t number);
/* Ascending, each once. */
void xf_pairs_settle(struct xf_pairs *p);

/* The rows' partners, then what is known of steps and runs: *facts as format-spec/catalogue.md, 2.2. XRAY_ENOMEM. */
int xf_maker_put_facts(struct xf_maker *b, xray_error *err);

/* The pages of keys and their directory. XRAY_ELIMIT, XRAY_ENOMEM. */
int xf_maker_put_pages(struct xf_maker *b, xray_error *err);

#endif
