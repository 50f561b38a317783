/* Runs that are being imported, by id. Their parts may come in any order and from many
 * documents. The table is bounded: the run that was not touched for longest ends as it
 * stands, and is begun again, to be joined by readers, when more of it comes. */
#ifndef IMPORT_RUNTABLE_H
#define IMPORT_RUNTABLE_H

#include "xrayfile.h"

#define RUNS_OPEN_MAX 4096

/* A step by its foreign id. */
struct known_step {
    uint64_t hash;    /* 0: free */
    xray_step handle; /* 0: ended (or nothing is written) */
    uint32_t number;
    uint32_t events; /* recorded so far: a step that comes again may repeat them */
    bool open;
};

struct open_run {
    char *key;
    size_t key_len;
    uint64_t hash;
    xray_run handle;
    xray_outcome outcome; /* to end it with */
    bool described;       /* its own object (or root span) was seen, not only its steps */
    uint32_t steps;       /* number of the last one */
    struct known_step *known;
    size_t known_count, known_cap;

    /* our own NDJSON: the step whose events follow */
    xray_step current;
    int64_t current_number; /* 0: none */
    struct own_counts *own;

    /* spans and events */
    uint64_t resource_hash, scope_hash; /* of what its attrs hold */
    int64_t start_ns, end_ns;           /* first and last time seen */
    bool derive_times;                  /* the run's times are those, for want of its own */

    struct open_run *chain;         /* of its hash */
    struct open_run *newer, *older; /* by last use */
};

struct run_table {
    struct open_run *chains[RUNS_OPEN_MAX];
    struct open_run *newest, *oldest;
    struct open_run *last; /* found last */
    size_t count;
    uint64_t seed;
    uint64_t *ended; /* hashes of runs that had to go: an open table */
    size_t ended_count, ended_cap;
    void (*finish)(struct open_run *run); /* called before a run ends; may be NULL */
};

void runs_init(struct run_table *t);

/* Ends all that is open, releases everything. */
void runs_done(struct run_table *t);

/* The open run with this key, or NULL. */
struct open_run *runs_find(struct run_table *t, xray_str key);

/* A new entry for a key that is not there. *resume: the run was here before. The caller begins the run. */
struct open_run *runs_add(struct run_table *t, xray_str key, bool *resume);

/* Ends one now; later steps of it begin it again. */
void runs_end(struct run_table *t, struct open_run *run);

/* The step with this id, or NULL; and a new entry for it, which replaces none. Entries move when others are
 * added. */
struct known_step *runs_find_step(struct run_table *t, struct open_run *run, xray_str id);
struct known_step *runs_add_step(struct run_table *t, struct open_run *run, xray_str id);

uint64_t runs_hash(const struct run_table *t, xray_str text);

#endif
