/* The back end of a writer: from operations to blocks. It belongs to one thread, the
 * writer's own (thread.c), or, in a synchronous writer, to whoever holds xf_sync_lock.
 * What the application calls is the front end (front.h).
 *
 *   ops --> apply.c --> scope (row, candidate records, events of one run or step)
 *                   --> commit.c: builders (spine, candidates, payload)
 *                   --> file/segment_out: blocks                                 */
#ifndef XF_WRITER_BACK_H
#define XF_WRITER_BACK_H

#include "codec/value.h"
#include "file/segment_out.h"
#include "format/cands_build.h"
#include "format/loss_build.h"
#include "format/payload_build.h"
#include "format/row.h"
#include "format/scrub.h"
#include "format/spine_build.h"
#include "writer/origin.h"
#include "writer/reasons.h"
#include "writer/sealed.h"

#include <stdatomic.h>

/* What a run and a step have in common while they are open. */
struct xf_scope {
    struct xf_back *back;
    bool open;           /* false: the slot is free */
    bool begun;          /* it has a row in some segment */
    uint64_t begun_at;   /* blocks of the spine before that row's */
    bool dirty;          /* something was set since its last row */
    bool failed;         /* an error was set */
    uint64_t segment;    /* number + 1 of the last segment that names it */
    enum xray_clock clock;
    int64_t start_ns, end_ns, dur_ns; /* XRAY_MISSING */
    int64_t start_mono;
    uint32_t flags;
    int64_t cand_total;   /* candidates recorded so far */
    struct xf_row row;    /* set since the last row */
    struct xf_row ident;  /* what the first row of each segment repeats */
    xray_buffer cands;    /* records of spec 10.3, not yet in a block */
    uint32_t cand_count;
    xray_buffer events;   /* arrays [table, record] of decisions and notes, likewise */
    uint32_t event_count;
};

struct xf_run_slot {
    struct xf_scope scope; /* first member: a scope is its slot */
    uint32_t index;
    uint8_t id[16];
    uint64_t seq;
    bool has_step_rows;  /* in the spine block being built */
    char pipeline[XF_NAME_MAX], version[XF_VERSION_MAX];
    uint8_t pipeline_len, version_len;
};

struct xf_step_slot {
    struct xf_scope scope;
    uint32_t index;
    struct xf_run_slot *run;
    int64_t number;
    int64_t counted_in, counted_out; /* from the events */
    int64_t given_in, given_out;     /* set by the application; XRAY_MISSING */
    int64_t not_kept;                /* of those counted */
    bool left_out;                   /* some of these on purpose */
    bool told;                       /* how they were sampled has been recorded */
    struct xf_reasons reasons;
    bool counts_changed;
};

struct xf_slots { /* stable addresses, free list through `free` */
    void **items;
    uint32_t count, cap;
    uint32_t *free;
    uint32_t free_count;
};

struct xf_apply_scratch { /* reasons and evidence of the candidate being applied */
    xray_reason *reasons;
    xray_attr *attrs;
    size_t reason_cap, attr_cap;
};

struct xf_back {
    int status; /* 0, or the failure that ended recording */
    xray_error failure;
    int dir_fd;
    int level;
    struct xf_scrub *scrub; /* owned */
    struct xf_sealed *sealed; /* owned; told of each segment that was; NULL: nobody is */
    bool sampled;           /* candidates are, at this rate */
    double sample_rate;
    uint64_t sample_seed;
    bool log_failure;       /* the next one, to standard error */
    atomic_int failing;     /* status of the last write; 0: it worked */
    bool sync; /* applied on the caller's thread: failures are answers, not losses */
    uint64_t segment_bytes;
    uint64_t segment_number;
    int64_t segment_clock; /* creation clock of the segment */
    struct xf_origin *origin; /* of ids and times */
    bool no_host;
    char app[128];
    uint8_t writer_id[16];
    struct xf_slots runs, steps;
    struct xf_payload_build payload;
    struct xf_cands_build cands;
    struct xf_spine_build spine;
    struct xf_segment_out out;
    struct xf_seal_totals totals; /* of this segment */
    struct xf_losses losses;      /* of the next loss block */
    uint64_t loss_first;
    xray_writer_stats stats;
    uint64_t in_blocks;   /* records in the builders, not yet on disk */
    size_t gathered;      /* bytes of candidate records and events in all scopes */
    int64_t segment_mono; /* when the segment was begun */
    bool dir_synced;
    const struct xf_patience *patience; /* with writes that fail; NULL: none */
    uint64_t spine_blocks;   /* written so far */
    uint64_t lost_in_blocks; /* lost with the segment that failed, not yet told */
    uint64_t untold;         /* lost because memory was out, in no loss row yet */
    xray_buffer scratch;
    struct xf_json_memo memo;
    struct xf_apply_scratch apply;
};

/* ---- back.c ---- */

/* Slots: index of a free one (its object kept from earlier use, or new and zero), UINT32_MAX if memory is out. */
uint32_t xf_slot_take(struct xf_slots *s, size_t object_size);
void xf_slot_give(struct xf_slots *s, uint32_t index);

/* Prepares *b, whose options and scrub are set, and begins its first segment. On failure the caller still calls xf_back_done. */
int xf_back_init(struct xf_back *b, const uint8_t writer_id[16], xray_error *err);
void xf_back_done(struct xf_back *b);

/* Everything to disk and to the descriptor; then fdatasync. Level reached, or a status. */
int xf_back_flush(struct xf_back *b);
int xf_back_sync(struct xf_back *b);
int xf_back_close(struct xf_back *b);

/* After a failure: a new segment, in which the loss is told. What was in no block yet is still there. 0, or the status
 * of another failure. */
int xf_back_recover(struct xf_back *b);

/* A row for what is lost and in none yet. */
void xf_back_tell(struct xf_back *b);

/* A row for the next loss block; times may be XRAY_MISSING. */
int xf_back_lose(struct xf_back *b, xray_str cause, xray_str what, uint64_t count, int64_t from_ns, int64_t to_ns);

static inline struct xf_run_slot *xf_run_at(const struct xf_back *b, uint32_t i)
{
    return b->runs.items[i];
}

static inline struct xf_step_slot *xf_step_at(const struct xf_back *b, uint32_t i)
{
    return b->steps.items[i];
}

/* ---- run.c, step.c, candidate.c: what the operations of the front end do ---- */

struct xf_run_begin {
    uint8_t id[16];
    uint64_t seq;
    int64_t start_mono, start_ns; /* XRAY_MISSING: no clock */
    xray_str pipeline;
    xray_run_options options; /* id and ext_id as given */
};

struct xf_step_begin {
    int64_t number, parent; /* parent 0: none */
    int64_t start_mono, start_ns;
    xray_str name, type, ext_id, parent_ext;
    enum xray_clock clock;
};

/* NULL if memory is out. */
struct xf_run_slot *xf_back_run_begin(struct xf_back *b, const struct xf_run_begin *begin);
struct xf_step_slot *xf_back_step_begin(struct xf_back *b, struct xf_run_slot *run, const struct xf_step_begin *begin);

/* end_mono: XRAY_MISSING where it was not read. `outcome` RUNNING: as it stands, no end recorded. */
int xf_back_run_end(struct xf_back *b, struct xf_run_slot *run, xray_outcome outcome, int64_t end_mono);
int xf_back_step_end(struct xf_back *b, struct xf_step_slot *step, xray_outcome outcome, int64_t end_mono);

int xf_back_run_set(struct xf_run_slot *run, xray_field field, xray_value value);
int xf_back_step_set(struct xf_step_slot *step, xray_field field, xray_value value);
int xf_back_run_set_int(struct xf_run_slot *run, xray_int_field field, int64_t value);
int xf_back_step_set_int(struct xf_step_slot *step, xray_int_field field, int64_t value);
int xf_back_run_add(struct xf_run_slot *run, xray_field field, xray_str key, xray_value value);
int xf_back_step_add(struct xf_step_slot *step, xray_field field, xray_str key, xray_value value);

int xf_back_candidate(struct xf_back *b, struct xf_step_slot *step, const xray_candidate *c);
int xf_back_reason_count(struct xf_step_slot *step, xray_str code, int64_t count);

/* Candidates that were counted but not kept (of these left_out on purpose): in, out and histogram stay exact. */
void xf_back_add_counts(struct xf_step_slot *step, int64_t in, int64_t out, int64_t left_out, const struct xf_reasons *reasons);

struct xf_event {
    enum xf_table table;
    xray_str name;
    int64_t after, time_ns; /* XRAY_MISSING: as counted so far; none */
    xray_value body;
};

int xf_back_step_event(struct xf_back *b, struct xf_step_slot *step, const struct xf_event *e);
int xf_back_run_event(struct xf_back *b, struct xf_run_slot *run, const struct xf_event *e);

/* ---- scope.c ---- */

void xf_scope_open(struct xf_back *b, struct xf_scope *s, enum xray_clock clock, int64_t start_mono, int64_t start_ns);
/* Keeps small buffers for the next use. `lost`: it could not be written, so what it holds is lost. */
void xf_scope_close(struct xf_scope *s, bool lost);
void xf_scope_done(struct xf_scope *s);

/* Sets a text column, cut to `max` bytes at a character; also in `ident` if given. Flags the scope if cut. */
void xf_scope_put_text(struct xf_scope *s, unsigned column, xray_str text, size_t max, bool ident);
/* ext_id in its densest form (spec 7.3): bin 16, bin 8 or str. */
void xf_scope_put_ext_id(struct xf_scope *s, unsigned column, xray_str text);
/* A value column. Oversize values become ext 3, and flag the scope. */
int xf_scope_put_value(struct xf_scope *s, unsigned column, xray_str name, xray_value value);
/* What ending with `given` records: XRAY_ENDED is decided by whether an error was set. */
xray_outcome xf_scope_outcome(const struct xf_scope *s, xray_outcome given);
/* What stands for a value that there was no memory for (spec 6.3, state 3). */
void xf_scope_put_lost(struct xf_scope *s, unsigned column, uint64_t len);
/* One entry of a map column. */
int xf_scope_put_entry(struct xf_scope *s, unsigned column, xray_str key, xray_value value);
/* Appends the value, scrubbed; `name` is what it stands under, or none. One that is not well formed (JSON, MessagePack) is kept as text or bytes, and the scope flagged;
 * a synchronous writer refuses it instead. */
int xf_scope_pack(struct xf_scope *s, xray_str name, xray_value value, xray_buffer *out);

/* ---- commit.c: from scopes to blocks ---- */

/* Writes a row of the run / step into the spine being built; `ended` is its last. The events and candidates
 * gathered go into the candidates block first. */
int xf_commit_run(struct xf_back *w, struct xf_run_slot *run, bool ended, int64_t end_mono);
int xf_commit_step(struct xf_back *w, struct xf_step_slot *step, bool ended, int64_t end_mono);

/* Moves gathered candidates and events of a scope to the candidates block being built. */
int xf_commit_events(struct xf_back *w, struct xf_scope *s, const uint8_t run_id[16], int64_t step);

/* All builders to disk; open runs and steps get a row first if `open_too`. */
int xf_commit_blocks(struct xf_back *w, bool open_too);

/* New segment / seal of the current one / both. */
int xf_commit_rotate(struct xf_back *w);
int xf_commit_begin_segment(struct xf_back *w, xray_error *err);
int xf_commit_seal(struct xf_back *w);

/* That the disk refuses, to those who want to know (xray_writer_options.on_error). */
void xf_back_report(struct xf_back *w, const char *what, const xray_error *err);

/* Stores the first failure; everything in memory is counted as dropped. Returns its status. */
int xf_back_fail(struct xf_back *w, const xray_error *err);
int xf_back_fail_sync(struct xf_back *w, const xray_error *err);

#endif
