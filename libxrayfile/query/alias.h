/* Words that mean the same in equalities (ql 3: status, type, run.id). */
#ifndef XF_QUERY_ALIAS_H
#define XF_QUERY_ALIAS_H

#include "base/arena.h"
#include "query/expr.h"

/* Which spellings an equality with this operand knows. */
enum xf_alias xf_alias_of(const struct xf_expr *operand);

/* The word that stands for all of its kind. */
xray_str xf_alias_word(enum xf_alias alias, xray_str word);

/* A prefix of a run's id: its digits in lower case without dashes, or false if it is none. */
bool xf_alias_id_digits(xray_str text, char digits[32], size_t *count);

/* Does `text` name the run (ql 3, id)? */
bool xf_alias_names_run(xray_str text, const xray_run_record *run);

/* Writes the 32 digits of an id. */
void xf_alias_put_id(const uint8_t id[16], char out[32]);

/* Sorts the texts of a set for xf_set_has, in the spellings that stand for others. */
bool xf_set_sort(struct xf_set *set, enum xf_alias alias, struct xf_arena *arena);
bool xf_set_has(const struct xf_set *set, xray_str text);
/* True if a text of the set names the run. */
bool xf_set_has_run(const struct xf_set *set, const xray_run_record *run);

#endif
