/* What a store is made of, for the files of this folder. */
#ifndef XF_STORE_STORE_H
#define XF_STORE_STORE_H

#include "base/dict.h"
#include "file/fdpool.h"
#include "file/index.h"
#include "file/segment.h"
#include "os/thread.h"
#include "store/cache.h"
#include "store/problems.h"

struct xf_file { /* one file; concatenated ones hold several segments */
    const char *path;
    bool listed;            /* found in a directory, not named by a person */
    uint64_t inode;         /* as the listing had it */
    int fd;                 /* -1: from the pool */
    uint64_t size;          /* when last walked, in bytes */
    struct xf_place place;  /* where the walk stands */
    struct xf_segment *tail; /* the segment at `place`; NULL: none, or not shown */
    bool walked;
    bool found;             /* it holds a segment, shown or not */
    bool skipped;           /* by the catalogue: not to be walked */
    uint32_t row;           /* in the catalogue, + 1; 0: it is not listed there */
};

struct xf_part { /* one segment of the store */
    struct xf_segment *seg;
    uint32_t file;
    uint32_t writer;     /* number of its writer id */
    uint32_t rank;       /* its place in the order of segments (spec 7.2) */
    uint32_t loss_seen;  /* blocks looked at for losses */
};

struct xf_run_list; /* runs.c */
struct xf_facts;    /* facts.c */
struct xf_narrowing; /* scope.c */

/* A block on its way from the file. It is begun and finished by the owner of the store; between that any thread
 * can unpack and decode it, for it needs nothing of the store. */
struct xf_load { /* all zero = empty; `stored` is kept from one block to the next */
    const struct xf_segment *seg;
    struct xf_block header; /* a copy: the table may be moved meanwhile */
    uint64_t part_limit, value_limit; /* what it can refer to */
    struct xf_cached *entry;
    struct xf_cached *spare; /* NULL, or one whose memory the next entry takes over */
    xray_buffer stored;
    bool light; /* of a spine, no values of steps (xf_spine_decode) */
    bool unpacked, decoded;
    int status; /* the first that failed */
    xray_error why;
};

struct xray_store {
    xray_store_options options;
    struct xf_arena text; /* paths */
    struct xf_file *files;
    uint32_t file_count, file_cap;
    const char **directories;
    size_t directory_count;
    struct xf_part *parts; /* an index never changes; new segments are added behind */
    uint32_t part_count, part_cap;
    uint32_t *order; /* index of the segment at each rank */
    struct xf_dict writers; /* writer ids, by number */
    struct xf_problems problems;
    struct xf_dict bad_values; /* that are among the problems */
    struct xf_cache cache;
    struct xf_fdpool fds;
    struct xf_zframe *z;
    xray_buffer stored;  /* scratch of reading an index */
    struct xf_load load; /* the one of xf_block_load */
    struct xf_pool *pool; /* ahead.c; NULL: not started, or there is none */
    bool pool_tried;
    struct xf_zframe *worker_z[XF_THREADS_MAX]; /* of the pool's threads, without the owner; made when needed */
    xray_buffer value;   /* scratch of NDJSON */
    xray_read_stats stats;
    struct xf_run_list *runs;
    char run_ext_id[36]; /* of the record that was asked for last */
    uint64_t seed; /* of hash tables */
    uint64_t traces_opened;
    uint64_t size_limit; /* of each file: what stands behind it is not seen */
    xray_buffer section; /* of an index, the one used last */
    struct xf_index_file bound; /* scratch of opening indexes */
    xray_buffer items;   /* filters of the segment asked for last */
    uint32_t items_segment;
    bool items_known;
    struct xf_facts *facts; /* of the segment of the run asked for last */
    uint64_t run_lists; /* how many were made */
    uint64_t facts_loaded;
    struct xf_narrowing *scope; /* NULL: every segment is open */
};

/* Opens one file as if it ended at size_limit. */
int xf_store_open_prefix(xray_store **out, const char *path, uint64_t size_limit,
                         const xray_store_options *options, xray_error *err);

/* A growing array: room for one more element. */
bool xf_store_grow(void **array, uint32_t count, uint32_t *cap, size_t size);

/* Bytes of a file of the store. `ctx` must live as long as the source. */
struct xf_file_reader {
    struct xray_store *store;
    uint32_t file;
};
struct xf_source xf_file_source(struct xf_file_reader *ctx, uint64_t size);

/* Tells the system that these bytes of a file will be read soon (xf_file_expect). */
void xf_store_expect(struct xray_store *s, uint32_t file, uint64_t pos, size_t len);

/* The decoded block, held: the caller releases it with xf_block_release. 1, or 0 if it cannot be read, which
 * is among the problems then; XRAY_ENOMEM. */
int xf_block_load(struct xray_store *s, uint32_t segment, uint32_t block, struct xf_cached **out,
                  xray_error *err);
/* The same; a spine may lack the values of its steps if it is to be light. */
int xf_block_load_part(struct xray_store *s, uint32_t segment, uint32_t block, bool light, struct xf_cached **out,
                       xray_error *err);
void xf_block_release(struct xray_store *s, struct xf_cached *e);

/* The steps of xf_block_load, for those that do more than one at a time. Begin reads the stored bytes; only
 * memory lets it fail, anything else is told by finish. Unpack and decode return false once something failed.
 * Finish counts the block, and reports it as a problem if need be: 1, or 0 if it cannot be read; XRAY_ENOMEM.
 * Keep gives the decoded entry to the cache, held. Drop frees it where that was not done. */
int xf_load_begin(struct xf_load *l, struct xray_store *s, uint32_t segment, uint32_t block, xray_error *err);
bool xf_load_unpack(struct xf_load *l, struct xf_zframe *z);
bool xf_load_decode(struct xf_load *l);
int xf_load_finish(struct xf_load *l, struct xray_store *s, xray_error *err);
int xf_load_keep(struct xf_load *l, struct xray_store *s, struct xf_cached **out, xray_error *err);
void xf_load_drop(struct xf_load *l);
/* The second part of finish, for what failed after it. */
int xf_load_report(struct xf_load *l, struct xray_store *s, xray_error *err);

/* Of a light spine references are bounded when somebody asks for them. */
void xf_block_bound(struct xf_cached *e);

/* Makes `runs` of a spine block (by_run); `steps` and `details` as well. XRAY_ENOMEM. */
int xf_block_index_runs(struct xf_cached *e, xray_error *err);
int xf_block_index_rows(struct xf_cached *e, xray_error *err);

/* Forgets the list of runs. */
void xf_run_list_free(struct xf_run_list *list);

/* A segment whose open runs and steps will never end. */
static inline bool xf_part_is_over(const struct xf_part *p)
{
    return p->seg->sealed || p->seg->writer_dead;
}

#endif
