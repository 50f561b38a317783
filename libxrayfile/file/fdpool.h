/* Open descriptors, a bounded number of them for any number of files: the one
 * used longest ago makes room. */
#ifndef XF_FILE_FDPOOL_H
#define XF_FILE_FDPOOL_H

#include "xrayfile.h"

#define XF_FDPOOL_SLOTS 64

struct xf_fdpool { /* all zero = empty */
    struct {
        uint64_t file; /* number + 1; 0: free */
        uint64_t used;
        int fd;
    } slots[XF_FDPOOL_SLOTS];
    uint64_t clock;
};

/* A descriptor of file number `file`, opened from `path` if it is not in the pool
 * (`listed`: never through a link). It belongs to the pool and is valid until the next call. */
int xf_fdpool_get(struct xf_fdpool *p, uint32_t file, const char *path, bool listed, int *fd,
                  xray_error *err);
void xf_fdpool_done(struct xf_fdpool *p);

#endif
