/* Stored values as people read them. */
#ifndef COMMON_VALUE_H
#define COMMON_VALUE_H

#include "common/text.h"

/* Appends one line: text as it is, anything else as JSON, cut to `columns` with a
 * count of what is missing (0: not cut). Nothing where there is no value. */
void value_line(struct text *t, xray_store *store, xray_ref ref, size_t columns);

/* Appends the lines "LABEL: ..." that show a whole value: what fits stands behind the label,
 * text that does not stands below as it is, anything else as indented JSON. Only on a
 * terminal are long strings folded, at a mark that says how much there is. */
void value_block(struct text *t, xray_store *store, const char *label, xray_ref ref, size_t indent);

/* Appends a value for a list of key=value: a string stands in quotes only where it would not end clearly. */
void value_word(struct text *t, xray_store *store, xray_ref ref);

/* Appends the members of a map as key=value, on one line. */
void value_pairs(struct text *t, xray_store *store, xray_ref ref);

/* Appends an error on one line: the text, or "type: message" of a map. */
void value_error(struct text *t, xray_store *store, xray_ref ref, size_t columns);

#endif
