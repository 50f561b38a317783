/* What was wrong with the files of a store, in the order met. Bounded: a damaged
 * disk must not fill the memory with complaints. */
#ifndef XF_STORE_PROBLEMS_H
#define XF_STORE_PROBLEMS_H

#include "base/arena.h"
#include "xrayfile.h"

#define XF_PROBLEMS_KEPT 1000

struct xf_problems { /* all zero = none */
    xray_problem *list;
    size_t count; /* in the list; the last place says how many more there were */
    size_t cap;
    uint64_t more;
    char last_message[128];
    struct xf_arena text;
};

/* Adds one. The path must live as long as the list. When memory is out it is only counted. */
void xf_problems_add(struct xf_problems *p, const char *path, int64_t block, uint64_t pos, int status,
                     const char *message);
void xf_problems_done(struct xf_problems *p);

#endif
