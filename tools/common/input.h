/* The traces a tool reads: FILE operands, or $XRAY_DIR. */
#ifndef COMMON_INPUT_H
#define COMMON_INPUT_H

#include "common/text.h"

/* From now on: --untrusted. */
void input_set_untrusted(void);

/* If so, gives up what common/sandbox.h says, once; where that cannot be done the program ends. input_open does it. */
void input_guard(void);

/* Opens the operands. Those that are not there are reported and left out; where
 * nothing can be read the program ends with status 2. */
xray_store *input_open(char **paths, int count);

/* Which indexes input_open uses from now on: --index says so, unless the tool knows better. */
void input_set_index(enum xray_index_mode mode);

/* Stores that input_open opens from now on may leave out what is not of this scope, which must live as long; NULL: nothing. `describe`
 * appends what ruled the segments out, " (by this: 3)". */
void input_set_scope(const xray_store_scope *scope, void (*describe)(struct text *t));

/* "the catalogue left out 3 of 5 segments" and why, or nothing. */
void input_put_left_out(struct text *t, const xray_store *store);

/* Prints what --stats wants, reports what had to be skipped (at most 20 lines, then a count) and closes.
 * To be called when all output is done. */
void input_close(xray_store *store);

/* A call on the store failed: says so; the exit status will be 2. */
void input_failed(const xray_error *err);

/* The same where xray_ref_resolve failed: of a value that is damaged or over a limit input_close tells. */
void input_value_failed(const xray_error *err);

/* What was read, on stderr (--stats). */
void input_print_stats(const xray_store *store);

#endif
