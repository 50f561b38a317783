/* What a scenario does to its files, in order: the wraps of fault.c hand in every call that worked. From such a log
 * test_crash.c builds what a loss of power may leave. */
#ifndef TESTS_SUPPORT_OPLOG_H
#define TESTS_SUPPORT_OPLOG_H

#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

enum oplog_kind { OPLOG_CREATE, OPLOG_WRITE, OPLOG_SYNC, OPLOG_SYNC_DIR, OPLOG_RENAME, OPLOG_UNLINK, OPLOG_NOTE, OPLOG_KINDS };

struct oplog_op {
    enum oplog_kind kind;
    unsigned file;            /* of CREATE, WRITE, SYNC: the how manieth that was created */
    char name[96], to[96];    /* of CREATE, RENAME, UNLINK */
    uint8_t *data;            /* of WRITE, which always appends */
    size_t len;
    uint64_t note;            /* of NOTE */
};

/* From now on. One directory at a time. */
void oplog_begin(void);
/* Until now; the log stays until the next begin. */
const struct oplog_op *oplog_end(size_t *count);
/* A number of the test's own, between the operations. */
void oplog_note(uint64_t note);

/* For fault.c. */
void oplog_created(int fd, const char *name);
void oplog_written(int fd, const struct iovec *parts, int count, ssize_t len);
void oplog_synced(int fd);
void oplog_renamed(const char *from, const char *to);
void oplog_unlinked(const char *name);

#endif
