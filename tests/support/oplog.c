/* Operations on files, recorded (oplog.h). */
#include "support/oplog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct oplog_op *ops;
static size_t op_count, op_cap;
static ino_t inodes[FILES_MAX]; /* by number */
static unsigned file_count;
static bool active;

/* Without its directory: there is one. */
static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

void oplog_begin(void)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < op_count; i++)
        free(ops[i].data);
    op_count = 0;
    file_count = 0;
    active = true;
    pthread_mutex_unlock(&lock);
}

const struct oplog_op *oplog_end(size_t *count)
{
    pthread_mutex_lock(&lock);
    active = false;
    *count = op_count;
    pthread_mutex_unlock(&lock);
    return ops;
}

/* With the lock held. */
static struct oplog_op *add(enum oplog_kind kind)
{
    if (op_count == op_cap) {
        op_cap = op_cap != 0 ? op_cap * 2 : 256;
        ops = realloc(ops, op_cap * sizeof *ops);
        if (ops == NULL)
            abort();
    }
    ops[op_count] = (struct oplog_op){.kind = kind};
    return &ops[op_count++];
}

/* The youngest file of this inode; FILES_MAX: none that was created here. */
static unsigned find(ino_t inode)
{
    for (unsigned i = file_count; i-- > 0;)
        if (inodes[i] == inode)
            return i;
    return FILES_MAX;
}

void oplog_note(uint64_t note)
{
    pthread_mutex_lock(&lock);
    if (active)
        add(OPLOG_NOTE)->note = note;
    pthread_mutex_unlock(&lock);
}

void oplog_created(int fd, const char *name)
{
    struct oplog_op *op;
    struct stat st;

    pthread_mutex_lock(&lock);
    if (active && fstat(fd, &st) == 0 && file_count < FILES_MAX) {
        inodes[file_count] = st.st_ino;
        op = add(OPLOG_CREATE);
        op->file = file_count++;
        snprintf(op->name, sizeof op->name, "%s", base(name));
    }
    pthread_mutex_unlock(&lock);
}

void oplog_written(int fd, const struct iovec *parts, int count, ssize_t len)
{
    struct stat st;
    unsigned file;

    pthread_mutex_lock(&lock);
    if (active && len > 0 && fstat(fd, &st) == 0 && (file = find(st.st_ino)) < FILES_MAX) {
        struct oplog_op *op = add(OPLOG_WRITE);
        size_t left = (size_t)len;

        op->file = file;
        op->data = malloc(left);
        if (op->data == NULL)
            abort();
        for (int i = 0; i < count && left > 0; i++) {
            const size_t n = parts[i].iov_len < left ? parts[i].iov_len : left;

            memcpy(op->data + op->len, parts[i].iov_base, n);
            op->len += n;
            left -= n;
        }
    }
    pthread_mutex_unlock(&lock);
}

void oplog_synced(int fd)
{
    struct stat st;
    unsigned file;

    pthread_mutex_lock(&lock);
    if (active && fstat(fd, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            add(OPLOG_SYNC_DIR);
        else if ((file = find(st.st_ino)) < FILES_MAX)
            add(OPLOG_SYNC)->file = file;
    }
    pthread_mutex_unlock(&lock);
}

void oplog_renamed(const char *from, const char *to)
{
    pthread_mutex_lock(&lock);
    if (active) {
        struct oplog_op *op = add(OPLOG_RENAME);

        snprintf(op->name, sizeof op->name, "%s", base(from));
        snprintf(op->to, sizeof op->to, "%s", base(to));
    }
    pthread_mutex_unlock(&lock);
}

void oplog_unlinked(const char *name)
{
    struct oplog_op *op;

    pthread_mutex_lock(&lock);
    if (active) {
        op = add(OPLOG_UNLINK);
        snprintf(op->name, sizeof op->name, "%s", base(name));
    }
    pthread_mutex_unlock(&lock);
}
