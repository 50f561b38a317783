/* xray-index: makes, checks and drops the indexes that stand beside segments, and the catalogue of a directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cli.h"
#include "common/human.h"
#include "common/input.h"
#include "common/out.h"

enum { KEY_ITEM_BITS = CLI_LONG, KEY_NO_GRAMS };

static const struct cli_option option_table[] = {
    {KEY_ITEM_BITS, "item-bits", "N",
     "bits per item id and block of candidates, 1 to 16\n"
     "An item that is not in a block is taken for one that may be in one case of 2 to the power of N.\n"
     "Without it 2 to 8, as many as 2.5 % of the block pays for."},
    {KEY_NO_GRAMS, "no-grams", NULL,
     "leave out what finds texts\n"
     "The index takes half the room on traces that are mostly text, or less, and a search reads every block."},
    {'q', "quiet", NULL, "print nothing about indexes that are well"},
    {0, NULL, NULL, NULL},
};

static const struct cli_example examples[] = {
    {"xray-index build traces", "index every segment that has no whole index yet"},
    {"xray-index check traces", "does each index say what its segment holds?"},
    {"xray-index drop traces", "remove them: nothing but speed is lost"},
    {NULL, NULL},
};

static const struct cli_tool tool = {
    .name = "xray-index",
    .summary = "make, check or drop the indexes of trace files",
    .usage = {"build [--item-bits N] [--no-grams] [-q] [FILE...]", "check|show [-q] [FILE...]", "drop [-q] [FILE...]"},
    .examples = examples,
    .options = option_table,
    .statuses = "0 done; 1 nothing found; 2 error; 3 an index is missing or wrong, or a segment is damaged and "
                "was not indexed",
    .about =
        "An index is a file SEGMENT.idx beside a segment. It makes the other tools faster and changes nothing of what "
        "they print; without it they read the segment itself. It may be deleted at any time.\n\n"
        "build writes one for each segment whose index is missing, cannot be used, or covers less than the segment. It is "
        "written beside the segment under another name, and renamed when it is on disk. A damaged segment is not "
        "indexed: whoever reads it shall see the damage. Of a directory it writes the catalogue as well, DIRECTORY/catalogue.idx: which "
        "runs, pipelines, versions, times and statuses, and which names, types, statuses, models, reasons and ranges of numbers of "
        "steps are in which segment, so that a question with -r, -p, --since, --until, --status, -s, -t or -W opens only the "
        "segments concerned. Segments that came since are opened as without.\n\n"
        "check makes each index, and the catalogue, again and compares every byte of it; its status is 3 if one is missing, cannot be used, or says "
        "something else than its segment. show tells how much each covers and how large its sections are. drop removes "
        "them.\n\n"
        "An index is used if it is a regular file, not a symbolic link, that belongs to the user who reads, to root or to "
        "the owner of the segment, if nobody may write to it who may not write to the segment, and if it was made for the bytes that "
        "the segment begins with; modification times play no role. Whoever doubts an index that came with a segment "
        "from somewhere else runs check, or reads with --index=never.",
    .see_also = "xray-ls(1), xray-grep(1), xray-funnel(1)",
};

static struct settings {
    xray_index_options options;
    bool quiet;
} settings;

enum command { BUILD, CHECK, SHOW, DROP, COMMANDS };

static enum command parse_command(const char *word)
{
    static const char *const words[COMMANDS] = {"build", "check", "show", "drop"};

    for (int i = 0; i < COMMANDS; i++) {
        if (word != NULL && strcmp(word, words[i]) == 0)
            return (enum command)i;
    }
    if (word == NULL)
        cli_usage("say what to do: build, check, show or drop");
    cli_usage("the first operand is build, check, show or drop, not '%s'", word);
}

/* "PATH: 12.3 kB (1.9 % of the segment): ..." */
static void print_index(const char *path, const char *what, const xray_index_info *info)
{
    struct text t = {0};

    text_safe(&t, xray_s(path), SAFE_LINE);
    text_printf(&t, ": %s, ", what);
    human_size(&t, info->size);
    text_printf(&t, ", %.2f %% of the segment", 100.0 * (double)info->size / (double)info->segment_size);
    if (info->covered < info->segment_size) {
        text_puts(&t, ", covers its first ");
        human_size(&t, info->covered);
    }
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

static void print_sections(const xray_index_info *info)
{
    static const char *const names[7] = {"", "blocks", "runs", "items", "steps", "sums", "grams"};
    struct text t = {0};

    for (int i = 1; i < 7; i++) {
        text_printf(&t, "  %-7s ", names[i]);
        human_size(&t, info->section_size[i]);
        text_puts(&t, "\n");
    }
    out_text(&t);
    text_free(&t);
}

/* A segment without an index, or with one that is not well: status 3; other failures: 2. */
static void fail(const char *path, int status, const xray_error *err)
{
    if (status == XRAY_ENOTFOUND || status == XRAY_ECORRUPT || status == XRAY_EUNSUPPORTED) {
        cli_say(path, "%s", status == XRAY_ENOTFOUND ? "no index" : err->message);
        cli_skipped();
    } else {
        cli_error(path, "%s", err->message);
    }
}

/* 1 if anything was done, 0 if not, or a status that was reported. */
static int build(const char *path)
{
    xray_index_info info;
    xray_error err = {0};
    int r = xray_index_look(path, &info, &err);

    if (r >= 0 && info.covered == info.segment_size && settings.options.item_bits == 0 && !settings.options.no_grams)
        return 0;
    r = xray_index_build(path, &settings.options, &err);
    if (r == XRAY_ENOTFOUND) /* a segment that has just begun */
        return 0;
    if (r >= 0)
        r = xray_index_look(path, &info, &err);
    if (r < 0) {
        fail(path, r, &err);
        return r;
    }
    if (!settings.quiet)
        print_index(path, "indexed", &info);
    return 1;
}

static int check(const char *path)
{
    xray_index_info info;
    xray_error err = {0};
    int r = xray_index_check(path, &err);

    if (r >= 0)
        r = xray_index_look(path, &info, &err);
    if (r < 0) {
        fail(path, r, &err);
        return r;
    }
    if (!settings.quiet)
        print_index(path, "is well", &info);
    return 1;
}

static int show(const char *path)
{
    xray_index_info info;
    xray_error err = {0};
    const int r = xray_index_look(path, &info, &err);

    if (r < 0) {
        fail(path, r, &err);
        return r;
    }
    print_index(path, "index", &info);
    print_sections(&info);
    return 1;
}

static int drop(const char *path)
{
    xray_error err = {0};
    const int r = xray_index_drop(path, &err);

    if (r < 0)
        cli_error(path, "%s", err.message);
    if (r > 0 && !settings.quiet) {
        struct text t = {0};

        text_safe(&t, xray_s(path), SAFE_LINE);
        text_puts(&t, ": index removed\n");
        out_text(&t);
        text_free(&t);
    }
    return r;
}

static int run(enum command command, const char *path)
{
    switch (command) {
    case BUILD:
        return build(path);
    case CHECK:
        return check(path);
    case SHOW:
        return show(path);
    case DROP:
        return drop(path);
    case COMMANDS:
        break;
    }
    return 0;
}

/* ---- catalogues ---- */

static void print_catalogue(const char *path, const char *what, const xray_catalogue_info *info)
{
    struct text t = {0};

    text_safe(&t, xray_s(path), SAFE_LINE);
    text_printf(&t, ": catalogue %s: ", what);
    human_count(&t, (int64_t)info->segments);
    text_puts(&t, " segments, ");
    human_count(&t, (int64_t)info->runs);
    text_puts(&t, " runs, ");
    human_size(&t, info->size);
    text_puts(&t, "\n");
    out_text(&t);
    text_free(&t);
}

/* 1 if anything was done, 0 if not, or a status that was reported. A directory without indexes has none. */
static int run_catalogue(enum command command, const char *path)
{
    xray_catalogue_info info;
    xray_error err = {0};
    int r = 0;

    switch (command) {
    case BUILD:
        r = xray_catalogue_build(path, &info, &err);
        break;
    case CHECK:
        r = xray_catalogue_check(path, &info, &err);
        break;
    case DROP:
        r = xray_catalogue_drop(path, &err);
        break;
    case SHOW:
    case COMMANDS:
        return 0;
    }
    if (r == XRAY_ENOTFOUND)
        return 0;
    if (r == XRAY_ECORRUPT) {
        cli_say(path, "%s", err.message);
        cli_skipped();
    } else if (r < 0) {
        cli_error(path, "%s", err.message);
    } else if (command == DROP && r > 0 && !settings.quiet) {
        struct text t = {0};

        text_safe(&t, xray_s(path), SAFE_LINE);
        text_puts(&t, ": catalogue removed\n");
        out_text(&t);
        text_free(&t);
    } else if (!settings.quiet && (command == CHECK || (command == BUILD && r > 0))) {
        print_catalogue(path, command == BUILD ? "written" : "is well", &info);
    }
    return command == CHECK && r >= 0 ? 1 : r;
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One for each directory, of segments that stay where they are. */
static bool run_catalogues(enum command command, char **paths, int count)
{
    char *from_environment = getenv("XRAY_DIR");
    bool found = false;

    if (count == 0 && from_environment != NULL) {
        paths = &from_environment;
        count = 1;
    }
    for (int i = 0; i < count; i++)
        found = (is_directory(paths[i]) && run_catalogue(command, paths[i]) > 0) || found;
    return found;
}

/* Every file of the store once. Files that hold several segments list them one behind the other. */
static bool run_all(enum command command, xray_store *store)
{
    const size_t count = xray_store_segment_count(store);
    bool found = false;
    const char *before = NULL;

    for (size_t i = 0; i < count; i++) {
        xray_segment_info info;

        if (xray_store_segment(store, i, &info) != 0 || info.path == before)
            continue;
        before = info.path;
        if (strcmp(info.path, "-") == 0)
            cli_error(NULL, "standard input has no index");
        else if (run(command, info.path) > 0)
            found = true;
    }
    return found;
}

int main(int argc, char **argv)
{
    const char *arg = NULL;
    int count;

    cli_start(&tool, argc, argv);
    for (int key; (key = cli_next(&arg)) != 0;) {
        if (key == KEY_ITEM_BITS) {
            settings.options.item_bits = (unsigned)cli_number("--item-bits", arg, 1);
            if (settings.options.item_bits > 16)
                cli_usage("--item-bits takes 1 to 16");
        } else if (key == KEY_NO_GRAMS) {
            settings.options.no_grams = true;
        } else if (key == 'q') {
            settings.quiet = true;
        }
    }

    char **paths = cli_operands(&count);
    const enum command command = parse_command(count > 0 ? paths[0] : NULL);

    input_set_index(XRAY_INDEX_NEVER);

    xray_store *store = input_open(paths + 1, count - 1);
    const bool found = run_all(command, store);

    input_close(store);

    const bool found_catalogue = run_catalogues(command, paths + 1, count - 1);

    return cli_finish(found || found_catalogue || command == BUILD);
}
