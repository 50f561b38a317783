/* What lies at a path (listing.h). */
#include "os/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

int xf_path_look(const char *path, enum xf_path_kind *kind, xray_error *err)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return xf_fail_errno(err, errno, XF_NO_POS, "cannot look at %s", path);
        *kind = XF_PATH_NONE;
        return XRAY_OK;
    }
    *kind = S_ISDIR(st.st_mode) ? XF_PATH_DIRECTORY : S_ISREG(st.st_mode) ? XF_PATH_FILE : XF_PATH_OTHER;
    return XRAY_OK;
}

int xf_listing_directory(int *out_fd, const char *path, xray_error *err)
{
    int fd;

    do
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot open %s", path);
    *out_fd = fd;
    return XRAY_OK;
}

bool xf_listing_size(int directory_fd, const char *name, uint64_t *size)
{
    struct stat st;

    if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return false;
    *size = (uint64_t)st.st_size;
    return true;
}

static bool has_suffix(const char *name, const char *suffix)
{
    const size_t len = strlen(name), suffix_len = strlen(suffix);

    return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* Most file systems say so in the listing. */
static bool is_regular(int dir_fd, const struct dirent *entry)
{
    uint64_t size;

    return entry->d_type == DT_REG || (entry->d_type == DT_UNKNOWN && xf_listing_size(dir_fd, entry->d_name, &size));
}

int xf_listing_visit(const char *directory, const char *suffix, int (*each)(void *ctx, const char *name, uint64_t number),
                     void *ctx, xray_error *err)
{
    DIR *dir = opendir(directory);
    int r = XRAY_OK;

    if (dir == NULL)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot list %s", directory);
    while (r >= 0) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0)
                r = xf_fail_errno(err, errno, XF_NO_POS, "cannot list %s", directory);
            break;
        }
        /* A file that is gone by now is no error: retention may run beside us. */
        if (has_suffix(entry->d_name, suffix) && is_regular(dirfd(dir), entry))
            r = each(ctx, entry->d_name, entry->d_ino);
    }
    closedir(dir);
    return r < 0 ? r : XRAY_OK;
}

int xf_listing_open(int *out_fd, const char *path, xray_error *err)
{
    struct stat st;
    int fd;

    do
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return xf_fail_errno(err, errno, XF_NO_POS, "cannot open %s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return xf_fail(err, XRAY_ECORRUPT, XF_NO_POS, "%s is not a regular file", path);
    }
    *out_fd = fd;
    return XRAY_OK;
}
