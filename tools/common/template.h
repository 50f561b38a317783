/* Templates: '{run.id}\t{step.name}' and '{run.id}[ {step.name}={step.status}]'. */
#ifndef COMMON_TEMPLATE_H
#define COMMON_TEMPLATE_H

#include "common/fields.h"

struct template;

/* Parses; what is wrong ends the program. Outside brackets fields of `owners` may stand, inside those of
 * steps too. */
struct template *template_parse(const char *text, unsigned owners, const struct field_own *own);
void template_free(struct template *t);

unsigned template_needs(const struct template *t);

typedef bool (*template_step)(void *ctx, const struct record *r, size_t step);

/* Appends the text for one record, made safe. What stands in brackets is repeated for each step of the
 * record's trace that `shows` (if it is not NULL) says yes to. */
void template_put(struct text *out, const struct template *t, const struct record *r, template_step shows,
                  void *ctx);

#endif
