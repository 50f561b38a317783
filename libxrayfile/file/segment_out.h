/* One segment being written: hello, blocks, seal (spec 2 to 4, 9.2). */
#ifndef XF_FILE_SEGMENT_OUT_H
#define XF_FILE_SEGMENT_OUT_H

#include "codec/zframe.h"
#include "format/block.h"
#include "format/digest.h"
#include "os/out.h"

struct xf_segment_out {
    int fd; /* -1: none */
    int dir_fd;
    char name[64];
    struct xf_file_id file; /* which one `fd` has to be */
    uint8_t id[16];
    uint64_t pos;     /* length so far */
    uint64_t ordinal; /* of the next block */
    uint64_t prev;    /* digest of the last header, or of the hello */
    struct xf_digest content;
    struct xf_zframe *zframe;
    int level;
    uint64_t raw_bytes, stored_bytes; /* of bodies */
    struct xf_segment_dir {           /* what the seal lists of each block */
        uint64_t pos;
        uint32_t stored, raw, rows, rows2;
        uint8_t kind;
    } *dir;
    size_t dir_count, dir_cap;
    xray_buffer body, stored; /* scratch */
};

/* What to do about an append that failed: called again and again until it says false. `err` says why, and how often it was asked. */
struct xf_patience {
    bool (*again)(void *ctx, const xray_error *err, unsigned times);
    void *ctx;
};

/* What the header says of a block besides its place. */
struct xf_block_info {
    enum xf_kind kind;
    uint32_t rows, rows2;
    uint64_t first, first2;
    int64_t time_min, time_max;
};

/* Creates the file in dir_fd, named after the hello (spec 2.4), and writes the hello. */
int xf_segment_out_create(struct xf_segment_out *s, int dir_fd, const struct xf_hello *hello, int level,
                          xray_error *err);

/* Compresses s->body (whose buffer the caller filled) and appends it as one block with one write. A write that fails or
 * stops half-way is taken up again where it stopped, for as long as `patience` (NULL: none) says; the file is opened again
 * if the host has closed our descriptor or put another file in its place. */
int xf_segment_out_block(struct xf_segment_out *s, const struct xf_block_info *info, const struct xf_patience *patience,
                         xray_error *err);

/* Begins a segment on a descriptor that is open for appending and belongs to *s from then on, with a hello frame as it
 * is: for those who write a segment anew. */
int xf_segment_out_resume(struct xf_segment_out *s, int fd, const uint8_t id[16], xray_str hello_frame, int level,
                          xray_error *err);

/* Appends a block whose frame the caller put into s->stored; of *like count kind, flags, raw_len, rows and times. */
int xf_segment_out_frame(struct xf_segment_out *s, const struct xf_header *like, xray_error *err);

struct xf_seal_totals {
    uint64_t runs, steps, candidates, decisions, notes, parts, values, lost;
};

int xf_segment_out_seal(struct xf_segment_out *s, const struct xf_seal_totals *totals, const struct xf_patience *patience,
                        xray_error *err);

/* fdatasync of the right file. */
int xf_segment_out_sync(struct xf_segment_out *s, xray_error *err);

/* Closes the descriptor and forgets the segment; buffers stay for the next one. */
void xf_segment_out_close(struct xf_segment_out *s);
void xf_segment_out_done(struct xf_segment_out *s);

#endif
