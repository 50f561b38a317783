/* What -W, -p, -t and the like choose, and -v where it has no pattern to turn round: then it turns round the
 * expressions of -W. The other options choose as ever. */
#ifndef GREP_SELECT_H
#define GREP_SELECT_H

#include "common/where.h"

struct selection { /* start with all zero */
    struct where where;
    struct where inverse; /* the expressions that must not hold */
    bool inverts;
    enum xray_unit unit; /* what a hit is, or XRAY_UNIT_AUTO where nothing tells */
};

/* Was -W or --where-file given. */
bool selection_has_expression(const struct selection *s);

/* Parses what was given, with --unit or XRAY_UNIT_AUTO. Errors end the program. */
void selection_parse(struct selection *s, enum xray_unit unit, bool invert);
void selection_free(struct selection *s);

/* Is everything chosen; are steps of a run told apart; what does telling need (a set of XRAY_NEEDS_*). */
bool selection_is_all(const struct selection *s);
bool selection_has_steps(const struct selection *s);
/* Is nothing said of runs but by expressions. */
bool selection_is_of_steps(const struct selection *s);
unsigned selection_needs(const struct selection *s);

/* As in where.h. */
enum where_answer selection_test_run(struct selection *s, size_t index, const xray_run_record *run);
/* WHERE_YES: selection_step would hold. */
enum where_answer selection_test_step(struct selection *s, const xray_run_record *run, const xray_step_record *step);
bool selection_run(struct selection *s, xray_store *store, xray_trace *trace);
bool selection_step(struct selection *s, xray_store *store, xray_trace *trace, size_t step);
/* For steps for which selection_step holds. */
bool selection_event(struct selection *s, xray_store *store, xray_trace *trace, size_t step,
                     const xray_event_record *event);

#endif
