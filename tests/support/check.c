/* The test harness (check.h). */
#include "support/check.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long checks;
static long failures;
static char test_name[100];
static char context[200];
static char directory[200];
static uint64_t seed;
static uint64_t random_state;

/* ---- checks --------------------------------------------------------------------- */

/* Counts, and on failure begins the message. */
static bool note(bool held, const char *file, int line)
{
    checks++;
    if (held)
        return true;
    failures++;
    fprintf(stderr, "%s:%d: %s%s%s%s: ", file, line, test_name, context[0] != '\0' ? " [" : "", context,
            context[0] != '\0' ? "]" : "");
    return false;
}

bool check_true(bool held, const char *text, const char *file, int line)
{
    if (!note(held, file, line))
        fprintf(stderr, "not true: %s\n", text);
    return held;
}

bool check_eq(int64_t got, int64_t want, const char *text, const char *file, int line)
{
    if (!note(got == want, file, line))
        fprintf(stderr, "%s is %lld, not %lld\n", text, (long long)got, (long long)want);
    return got == want;
}

static void dump(const char *what, const uint8_t *data, size_t len, size_t around)
{
    const size_t from = around < 8 ? 0 : around - 8;

    fprintf(stderr, "    %s, %zu bytes, from %zu:", what, len, from);
    for (size_t i = from; i < len && i < from + 32; i++)
        fprintf(stderr, " %02x", data[i]);
    fprintf(stderr, "  '");
    for (size_t i = from; i < len && i < from + 32; i++)
        fputc(data[i] >= 0x20 && data[i] < 0x7f ? data[i] : '.', stderr);
    fprintf(stderr, "'\n");
}

bool check_mem(const void *got, size_t got_len, const void *want, size_t want_len, const char *text,
               const char *file, int line)
{
    const uint8_t *a = (const uint8_t *)got;
    const uint8_t *b = (const uint8_t *)want;
    size_t at = 0;

    while (at < got_len && at < want_len && a[at] == b[at])
        at++;

    const bool same = got_len == want_len && at == got_len;

    if (!note(same, file, line)) {
        fprintf(stderr, "%s differs at byte %zu\n", text, at);
        dump("got", a, got_len, at);
        dump("want", b, want_len, at);
    }
    return same;
}

bool check_str(const char *got, const char *want, const char *text, const char *file, int line)
{
    const bool same = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);

    if (!note(same, file, line))
        fprintf(stderr, "%s is \"%s\", not \"%s\"\n", text, got != NULL ? got : "(null)",
                want != NULL ? want : "(null)");
    return same;
}

bool check_status(int got, int want, const xray_error *err, const char *text, const char *file, int line)
{
    if (!note(got == want, file, line))
        fprintf(stderr, "%s is %s (%d), not %s (%d)%s%s\n", text, xray_status_name(got), got,
                xray_status_name(want), want, err != NULL && got < 0 ? ": " : "",
                err != NULL && got < 0 ? err->message : "");
    return got == want;
}

void check_context(const char *format, ...)
{
    va_list args;

    context[0] = '\0';
    if (format == NULL)
        return;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
}

void check_skip(const char *format, ...)
{
    va_list args;

    printf("skipped %s: ", test_name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

/* ---- what tests need --------------------------------------------------------------- */

static pid_t owner; /* of the directory */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void remove_directory(void)
{
    if (getpid() == owner) /* children of a test that exit have it too */
        nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *check_dir(void)
{
    if (directory[0] != '\0')
        return directory;

    const char *base = getenv("TMPDIR");

    snprintf(directory, sizeof directory, "%s/xray-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(directory) == NULL) {
        fprintf(stderr, "cannot make a directory %s: %s\n", directory, strerror(errno));
        exit(1);
    }
    owner = getpid();
    atexit(remove_directory);
    return directory;
}

const char *check_data(const char *name)
{
    static char path[500];

    snprintf(path, sizeof path, "../shared/data/%s", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

uint64_t check_random(void)
{
    /* splitmix64 */
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t check_random_below(uint64_t limit)
{
    return limit == 0 ? 0 : check_random() % limit;
}

uint8_t *check_copy(const void *data, size_t len)
{
    uint8_t *copy = (uint8_t *)malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

char *check_read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    char *text = NULL;

    if (f == NULL)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && (text = (char *)malloc((size_t)st.st_size + 1)) != NULL) {
        *len = fread(text, 1, (size_t)st.st_size, f);
        text[*len] = '\0';
    }
    fclose(f);
    return text;
}

/* ---- running ------------------------------------------------------------------------- */

static void choose_seed(void)
{
    const char *text = getenv("XRAY_TEST_SEED");

    seed = 1;
    if (text != NULL)
        seed = strcmp(text, "time") == 0 ? (uint64_t)time(NULL) : strtoull(text, NULL, 0);
}

/* Takes the next name off the list "a, b, c". */
static const char *next_name(const char *names)
{
    const size_t skip = strspn(names, " ,\n");
    const size_t len = strcspn(names + skip, " ,\n");

    snprintf(test_name, sizeof test_name, "%.*s", (int)len, names + skip);
    return names + skip + len;
}

int check_run(int argc, char **argv, void (*const *tests)(void), size_t count, const char *names)
{
    const char *slash = strrchr(argv[0], '/');

    choose_seed();
    for (size_t i = 0; i < count; i++) {
        names = next_name(names);
        if (argc > 1 && strstr(test_name, argv[1]) == NULL)
            continue;
        context[0] = '\0';
        random_state = seed; /* each test alone gives what it gives among the others */
        tests[i]();
    }
    if (failures > 0)
        fprintf(stderr, "seed: XRAY_TEST_SEED=%llu\n", (unsigned long long)seed);
    printf("%s: %ld checks, %ld failed\n", slash != NULL ? slash + 1 : argv[0], checks, failures);
    return failures > 0 ? 1 : 0;
}
