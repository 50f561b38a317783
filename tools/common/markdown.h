/* Text in tables of Markdown. */
#ifndef COMMON_MARKDOWN_H
#define COMMON_MARKDOWN_H

#include "common/text.h"

/* Appends text so that it stands there as it is: no markup, no HTML, no colour, no end of the cell. */
void markdown_literal(struct text *t, const struct text *from);

#endif
