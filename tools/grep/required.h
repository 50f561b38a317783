/* The longest plain text that whatever a regular expression matches must hold. */
#ifndef GREP_REQUIRED_H
#define GREP_REQUIRED_H

#include "common/text.h"

/* Replaces *out by it; empty if none is found, which is always right. With `fold` the letters of the text may
 * have either case, and it is ASCII without k and s, of which Unicode has other forms. */
void required_text(xray_str pattern, bool literal, bool fold, struct text *out);

#endif
