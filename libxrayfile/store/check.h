/* Checking one file against the whole spec: what xray_verify reports and what xray_repair keeps.
 *
 * One walk over the file. Each block is judged by itself and by what came before it; what was lost on the way is
 * remembered, so that a block is not blamed for what another one lost. The content digest (spec 10) and the totals
 * of a seal are by-products. Memory: one block, what the store's cache holds, and a bounded table of counts. */
#ifndef XF_STORE_CHECK_H
#define XF_STORE_CHECK_H

#include "file/segment_out.h"
#include "format/rowrecord.h"
#include "store/counts.h"
#include "store/store.h"

enum xf_check_kind { XF_CHECK_DAMAGE, XF_CHECK_NOTE, XF_CHECK_NEWER };

struct xf_check;

/* Who is told; members may be NULL. A negative status stops the check and is what it returns. */
struct xf_check_sink {
    void *ctx;
    void (*finding)(void *ctx, enum xf_check_kind kind, int64_t block, uint64_t pos, const char *message);
    int (*begin)(void *ctx, struct xf_check *c, const struct xf_walk_step *step);
    /* After a block was judged. index: in c->seg->blocks; -1: not in the store. */
    int (*block)(void *ctx, struct xf_check *c, const struct xf_walk_step *step, int64_t index, bool good);
    int (*gap)(void *ctx, struct xf_check *c, const struct xf_walk_step *step, uint64_t ordinal);
    int (*junk)(void *ctx, struct xf_check *c, uint64_t from, uint64_t to); /* bytes that belong to no segment */
    int (*end)(void *ctx, struct xf_check *c);
};

struct xf_check {
    struct xray_store *s;
    uint32_t file;
    bool deep;
    const struct xf_check_sink *sink;

    /* the present segment */
    bool inside;
    bool named;              /* it has a hello */
    bool refused;            /* from here on it is for a newer reader */
    bool holes;              /* blocks were lost: its totals cannot be compared */
    bool sealed;
    int64_t part;            /* in the store; -1: not there, a copy of another one */
    struct xf_segment *seg;  /* NULL then */
    uint64_t base, end;      /* in the file */
    uint64_t torn_bytes;
    uint64_t blocks;
    uint64_t next[6], next2[6]; /* by kind: what `first` and `first2` of the next header must be */
    uint64_t slack;          /* so many parts, and values, at most may have been lost since the last payload */
    uint64_t part_end, value_end; /* the last block judged refers to parts and values below these */
    uint64_t header_digest;  /* of the last block */
    struct xf_seal_totals totals;
    uint64_t raw, stored;
    struct xf_digest content;
    bool content_known;
    uint64_t damages, notes;
    struct xf_counts counts;

    /* scratch */
    struct xf_arena arena;
    xray_buffer body, stored_bytes, record, value, cursor;
    struct xf_row row;
    struct xf_digest_record digest_record;
};

/* Checks one file of the store, whose walk it repeats. XRAY_EIO, XRAY_ENOMEM, or what a sink returned. */
int xf_check_file(struct xray_store *s, uint32_t file, bool deep, const struct xf_check_sink *sink, xray_error *err);

/* Says something about the file. For check*.c. */
void xf_check_say(struct xf_check *c, enum xf_check_kind kind, int64_t block, uint64_t pos, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* What a decoded block says, against its header and against the blocks before it; adds it to the digest. XRAY_OK,
 * XRAY_ECORRUPT (why was said), XRAY_ENOMEM. */
int xf_check_spine(struct xf_check *c, const struct xf_block *b, xray_error *err);
int xf_check_candidates(struct xf_check *c, const struct xf_block *b, xray_error *err);
int xf_check_seal(struct xf_check *c, const struct xf_header *h, uint64_t pos);

/* Times that a block holds, against those of its header. False: a time filter would miss rows. */
struct xf_time_range {
    int64_t min, max;
};
void xf_time_range_add(struct xf_time_range *r, int64_t time_ns);
bool xf_check_times(struct xf_check *c, const struct xf_block *b, const struct xf_time_range *r);

#endif
