/* The steps of a run in the order of their nesting. */
#ifndef COMMON_TREE_H
#define COMMON_TREE_H

#include "xrayfile.h"

struct tree_line {
    size_t step; /* index into the trace's steps */
    unsigned depth;
    bool orphaned; /* it, or a step around it, names a parent that is not there */
};

/* Fills lines[count]: each step once, parents before their children, siblings in order,
 * what hangs from an orphan last. */
void tree_order(const xray_step_record *steps, size_t count, struct tree_line *lines);

#endif
