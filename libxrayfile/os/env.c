/* What surrounds the process (env.h). */
#include "os/env.h"

#include <stdlib.h>
#include <unistd.h>

const char *xf_env_get(const char *name)
{
    return secure_getenv(name);
}

bool xf_env_cwd(char *out, size_t cap)
{
    return getcwd(out, cap) != NULL;
}
