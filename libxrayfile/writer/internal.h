/* The writer's inside. One mutex per writer (in its gate) guards all of it; every
 * public call enters through xf_gate_enter.
 *
 *   calls --> scope (row, candidate records, events of one run or step)
 *         --> commit.c: builders (spine, candidates, payload)
 *         --> file/segment_out: blocks                                           */
#ifndef XF_WRITER_INTERNAL_H
#define XF_WRITER_INTERNAL_H

#include "codec/value.h"
#include "file/segment_out.h"
#include "format/cands_build.h"
#include "format/payload_build.h"
#include "format/row.h"
#include "format/spine_build.h"

#include <pthread.h>

/* What a run and a step have in common while they are open. */
struct xf_scope {
    struct xf_json_memo *memo; /* the writer's */
    uint32_t generation; /* of its handle; 0: the slot is free */
    bool begun;          /* it has a row in some segment */
    bool dirty;          /* something was set since its last row */
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
    uint8_t id[16];
    uint64_t seq;
    int64_t next_number;
    uint32_t open_steps; /* index + 1 of the first of its open steps; 0: none */
    bool has_step_rows;  /* in the spine block being built */
    char pipeline[XF_NAME_MAX], version[XF_VERSION_MAX];
    uint8_t pipeline_len, version_len;
};

struct xf_reason_slot {
    uint32_t off, len; /* of the code in `codes` */
    int64_t count;
};

struct xf_step_slot {
    struct xf_scope scope;
    uint32_t run;             /* index of its run */
    uint32_t next, previous;  /* index + 1 among the open steps of the run */
    int64_t number;
    int64_t counted_in, counted_out; /* from the events */
    int64_t given_in, given_out;     /* set by the application; XRAY_MISSING */
    xray_buffer codes;
    struct xf_reason_slot *reasons;
    uint32_t reason_count, reason_cap, last_reason;
    bool counts_changed;
};

struct xf_slots { /* stable addresses, free list through `free` */
    void **items;
    uint32_t count, cap;
    uint32_t *free;
    uint32_t free_count;
};

struct xray_writer {
    uint8_t gate;
    int status; /* 0, or the failure that ended recording */
    xray_error failure;
    int dir_fd;
    int level;
    uint64_t segment_bytes;
    uint64_t segment_number;
    bool fixed;
    xray_fixed fixed_options;
    uint64_t fixed_reads, fixed_ids;
    bool no_host;
    char app[128];
    uint8_t writer_id[16];
    uint64_t run_seq, steps_begun;
    struct xf_slots runs, steps;
    struct xf_payload_build payload;
    struct xf_cands_build cands;
    struct xf_spine_build spine;
    struct xf_segment_out out;
    struct xf_seal_totals totals; /* of this segment */
    xray_buffer losses;           /* rows of the next loss block: arrays of 5 */
    uint32_t loss_rows;
    uint64_t loss_first;
    xray_writer_stats stats;
    uint64_t in_blocks; /* records in the builders, not yet on disk */
    int level_reached;  /* enum xray_level, of what is on disk now */
    bool dir_synced;
    xray_buffer scratch;
    struct xf_json_memo memo;
};

/* ---- gate.c: handles ---- */

#define XF_GATES 127

/* Registers a writer; false if XF_GATES are open already. */
bool xf_gate_add(xray_writer *w);
/* Makes all its handles dead. The caller then owns the writer alone. */
void xf_gate_remove(xray_writer *w);

uint64_t xf_handle_of_run(const xray_writer *w, uint32_t index);
uint64_t xf_handle_of_step(const xray_writer *w, uint32_t index);

/* The open run / step of a handle, with the writer locked; NULL (nothing locked, counted) if it is dead.
 * *w is set on success. */
struct xf_run_slot *xf_enter_run(xray_run run, xray_writer **w);
struct xf_step_slot *xf_enter_step(xray_step step, xray_writer **w);
void xf_enter_writer(xray_writer *w);
void xf_leave(xray_writer *w);

/* Slots: index of a free one (its object kept from earlier use, or new and zero), UINT32_MAX if memory is out. */
uint32_t xf_slot_take(xray_writer *w, struct xf_slots *s, size_t object_size);
void xf_slot_give(struct xf_slots *s, uint32_t index);

static inline struct xf_run_slot *xf_run_at(const xray_writer *w, uint32_t i)
{
    return w->runs.items[i];
}

static inline struct xf_step_slot *xf_step_at(const xray_writer *w, uint32_t i)
{
    return w->steps.items[i];
}

/* ---- scope.c ---- */

void xf_scope_open(xray_writer *w, struct xf_scope *s, enum xray_clock clock);
void xf_scope_close(struct xf_scope *s); /* keeps small buffers for the next use */
void xf_scope_done(struct xf_scope *s);

int64_t xf_writer_now(xray_writer *w);  /* wall clock, or the fixed one */
int64_t xf_writer_mono(xray_writer *w); /* monotonic, or the fixed one */
void xf_writer_new_id(xray_writer *w, uint8_t out[16]);

/* Sets a text column, cut to `max` bytes at a character; also in `ident` if given. Flags the scope if cut. */
void xf_scope_put_text(struct xf_scope *s, unsigned column, xray_str text, size_t max, bool ident);
/* ext_id in its densest form (spec 7.3): bin 16, bin 8 or str. */
void xf_scope_put_ext_id(struct xf_scope *s, unsigned column, xray_str text);
/* A value column. Oversize values become ext 3, and flag the scope. */
int xf_scope_put_value(struct xf_scope *s, unsigned column, xray_value value);
/* One entry of a map column. */
int xf_scope_put_entry(xray_writer *w, struct xf_scope *s, unsigned column, xray_str key, xray_value value);
/* Copies `text` as valid UTF-8 of at most max bytes into out; returns its length, *cut if it differs. */
size_t xf_clean_text(char *out, size_t max, xray_str text, bool *cut);

/* ---- commit.c: from scopes to blocks ---- */

/* Writes a row of the run / step into the spine being built; `ended` is its last. The events and candidates
 * gathered go into the candidates block first. */
int xf_commit_run(xray_writer *w, struct xf_run_slot *run, bool ended);
int xf_commit_step(xray_writer *w, struct xf_step_slot *step, bool ended);

/* Moves gathered candidates and events of a scope to the candidates block being built. */
int xf_commit_events(xray_writer *w, struct xf_scope *s, const uint8_t run_id[16], int64_t step);

/* All builders to disk; open runs and steps get a row first if `open_too`. */
int xf_commit_blocks(xray_writer *w, bool open_too);

/* New segment / seal of the current one. */
int xf_commit_begin_segment(xray_writer *w, xray_error *err);
int xf_commit_seal(xray_writer *w);

/* Stores the first failure; everything in memory is counted as dropped. Returns its status. */
int xf_writer_fail(xray_writer *w, const xray_error *err);

#endif
