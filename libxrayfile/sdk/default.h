/* The process's own writer, for the rest of this floor. */
#ifndef XF_SDK_DEFAULT_H
#define XF_SDK_DEFAULT_H

#include "xrayfile.h"

/* Whether the configuration in force says `strict`. Loads it if need be. */
bool xf_default_is_strict(void);

#endif
