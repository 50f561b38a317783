/* What -V prints. */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#include "common/text.h"

void version_put(struct text *t, const char *tool);

#endif
