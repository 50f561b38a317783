/* Open descriptors (fdpool.h). */
#include "file/fdpool.h"

#include "os/file.h"
#include "os/listing.h"

static void close_slot(struct xf_fdpool *p, size_t i)
{
    if (p->slots[i].file != 0)
        xf_file_close(p->slots[i].fd);
    p->slots[i].file = p->slots[i].used = 0;
}

int xf_fdpool_get(struct xf_fdpool *p, uint32_t file, const char *path, bool listed, int *fd, xray_error *err)
{
    size_t oldest = 0;
    int r;

    p->clock++;
    for (size_t i = 0; i < XF_FDPOOL_SLOTS; i++) {
        if (p->slots[i].file == (uint64_t)file + 1) {
            p->slots[i].used = p->clock;
            *fd = p->slots[i].fd;
            return XRAY_OK;
        }
        if (p->slots[i].used < p->slots[oldest].used)
            oldest = i;
    }
    close_slot(p, oldest);
    r = listed ? xf_listing_open(&p->slots[oldest].fd, path, err)
               : xf_file_open(&p->slots[oldest].fd, path, err);
    if (r < 0)
        return r;
    p->slots[oldest].file = (uint64_t)file + 1;
    p->slots[oldest].used = p->clock;
    *fd = p->slots[oldest].fd;
    return XRAY_OK;
}

void xf_fdpool_done(struct xf_fdpool *p)
{
    for (size_t i = 0; i < XF_FDPOOL_SLOTS; i++)
        close_slot(p, i);
}
