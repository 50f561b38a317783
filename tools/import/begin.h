/* Beginning and ending runs and steps by their foreign ids. */
#ifndef IMPORT_BEGIN_H
#define IMPORT_BEGIN_H

#include "import/import.h"

struct run_start {
    xray_str id;       /* as the source writes it; none: the run is that of the document at hand */
    bool id_only;      /* it is 32 hex digits, and not kept as an id of the application's as well */
    bool alone;        /* the run is all in one place: it gets a new id, `id` is only recorded */
    xray_str pipeline; /* none: --pipeline, or the name of the file */
    xray_str version;
    const uint8_t *parent_run; /* 16 bytes or NULL */
};

/* The open run with this id, begun if need be. */
struct open_run *begin_run(struct import *im, const struct run_start *start);

/* Until the run itself is described its times are those of what is seen of it: XRAY_MISSING says nothing. */
void begin_stretch(struct open_run *run, int64_t start_ns, int64_t end_ns);
void begin_finish(struct open_run *run); /* before a run ends */

/* 16 bytes from 32 hex digits in any case, or a UUID. */
bool begin_parse_id(xray_str text, uint8_t out[16]);

/* The name for what has none. */
xray_str begin_pipeline(const struct import *im);

struct step_start {
    xray_str id;           /* by which it may come again; none: it is new */
    bool hidden_id;        /* the id is made up here and not recorded */
    xray_str parent;       /* id of its parent, or none */
    int64_t parent_number; /* or its number, or 0 */
    xray_str name, type;
};

enum step_state {
    STEP_NEW,
    STEP_AGAIN, /* it is there and open: more of it has come */
    STEP_ENDED, /* it is there and has ended: nothing to do */
};

struct step_at_hand {
    struct scope scope;
    xray_str id;
    int64_t number;
    uint32_t events; /* recorded before: as many of those that come now are known */
};

enum step_state begin_step(struct import *im, struct open_run *run, const struct step_start *start,
                           struct step_at_hand *out);

/* Ends it, unless `outcome` is running: then it stays open for more. */
void end_step(struct import *im, struct open_run *run, const struct step_at_hand *step, xray_outcome outcome);

#endif
