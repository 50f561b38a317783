/* The writing side of the operating system: directories, new files, appending. */
#ifndef XF_OS_OUT_H
#define XF_OS_OUT_H

#include "xrayfile.h"

#include <sys/uio.h>

/* Opens the directory `path`, creating it and its parents (mode 0700). */
int xf_dir_open(int *out_fd, const char *path, xray_error *err);

/* The same path whatever the working directory becomes, for xf_free; NULL: no memory, or there is no such path. */
char *xf_dir_absolute(const char *path);

struct xf_file_id {
    uint64_t device, inode;
};

/* Creates `name` in the directory: new, for appending, mode 0600, never through a link, descriptor >= 3.
 * XRAY_EIO with EEXIST if it is there. `id` may be NULL. */
int xf_out_create(int *out_fd, int dir_fd, const char *name, struct xf_file_id *id, xray_error *err);

/* Whether the descriptor is that of the file: the host may have closed it, or made it another (dup2). */
bool xf_out_is(int fd, const struct xf_file_id *id);

/* Opens it again. XRAY_EIO if it is not there, or another. */
int xf_out_reopen(int *out_fd, int dir_fd, const char *name, const struct xf_file_id *id, xray_error *err);

/* Appends all of it. SIGXFSZ does not reach the process. On failure *parts and *count (and the first part) are what has not gone
 * out, so that the same call goes on where this one stopped. */
int xf_out_append(int fd, struct iovec **parts, int *count, xray_error *err);

/* The same, of one piece that is not taken up again. */
int xf_out_append_bytes(int fd, const void *data, size_t len, xray_error *err);

int xf_out_sync(int fd, xray_error *err);     /* fdatasync */
int xf_dir_sync(int dir_fd, xray_error *err); /* makes names durable */
void xf_out_close(int fd);
void xf_out_discard(int fd, int dir_fd, const char *name); /* closes and removes a file just created */

/* A file that appears at `path` whole or not at all: written beside it under another name, then renamed. */
struct xf_out_file {
    int fd;     /* for appending, >= 3 */
    int dir_fd;
    char name[256]; /* in the directory, at last */
    char temp[300]; /* until then */
};

/* XRAY_EIO (EEXIST if something is at `path` and `replace` is not set). */
int xf_out_file_begin(struct xf_out_file *f, const char *path, bool replace, xray_error *err);
/* Syncs, renames, syncs the directory. f->fd must still be open. */
int xf_out_file_finish(struct xf_out_file *f, bool replace, xray_error *err);
/* Closes; removes what was not finished. */
void xf_out_file_done(struct xf_out_file *f);

/* Whether two paths lead to one file, through whatever links. A path that is not there leads nowhere. */
bool xf_same_file(const char *a, const char *b);

#endif
