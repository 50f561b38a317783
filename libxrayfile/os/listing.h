/* What lies at a path: looking before opening, and the files of a directory. */
#ifndef XF_OS_LISTING_H
#define XF_OS_LISTING_H

#include "xrayfile.h"

enum xf_path_kind { XF_PATH_NONE, XF_PATH_FILE, XF_PATH_DIRECTORY, XF_PATH_OTHER };

/* Follows links: for paths that a person named. */
int xf_path_look(const char *path, enum xf_path_kind *kind, xray_error *err);

/* Calls `each` with the name of every regular file in `directory` that ends in `suffix`, and the number that the
 * listing gives it (its inode), in no order; links are skipped, subdirectories not entered. Stops when `each` returns a
 * negative status and returns it. */
int xf_listing_visit(const char *directory, const char *suffix, int (*each)(void *ctx, const char *name, uint64_t number),
                     void *ctx, xray_error *err);

/* A descriptor of the directory, for xf_listing_size. */
int xf_listing_directory(int *out_fd, const char *path, xray_error *err);

/* The size of the regular file of that name in the directory; false: there is none. Links are not followed. */
bool xf_listing_size(int directory_fd, const char *name, uint64_t *size);

/* Opens a file that was found by a listing: not through a link, regular files only. */
int xf_listing_open(int *out_fd, const char *path, xray_error *err);

#endif
