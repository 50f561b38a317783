/* The text of a query, and saying where it is wrong (ql 5). */
#ifndef XF_QUERY_SOURCE_H
#define XF_QUERY_SOURCE_H

#include "base/arena.h"
#include "xrayfile.h"

#define XF_QUERY_MAX_LEN ((size_t)1 << 20)
#define XF_QUERY_MAX_DEPTH 64

struct xf_query_source {
    xray_str text;
    struct xf_arena *arena;  /* of the query */
    xray_query_error *error; /* may be NULL */
    const xray_query_options *options;
    int64_t now_ns;
    int status; /* 0, or the first failure */
};

/* Fills the error unless there was one before. `hint` may be NULL; *hint and message may quote the query.
 * Returns the status. */
int xf_source_fail(struct xf_query_source *s, int status, size_t off, size_t len, const char *hint,
                   const char *format, ...) __attribute__((format(printf, 6, 7)));

int xf_source_fail_memory(struct xf_query_source *s);

/* Makes up a hint in the caller's buffer, cut to fit, and returns it. */
const char *xf_source_hint(char hint[256], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A length for "%.*s": cut to what a message bears. */
int xf_source_show(size_t len);

#endif
