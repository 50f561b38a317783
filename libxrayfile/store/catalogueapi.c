/* Building, checking and dropping the catalogue of a directory (xrayfile.h, section 4). */
#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/listing.h"
#include "os/sidecar.h"
#include "store/catalogue.h"
#include "store/catalogue_build.h"

/* What the catalogue should be now. */
static int make(const char *directory, xray_buffer *image, xray_catalogue_info *info, xray_error *err)
{
    xray_store *s = NULL;
    int r = xray_store_open(&s, &directory, 1, NULL, err);

    if (r >= 0 && s->directory_count != 1)
        r = xf_fail(err, XRAY_EMISUSE, XF_NO_POS, "%s is no directory", directory);
    if (r >= 0)
        r = xf_catalogue_build(s, image, info, err);
    xray_store_close(s);
    return r;
}

/* The bytes of the file are those of the image. */
static int compare(int fd, uint64_t size, const xray_buffer *image, xray_error *err)
{
    xray_buffer have = {0};
    size_t got = 0;
    int r;

    if (size != image->len)
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "the catalogue has %llu bytes, and should have %zu: segments were added, "
                       "changed or removed since, or it is wrong", (unsigned long long)size, image->len);
    r = xf_buf_reserve(&have, image->len) ? xf_file_read(fd, 0, have.data, image->len, &got, err) : xf_fail_memory(err);
    for (size_t i = 0; r >= 0 && i < image->len; i++)
        if (i >= got || have.data[i] != image->data[i])
            r = xf_fail(err, XRAY_ECORRUPT, i, "the catalogue says something else than the indexes, at byte %zu", i);
    xray_buffer_free(&have);
    return r;
}

/* 1, or a status. */
static int open_file(const char *directory, int *fd, uint64_t *size, xray_error *err)
{
    char *name = NULL;
    int directory_fd = -1;
    xray_error why = {0};
    int r = xf_catalogue_name(&name, directory, err);

    if (r >= 0)
        r = xf_listing_directory(&directory_fd, directory, err);
    if (r >= 0)
        r = xf_sidecar_open(fd, size, name, directory_fd, &why);
    if (r == 0)
        r = xf_fail(err, why.status == XRAY_EIO && why.sys_errno == 2 ? XRAY_ENOTFOUND : XRAY_ECORRUPT, XF_NO_POS, "%s",
                    why.message);
    xf_file_close(directory_fd);
    xf_free(name);
    return r;
}

static bool says_so_already(const char *directory, const xray_buffer *image)
{
    uint64_t size = 0;
    int fd = -1;
    const bool same = open_file(directory, &fd, &size, NULL) >= 0 && compare(fd, size, image, NULL) >= 0;

    xf_file_close(fd);
    return same;
}

/* 1, or a status. */
static int replace(const char *directory, const xray_buffer *image, xray_error *err)
{
    char *name = NULL;
    int fd = -1;
    int r = xf_catalogue_name(&name, directory, err);

    if (r >= 0)
        r = xf_listing_directory(&fd, directory, err);
    if (r >= 0)
        r = xf_sidecar_replace(name, fd, image->data, image->len, err);
    xf_file_close(fd);
    xf_free(name);
    return r < 0 ? r : 1;
}

int xray_catalogue_build(const char *directory, xray_catalogue_info *out, xray_error *err)
{
    xray_catalogue_info info = {.size = 0};
    xray_buffer image = {0};
    int r = make(directory, &image, &info, err);

    if (r >= 0)
        r = says_so_already(directory, &image) ? 0 : replace(directory, &image, err);
    xray_buffer_free(&image);
    if (r >= 0 && out != NULL)
        *out = info;
    return r;
}

int xray_catalogue_check(const char *directory, xray_catalogue_info *out, xray_error *err)
{
    xray_catalogue_info info = {.size = 0};
    xray_buffer image = {0};
    uint64_t size = 0;
    int fd = -1;
    int r = open_file(directory, &fd, &size, err);

    if (r >= 0)
        r = make(directory, &image, &info, err);
    if (r >= 0)
        r = compare(fd, size, &image, err);
    xf_file_close(fd);
    xray_buffer_free(&image);
    if (r >= 0 && out != NULL)
        *out = info;
    return r < 0 ? r : XRAY_OK;
}

int xray_catalogue_drop(const char *directory, xray_error *err)
{
    char *name = NULL;
    int r = xf_catalogue_name(&name, directory, err);

    if (r >= 0)
        r = xf_sidecar_remove(name, err);
    xf_free(name);
    return r;
}
