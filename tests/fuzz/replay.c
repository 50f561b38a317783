/* replay.c - runs a fuzz target over files, without libFuzzer.
 *
 * usage: replay_NAME [-m MUTATIONS] [-s SEED] FILE|DIRECTORY...
 *
 * A .hex file holds many inputs, one a line. Each input is run as it is, cut short, and with small seeded
 * mutations. A crash or a property that does not hold kills the process; the input that did it is then in the
 * file crash-NAME of the working directory. */
#include "fuzz/fuzz.h"

#include "bench/random.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name;
static const uint8_t *current;
static size_t current_len;
static unsigned long inputs, runs;
static unsigned long mutations = 60;
static struct xb_random random_state = {.state = 1};

/* Only there if a sanitizer is. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* A dying process may as well use stdio. */
static void keep_input(void)
{
    char path[256];

    snprintf(path, sizeof path, "crash-%s", name);

    FILE *file = fopen(path, "wb");

    if (file != NULL) {
        fwrite(current, 1, current_len, file);
        fclose(file);
        fprintf(stderr, "the input is in %s\n", path);
    }
}

static void on_signal(int sig)
{
    keep_input();
    signal(sig, SIG_DFL);
    raise(sig);
}

/* The copy is exactly as long as the input, so that a sanitizer sees the first byte behind it. */
static void run(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    if (len > 0)
        memcpy(copy, data, len);
    current = copy;
    current_len = len;
    LLVMFuzzerTestOneInput(copy, len);
    runs++;
    free(copy);
}

/* One to four small changes: a bit, a byte that matters in binary formats, a copied or a removed stretch. */
static size_t mutate(uint8_t *data, size_t len)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc4, 0xc7, 0xca, 0xcf,
                                      0xd3, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff, '"',  '{',  '\\'};

    for (uint32_t change = xb_below(&random_state, 4) + 1; change > 0 && len > 1; change--) {
        const size_t at = xb_below(&random_state, (uint32_t)len),
                     from = xb_below(&random_state, (uint32_t)len);
        size_t n = xb_below(&random_state, 16) + 1;

        switch (xb_below(&random_state, 5)) {
        case 0:
            data[at] ^= (uint8_t)(1u << xb_below(&random_state, 8));
            break;
        case 1:
            data[at] = telling[xb_below(&random_state, sizeof telling)];
            break;
        case 2:
            data[at] = (uint8_t)(data[at] + xb_below(&random_state, 7) - 3);
            break;
        case 3:
            n = n > len - at ? len - at : n;
            n = n > len - from ? len - from : n;
            memmove(data + at, data + from, n);
            break;
        default:
            n = n > len - at ? len - at : n;
            memmove(data + at, data + at + n, len - at - n);
            len -= n;
            break;
        }
    }
    return len;
}

static void replay(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);

    if (copy == NULL)
        abort();
    inputs++;
    run(data, len);
    for (unsigned long i = 0; i < mutations && len > 0; i++) {
        memcpy(copy, data, len);
        run(copy, mutate(copy, len));
        if (i % 8 == 0)
            run(data, xb_below(&random_state, (uint32_t)len));
    }
    free(copy);
}

/* The inputs of a .hex file: one a line, in hexadecimal, maybe with "; a comment" behind it. */
static void replay_hex(FILE *file)
{
    char *line = NULL;
    size_t cap = 0;

    while (getline(&line, &cap, file) > 0) {
        size_t len = 0;
        unsigned byte;

        /* Two digits become one byte, so the bytes fit where the digits stand. */
        while (sscanf(line + 2 * len, "%2x", &byte) == 1 && line[2 * len] != ' ')
            line[len++] = (char)byte;
        replay((const uint8_t *)line, len);
    }
    free(line);
}

static void replay_file(const char *path)
{
    const char *suffix = strrchr(path, '.');
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    if (suffix != NULL && strcmp(suffix, ".hex") == 0) {
        replay_hex(file);
    } else {
        static uint8_t data[1 << 20];

        replay(data, fread(data, 1, sizeof data, file));
    }
    fclose(file);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not by locale: the order decides the mutations */
}

static void replay_path(const char *path)
{
    struct dirent **entries;
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }

    const int count = scandir(path, &entries, NULL, by_name);

    for (int i = 0; i < count; i++) {
        char file[4096];

        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay_file(file);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    int option;

    name = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
    while ((option = getopt(argc, argv, "m:s:")) != -1) {
        if (option == 'm')
            mutations = strtoul(optarg, NULL, 10);
        else if (option == 's')
            random_state.state = strtoull(optarg, NULL, 10);
        else
            return 2;
    }
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(keep_input);
    else
        signal(SIGSEGV, on_signal);
    for (int i = optind; i < argc; i++)
        replay_path(argv[i]);
    printf("%lu inputs, %lu runs\n", inputs, runs);
    printf("%s: %lu checks, 0 failed\n", name, inputs);
    return 0;
}
