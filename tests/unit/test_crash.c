/* Loss of power, by enumeration (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014): a scenario's
 * operations on files are recorded, and for each moment between two of them what a file system may then
 * leave is built. Of a file everything up to its last fdatasync is there; of each later write all, nothing, the sectors up
 * to some point, or zeros of its length; of the names since the last fsync of the directory some. In each of
 * these states what a sync acknowledged before that moment has to be there, whole, and nothing may be there that was not
 * recorded. Where the writes that are left are a prefix of those made, there is no damage either: a torn tail is none.
 *
 * All states of a moment are tried if they are few, else seeded samples of them: XRAY_TEST_LONG for many. */
#include "support/check.h"
#include "support/invariants.h"
#include "support/oplog.h"
#include "support/trace.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECTOR = 512, FILES_MAX = 64, NAMES_MAX = 128, LOOSE_MAX = 64 };
enum fate { KEPT, GONE, TORN, ZEROED, FATES };

/* ---- the scenario ---- */

static uint64_t recorded;

/* Runs of steps, syncs, rotation, an index; notes say how many candidates the syncs so far are about. */
static void record_scenario(const char *dir)
{
    const xray_writer_options options = {.segment_bytes = 6000, .sync = true, .level = 1, .no_host = true};
    xray_writer *w = NULL;
    uint64_t item = 0;
    char name[24];

    oplog_begin();
    CHECK_EQ(xray_writer_open(&w, dir, &options, NULL), XRAY_OK);
    for (int r = 0; r < 6; r++) {
        const xray_run run = xray_run_begin(w, xray_s("crash"), NULL);

        for (int s = 0; s < 4; s++) {
            const xray_step step = xray_step_begin(run, xray_s("filter"), xray_s("filter"), NULL);

            snprintf(name, sizeof name, "run %d step %d", r, s);
            xray_step_set(step, XRAY_INPUT, xray_text(name));
            for (int c = 0; c < 6; c++) {
                snprintf(name, sizeof name, "i%llu", (unsigned long long)item++);
                xray_step_reject(step, xray_s(name), xray_s("dear"), XRAY_ATTRS(xray_kv("price", xray_int(c * r))));
            }
            xray_step_end(step, XRAY_SUCCESS);
            if (s % 2 == 1)
                xray_writer_flush(w, -1, NULL);
        }
        xray_run_end(run, XRAY_SUCCESS);
        if (r % 2 == 1) {
            CHECK_EQ(xray_writer_sync(w, -1, NULL), XRAY_SYNCED);
            oplog_note(item);
        }
    }
    CHECK_EQ(xray_writer_close(w, -1, NULL), XRAY_SEALED);
    oplog_note(item);
    CHECK_EQ(xray_index_build(trace_segment(dir), NULL, NULL), XRAY_OK);
    recorded = item;
}

/* ---- a moment ---- */

struct moment { /* what is durable, and what is loose, after the first operations */
    struct { char name[96]; unsigned file; } names[NAMES_MAX];
    size_t name_count;
    size_t safe[FILES_MAX];                      /* how many of the log's operations a file's last sync covers */
    size_t loose_writes[LOOSE_MAX], loose_names[LOOSE_MAX]; /* numbers of operations */
    size_t write_count, names_count;
    uint64_t acknowledged;
};

static void apply_name(struct moment *m, const struct oplog_op *op)
{
    size_t i = 0;

    while (i < m->name_count && strcmp(m->names[i].name, op->name) != 0)
        i++;
    if (op->kind == OPLOG_CREATE) {
        if (i == m->name_count)
            m->name_count++;
        snprintf(m->names[i].name, sizeof m->names[i].name, "%s", op->name);
        m->names[i].file = op->file;
        return;
    }
    if (i == m->name_count) /* its creation did not last, so this did not either */
        return;
    if (op->kind == OPLOG_UNLINK) {
        m->names[i] = m->names[--m->name_count];
        return;
    }
    for (size_t k = 0; k < m->name_count; k++)
        if (k != i && strcmp(m->names[k].name, op->to) == 0) {
            m->names[k].file = m->names[i].file;
            m->names[i] = m->names[--m->name_count];
            return;
        }
    snprintf(m->names[i].name, sizeof m->names[i].name, "%s", op->to);
}

/* What the writer has been told is durable; `deaf` syncs are not believed (the control). */
static bool moment_at(struct moment *m, const struct oplog_op *ops, size_t count, enum oplog_kind deaf)
{
    size_t dir_safe = 0;

    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < count; i++) {
        if (ops[i].kind == OPLOG_SYNC && deaf != OPLOG_SYNC)
            m->safe[ops[i].file] = i;
        else if (ops[i].kind == OPLOG_SYNC_DIR && deaf != OPLOG_SYNC_DIR)
            dir_safe = i;
        else if (ops[i].kind == OPLOG_NOTE)
            m->acknowledged = ops[i].note;
    }
    for (size_t i = 0; i < count; i++) {
        const struct oplog_op *op = &ops[i];

        if (op->kind == OPLOG_WRITE && i > m->safe[op->file]) {
            if (m->write_count == LOOSE_MAX)
                return false;
            m->loose_writes[m->write_count++] = i;
        }
        if (op->kind != OPLOG_CREATE && op->kind != OPLOG_RENAME && op->kind != OPLOG_UNLINK)
            continue;
        if (i < dir_safe) {
            apply_name(m, op);
        } else {
            if (m->names_count == LOOSE_MAX)
                return false;
            m->loose_names[m->names_count++] = i;
        }
    }
    return true;
}

/* ---- a state ---- */

struct state {
    uint8_t fates[LOOSE_MAX];
    bool kept[LOOSE_MAX]; /* names */
};

/* The number-th of them; beyond 64 bits of choice only samples are drawn. */
static void state_of(struct state *s, const struct moment *m, uint64_t number, bool sample)
{
    for (size_t i = 0; i < m->write_count; i++) {
        s->fates[i] = (uint8_t)(sample ? check_random_below(FATES) : number % FATES);
        number /= FATES;
    }
    for (size_t i = 0; i < m->names_count; i++) {
        s->kept[i] = sample ? check_random_below(4) != 0 : number % 2;
        number /= 2;
    }
    if (sample && check_random_below(2) == 0) { /* half of them in order: all, one torn, nothing */
        const uint64_t cut = check_random_below(m->write_count + 1);

        for (size_t i = 0; i < m->write_count; i++)
            if (i != cut)
                s->fates[i] = i < cut ? KEPT : GONE;
    }
}

/* In each file, all writes and then at most one that is not whole and nothing more. */
static bool is_prefix(const struct state *s, const struct moment *m, const struct oplog_op *ops)
{
    bool ended[FILES_MAX] = {false};

    for (size_t i = 0; i < m->write_count; i++) {
        bool *end = &ended[ops[m->loose_writes[i]].file];

        if (*end && s->fates[i] != GONE)
            return false;
        *end |= s->fates[i] != KEPT;
    }
    return true;
}

struct image {
    uint8_t *data;
    size_t len, cap, pos; /* pos: where the next write goes */
};

static void image_put(struct image *f, const struct oplog_op *op, enum fate fate)
{
    const size_t sectors = (f->pos + op->len) / SECTOR;
    size_t keep = fate == KEPT ? op->len : 0, reach = fate == GONE ? 0 : op->len;

    if (fate == TORN) { /* up to the last boundary of a sector in it */
        keep = sectors * SECTOR > f->pos ? sectors * SECTOR - f->pos : 0;
        reach = keep;
    }
    if (f->pos + op->len > f->cap) {
        f->cap = (f->pos + op->len) * 2;
        f->data = realloc(f->data, f->cap);
        if (f->data == NULL)
            abort();
    }
    memset(f->data + f->pos, 0, op->len); /* what is left out in the middle reads as zeros */
    memcpy(f->data + f->pos, op->data, keep);
    if (reach > 0 && f->pos + reach > f->len)
        f->len = f->pos + reach;
    f->pos += op->len;
}

static void put_file(const char *dir, const char *name, const struct image *f)
{
    char path[700];
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);
    if (fd < 0 || write(fd, f->data, f->len) != (ssize_t)f->len)
        abort();
    close(fd);
}

static void empty_directory(const char *dir)
{
    DIR *d = opendir(dir);

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.' || strlen(e->d_name) > 2)
            unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
}

static void build(const char *dir, const struct oplog_op *ops, size_t count, const struct moment *m, const struct state *s)
{
    struct image files[FILES_MAX] = {{0}};
    struct moment names = *m;
    size_t loose = 0;

    for (size_t i = 0; i < count; i++)
        if (ops[i].kind == OPLOG_WRITE) {
            const bool is_loose = loose < m->write_count && m->loose_writes[loose] == i;

            image_put(&files[ops[i].file], &ops[i], is_loose ? s->fates[loose] : KEPT);
            loose += is_loose;
        }
    for (size_t i = 0; i < m->names_count; i++)
        if (s->kept[i])
            apply_name(&names, &ops[m->loose_names[i]]);
    empty_directory(dir);
    for (size_t i = 0; i < names.name_count; i++)
        put_file(dir, names.names[i].name, &files[names.names[i].file]);
    for (size_t i = 0; i < FILES_MAX; i++)
        free(files[i].data);
}

/* ---- all moments ---- */

struct sums {
    uint64_t moments, all_states, states, prefixes, missing, wrong, damaged;
};

/* A file cut off in its hello, or empty, is a writer's birth that power cut short. */
static void keep_finding(void *ctx, const xray_finding *f)
{
    if (f->kind == XRAY_FINDING_DAMAGE && strncmp(f->message, "not an xray segment", 19) != 0)
        snprintf(ctx, 200, "%s", f->message);
}

static void look(const char *dir, const struct moment *m, bool prefix, bool control, size_t moment, uint64_t number, struct sums *sums)
{
    struct invariants found;
    char why[200] = "";
    bool damaged = false;

    invariants_look(dir, recorded, m->acknowledged, &found);
    if (prefix && found.readable) {
        const xray_verify_options options = {.ctx = why, .finding = keep_finding};
        xray_verify_result verified = {0};

        if (found.problems > 0)
            snprintf(why, sizeof why, "the store has problems");
        damaged = xray_verify(dir, &options, &verified, NULL) == XRAY_EIO || found.problems > 0 || why[0] != '\0';
    }
    sums->states++;
    sums->prefixes += prefix;
    sums->missing += found.missing > 0;
    sums->wrong += found.twice + found.unknown > 0;
    sums->damaged += damaged;
    if (!control && sums->missing + sums->wrong + (found.missing + found.twice + found.unknown > 0 || damaged)) {
        check_context("moment %zu, state %llu: %llu of %llu missing, %llu twice, %llu unknown, %zu problems, %s",
                      moment, (unsigned long long)number, (unsigned long long)found.missing, (unsigned long long)m->acknowledged,
                      (unsigned long long)found.twice, (unsigned long long)found.unknown, (size_t)found.problems, why);
        CHECK(!"a crash leaves what it may");
    }
}

static uint64_t choices(const struct moment *m, uint64_t limit)
{
    uint64_t n = 1;

    for (size_t i = 0; i < m->write_count && n <= limit; i++)
        n *= FATES;
    for (size_t i = 0; i < m->names_count && n <= limit; i++)
        n *= 2;
    return n;
}

static struct sums enumerate(const struct oplog_op *ops, size_t count, uint64_t limit, enum oplog_kind deaf)
{
    const char *dir = trace_dir();
    struct sums sums = {0};

    if (!CHECK(access(dir, F_OK) != 0))
        return sums;
    xray_writer_close(trace_writer(dir), -1, NULL); /* makes it */
    for (size_t at = 0; at <= count; at++) {
        struct moment m;
        uint64_t all;

        if (!CHECK(moment_at(&m, ops, at, deaf)))
            break;
        all = choices(&m, limit);
        sums.moments++;
        sums.all_states += all <= limit;
        for (uint64_t n = 0; n < (all <= limit ? all : limit); n++) {
            struct state s;

            state_of(&s, &m, n, all > limit);
            build(dir, ops, at, &m, &s);
            look(dir, &m, is_prefix(&s, &m, ops), deaf != OPLOG_KINDS, at, n, &sums);
            if (deaf != OPLOG_KINDS && sums.missing > 0)
                return sums; /* found */
        }
    }
    return sums;
}

static void test_every_moment(void)
{
    const uint64_t limit = getenv("XRAY_TEST_LONG") != NULL ? 4096 : 16; /* states of a moment */
    const char *dir = trace_dir();
    const struct oplog_op *ops;
    struct sums sums;
    size_t count;

    record_scenario(dir);
    ops = oplog_end(&count);
    CHECK(count > 40);
    sums = enumerate(ops, count, limit, OPLOG_KINDS);
    printf("crash: %zu operations, %llu moments (%llu with all their states), %llu states, %llu of them prefixes: "
           "%llu miss what was synced, %llu hold what was not recorded, %llu prefixes damaged\n",
           count, (unsigned long long)sums.moments, (unsigned long long)sums.all_states, (unsigned long long)sums.states,
           (unsigned long long)sums.prefixes, (unsigned long long)sums.missing, (unsigned long long)sums.wrong,
           (unsigned long long)sums.damaged);
    CHECK_EQ(sums.missing + sums.wrong + sums.damaged, 0);
    CHECK(sums.states > 400 && sums.prefixes > 100);
}

/* If fdatasync, or fsync of the directory, did nothing, it must be seen. */
static void test_control_without_syncs(void)
{
    const enum oplog_kind deaf[] = {OPLOG_SYNC, OPLOG_SYNC_DIR};
    const char *dir = trace_dir();
    const struct oplog_op *ops;
    size_t count;

    record_scenario(dir);
    ops = oplog_end(&count);
    for (size_t i = 0; i < 2; i++) {
        check_context("%s", i == 0 ? "no fdatasync" : "no fsync of the directory");
        CHECK(enumerate(ops, count, 64, deaf[i]).missing > 0);
    }
}

CHECK_MAIN(test_every_moment, test_control_without_syncs)
