/* What surrounds the process: environment and current directory. */
#ifndef XF_OS_ENV_H
#define XF_OS_ENV_H

#include "xrayfile.h"

/* NULL if it is not set, or if the process runs with more rights than its caller: the caller
 * must not choose where such a process writes. Borrowed from the environment. */
const char *xf_env_get(const char *name);

/* The current directory into `out`, NUL-terminated; false if there is none or it is longer. */
bool xf_env_cwd(char *out, size_t cap);

#endif
