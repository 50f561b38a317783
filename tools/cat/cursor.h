/* What has been printed, so that a later call can go on exactly there.
 *
 * Of each segment a watermark is kept: the runs that begin in it are numbered by their writer, and those up
 * to the watermark have all been printed. What was printed beyond it, because an earlier run is still open,
 * is kept by its id; and of open runs, the steps. So the file stays small however long the store is. */
#ifndef CAT_CURSOR_H
#define CAT_CURSOR_H

#include "common/runs.h"

struct cursor_step {
    uint8_t writer_id[16];
    int64_t raw_number;
};

struct cursor_run {
    bool done;                 /* nothing of it is to be printed any more */
    struct cursor_step *steps; /* printed, of a run that is not done */
    size_t count, cap;
};

struct cursor {       /* start with all zero */
    struct idmap ids; /* index into runs */
    struct cursor_run *runs;
    size_t run_cap;
    struct idmap segments; /* index into watermarks */
    uint64_t *watermarks;
    size_t watermark_cap;
};

/* Reads a file; where there is none, nothing has been printed. What is not a cursor ends the program. */
void cursor_load(struct cursor *c, const char *path);

/* Writes it beside the file and renames it, so that there is always a whole one. An error ends the program.
 */
void cursor_save(struct cursor *c, const char *path, xray_store *store, size_t count);

/* What is known of a run. Valid until the next call. */
struct cursor_run *cursor_run(struct cursor *c, const xray_store *store, const xray_run_record *run);

bool cursor_has_step(const struct cursor_run *run, const xray_step_record *step);
void cursor_add_step(struct cursor_run *run, const xray_step_record *step);
void cursor_run_done(struct cursor_run *run);

void cursor_free(struct cursor *c);

#endif
