/* Runs and steps on the command line: how they are named, chosen and described. */
#ifndef COMMON_RUNS_H
#define COMMON_RUNS_H

#include "common/out.h"

/* How many runs there are; false if they cannot be listed, which is said. */
bool runs_count(xray_store *store, size_t *count);
/* The record of one of them, as xray_store_run gives it. */
void runs_record(xray_store *store, size_t index, xray_run_record *out);

/* The same where one run is asked for many times in turn, as the steps of one come together. All zero at first. */
struct runs_last {
    bool known;
    size_t index;
    xray_run_record record;
};

/* Valid until another run is asked for. */
const xray_run_record *runs_at(struct runs_last *last, xray_store *store, size_t index);

/* How many hexadecimal digits (at least 8) tell all the runs apart. */
int runs_id_digits(xray_store *store);

/* The first digits of an id. */
void runs_put_id(struct text *t, const uint8_t id[16], int digits);

/* success, failure, partial, running, abandoned; ended where an end was recorded without a status. */
const char *runs_status(bool ended, bool abandoned, xray_outcome outcome);
enum style runs_status_style(const char *status);

/* --status: a name as above, or an alias of the library's. Ends the program for other text. */
const char *runs_parse_status(const char *text);

/* pipeline@version */
void runs_put_pipeline(struct text *t, const xray_run_record *run);

/* Does a name match a shell pattern (* ? [...])? A name that is missing matches none. */
bool name_matches(const char *pattern, xray_str name);

/* The index of the run that -r names. Where there is none, or several begin so,
 * this is said (exit status 2) and false returned. */
bool runs_by_id(xray_store *store, const char *id, size_t *index);

/* Where a step stands in its run, for readers of a scan, who see steps in the order in which
 * they ended: by step number, and by segment where writers differ. */
struct step_place {
    int64_t number;
    uint32_t segment;
    uint32_t writer; /* number of its id */
};
/* A set of run ids; finds the number given to an id in constant time. */
struct idmap {
    struct idmap_slot *slots;
    size_t cap; /* a power of 2, or 0 */
    size_t count;
    uint64_t seed[2];
};

/* The number of the id; *added tells whether it is new, then it has number count - 1. */
size_t idmap_put(struct idmap *m, const uint8_t id[16], bool *added);
/* False if it is not there. */
bool idmap_find(const struct idmap *m, const uint8_t id[16], size_t *number);
void idmap_free(struct idmap *m);

/* `writers` numbers the writers of all steps that are compared. */
struct step_place step_place_of(struct idmap *writers, const xray_step_record *step);
bool step_place_before(const struct step_place *a, const struct step_place *b);

#endif
