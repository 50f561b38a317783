/* The list of runs of a store, and where the rows of each lie. */
#ifndef XF_STORE_RUNS_H
#define XF_STORE_RUNS_H

#include "store/store.h"

#define XF_NO_PLACE UINT32_MAX
#define XF_NO_TEXT UINT32_MAX

struct xf_run_place { /* a run in a spine block; in the order of the segments and blocks */
    uint32_t segment, block;
    uint32_t run;  /* index in the block's run table; a run may stand there more than once */
    uint32_t next; /* place of the same run, or XF_NO_PLACE */
};

enum xf_run_text {
    XF_RT_EXT_ID,
    XF_RT_PIPELINE,
    XF_RT_VERSION,
    XF_RT_PROJECT,
    XF_RT_SESSION,
    XF_RT_USER,
    XF_RT_ERROR_TYPE,
    XF_RUN_TEXTS
};

enum { XF_RUN_ENDED = 1, XF_RUN_EXT_IS_ID = 2, XF_RUN_HAS_FLAGS = 4 };

/* What is known of a run. There is one of each for as long as the store is open, and there may be millions:
 * 104 bytes, of which records are made when they are asked for. Each value is that of the last row that has one. */
struct xf_run_sum {
    uint8_t id[16];
    int64_t seq, start, dur, end, cost;
    uint32_t first_place, last_place; /* its spine blocks */
    uint32_t first_loose, last_loose; /* candidates blocks that may hold something of it and that no spine names */
    uint32_t segment;                 /* of its first row */
    uint32_t local;  /* its number in the index of that segment, if that knows all of it; or XF_NO_PLACE */
    uint32_t ext_id; /* number of its text, or XF_NO_TEXT. One that is the id's text form has none */
    uint32_t texts;  /* number of those after it, which most runs have in common: see xf_run_text; or XF_NO_TEXT */
    uint32_t parent; /* number of the id of the run that began it, or XF_NO_TEXT */
    uint32_t flags;
    int16_t status; /* -1: none */
    uint8_t bits;   /* XF_RUN_* */
};

struct xf_run_list {
    struct xf_run_sum *runs; /* in the order of spec 7.2 */
    uint32_t count;
    uint32_t *slots; /* index + 1 by id, open addressing */
    uint32_t slot_count;
    struct xf_run_place *places;
    struct xf_dict text;     /* of all runs, each once */
    struct xf_dict tuples;   /* of numbers in `text`, for all that a run has but the ext_id */
    xray_run_record *records; /* of all runs, for xray_store_runs; NULL: not asked for */
    char (*ext_ids)[36];      /* that they point to */
};

/* The number of a text of the run, or XF_NO_TEXT. */
uint32_t xf_run_text(const struct xf_dict *tuples, const struct xf_run_sum *run, enum xf_run_text which);

/* The list, built if need be. XRAY_ENOMEM. */
int xf_run_list_get(struct xray_store *s, struct xf_run_list **out, xray_error *err);

/* The list of what one segment says of its runs, which the caller frees. XRAY_ENOMEM. */
int xf_run_list_build_one(struct xray_store *s, uint32_t segment, struct xf_run_list **out, xray_error *err);

/* Index of the run with this id; UINT32_MAX: there is none. */
uint32_t xf_run_list_find(const struct xray_store *s, const struct xf_run_list *list, const uint8_t id[16]);

/* xray_store_find_run, and whether the one it found has the very text as its ext_id. */
int xf_run_list_match(struct xray_store *s, xray_str id, size_t *index, size_t matches[16], bool *exact, xray_error *err);

/* The hexadecimal digits of a prefix of an id, dashes skipped; their count, or -1 if it is none. */
int xf_run_take_digits(xray_str text, uint8_t digits[32]);

/* Its ext_id, ptr NULL: none; `uuid` is room for the text form of its id, which it may be. */
xray_str xf_run_ext_id(const struct xf_run_list *list, const struct xf_run_sum *run, char uuid[36]);

/* The record of a run; `ext_id` is room for the text form of its id, which the record may point to. */
void xf_run_list_record(const struct xray_store *s, const struct xf_run_list *list, uint32_t index, char ext_id[36],
                        xray_run_record *out);

/* The id in the canonical text form of a UUID. */
void xf_run_put_uuid(const uint8_t id[16], char out[36]);

#endif
