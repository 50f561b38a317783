/* Matches as rows of fields: those of run, step and candidate, and the ones that only a search has. */
#ifndef GREP_HITROW_H
#define GREP_HITROW_H

#include "grep/search.h"
#include "grep/settings.h"

/* What the fields of this tool are taken from: `own` of a record. */
struct hitrow {
    const struct hit *hit; /* NULL: the record as a whole is a hit, or context */
    bool matches;          /* false: it is context */
    size_t columns;        /* 0: nothing is cut */
};

/* The formats and their fields. */
const struct rows_tool *hitrow_tool(const struct settings *settings);

/* Appends the text that matches, cut to `columns` (0: not cut); returns whether it was. A mark is up to the
 * caller. */
bool hitrow_put_text(struct text *t, const struct hit *hit, size_t columns);

#endif
