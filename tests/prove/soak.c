/* soak - writers that are killed, watched or unplugged, and a check that nothing acknowledged is missing.
 *
 * usage: soak kill [-n KILLS] [-w WRITERS] [-s SEED] [--control]     P1, P10
 *        soak step [-n KILLS] [-w WRITERS] [-s SEED] [--control]     flush=step
 *        soak live [-t SECONDS] [-r READERS] [-w WRITERS] [-s SEED] [--control]  P9
 *        soak write DIRECTORY ACKNOWLEDGED [-n RUNS] [--control]     for powercut.sh, killpoints.sh: until it is stopped
 *        soak check DIRECTORY ACKNOWLEDGED
 *
 * A writer process records run after run, each known by its number, and after some of them asks for what it
 * wants to be sure of: a flush (kill, live) or a sync (write). The number of the last run that is sure is
 * then in memory that outlives the process. Whoever checks opens the directory and requires of every writer: all
 * runs up to that number are there, whole; every other run that is there is in no part wrong or twice. With `step`
 * nothing is asked for: each step is sure once xray_step_end has returned, each run once xray_run_end has.
 *
 * The control does not ask (step: leaves the option out), but says that it did: it must be caught, or the check is
 * worth nothing. */
#include "xrayfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WRITERS = 16, STEPS = 3, CANDIDATES = 7, ASK_EVERY = 5 };

struct shared { /* in a file or in memory; outlives the writers */
    atomic_uint_fast64_t sure[MAX_WRITERS]; /* runs 0 .. sure - 1 */
    atomic_uint_fast64_t sure_steps[MAX_WRITERS]; /* likewise, STEPS in a run */
    atomic_uint_fast64_t begun[MAX_WRITERS];
};

struct settings {
    unsigned writers, readers, seconds;
    uint64_t count; /* of kills, or of runs to write */
    uint64_t seed, segment_bytes;
    bool control, power, step;
};

struct sure { /* as of a moment */
    uint64_t runs[MAX_WRITERS], steps[MAX_WRITERS];
};

static uint64_t random_next(uint64_t *state) /* splitmix64, by Steele, Lea and Flood (2014) */
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "soak: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void *share(const char *path)
{
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT, 0600) : memfd_create("soak", 0);
    void *p;

    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) != 0)
        die(path != NULL ? path : "memory to share");
    p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        die("memory to share");
    close(fd);
    return p;
}

/* ---- writing ---- */

static void name_run(char out[64], unsigned writer, uint64_t i)
{
    snprintf(out, 64, "writer %u run %llu", writer, (unsigned long long)i);
}

/* A status of `flush`, which says that it is in the file. */
static void require_ok(int status)
{
    if (status < 0) {
        fprintf(stderr, "soak: %s\n", xray_status_name(status));
        _exit(2);
    }
}

static void write_run(xray_writer *w, unsigned writer, uint64_t i, const struct settings *set, struct shared *sh)
{
    char name[64], text[400];
    xray_run run;

    name_run(name, writer, i);
    run = xray_run_begin(w, xray_s("soak"), &(xray_run_options){.ext_id = xray_s(name)});
    for (int s = 0; s < STEPS; s++) {
        const xray_step step = xray_step_begin(run, xray_s("step"), xray_s("filter"), NULL);

        snprintf(text, sizeof text, "%s step %d %0*d", name, s, (int)(i * 37 % 300) + 1, 0);
        xray_step_set(step, XRAY_INPUT, xray_text(text));
        for (int c = 0; c < CANDIDATES; c++) {
            char item[64];

            snprintf(item, sizeof item, "%llu-%d-%d", (unsigned long long)i, s, c);
            if (c % 2 == 0)
                xray_step_accept(step, xray_s(item));
            else
                xray_step_reject(step, xray_s(item), xray_s("odd"), XRAY_ATTRS(xray_kv("c", xray_int(c))));
        }
        require_ok(xray_step_end(step, XRAY_SUCCESS));
        if (set->step)
            atomic_store(&sh->sure_steps[writer], i * STEPS + (uint64_t)s + 1);
    }
    require_ok(xray_run_end(run, XRAY_SUCCESS));
    if (set->step)
        atomic_store(&sh->sure[writer], i + 1);
}

_Noreturn static void be_writer(const char *dir, unsigned number, const struct settings *s, struct shared *sh, uint64_t runs)
{
    const xray_writer_options options = {.app = "soak", .segment_bytes = s->segment_bytes, .level = 1,
                                         .flush_interval_ms = s->step ? 60000 : 0, /* how long an end waits */
                                         .flush = s->step && !s->control ? XRAY_FLUSH_STEP : XRAY_FLUSH_INTERVAL};
    xray_writer *w = NULL;
    xray_error err = {0};

    if (xray_writer_open(&w, dir, &options, &err) < 0) {
        fprintf(stderr, "soak: %s\n", err.message);
        _exit(2);
    }
    for (uint64_t i = 0; i < runs; i++) {
        atomic_store(&sh->begun[number], i + 1);
        write_run(w, number, i, s, sh);
        if (s->step || i % ASK_EVERY != ASK_EVERY - 1)
            continue;
        if (!s->control) {
            const int level = s->power ? xray_writer_sync(w, -1, &err) : xray_writer_flush(w, -1, &err);

            if (level < (s->power ? XRAY_SYNCED : XRAY_FLUSHED)) {
                fprintf(stderr, "soak: level %d: %s\n", level, err.message);
                _exit(2);
            }
        }
        atomic_store(&sh->sure[number], i + 1);
    }
    xray_writer_close(w, -1, NULL);
    _exit(0);
}

/* ---- checking ---- */

struct findings {
    uint64_t runs, whole, missing, wrong, damaged;
};

static bool candidate_is_right(const xray_event_record *e, uint64_t i, int64_t step, int c)
{
    char item[64];

    snprintf(item, sizeof item, "%llu-%d-%d", (unsigned long long)i, (int)step - 1, c);
    return e->item.len == strlen(item) && memcmp(e->item.ptr, item, e->item.len) == 0 &&
           e->verdict == (c % 2 == 0 ? XRAY_ACCEPT : XRAY_REJECT);
}

/* 1 whole, 0 begun and cut off, -1 wrong: something is there twice, or not what was written. */
static int check_step(xray_trace *t, const xray_step_record *step, uint64_t i)
{
    xray_events *events = NULL;
    xray_event_record e;
    int count = 0;

    if (xray_events_open(&events, t, step->number, XRAY_EVENT_CANDIDATE, NULL) < 0)
        return -1;
    while (xray_events_next(events, &e, NULL) == 1) {
        if (!candidate_is_right(&e, i, step->number, count)) {
            xray_events_close(events);
            return -1;
        }
        count++;
    }
    xray_events_close(events);
    if (!step->ended)
        return 0;
    return count == CANDIDATES && step->candidates_in == CANDIDATES && step->candidates_out == (CANDIDATES + 1) / 2 &&
                   step->input.data != NULL ? 1 : -1;
}

/* As check_step, for all of it. *sure_steps: how many of the steps before number `sure` are whole. */
static int check_run(xray_store *store, size_t index, uint64_t i, uint64_t sure, uint64_t *sure_steps)
{
    xray_trace *t = NULL;
    size_t count;
    int whole = 1;

    if (xray_trace_open(&t, store, index, NULL) < 0)
        return -1;

    const xray_step_record *steps = xray_trace_steps(t, &count);

    if (count > STEPS)
        whole = -1;
    for (size_t s = 0; s < count && whole >= 0; s++) {
        const int r = check_step(t, &steps[s], i);

        whole = r < whole ? r : whole;
        *sure_steps += r == 1 && i * STEPS + (uint64_t)steps[s].number - 1 < sure;
    }
    if (whole == 1 && (count < STEPS || !xray_trace_run(t)->ended))
        whole = xray_trace_run(t)->ended ? -1 : 0;
    xray_trace_close(t);
    return whole;
}

/* What the directory holds, against what was sure before it was opened. */
static struct findings check(const char *dir, const struct sure *sure)
{
    struct findings f = {0};
    const xray_run_record *runs = NULL;
    xray_store *store = NULL;
    struct sure found = {0};
    size_t count = 0;
    xray_error err = {0};

    if (xray_store_open(&store, &dir, 1, NULL, &err) < 0 || xray_store_runs(store, &runs, &count, &err) < 0) {
        for (unsigned w = 0; w < MAX_WRITERS; w++) /* nothing to be sure of: nothing to read either */
            f.missing += sure->runs[w] + sure->steps[w];
        if (store != NULL)
            xray_store_close(store);
        return f;
    }
    f.runs = count;
    for (size_t r = 0; r < count; r++) {
        char name[64];
        unsigned writer;
        unsigned long long i;

        snprintf(name, sizeof name, "%.*s", (int)runs[r].ext_id.len, runs[r].ext_id.ptr);
        if (sscanf(name, "writer %u run %llu", &writer, &i) != 2 || writer >= MAX_WRITERS) {
            f.wrong++;
            continue;
        }

        const int whole = check_run(store, r, i, sure->steps[writer], &found.steps[writer]);

        f.whole += whole == 1;
        f.wrong += whole < 0;
        found.runs[writer] += whole == 1 && i < sure->runs[writer];
    }
    for (unsigned w = 0; w < MAX_WRITERS; w++)
        f.missing += sure->runs[w] - found.runs[w] + sure->steps[w] - found.steps[w];
    f.damaged = xray_store_problem_count(store);
    for (size_t p = 0; p < f.damaged; p++) {
        xray_problem problem;

        if (xray_store_problem(store, p, &problem) == 0)
            fprintf(stderr, "soak: %s: block %lld at %llu: %s\n", problem.path, (long long)problem.block,
                    (unsigned long long)problem.pos, problem.message);
    }
    xray_store_close(store);
    return f;
}

static void read_sure(const struct shared *sh, struct sure *sure)
{
    for (unsigned w = 0; w < MAX_WRITERS; w++) {
        sure->runs[w] = atomic_load(&sh->sure[w]);
        sure->steps[w] = atomic_load(&sh->sure_steps[w]);
    }
}

/* ---- directories ---- */

static void make_directory(char path[64])
{
    strcpy(path, access("/dev/shm", W_OK) == 0 ? "/dev/shm/soak-XXXXXX" : "/tmp/soak-XXXXXX");
    if (mkdtemp(path) == NULL)
        die("directory");
}

static void remove_directory(const char *path)
{
    DIR *d = opendir(path);

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.' || (e->d_name[1] != '\0' && e->d_name[1] != '.'))
            unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(path);
}

static pid_t fork_writer(const char *dir, unsigned number, const struct settings *s, struct shared *sh, uint64_t runs)
{
    const pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0)
        be_writer(dir, number, s, sh, runs);
    return pid;
}

static void sleep_us(uint64_t us)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000}, NULL);
}

/* ---- kill ---- */

static int soak_kill(const struct settings *s)
{
    struct shared *sh = share(NULL);
    struct findings all = {0};
    uint64_t random = s->seed, sure_runs = 0, sure_steps = 0, begun = 0;

    for (uint64_t k = 0; k < s->count; k++) {
        char dir[64];
        pid_t pids[MAX_WRITERS];
        struct sure sure;
        struct findings f;

        make_directory(dir);
        memset(sh, 0, sizeof *sh);
        for (unsigned w = 0; w < s->writers; w++)
            pids[w] = fork_writer(dir, w, s, sh, UINT64_MAX);
        for (unsigned w = 0; w < s->writers; w++) {
            sleep_us(random_next(&random) % 6000 + 200);
            kill(pids[w], SIGKILL);
            waitpid(pids[w], NULL, 0);
        }
        read_sure(sh, &sure);
        f = check(dir, &sure);
        for (unsigned w = 0; w < s->writers; w++) {
            sure_runs += sure.runs[w];
            sure_steps += sure.steps[w];
            begun += atomic_load(&sh->begun[w]);
        }
        if (f.missing + f.wrong + f.damaged > 0 && !s->control)
            printf("kill %llu: %llu missing, %llu wrong, %llu damaged; replay: soak %s -n %llu -w %u -s %llu\n",
                   (unsigned long long)k, (unsigned long long)f.missing, (unsigned long long)f.wrong,
                   (unsigned long long)f.damaged, s->step ? "step" : "kill", (unsigned long long)k + 1, s->writers, (unsigned long long)s->seed);
        all.whole += f.whole;
        all.missing += f.missing;
        all.wrong += f.wrong;
        all.damaged += f.damaged;
        remove_directory(dir);
    }
    printf("%llu kills of %u writers: %llu runs begun, %llu acknowledged, %llu steps too, %llu whole, %llu acknowledged but missing, %llu wrong, %llu damaged\n",
           (unsigned long long)s->count, s->writers, (unsigned long long)begun, (unsigned long long)sure_runs,
           (unsigned long long)sure_steps, (unsigned long long)all.whole,
           (unsigned long long)all.missing, (unsigned long long)all.wrong, (unsigned long long)all.damaged);
    if (s->control)
        return all.missing > 0 && all.wrong == 0 && all.damaged == 0 ? 0 : 1;
    return all.missing + all.wrong + all.damaged == 0 && sure_runs > 0 ? 0 : 1;
}

/* ---- live ---- */

/* Opens and checks until the time is up; exit status 1 at the first finding. */
_Noreturn static void be_reader(const char *dir, struct shared *sh, atomic_uint_fast64_t *opens, time_t until, bool control)
{
    uint64_t last = 0;

    while (time(NULL) < until) {
        struct sure sure;
        struct findings f;

        read_sure(sh, &sure);
        f = check(dir, &sure);
        atomic_fetch_add(opens, 1);
        if (f.missing + f.wrong + f.damaged > 0 || f.runs < last) {
            if (control) /* it is to be found */
                _exit(1);
            printf("reader: %llu missing, %llu wrong, %llu damaged, %llu runs after %llu\n", (unsigned long long)f.missing,
                   (unsigned long long)f.wrong, (unsigned long long)f.damaged, (unsigned long long)f.runs,
                   (unsigned long long)last);
            fflush(stdout);
            _exit(1);
        }
        last = f.runs;
    }
    _exit(0);
}

static int soak_live(const struct settings *s)
{
    struct shared *sh = share(NULL);
    atomic_uint_fast64_t *opens = share(NULL);
    const time_t until = time(NULL) + s->seconds;
    uint64_t rounds = 0, begun = 0;
    int bad = 0;

    while (time(NULL) < until) { /* many small stores: a growing one would be opened less and less often */
        const time_t round = time(NULL) + 2 < until ? time(NULL) + 2 : until;
        pid_t writers[MAX_WRITERS], readers[MAX_WRITERS];
        char dir[64];
        int status;

        make_directory(dir);
        memset(sh, 0, sizeof *sh);
        for (unsigned w = 0; w < s->writers; w++)
            writers[w] = fork_writer(dir, w, s, sh, UINT64_MAX);
        for (unsigned r = 0; r < s->readers; r++) {
            readers[r] = fork();
            if (readers[r] == 0)
                be_reader(dir, sh, opens, round, s->control);
        }
        for (unsigned r = 0; r < s->readers; r++) {
            waitpid(readers[r], &status, 0);
            bad += status != 0;
        }
        for (unsigned w = 0; w < s->writers; w++) {
            begun += atomic_load(&sh->begun[w]);
            kill(writers[w], SIGKILL);
            waitpid(writers[w], NULL, 0);
        }
        remove_directory(dir);
        rounds++;
    }
    printf("%u s, %llu rounds: %u writers, %llu runs; %u readers, %llu opens, %d saw something that is no prefix\n", s->seconds,
           (unsigned long long)rounds, s->writers, (unsigned long long)begun, s->readers,
           (unsigned long long)atomic_load(opens), bad);
    return (bad > 0) != s->control || atomic_load(opens) == 0;
}

/* ---- main ---- */

static int check_files(const char *dir, const char *acknowledged)
{
    struct shared *sh = share(acknowledged);
    struct sure sure;
    struct findings f;

    read_sure(sh, &sure);
    f = check(dir, &sure);
    printf("%llu acknowledged, %llu whole, %llu missing, %llu wrong, %llu damaged\n", (unsigned long long)sure.runs[0],
           (unsigned long long)f.whole, (unsigned long long)f.missing, (unsigned long long)f.wrong, (unsigned long long)f.damaged);
    return f.missing + f.wrong + f.damaged > 0;
}

static int usage(void)
{
    fputs("usage: soak kill|step|live [-n KILLS] [-t SECONDS] [-w WRITERS] [-r READERS] [-s SEED] [--control]\n"
          "       soak write|check DIRECTORY ACKNOWLEDGED [-n RUNS] [--control]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct settings s = {.writers = 1, .readers = 4, .count = 0, .seconds = 10, .seed = 1, .segment_bytes = 64 << 10};
    const char *mode = argc > 1 ? argv[1] : "";
    int operands = 0, i = 2;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--control") == 0)
            s.control = true;
        else if (argv[i][0] != '-')
            argv[2 + operands++] = argv[i];
        else if (argv[i][1] == 'n' && i++ < argc)
            s.count = strtoull(value, NULL, 10);
        else if (argv[i][1] == 't' && i++ < argc)
            s.seconds = (unsigned)strtoul(value, NULL, 10);
        else if (argv[i][1] == 'w' && i++ < argc)
            s.writers = (unsigned)strtoul(value, NULL, 10);
        else if (argv[i][1] == 'r' && i++ < argc)
            s.readers = (unsigned)strtoul(value, NULL, 10);
        else if (argv[i][1] == 's' && i++ < argc)
            s.seed = strtoull(value, NULL, 10);
        else
            return usage();
    }
    if (s.writers == 0 || s.writers > MAX_WRITERS || s.readers > MAX_WRITERS)
        return usage();
    s.step = strcmp(mode, "step") == 0;
    if ((s.step || strcmp(mode, "kill") == 0) && operands == 0) {
        s.count = s.count != 0 ? s.count : 100;
        return soak_kill(&s);
    }
    if (strcmp(mode, "live") == 0 && operands == 0)
        return soak_live(&s);
    if (strcmp(mode, "check") == 0 && operands == 2)
        return check_files(argv[2], argv[3]);
    if (strcmp(mode, "write") == 0 && operands == 2) {
        s.power = true;
        be_writer(argv[2], 0, &s, share(argv[3]), s.count != 0 ? s.count : UINT64_MAX);
    }
    return usage();
}
