/* Files that are read: whole, in part, beyond the end, and what is no file. */
#include "os/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

static void path_of(char path[300], const char *name)
{
    snprintf(path, 300, "%s/%s", check_dir(), name);
}

static void test_read(void)
{
    char path[300];
    char text[20];
    uint64_t size = 0;
    size_t got = 99;
    int fd = -1;
    xray_error err = {0};

    path_of(path, "plain");

    FILE *f = fopen(path, "wb");

    if (!CHECK(f != NULL))
        return;
    fputs("0123456789", f);
    fclose(f);
    if (!CHECK_STATUS(xf_file_open(&fd, path, &err), XRAY_OK, &err))
        return;
    CHECK_STATUS(xf_file_size(fd, &size, &err), XRAY_OK, &err);
    CHECK_EQ(size, 10);
    CHECK_STATUS(xf_file_read(fd, 0, text, sizeof text, &got, &err), XRAY_OK, &err);
    CHECK_MEM(text, got, "0123456789", 10);
    CHECK_STATUS(xf_file_read(fd, 3, text, 4, &got, &err), XRAY_OK, &err);
    CHECK_MEM(text, got, "3456", 4);
    CHECK_STATUS(xf_file_read(fd, 10, text, 4, &got, &err), XRAY_OK, &err);
    CHECK_EQ(got, 0);
    CHECK_STATUS(xf_file_read(fd, UINT64_MAX - 1, text, 4, &got, &err), XRAY_OK, &err);
    CHECK_EQ(got, 0);
    CHECK_STATUS(xf_file_read(fd, 3, NULL, 0, &got, &err), XRAY_OK, &err);
    CHECK_EQ(got, 0);
    xf_file_close(fd);
    CHECK_STATUS(xf_file_size(fd, &size, &err), XRAY_EIO, &err);
    CHECK_EQ(err.sys_errno, EBADF);
    CHECK_STATUS(xf_file_read(fd, 7, text, 4, &got, &err), XRAY_EIO, &err);
    CHECK_EQ(err.pos, 7);
    xf_file_close(-1);
}

static void test_no_file(void)
{
    char path[300];
    int fd = -1;
    xray_error err = {0};

    path_of(path, "absent");
    CHECK_STATUS(xf_file_open(&fd, path, &err), XRAY_EIO, &err);
    CHECK_EQ(err.sys_errno, ENOENT);
    CHECK_STATUS(xf_file_open(&fd, check_dir(), &err), XRAY_ECORRUPT, &err);
    CHECK(strstr(err.message, "is a directory, not a regular file") != NULL);
    path_of(path, "fifo");
    CHECK_EQ(mkfifo(path, 0600), 0);
    CHECK_STATUS(xf_file_open(&fd, path, &err), XRAY_ECORRUPT, &err); /* and does not wait */
    CHECK(strstr(err.message, "not a regular file") != NULL);
    CHECK_EQ(fd, -1);
}

CHECK_MAIN(test_read, test_no_file)
