/* xray-import: reads traces in foreign shapes, and our own NDJSON, into a store.
 *
 * A file is a stream of JSON documents (import/jsonstream.h); each is recognised by its
 * keys (import/shape.c) and read by the reader of its shape. Memory is bounded by the largest single value,
 * not by the file. What cannot be taken is reported with its place, counted and skipped. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/out.h"
#include "common/text.h"
#include "import/shapes.h"

enum { KEY_FROM = CLI_LONG, KEY_STRICT, KEY_DRY_RUN, KEY_PRINT_IDS, KEY_MAX_VALUE, KEY_REDACT, KEY_LEVEL, KEY_NO_INDEX };

static const struct cli_option option_table[] = {
    { 'o', "output", "STORE", "directory to write to; created if need be" },
    { KEY_FROM, "from", "SHAPE", "auto, xray, run-json, events, otlp, messages" },
    { 'p', "pipeline", "NAME", "for runs that name none; else the file's name" },
    { KEY_STRICT, "strict", NULL, "stop at the first thing that cannot be read" },
    { KEY_DRY_RUN, "dry-run", NULL, "write nothing, say what would be imported" },
    { KEY_PRINT_IDS, "print-ids", NULL, "print the id of each run" },
    { KEY_MAX_VALUE, "max-value", "MIB", "largest single value in MiB (16)" },
    { KEY_REDACT, "redact", "LIST", "names and /patterns/ that are left out" },
    { KEY_LEVEL, "level", "N", "zstd level, 1 to 19 (6)" },
    { KEY_NO_INDEX, "no-index", NULL, "leave indexing to xray-index(1)" },
    { 0, NULL, NULL, NULL },
};

static const struct cli_example examples[] = {
    { "xray-import .xray/failed_traces/failed_traces.jsonl -o traces", "what an SDK could not send" },
    { "xray-import spans.jsonl -o traces", "OTLP, as a collector's file exporter writes it" },
    { "xray-cat -j old | xray-import - -o new", "a store through NDJSON" },
    { "xray-import --dry-run runs/*.json", "does it understand these?" },
    { "xray-import --from=messages chat.json -o traces", "a conversation" },
    { NULL, NULL },
};

static const struct cli_tool tool = {
    .name = "xray-import",
    .summary = "read traces of other systems into a store",
    .usage = { "[--from=SHAPE] FILE... -o STORE", "--dry-run FILE..." },
    .examples = examples,
    .options = option_table,
    .operands = "FILE is JSON or JSON lines, of any size; - is standard input.",
    .statuses = "0 all imported, 2 error, 3 done, but something was skipped",
};

struct settings {
    const char *store;
    bool dry_run;
    size_t max_value;
    const char *redact;
    int level;
    bool no_index;
};

static enum import_shape parse_shape(const char *text)
{
    static const char *const names[] = { "auto", "xray", "run-json", "events", "otlp", "messages" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum import_shape)i;
    cli_usage("--from=%s: auto, xray, run-json, events, otlp or messages", text);
}

static void parse_options(int argc, char **argv, struct settings *s, struct import *im)
{
    const char *arg = NULL;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        switch (key) {
        case 'o':
            s->store = arg;
            break;
        case KEY_FROM:
            im->from = parse_shape(arg);
            break;
        case 'p':
            im->pipeline = arg;
            break;
        case KEY_STRICT:
            im->strict = true;
            break;
        case KEY_DRY_RUN:
            s->dry_run = true;
            break;
        case KEY_PRINT_IDS:
            im->print_ids = true;
            break;
        case KEY_MAX_VALUE:
            s->max_value = (size_t)cli_number("--max-value", arg, 1) << 20;
            if (s->max_value > (size_t)1 << 30)
                cli_usage("--max-value is at most 1024");
            break;
        case KEY_REDACT:
            s->redact = arg;
            break;
        case KEY_LEVEL:
            s->level = (int)cli_number("--level", arg, 1);
            break;
        case KEY_NO_INDEX:
            s->no_index = true;
            break;
        default:
            break;
        }
    }
    if (s->store == NULL && !s->dry_run)
        cli_usage("-o STORE is needed");
}

/* The file's name without folders and suffixes. */
static void set_stem(struct import *im)
{
    const char *slash = strrchr(im->file, '/'), *name = slash != NULL ? slash + 1 : im->file;
    const char *dot = strchr(name[0] == '.' ? name + 1 : name, '.');

    if (strcmp(im->file, "-") == 0)
        name = "stdin", dot = NULL;
    snprintf(im->stem, sizeof im->stem, "%.*s", (int)(dot != NULL ? dot - name : (ptrdiff_t)strlen(name)),
             name);
}

static void import_file(struct import *im, const char *file, size_t max_value)
{
    int fd = STDIN_FILENO;

    im->file = file;
    im->file_number++;
    set_stem(im);
    if (strcmp(file, "-") != 0)
        fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        cli_error(file, "%s", strerror(errno));
        return;
    }
    import_stream(im, fd, max_value);
    if (fd != STDIN_FILENO)
        close(fd);
}

static void print_summary(const struct import *im)
{
    out_flush();
    if (im->counts.other > 0)
        fprintf(stderr, "left out %" PRIu64 " log records and metrics\n", im->counts.other);
    fprintf(stderr,
            "imported %" PRIu64 " runs, %" PRIu64 " steps, %" PRIu64 " candidates; skipped %" PRIu64 "\n",
            im->counts.runs, im->counts.steps, im->counts.candidates, im->counts.skipped);
}

/* A run that could not be written is worse than one that could not be read. */
static void close_writer(xray_writer *w, const char *store)
{
    xray_writer_stats stats = { 0 };
    xray_error err = { 0 };

    xray_writer_get_stats(w, &stats);
    if (xray_writer_close(w, -1, &err) < 0)
        cli_error(store, "%s", err.message);
    else if (stats.dropped > 0)
        cli_error(store, "%" PRIu64 " records could not be written", stats.dropped);
}

int main(int argc, char **argv)
{
    struct settings s = { .max_value = (size_t)16 << 20 };
    struct import im = { 0 };
    xray_writer_options options = { .app = "xray-import", .sync = true };
    xray_error err = { 0 };
    char **files;
    int count;

    parse_options(argc, argv, &s, &im);
    files = cli_operands(&count);
    if (count == 0)
        cli_usage("which FILE? (- is standard input)");
    options.redact = s.redact;
    options.level = s.level;
    options.index = s.no_index ? XRAY_INDEX_LATER : XRAY_INDEX_AT_SEAL;
    if (!s.dry_run && xray_writer_open(&im.writer, s.store, &options, &err) < 0)
        cli_die("%s: %s", s.store, err.message);
    import_begin(&im);
    for (int i = 0; i < count && !im.stop; i++)
        import_file(&im, files[i], s.max_value);
    import_finish(&im);
    if (im.writer != NULL)
        close_writer(im.writer, s.store);
    print_summary(&im);
    import_done(&im);
    return cli_finish(true);
}
