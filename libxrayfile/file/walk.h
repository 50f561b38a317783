/* Stepping over the blocks of a file (spec 2, 4): from a position to a checked block header,
 * over damage to the next block that can be trusted, from one segment to the one
 * concatenated to it, up to the torn tail. The only loop that does so. It reads headers;
 * of bodies only those after which nothing that fits follows. */
#ifndef XF_FILE_WALK_H
#define XF_FILE_WALK_H

#include "format/block.h"

/* Bytes by position: a file, or memory in tests. */
struct xf_source {
    int (*read)(void *ctx, uint64_t pos, void *out, size_t n, size_t *got, xray_error *err);
    uint64_t (*next_data)(void *ctx, uint64_t pos); /* the first position from `pos` on that is not known to be in a
                                                     * hole (of zeros); UINT64_MAX: there is none. NULL: no holes */
    void *ctx;
    uint64_t size;
};

/* Where a walk stands. All zero: at the start of a file. Kept by the caller, so that a
 * later walk goes on when the file has grown. */
struct xf_place {
    uint64_t pos;          /* the next block or hello is expected here */
    uint64_t base;         /* first byte of the present segment */
    uint64_t next_ordinal; /* of the block expected */
    uint64_t digest;       /* what its `prev` must be, if chained */
    uint8_t segment[16];
    bool chained;
    bool inside; /* a segment has begun */
    bool sealed; /* and ended */
};

enum xf_walk_event {
    XF_WALK_END, /* nothing more that fits; from..to is what is left */
    XF_WALK_SEGMENT, /* a segment begins at `from`; its hello, if it has one, ends at `to` */
    XF_WALK_BLOCK,   /* a block of it, whose header is good */
    XF_WALK_GAP,     /* from..to is damaged and was skipped, or blocks are missing there */
    XF_WALK_REFUSED, /* what stands at `from` was written for a newer reader: nothing more of this segment */
};

struct xf_walk_step {
    enum xf_walk_event event;
    uint64_t from, to;        /* positions in the file */
    bool named;               /* SEGMENT: it has a hello. Else only its id is known (spec 3.4) */
    bool refused;             /* SEGMENT: written for a newer reader (`why`); no blocks follow */
    bool torn;                /* END; GAP before another segment: what is there is a torn tail, and no damage (spec 2.2) */
    struct xf_hello hello;    /* SEGMENT: strings live until the next step */
    struct xf_header header;  /* BLOCK */
    bool unchained;           /* BLOCK: its `prev` is not the digest of the header before */
    uint64_t missing;         /* GAP: blocks, by ordinal */
    xray_error why;           /* GAP, REFUSED, refused SEGMENT: what was wrong at `from` */
};

struct xf_walk {
    struct xf_source source;
    struct xf_place place;
    uint64_t bytes_read;
    /* private */
    struct xf_look {
        enum { XF_SEEN_NONE, XF_SEEN_END, XF_SEEN_BLOCK, XF_SEEN_HELLO, XF_SEEN_NEWER, XF_SEEN_JUNK } seen;
        struct xf_header header;
        uint64_t digest;
        uint64_t len; /* of the hello */
        bool refused;
        struct xf_hello hello;
        xray_error why;
    } ahead; /* what stands at place.pos, if it was looked at before */
    xray_buffer window, hello, body;
    uint64_t window_pos;
    size_t read_ahead;
    uint64_t hello_budget;
    bool done;
};

/* Starts at `place`; the source must outlive the walk. */
void xf_walk_init(struct xf_walk *w, const struct xf_source *source, const struct xf_place *place);
void xf_walk_done(struct xf_walk *w);

/* The next step. 0, XRAY_EIO or XRAY_ENOMEM: damage is a step, not a failure. After END, it stays at END
 * with place.pos at the end of what is whole. */
int xf_walk_next(struct xf_walk *w, struct xf_walk_step *step, xray_error *err);

#endif
